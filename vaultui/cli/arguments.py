"""The command line: every verb, its options, and help that teaches.

Only the standard library is imported here: `--help` and a typo answer at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from vaultui import __version__
from vaultui.cli.automationarguments import add_automation
from vaultui.cli.keyarguments import add_keys
from vaultui.cli.knowingarguments import add_knowing
from vaultui.cli.machinearguments import add_machine
from vaultui.cli.openingarguments import add_opening
from vaultui.cli.removingarguments import add_removing
from vaultui.cli.runningarguments import add_running
from vaultui.cli.seeingarguments import add_seeing
from vaultui.cli.settingsarguments import add_settings
from vaultui.cli.verbparser import Parser
from vaultui.cli.volumearguments import add_volume
from vaultui.model.language import N_, _

_INTRODUCTION = N_("""\
Open encrypted vaults, work in them, lock them again.

Without a verb, the application starts. A vault is a directory of encrypted files in the
format of gocryptfs; unlocking it shows the plain files at its mount point.
""")

_GROUPS = (
    *(add_seeing, add_opening, add_running, add_knowing, add_volume),
    *(add_keys, add_removing, add_settings, add_automation, add_machine),
)
"""In the order of the help."""

WITH_COMMAND = ("run", "tasks")
"""Verbs that take a command behind `--`."""

_EXAMPLES = N_("""\
examples:
  vaultui create ~/Sync/work.c --name Work     make a new vault
  vaultui add ~/Sync/photos.c                  use a vault that exists already
  vaultui unlock Work                          open it, at ~/Vaults/Work
  vaultui run Work -- ls -l                    run a command in it, open for that alone
  vaultui lock --all                           lock everything that is open
  vaultui recovery Work create                 make a recovery key for the safe
  vaultui status --json | jq .vaults           the state of all vaults, for programs

Passwords come from --password-file, --password-fd or --password-command where one is given,
else from the keyring, else from a prompt, never from the command line or the environment.
Exit codes: 0 success, 1 wrong usage, 9 no password, 10 mount point, 12 wrong password,
41 unknown vault, 47 in use, 48 not open; the manual vaultui(1) lists all of them.
""")


def build_parser(verb: str = "") -> argparse.ArgumentParser:
    """Return the parser of `vaultui`; its `verb` is None when the application is asked for.

    With a verb it need not know all of the others: those that come later are left out, since
    `vaultui status` runs often.
    """
    parser = Parser(
        prog="vaultui",
        description=_(_INTRODUCTION),
        epilog=_(_EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"vaultui {__version__}",
        help=_("show program's version number and exit"),
    )
    parser.add_argument("--ascii", action="store_true", help=_("show states without Unicode"))
    # For the help alone: `as_verb` has turned it into the verb by the time of parsing.
    parser.add_argument("--unlock", metavar="NAME", help=_("the same as the verb unlock"))
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title=_("verbs"))
    for add in _GROUPS:
        add(verbs)
        if verb in verbs.choices:
            break
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return what a command line says; `command` is what stands behind `--` of a verb with one.

    argparse would take options out of a command, and forget where it began.
    """
    words, command = split_command(argv)
    words = as_verb(words)
    parser = build_parser(verb_of(words))
    arguments, rest = parser.parse_known_args(words)
    if rest[:1] and not rest[0].startswith("-") and getattr(arguments, "task", "") is None:
        # Before 3.12, a name that may be left out is not found any more behind an option.
        arguments.task = rest.pop(0)
    if rest:
        wrong = _("unrecognized arguments: %s") % " ".join(rest)
        if command is None and getattr(arguments, "task", None) is not None:
            wrong = _("{wrong} (a command goes behind `--`)", wrong=wrong)
        parser.error(wrong)
    arguments.command = command
    return arguments


def split_command(argv: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Return our own words, and those of the command behind `--`, which are not for us."""
    words = list(argv)
    if verb_of(words) not in WITH_COMMAND or "--" not in words:
        return words, None
    end = words.index("--")
    return words[:end], words[end + 1 :]


def verb_of(argv: Sequence[str]) -> str:
    """Return the verb of a command line, or the name of the program where there is none."""
    return next((word for word in argv if not word.startswith("-")), "vaultui")


def as_verb(argv: Sequence[str]) -> list[str]:
    """Return `argv` with `--unlock NAME` written as the verb, with all of its options."""
    words = list(argv)
    for index, word in enumerate(words):
        if word == "--unlock" and index + 1 < len(words):
            return ["unlock", words[index + 1], *words[:index], *words[index + 2 :]]
        if word.startswith("--unlock="):
            return ["unlock", word.partition("=")[2], *words[:index], *words[index + 1 :]]
        if not word.startswith("-"):
            break
    return words
