"""The command line of the settings: settings, order."""

from __future__ import annotations

import argparse

from vaultui.cli.verbparser import Parser, Verbs, add_name, add_verb
from vaultui.model.language import _


def add_settings(verbs: Verbs[Parser]) -> None:
    """Add the verbs that look at the settings and change them."""
    settings = add_verb(
        verbs,
        "settings",
        _("show and change the settings"),
        _("Without an action all are listed; those that stand in the file have a star."),
    )
    _add_vault(settings)
    actions = settings.add_subparsers(dest="action", metavar="ACTION", title=_("actions"))
    get = add_verb(actions, "get", _("print one"))
    change = add_verb(
        actions,
        "set",
        _("change one"),
        _("A list has commas: sleep,screen; none is the empty one. Comments in the file stay."),
    )
    unset = add_verb(actions, "unset", _("take one out of the file: it is as by default then"))
    for action in (get, change, unset):
        action.add_argument("key", metavar="KEY", help=_("name of the setting: idle_timeout"))
        _add_vault(action)
    change.add_argument("value", metavar="VALUE")
    add_verb(actions, "edit", _("open the file in your editor (VISUAL, EDITOR)"), json=False)
    order = add_verb(
        verbs,
        "order",
        _("move a vault within the list"),
        _("Favourites come before the others: vaultui settings set favourite true --vault NAME"),
    )
    add_name(order)
    order.add_argument("place", metavar="PLACE", type=int, help=_("its new place; 1 is the first"))


def _add_vault(parser: Parser) -> None:
    parser.add_argument(
        "--vault",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help=_("settings of that vault, not of the program"),
    )
