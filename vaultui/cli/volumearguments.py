"""The command line of what concerns a volume and not its mount: info, check."""

from __future__ import annotations

from vaultui.cli.verbparser import (
    Parser,
    Verbs,
    add_key_options,
    add_name,
    add_token_option,
    add_verb,
)
from vaultui.model.language import _


def add_volume(verbs: Verbs[Parser]) -> None:
    """Add the verbs that look into a volume."""
    info = add_verb(verbs, "info", _("show what a volume config says"), _("Needs no password."))
    add_name(info)
    info.add_argument(
        "--export-config",
        metavar="FILE",
        help=_("copy it to a new FILE: without it, not even the password opens the vault"),
    )
    check = add_verb(
        verbs,
        "check",
        _("read a whole vault and name what is damaged"),
        _("Nothing is changed. Exit code 26 when something is damaged."),
    )
    add_name(check)
    check.add_argument(
        "--report", metavar="FILE", help=_("write what was found to a new FILE, also when stopped")
    )
    add_key_options(check)
    add_token_option(check)
