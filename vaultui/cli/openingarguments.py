"""The command line of what opens and closes: unlock, shell, lock, panic, repair, extend, pause."""

from __future__ import annotations

import argparse

from vaultui.cli.verbparser import (
    Parser,
    Verbs,
    add_key_options,
    add_name,
    add_token_option,
    add_verb,
)
from vaultui.model.language import _


def add_opening(verbs: Verbs[Parser]) -> None:
    """Add the verbs that change the state of a vault."""
    unlock = add_verb(
        verbs,
        "unlock",
        _("open a vault"),
        _(
            "A vault that is open already is a success. With several, one password is asked for, "
            "tried on each, and asked for again for those that have another."
        ),
    )
    unlock.add_argument("name", metavar="NAME", nargs="+", help=_("names of the vaults"))
    _add_unlock_options(unlock)
    unlock.add_argument("--open", action="store_true", help=_("show it in the file manager, too"))
    unlock.add_argument(
        "--foreground",
        action="store_true",
        help=_("stay until it is locked, and lock it when told to end"),
    )
    unlock.add_argument(
        "--when-there",
        action="store_true",
        help=_("wait until the drive with its cipher directory is there"),
    )
    # For desktop entries: no terminal is there to ask in or to tell an error to.
    unlock.add_argument("--launcher", action="store_true", help=argparse.SUPPRESS)
    unlock.add_argument("--terminal", default="", help=argparse.SUPPRESS)
    shell = add_verb(
        verbs,
        "shell",
        _("work in a vault: unlock it, and run a shell in it"),
        _("At its end it asks whether to lock the vault. Its exit code is that of the shell."),
        json=False,
    )
    add_name(shell)
    shell.add_argument(
        "--private", action="store_true", help=_("open it for the shell alone; nobody else sees it")
    )
    _add_unlock_options(shell)
    shell.add_argument("--lock", action="store_true", help=_("lock it at the end without asking"))
    shell.set_defaults(launcher=False)
    lock = add_verb(
        verbs,
        "lock",
        _("close vaults"),
        _("A vault that is locked already is a success; one in use is not locked but told."),
    )
    lock.add_argument("name", metavar="NAME", nargs="*", help=_("names of the vaults"))
    lock.add_argument("--all", action="store_true", help=_("every vault that is open"))
    how = lock.add_mutually_exclusive_group()
    how.add_argument("--wait", action="store_true", help=_("wait until nobody uses it"))
    how.add_argument(
        "--lazy", action="store_true", help=_("out of sight now; who holds a file keeps it")
    )
    lock.add_argument(
        "--skip-hooks", action="store_true", help=_("do without the commands to run before")
    )
    how.add_argument("--kill", action="store_true", help=_("end the processes that hold it"))
    panic = add_verb(
        verbs,
        "panic",
        _("put every vault out of sight at once"),
        _("Whoever uses one is ended, and what they have not saved is lost."),
    )
    panic.add_argument("--yes", action="store_true", help=_("do it without asking"))
    repair = add_verb(verbs, "repair", _("detach the dead mount of a broken vault"))
    add_name(repair)
    extend = add_verb(verbs, "extend", _("put the idle lock of an open vault off"))
    add_name(extend)
    extend.add_argument("time", metavar="TIME", help=_("at least this long from now: 15m, 2h"))
    pause = add_verb(verbs, "pause", _("pause the idle lock of an open vault"))
    add_name(pause)
    pause.add_argument("--resume", action="store_true", help=_("let it run again"))


def _add_unlock_options(parser: Parser) -> None:
    """Say what opens a vault, and how it is opened."""
    add_key_options(parser)
    add_token_option(parser)
    parser.add_argument(
        "--read-only",
        action="store_true",
        default=None,
        help=_("open it without the right to write"),
    )
    parser.add_argument("--idle", metavar="TIME", help=_("lock after TIME without use: 15m, never"))
    until = parser.add_mutually_exclusive_group()
    until.add_argument(
        "--for",
        dest="open_for",
        metavar="TIME",
        help=_("lock after TIME, whoever uses it then: 30m, never"),
    )
    until.add_argument(
        "--until", metavar="CLOCK", help=_("lock at CLOCK, whoever uses it then: 18:00")
    )
    parser.add_argument("--mountpoint", metavar="DIR", help=_("open it at DIR this time"))
    parser.add_argument(
        "--nonempty", action="store_true", help=_("hide what is in the mount point already")
    )
    parser.add_argument(
        "--save",
        action="store_true",
        help=_("save the password in the keyring, and where the key file is in the settings"),
    )
