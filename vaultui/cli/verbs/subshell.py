"""shell: working inside of a vault, and locking it when the work is done."""

from __future__ import annotations

from vaultui.cli.output import place, shown
from vaultui.cli.prompt import confirmed, has_terminal
from vaultui.cli.session import Session
from vaultui.cli.verbs.locking import lock_sentence
from vaultui.cli.verbs.opening import unlock
from vaultui.model.errors import MountBusy, UsageError
from vaultui.model.language import N_, Phrase, _
from vaultui.vaults.subshell import in_shell


def shell_verb(session: Session) -> int:
    """Run a shell in the vault, which is unlocked for that; return the shell's exit status."""
    arguments, output = session.arguments, session.output
    name = arguments.name
    if not has_terminal():
        raise UsageError(what=N_("A shell in a vault needs a terminal"))
    if in_shell() == name:
        raise UsageError(what=Phrase("This is a shell in {name} already", name=name))
    opened = unlock(session, name)
    output.note(
        _(
            "You are in {name}, at {place}. `exit` leaves it.",
            name=shown(name),
            place=place(opened.status.mountpoint),
        )
    )
    status = session.run(session.vaults.shell(name))
    if arguments.lock or _wants_lock(name, default=not opened.already):
        _lock(session, name)
    else:
        output.note(_("{name} stays open.", name=shown(name)))
    return status


def _wants_lock(name: str, *, default: bool) -> bool:
    """Return what is answered; the default where the terminal was closed over the shell."""
    if not has_terminal():
        return default
    return confirmed(_("Lock {name} now?", name=shown(name)), default=default)


def _lock(session: Session, name: str) -> None:
    """Lock it; what the shell has started may still use it, and then it stays open."""
    try:
        outcome = session.run(session.vaults.lock(name))
    except MountBusy as error:
        session.output.error(error)
    else:
        session.output.note(shown(lock_sentence(name, outcome)))
