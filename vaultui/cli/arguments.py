"""The command line: every verb, its options, and help that teaches.

Only the standard library is imported here: `--help` and a typo answer at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from vaultui import __version__
from vaultui.model.errors import UsageError

_INTRODUCTION = """\
Open encrypted vaults, work in them, lock them again.

Without a verb, the application starts. A vault is a directory of encrypted files in the
format of gocryptfs; unlocking it shows the plain files at its mount point.
"""

_EXAMPLES = """\
examples:
  vaultui create ~/Sync/work.c --name Work     make a new vault
  vaultui add ~/Sync/photos.c                  use a vault that exists already
  vaultui unlock Work                          open it, at ~/Vaults/Work
  vaultui lock --all                           lock everything that is open
  vaultui status --json | jq .vaults           the state of all vaults, for programs

Passwords come from --password-file, --password-fd or --password-command where one is given,
else from the keyring, else from a prompt, never from the command line or the environment.
Exit codes: 0 success, 1 wrong usage, 9 no password, 10 mount point, 12 wrong password,
41 unknown vault, 47 in use, 48 not open; the manual vaultui(1) lists all of them.
"""


class _Parser(argparse.ArgumentParser):
    """argparse, with its errors as ours: one sentence, a hint, exit code 1."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(what=message[:1].upper() + message[1:].rstrip("."))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `vaultui`; `verb` is None when the application is asked for."""
    parser = _Parser(
        prog="vaultui",
        description=_INTRODUCTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"vaultui {__version__}")
    parser.add_argument("--ascii", action="store_true", help="show states without Unicode")
    # For the help alone: `as_verb` has turned it into the verb by the time of parsing.
    parser.add_argument("--unlock", metavar="NAME", help="the same as the verb unlock")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    _add_seeing(verbs)
    _add_opening(verbs)
    _add_knowing(verbs)
    _add_volume(verbs)
    _add_machine(verbs)
    return parser


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


_Verbs = argparse._SubParsersAction  # the public API has no name for it


def _verb(
    verbs: _Verbs[_Parser],
    name: str,
    summary: str,
    more: str = "",
    *,
    json: bool = True,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=summary,
        description=f"{summary[:1].upper()}{summary[1:]}. {more}".strip(),
        allow_abbrev=False,
    )
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument(
        "--ascii",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show states without Unicode",
    )
    return parser


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the vault")


def _add_password_options(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--password-file", metavar="FILE", help="take the first line of FILE as the password"
    )
    source.add_argument(
        "--password-fd",
        metavar="N",
        type=int,
        help="take the first line of the open descriptor N; 0 is standard input",
    )
    source.add_argument(
        "--password-command",
        metavar="COMMAND",
        help="run COMMAND, without a shell, and take the first line that it prints",
    )


def _add_seeing(verbs: _Verbs[_Parser]) -> None:
    known = _verb(verbs, "list", "list the vaults that are known", "Looks at the settings alone.")
    known.add_argument("--names", action="store_true", help="print names alone, one in a line")
    status = _verb(verbs, "status", "show the state of vaults")
    status.add_argument("name", metavar="NAME", nargs="?", help="one vault; all when left out")
    status.add_argument("--watch", action="store_true", help="go on, and print every change")
    ps = _verb(verbs, "ps", "list the processes that hold an open vault")
    _add_name(ps)
    path = _verb(
        verbs,
        "path",
        "show where a file of an open vault is on the other side",
        "PATH is a plain path or an encrypted one, relative or below either directory.",
    )
    _add_name(path)
    path.add_argument("path", metavar="PATH")


