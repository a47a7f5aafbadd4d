"""What the parsers of all verbs share: their errors, their common options, how a key is given."""

from __future__ import annotations

import argparse
from typing import NoReturn

from vaultui.model.errors import UsageError
from vaultui.model.language import _


class Parser(argparse.ArgumentParser):
    """argparse, with its errors as ours: one sentence, a hint, exit code 1."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(what=message[:1].upper() + message[1:].rstrip("."))


Verbs = argparse._SubParsersAction  # the public API has no name for it


def add_verb(
    verbs: Verbs[Parser],
    name: str,
    summary: str,
    more: str = "",
    *,
    json: bool = True,
) -> Parser:
    """Return the parser of a new verb, or of what a verb does; help is made of the sentences."""
    parser = verbs.add_parser(
        name,
        help=summary,
        description=f"{summary[:1].upper()}{summary[1:]}. {more}".strip(),
        allow_abbrev=False,
    )
    # Suppressed where they are not given: those of a verb hold for what it does, too.
    if json:
        parser.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help=_("print JSON for programs"),
        )
    parser.add_argument(
        "--ascii",
        action="store_true",
        default=argparse.SUPPRESS,
        help=_("show states without Unicode"),
    )
    return parser


def add_name(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help=_("name of the vault"))


def add_password_options(parser: Parser) -> None:
    """Take a password from where it was named."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--password-file", metavar="FILE", help=_("take the first line of FILE as the password")
    )
    source.add_argument(
        "--password-fd",
        metavar="N",
        type=int,
        help=_("take the first line of the open descriptor N; 0 is standard input"),
    )
    source.add_argument(
        "--password-command",
        metavar="COMMAND",
        help=_("run COMMAND, without a shell, and take the first line that it prints"),
    )


def add_key_options(parser: Parser) -> None:
    """Take what opens a vault from where it was named."""
    add_password_options(parser)
    parser.add_argument(
        "--key-file", metavar="FILE", help=_("FILE opens it, alone or with the password")
    )
    parser.add_argument(
        "--no-key-file",
        dest="key_file",
        action="store_const",
        const="",
        help=_("leave out the key file that the settings name"),
    )


def add_token_option(parser: Parser) -> None:
    """Say which FIDO2 token, for what a token can do."""
    parser.add_argument(
        "--fido2",
        metavar="DEVICE",
        help=_(
            "of a vault with a FIDO2 token, which; without it the only one that is plugged in. "
            "What is given as its password is the PIN"
        ),
    )


def add_new_password_options(parser: Parser) -> None:
    """Take a new password from where it was named."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--new-password-file", metavar="FILE", help=_("take the first line of FILE as the new one")
    )
    source.add_argument(
        "--new-password-fd", metavar="N", type=int, help=_("take it from the open descriptor N")
    )


def add_derivation_options(parser: Parser, *, required: bool = False) -> None:
    """Let one of the derivations be chosen."""
    how = parser.add_mutually_exclusive_group(required=required)
    how.add_argument(
        "--argon2id",
        dest="derivation",
        action="store_const",
        const="argon2id",
        default="as-it-is",
        help=_("derive it with Argon2id; gocryptfs refuses the volume then"),
    )
    how.add_argument(
        "--scrypt",
        dest="derivation",
        action="store_const",
        const="scrypt",
        default="as-it-is",
        help=_("derive it with scrypt, as gocryptfs does"),
    )
