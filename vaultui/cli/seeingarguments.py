"""The command line of what only looks: list, status, ps, path, conflicts."""

from __future__ import annotations

from vaultui.cli.verbparser import Parser, Verbs, add_name, add_verb


def add_seeing(verbs: Verbs[Parser]) -> None:
    """Add the verbs that change nothing."""
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
