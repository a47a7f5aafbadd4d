"""at-login, and the actions of tasks that have saved ones run by a timer."""

from __future__ import annotations

import dataclasses
import os

from vaultui.cli.output import shown
from vaultui.cli.session import Session
from vaultui.model.language import _
from vaultui.vaults.desktop import notify


def at_login_verb(session: Session) -> int:
    """Have a vault unlocked at login, or no longer, or tell which it is."""
    output, automation = session.output, session.vaults.automation
    name, state = session.arguments.name, session.arguments.state
    known = True
    if state is not None:
        known = session.run(automation.set_at_login(name, state == "on"))
    on = automation.at_login(name)
    if output.as_json:
        output.data({"name": name, "at_login": on})
    elif not on:
        output.line(_("{name} stays locked at login.", name=shown(name)))
    else:
        output.line(_("{name} is unlocked when you log in.", name=shown(name)))
        if state:
            _tell_of_password(session, name)
    if not known:
        output.note(_("No systemd of yours runs now; the next one will know of it."))
    return 0


def schedule(session: Session) -> int:
    """Have a saved task run at some times."""
    arguments = session.arguments
    session.vaults.tasks.saved_task(arguments.name, arguments.task)
    made = session.run(
        session.vaults.automation.schedule(arguments.name, arguments.task, arguments.when)
    )
    if session.output.as_json:
        session.output.data(dataclasses.asdict(made))
    else:
        words = _(
            "{task} of {name} is run: {when}.", task=made.task, name=made.vault, when=made.when
        )
        session.output.line(shown(words))
        _tell_of_password(session, made.vault)
    return 0


def _tell_of_password(session: Session, name: str) -> None:
    """Tell where the password has to be of a vault that opens while nobody is there."""
    if not session.vaults.entry(name).key_file:
        session.output.line(
            _(
                "Its password has to be in the keyring: vaultui unlock {name!q} --save",
                name=shown(name),
            )
        )


def ended(session: Session) -> int:
    """Tell on the desktop that a task failed which a timer ran: systemd.exec(5) has the result."""
    result = os.environ.get("SERVICE_RESULT", "success")
    if result != "success":
        name, task = session.arguments.name, session.arguments.task
        how = " ".join(filter(None, map(os.environ.get, ("EXIT_CODE", "EXIT_STATUS"))))
        notify(
            _("{task} of {name} failed.", task=task, name=name),
            _("systemd says: {result}. `vaultui tasks` has what it wrote.", result=how or result),
        )
    return 0


def unschedule(session: Session) -> int:
    """Have a task run by itself no longer."""
    name, task = session.arguments.name, session.arguments.task
    session.run(session.vaults.automation.unschedule(name, task))
    if session.output.as_json:
        session.output.data({"vault": name, "task": task})
    else:
        words = _("{task} of {name} does not run by itself any more.", task=task, name=name)
        session.output.line(shown(words))
    return 0
