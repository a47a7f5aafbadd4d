"""The command line: every verb, its options, and help that teaches.

Only the standard library is imported here: `--help` and a typo answer at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from vaultui import __version__
from vaultui.cli.keyarguments import add_keys
from vaultui.cli.verbparser import (
    Parser,
    Verbs,
    add_key_options,
    add_name,
    add_password_options,
    add_token_option,
    add_verb,
)

_INTRODUCTION = """\
Open encrypted vaults, work in them, lock them again.

Without a verb, the application starts. A vault is a directory of encrypted files in the
format of gocryptfs; unlocking it shows the plain files at its mount point.
"""

CONTENT = {
    "aes-gcm": "AES-256-GCM",
    "xchacha": "XChaCha20-Poly1305",
    "aes-siv": "AES-SIV-512",
}
NAMES = {"encrypted": "EME", "deterministic": "deterministic", "plain": "plaintext"}
"""Words of the command line for what the volume config calls otherwise."""

_EXAMPLES = """\
examples:
  vaultui create ~/Sync/work.c --name Work     make a new vault
  vaultui add ~/Sync/photos.c                  use a vault that exists already
  vaultui unlock Work                          open it, at ~/Vaults/Work
  vaultui lock --all                           lock everything that is open
  vaultui recovery Work create                 make a recovery key for the safe
  vaultui status --json | jq .vaults           the state of all vaults, for programs

