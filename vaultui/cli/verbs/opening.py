"""unlock, lock, repair, extend, pause: what changes the state of a vault."""

from __future__ import annotations

from typing import Any

from vaultui.cli.currentkey import with_key_or_token
from vaultui.cli.describe import open_sentence, status_data
from vaultui.cli.output import error_data, shown, span
from vaultui.cli.passwords import save_password
from vaultui.cli.session import Session
from vaultui.model.errors import (
    Fido2PinNeeded,
    PasswordIncorrect,
    PasswordUnavailable,
    UsageError,
    VaultuiError,
)
from vaultui.model.language import N_, _
from vaultui.model.states import VaultState
from vaultui.vaults import (
    Key,
    LockMode,
    PasswordSource,
    StepName,
    Unlocked,
    UnlockOptions,
    VaultStatus,
)
from vaultui.vaults.unlocking import check_openable

_OPEN = (VaultState.OPEN, VaultState.BUSY)


def unlock_verb(session: Session) -> int:
    """Open a vault with the first password that there is."""
    arguments = session.arguments
    if arguments.launcher:
        return _unlock_for_launcher(session, arguments.name, arguments.terminal)
    result = unlock(session, arguments.name)
    status = result.status
    if session.output.as_json:
        session.output.data({"vault": status_data(status), "already": result.already})
    else:
        session.output.line(shown(open_sentence(status, already=result.already)))
    if arguments.open and not session.run(session.vaults.open_folder(arguments.name)):
        session.output.note(_("No file manager was found to show it in."))
    return 0


def unlock(session: Session, name: str) -> Unlocked:
    """Open a vault; the password comes from where the arguments and the machine have one."""
    # Before any password is looked for: an open vault needs none, nor does one that is not there.
    status = session.run(session.vaults.status(name))
    if status.state in _OPEN:
        return Unlocked(status, already=True)
    if status.state is VaultState.MISSING:
        check_openable(status)
    return with_key_or_token(
        session, name, lambda key, source: _attempt(session, name, key, source)
    )


def _attempt(session: Session, name: str, key: Key, source: PasswordSource) -> Unlocked:
    arguments = session.arguments
    options = UnlockOptions(
        read_only=arguments.read_only,
        idle_timeout_s=session.seconds(arguments.idle),
        mountpoint=arguments.mountpoint,
        password_source=source,
        nonempty=arguments.nonempty,
    )

    def step(taken: StepName, words: str) -> None:
        session.output.step(words)
        if arguments.launcher and taken is StepName.TOUCHING:
            from vaultui.vaults.desktop import notify

            notify(words, _("It opens {name}.", name=name))

    result = session.run(session.vaults.unlock(name, key, options=options, on_step=step))
    if arguments.save:
        if key.secret and source not in (PasswordSource.KEYRING, PasswordSource.FIDO2):
            save_password(session, name, key.secret)
        if key.key_file is not None:
            session.vaults.listing.remember_key_file(name, key.key_file)
    return result


def _unlock_for_launcher(session: Session, name: str, terminal: str) -> int:
    """Unlock for a desktop entry: nobody sees a terminal, so results are shown by the desktop.

    Without a usable saved password it is asked for in a terminal window.
    """
    from vaultui.vaults.desktop import notify, open_unlock_terminal

    try:
        result = unlock(session, name)
    except (PasswordUnavailable, PasswordIncorrect, Fido2PinNeeded) as error:
        if open_unlock_terminal(name, terminal):
            return 0
        notify(_("{name} was not unlocked", name=name), f"{error.summary} {error.hint}")
        raise
    except VaultuiError as error:
        notify(_("{name} was not unlocked", name=name), f"{error.summary} {error.hint}")
        raise
    if not session.run(session.vaults.open_folder(name)):
        notify(_("{name} is open", name=name), open_sentence(result.status, already=result.already))
    session.output.line(shown(open_sentence(result.status, already=result.already)))
    return 0


def lock_verb(session: Session) -> int:
    """Close vaults; one that fails does not keep the others from being closed."""
    names = _names_to_lock(session)
    mode = _mode(session)
    results: list[dict[str, Any]] = []
    failure: VaultuiError | None = None
    for name in names:
        if mode is LockMode.WAIT:
            session.output.step(_("Waiting until nobody uses {name}…", name=shown(name)))
        try:
            outcome = session.run(session.vaults.lock(name, mode))
        except VaultuiError as error:
            failure = failure or error
            results.append({"name": name, "error": error_data(error)})
            if not session.output.as_json:
                session.output.error(error)
            continue
        results.append({"name": name, "already": outcome.already, "detached": outcome.detached})
        if not session.output.as_json:
            session.output.line(shown(_lock_sentence(name, outcome.already, outcome.detached)))
    if session.output.as_json:
        session.output.data({"vaults": results})
    elif not names:
        session.output.line(_("No vault is open."))
    return 0 if failure is None else int(failure.exit_code)


def _names_to_lock(session: Session) -> list[str]:
    arguments = session.arguments
    if arguments.all and arguments.name:
        raise UsageError(what=N_("Give names or --all, not both"))
    if arguments.all:
        statuses = session.run(session.vaults.statuses())
        return [s.entry.name for s in statuses if s.mounted or s.state is VaultState.UNLOCKING]
    if not arguments.name:
        raise UsageError(what=N_("Say which vault to lock, or --all"))
    # A slip in one name must not lock the others first.
    return [session.vaults.entry(name).name for name in dict.fromkeys(arguments.name)]


def _mode(session: Session) -> LockMode:
    for mode in (LockMode.WAIT, LockMode.LAZY, LockMode.KILL):
        if getattr(session.arguments, mode.value):
            return mode
    return LockMode.POLITE


def _lock_sentence(name: str, already: bool, detached: bool) -> str:
    if already:
        return _("{name} is already locked.", name=name)
    if detached:
        return _(
            "{name} is out of sight; programs that hold its files keep them until they end.",
            name=name,
        )
    return _("{name} is locked.", name=name)


def repair_verb(session: Session) -> int:
    """Detach a dead mount and tell the state that is left."""
    status: VaultStatus = session.run(session.vaults.repair(session.arguments.name))
    if session.output.as_json:
        session.output.data({"vault": status_data(status)})
    else:
        session.output.line(
            _("{name} is {state}.", name=shown(status.entry.name), state=_(status.state.value))
        )
    return 0


def extend_verb(session: Session) -> int:
    """Put the idle lock off."""
    name, seconds = session.arguments.name, session.seconds(session.arguments.time)
    if not seconds:
        raise UsageError(what=N_("Say how long, as in: vaultui extend NAME 15m"))
    left = session.run(session.vaults.extend(name, seconds))
    if session.output.as_json:
        session.output.data({"name": name, "idle_left_s": left})
    elif left is None:
        session.output.line(_("{name} has no idle lock that runs.", name=shown(name)))
    else:
        session.output.line(
            _("{name} locks in {left}, if it is not used.", name=shown(name), left=span(left))
        )
    return 0


def pause_verb(session: Session) -> int:
    """Stop the idle clock, or let it run again."""
    name, paused = session.arguments.name, not session.arguments.resume
    session.run(session.vaults.pause(name, paused))
    if session.output.as_json:
        session.output.data({"name": name, "idle_paused": paused})
    else:
        told = (
            N_("The idle clock of {name} is paused.")
            if paused
            else N_("The idle clock of {name} runs again.")
        )
        session.output.line(_(told, name=shown(name)))
    return 0
