"""The command line of what happens without anybody: at-login, tasks schedule."""

from __future__ import annotations

from vaultui.cli.verbparser import Parser, Verbs, add_name, add_verb
from vaultui.model.language import _


def add_automation(verbs: Verbs[Parser]) -> None:
    """Add the verb that has vaults unlocked at login."""
    login = add_verb(
        verbs,
        "at-login",
        _("have a vault unlocked when you log in"),
        _(
            "systemd does it, which waits for the drive that the vault is on. The password comes "
            "from the keyring. Without on or off, it is told which it is."
        ),
    )
    add_name(login)
    login.add_argument("state", metavar="on|off", nargs="?", choices=("on", "off"))


def add_scheduling(actions: Verbs[Parser]) -> None:
    """Add the actions of `tasks` that have saved ones run by themselves."""
    schedule = add_verb(
        actions,
        "schedule",
        _("have a saved task run by itself"),
        _("systemd does it. The password of a vault that is locked comes from the keyring."),
    )
    _add_task(schedule)
    schedule.add_argument(
        "when", metavar="WHEN", help=_("hourly, daily, weekly; or 'Mon..Fri 18:00'")
    )
    _add_task(add_verb(actions, "unschedule", _("have it run by itself no longer")))
    # For the units that `schedule` writes.
    ended = actions.add_parser("ended", add_help=False)
    _add_task(ended)


def _add_task(parser: Parser) -> None:
    add_name(parser)
    parser.add_argument("task", metavar="TASK", help=_("name of a saved task"))