def _add_opening(verbs: _Verbs[_Parser]) -> None:
    unlock = _verb(
        verbs,
        "unlock",
        "open a vault",
        "A vault that is open already is a success.",
    )
    _add_name(unlock)
    _add_password_options(unlock)
    unlock.add_argument(
        "--read-only", action="store_true", default=None, help="open it without the right to write"
    )
    unlock.add_argument("--idle", metavar="TIME", help="lock after TIME without use: 15m, never")
    unlock.add_argument("--mountpoint", metavar="DIR", help="open it at DIR this time")
    unlock.add_argument(
        "--nonempty", action="store_true", help="hide what is in the mount point already"
    )
    unlock.add_argument("--save", action="store_true", help="save the password in the keyring")
    unlock.add_argument("--open", action="store_true", help="show it in the file manager, too")
    # For desktop entries: no terminal is there to ask in or to tell an error to.
    unlock.add_argument("--launcher", action="store_true", help=argparse.SUPPRESS)
    unlock.add_argument("--terminal", default="", help=argparse.SUPPRESS)
    lock = _verb(
        verbs,
        "lock",
        "close vaults",
        "A vault that is locked already is a success; one in use is not locked but told.",
    )
    lock.add_argument("name", metavar="NAME", nargs="*", help="names of the vaults")
    lock.add_argument("--all", action="store_true", help="every vault that is open")
    how = lock.add_mutually_exclusive_group()
    how.add_argument("--wait", action="store_true", help="wait until nobody uses it")
    how.add_argument(
        "--lazy", action="store_true", help="out of sight now; who holds a file keeps it"
    )
    how.add_argument("--kill", action="store_true", help="end the processes that hold it")
    repair = _verb(verbs, "repair", "detach the dead mount of a broken vault")
    _add_name(repair)
    extend = _verb(verbs, "extend", "put the idle lock of an open vault off")
    _add_name(extend)
    extend.add_argument("time", metavar="TIME", help="at least this long from now: 15m, 2h")
    pause = _verb(verbs, "pause", "stop the idle clock of an open vault")
    _add_name(pause)
    pause.add_argument("--resume", action="store_true", help="let it run again")


def _add_knowing(verbs: _Verbs[_Parser]) -> None:
    add = _verb(verbs, "add", "add a vault that exists to the list")
    create = _verb(
        verbs,
        "create",
        "make a new vault and add it to the list",
        "The master key, which opens the vault without its password, is shown once.",
    )
    for parser in (add, create):
        parser.add_argument("cipherdir", metavar="DIR", help="directory of the encrypted files")
        parser.add_argument("--name", help="what to call it; otherwise as its directory")
        parser.add_argument("--mountpoint", metavar="DIR", help="otherwise ~/Vaults/NAME")
        parser.add_argument("--idle", metavar="TIME", help="lock after TIME without use: 15m")
    add.add_argument("--read-only", action="store_true", help="open it without the right to write")
    add.add_argument("--config", metavar="FILE", help="volume config outside the directory")
    add.add_argument(
        "--reverse",
        action="store_true",
        help="DIR is plain, and opens as an encrypted view; found out by itself if its config "
        "lies in it",
    )
    _add_password_options(create)
    create.add_argument("--save", action="store_true", help="save the password in the keyring")
    forget = _verb(
        verbs,
        "forget",
        "take a locked vault out of the list",
        "Its files stay where they are.",
    )
    _add_name(forget)
    forget.add_argument(
        "--saved-password", action="store_true", help="delete its password from the keyring, too"
    )


def _add_volume(verbs: _Verbs[_Parser]) -> None:
    info = _verb(verbs, "info", "show what a volume config says", "Needs no password.")
    _add_name(info)
    check = _verb(
        verbs,
        "check",
        "read a whole vault and name what is damaged",
        "Nothing is changed. Exit code 26 when something is damaged.",
    )
    _add_name(check)
    _add_password_options(check)
    passwd = _verb(
        verbs,
        "passwd",
        "change the password of a vault",
        "Old copies of its volume config still open with the old password.",
    )
    _add_name(passwd)
    _add_password_options(passwd)
    passwd.add_argument(
        "--new-password-file", metavar="FILE", help="take the first line of FILE as the new one"
    )
    passwd.add_argument(
        "--new-password-fd", metavar="N", type=int, help="take it from the open descriptor N"
    )


def _add_machine(verbs: _Verbs[_Parser]) -> None:
    _verb(
        verbs,
        "doctor",
        "look at this machine, and say how to mend what is missing",
        "Exit code 52 when something is missing that vaults need.",
    )
    locate = _verb(verbs, "locate", "print where something is", json=False)
    locate.add_argument("what", choices=("config", "log", "runtime", "state"))
    locate.add_argument("name", metavar="NAME", nargs="?", help="with log: that vault's log file")
    desktop = _verb(
        verbs,
        "install-desktop",
        "put vaultui and its vaults into the desktop's menu",
        "Run it again after adding a vault.",
    )
    desktop.add_argument("name", metavar="NAME", nargs="?", help="one vault; all when left out")
    desktop.add_argument("--terminal", default="", help="terminal to start in: foot, 'kitty -1'")
    completion = _verb(verbs, "completion", "print a completion script for a shell", json=False)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
