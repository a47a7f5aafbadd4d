"""The command line of what goes: forget, forget-password, delete, uninstall."""

from __future__ import annotations

from vaultui.cli.verbparser import Parser, Verbs, add_name, add_verb
from vaultui.model.language import _


def add_removing(verbs: Verbs[Parser]) -> None:
    """Add the verbs that take something away."""
    forget = add_verb(
        verbs,
        "forget",
        _("take a locked vault out of the list"),
        _("Its files stay where they are."),
    )
    add_name(forget)
    forget.add_argument(
        "--saved-password", action="store_true", help=_("delete its password from the keyring, too")
    )
    password = add_verb(verbs, "forget-password", _("delete a saved password from the keyring"))
    add_name(password)
    delete = add_verb(
        verbs,
        "delete",
        _("delete a locked vault with all of its files"),
        _("Nobody can bring them back. In a terminal, the name has to be typed once more."),
    )
    add_name(delete)
    delete.add_argument(
        "--yes-delete", metavar="NAME", help=_("its name once more, for scripts; nothing is asked")
    )
    uninstall = add_verb(
        verbs,
        "uninstall",
        _("take back what was put on this machine for your vaults"),
        _("Menu entries and saved passwords go; vaults, settings and logs stay."),
    )
    uninstall.add_argument("--yes", action="store_true", help=_("do not ask"))