Passwords come from --password-file, --password-fd or --password-command where one is given,
else from the keyring, else from a prompt, never from the command line or the environment.
Exit codes: 0 success, 1 wrong usage, 9 no password, 10 mount point, 12 wrong password,
41 unknown vault, 47 in use, 48 not open; the manual vaultui(1) lists all of them.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `vaultui`; `verb` is None when the application is asked for."""
    parser = Parser(
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
    add_keys(verbs)
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


def _add_seeing(verbs: Verbs[Parser]) -> None:
    known = add_verb(
        verbs, "list", "list the vaults that are known", "Looks at the settings alone."
    )
    known.add_argument("--names", action="store_true", help="print names alone, one in a line")
    status = add_verb(verbs, "status", "show the state of vaults")
    status.add_argument("name", metavar="NAME", nargs="?", help="one vault; all when left out")
    status.add_argument("--watch", action="store_true", help="go on, and print every change")
    ps = add_verb(verbs, "ps", "list the processes that hold an open vault")
    add_name(ps)
    path = add_verb(
        verbs,
        "path",
        "show where a file of an open vault is on the other side",
        "PATH is a plain path or an encrypted one, relative or below either directory.",
    )
    add_name(path)
    path.add_argument("path", metavar="PATH")
    conflicts = add_verb(
        verbs,
        "conflicts",
        "list the conflict copies that sync clients made in an open vault",
        "Compare each with its original, keep what is right, delete the other.",
    )
    add_name(conflicts)


def _add_opening(verbs: Verbs[Parser]) -> None:
    unlock = add_verb(
        verbs,
        "unlock",
        "open a vault",
        "A vault that is open already is a success.",
    )
    add_name(unlock)
    add_key_options(unlock)
    add_token_option(unlock)
    unlock.add_argument(
        "--read-only", action="store_true", default=None, help="open it without the right to write"
    )
    unlock.add_argument("--idle", metavar="TIME", help="lock after TIME without use: 15m, never")
    unlock.add_argument("--mountpoint", metavar="DIR", help="open it at DIR this time")
    unlock.add_argument(
        "--nonempty", action="store_true", help="hide what is in the mount point already"
    )
    unlock.add_argument(
        "--save",
        action="store_true",
        help="save the password in the keyring, and where the key file is in the settings",
    )
    unlock.add_argument("--open", action="store_true", help="show it in the file manager, too")
    # For desktop entries: no terminal is there to ask in or to tell an error to.
    unlock.add_argument("--launcher", action="store_true", help=argparse.SUPPRESS)
    unlock.add_argument("--terminal", default="", help=argparse.SUPPRESS)
    lock = add_verb(
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
    repair = add_verb(verbs, "repair", "detach the dead mount of a broken vault")
    add_name(repair)
    extend = add_verb(verbs, "extend", "put the idle lock of an open vault off")
    add_name(extend)
    extend.add_argument("time", metavar="TIME", help="at least this long from now: 15m, 2h")
    pause = add_verb(verbs, "pause", "stop the idle clock of an open vault")
    add_name(pause)
    pause.add_argument("--resume", action="store_true", help="let it run again")


def _add_knowing(verbs: Verbs[Parser]) -> None:
    add = add_verb(verbs, "add", "add a vault that exists to the list")
    create = add_verb(
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
    add.add_argument("--key-file", metavar="FILE", help="remember that FILE is a key of it")
    add.add_argument("--config", metavar="FILE", help="volume config outside the directory")
    add.add_argument(
        "--reverse",
        action="store_true",
        help="DIR is plain, and opens as an encrypted view; found out by itself if its config "
        "lies in it",
    )
    _add_choices(create)
    add_password_options(create)
    create.add_argument("--save", action="store_true", help="save the password in the keyring")
    forget = add_verb(
        verbs,
        "forget",
        "take a locked vault out of the list",
        "Its files stay where they are.",
    )
    add_name(forget)
    forget.add_argument(
        "--saved-password", action="store_true", help="delete its password from the keyring, too"
    )


def _add_choices(create: Parser) -> None:
    """Add what a new volume can be made of; the default is what suits most."""
    create.add_argument(
        "--content",
        choices=CONTENT,
        default="aes-gcm",
        help="how files are encrypted; xchacha where the processor has no AES instructions",
    )
    create.add_argument(
        "--names", choices=NAMES, default="encrypted", help="how the names of files are kept"
    )
    create.add_argument(
        "--argon2id",
        action="store_true",
        help="derive the key with Argon2id, which costs an attacker more; gocryptfs refuses it",
    )
    file = create.add_mutually_exclusive_group()
    file.add_argument(
        "--key-file", metavar="FILE", help="the password opens it together with FILE alone"
    )
    file.add_argument(
        "--make-key-file", metavar="FILE", help="the same, and FILE is made first, of random bytes"
    )
    create.add_argument(
        "--recovery", action="store_true", help="make a recovery key, too, and show it once"
    )
    create.add_argument(
        "--qr-svg", metavar="FILE", help="of the recovery key, write a sheet for printing to FILE"
    )


def _add_volume(verbs: Verbs[Parser]) -> None:
    info = add_verb(verbs, "info", "show what a volume config says", "Needs no password.")
    add_name(info)
    check = add_verb(
        verbs,
        "check",
        "read a whole vault and name what is damaged",
        "Nothing is changed. Exit code 26 when something is damaged.",
    )
    add_name(check)
    add_key_options(check)
    add_token_option(check)


def _add_machine(verbs: Verbs[Parser]) -> None:
    add_verb(
        verbs,
        "doctor",
        "look at this machine, and say how to mend what is missing",
        "Exit code 52 when something is missing that vaults need.",
    )
    locate = add_verb(verbs, "locate", "print where something is", json=False)
    locate.add_argument("what", choices=("config", "log", "runtime", "state"))
    locate.add_argument("name", metavar="NAME", nargs="?", help="with log: that vault's log file")
    desktop = add_verb(
        verbs,
        "install-desktop",
        "put vaultui and its vaults into the desktop's menu",
        "Run it again after adding a vault.",
    )
    desktop.add_argument("name", metavar="NAME", nargs="?", help="one vault; all when left out")
    desktop.add_argument("--terminal", default="", help="terminal to start in: foot, 'kitty -1'")
    completion = add_verb(verbs, "completion", "print a completion script for a shell", json=False)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
