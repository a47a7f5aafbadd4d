"""shell: working inside of a vault, and locking it when the work is done."""

from __future__ import annotations

from vaultui.cli.currentkey import with_key_or_token
from vaultui.cli.output import place, shown
from vaultui.cli.prompt import confirmed, has_terminal
from vaultui.cli.session import Session
from vaultui.cli.verbs.locking import lock_sentence
from vaultui.cli.verbs.opening import unlock
from vaultui.model.errors import HookFailed, MountBusy, UsageError
from vaultui.model.language import N_, Phrase, _
from vaultui.vaults import Key, PasswordSource, StepName, UnlockOptions
from vaultui.vaults.subshell import in_shell


def shell_verb(session: Session) -> int:
    """Run a shell in the vault, which is unlocked for that; return the shell's exit status."""
    arguments, output = session.arguments, session.output
    name = arguments.name
    if not has_terminal():
        raise UsageError(what=N_("A shell in a vault needs a terminal"))
    if in_shell() == name:
        raise UsageError(what=Phrase("This is a shell in {name} already", name=name))
    if arguments.private:
        if not session.run(session.vaults.status(name)).state.is_open:
            return _private(session, name)
        output.note(_("{name} is open already; the shell is not alone in it.", name=shown(name)))
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


def _private(session: Session, name: str) -> int:
    """Run a shell that has the vault for itself: it is locked with the end of the shell."""
    arguments = session.arguments
    if arguments.lock or any((arguments.idle, arguments.open_for, arguments.until)):
        raise UsageError(what=N_("A private vault is locked with the end of its shell, not before"))

    def attempt(key: Key, source: PasswordSource) -> int:
        return session.run(
            session.vaults.shell(
                name,
                key,
                options=UnlockOptions(
                    mountpoint=arguments.mountpoint,
                    read_only=arguments.read_only,
                    password_source=source,
                ),
                on_step=step,
                on_open=opened,
            )
        )

    def step(_taken: StepName, words: str) -> None:
        session.output.step(words)

    def opened() -> None:
        session.output.clear_step()
        session.output.note(
            _("You are in {name}, which is open for this shell alone.", name=shown(name))
        )

    return with_key_or_token(session, name, attempt)


def _wants_lock(name: str, *, default: bool) -> bool:
    """Return what is answered; the default where the terminal was closed over the shell."""
    if not has_terminal():
        return default
    return confirmed(_("Lock {name} now?", name=shown(name)), default=default)


def _lock(session: Session, name: str) -> None:
    """Lock it; what the shell has started may still use it, and then it stays open."""
    try:
        outcome = session.run(session.vaults.lock(name))
    except (MountBusy, HookFailed) as error:
        session.output.error(error)
    else:
        session.output.note(shown(lock_sentence(name, outcome)))
