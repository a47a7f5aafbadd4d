"""The command line of what only looks: list, status, activity, ps, path, conflicts."""

from __future__ import annotations

from vaultui.cli.verbparser import Parser, Verbs, add_name, add_verb
from vaultui.model.language import _


def add_seeing(verbs: Verbs[Parser]) -> None:
    """Add the verbs that change nothing."""
    known = add_verb(
        verbs, "list", _("list the vaults that are known"), _("Looks at the settings alone.")
    )
    known.add_argument("--names", action="store_true", help=_("print names alone, one in a line"))
    status = add_verb(verbs, "status", _("show the state of vaults"))
    status.add_argument("name", metavar="NAME", nargs="?", help=_("one vault; all when left out"))
    status.add_argument("--watch", action="store_true", help=_("go on, and print every change"))
    status.add_argument(
        "--every",
        metavar="TIME",
        help=_("with --watch: look at clocks and counters so often, while a vault is open"),
    )
    activity = add_verb(
        verbs,
        "activity",
        _("tell what has happened to a vault"),
        _("From its log: unlocked and locked, by what, what failed, and what was damaged."),
    )
    add_name(activity)
    ps = add_verb(
        verbs,
        "ps",
        _("list the processes that hold an open vault, or end them"),
        _("Without PIDs a signal goes to all of them but the shell that you are in."),
    )
    add_name(ps)
    ps.add_argument("pid", metavar="PID", nargs="*", type=int, help=_("of these processes alone"))
    how = ps.add_mutually_exclusive_group()
    how.add_argument("--term", action="store_true", help=_("ask them to end (TERM)"))
    how.add_argument("--kill", action="store_true", help=_("end them at once (KILL)"))
    path = add_verb(
        verbs,
        "path",
        _("show where a file of an open vault is on the other side"),
        _("PATH is a plain path or an encrypted one, relative or below either directory."),
    )
    add_name(path)
    path.add_argument("path", metavar="PATH")
    conflicts = add_verb(
        verbs,
        "conflicts",
        _("list the conflict copies that sync clients made in an open vault"),
        _("Compare each with its original, keep what is right, delete the other."),
    )
    add_name(conflicts)
