"""unlock, repair, extend, pause: what changes the state of a vault."""

from __future__ import annotations

import time
from contextlib import suppress

from vaultui.cli.currentkey import with_key_or_token
from vaultui.cli.describe import open_sentence, status_data
from vaultui.cli.output import clock, shown
from vaultui.cli.passwords import save_password
from vaultui.cli.session import Session
from vaultui.model.errors import (
    Fido2PinNeeded,
    NotOpen,
    PasswordIncorrect,
    PasswordUnavailable,
    UsageError,
    VaultuiError,
)
from vaultui.model.language import N_, _
from vaultui.model.states import VaultState
from vaultui.vaults import (
    Key,
    PasswordSource,
    StepName,
    Unlocked,
    UnlockOptions,
    VaultStatus,
)
from vaultui.vaults.clocktime import parse_clock
from vaultui.vaults.unlocking import check_openable


def unlock_verb(session: Session) -> int:
    """Open vaults with the first password that there is."""
    arguments, output = session.arguments, session.output
    name, *others = dict.fromkeys(arguments.name)
    if others:
        if arguments.foreground or arguments.when_there:
            raise UsageError(what=N_("--foreground and --when-there are for one vault"))
        from vaultui.cli.severalvaults import unlock_several

        return unlock_several(session, [name, *others])
    if arguments.launcher:
        return _unlock_for_launcher(session, name)
    if arguments.when_there:
        from vaultui.cli.staying import wait_for_drive

        wait_for_drive(session, name)
    result = unlock(session, name)
    if output.as_json:
        output.data({"vault": status_data(result.status), "already": result.already})
    else:
        output.line(shown(open_sentence(result.status, already=result.already)))
    if arguments.open:
        show_folder(session, name)
    if arguments.foreground:
        from vaultui.cli.staying import stay

        return stay(session, result.status)
    return 0


def show_folder(session: Session, name: str) -> None:
    """Show an open vault in the file manager; that there is none is told, and no failure."""
    if not session.run(session.vaults.open_folder(name)):
        session.output.note(_("No file manager was found to show it in."))


def unlock(session: Session, name: str, *, ask: bool = True) -> Unlocked:
    """Open a vault; the password comes from where the arguments and the machine have one.

    One that is open already is told for how long it is wanted.

    Raises NeedsTyping instead of asking for it without `ask`.
    """
    # Before any password is looked for: an open vault needs none, nor does one that is not there.
    status = session.run(session.vaults.status(name))
    # A slip in a time is told before, too.
    wanted = unlock_options(session, PasswordSource.TYPED)
    if status.state.is_open:
        with suppress(NotOpen):  # it was open for a task, and locks itself at this very moment
            session.run(session.vaults.want_open(status, wanted))
            return Unlocked(session.run(session.vaults.status(name)), already=True)
    if status.state is VaultState.MISSING:
        check_openable(status)
    return with_key_or_token(
        session, name, lambda key, source: _attempt(session, name, key, source), ask=ask
    )


def _attempt(session: Session, name: str, key: Key, source: PasswordSource) -> Unlocked:
    def step(taken: StepName, words: str) -> None:
        session.output.step(words)
        if session.arguments.launcher and taken is StepName.TOUCHING:
            from vaultui.vaults.desktop import notify

            notify(words, _("It opens {name}.", name=name))

    options = unlock_options(session, source)
    result = session.run(session.vaults.unlock(name, key, options=options, on_step=step))
    remember(session, name, key, source)
    return result


def unlock_options(session: Session, source: PasswordSource) -> UnlockOptions:
    """Return what the arguments say of how to open a vault."""
    arguments = session.arguments
    return UnlockOptions(
        read_only=arguments.read_only,
        idle_timeout_s=session.seconds(arguments.idle),
        mountpoint=arguments.mountpoint,
        password_source=source,
        nonempty=arguments.nonempty,
        closes_at=_closes_at(session),
    )


def _closes_at(session: Session) -> float | None:
    """Return when the arguments want a vault locked, in seconds since the epoch; 0 for never."""
    now = time.time()
    if session.arguments.until is not None:
        try:
            return parse_clock(session.arguments.until, now)
        except ValueError as error:
            raise UsageError(what=error.args[0]) from error
    seconds = session.seconds(session.arguments.open_for)
    return now + seconds if seconds else seconds


def remember(session: Session, name: str, key: Key, source: PasswordSource) -> None:
    """Keep what has just opened a vault, where --save says so."""
    if not session.arguments.save:
        return
    if key.secret and source not in (PasswordSource.KEYRING, PasswordSource.FIDO2):
        save_password(session, name, key.secret)
    if key.key_file is not None:
        session.vaults.listing.remember_key_file(name, key.key_file)


def _unlock_for_launcher(session: Session, name: str) -> int:
    """Unlock for a desktop entry: nobody sees a terminal, so results are shown by the desktop.

    Without a usable saved password it is asked for in a terminal window.
    """
    from vaultui.vaults.desktop import notify, open_unlock_terminal

    terminal = session.arguments.terminal or session.vaults.program.terminal
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
            _("{name} locks in {left}, if it is not used.", name=shown(name), left=clock(left))
        )
    return 0


def pause_verb(session: Session) -> int:
    """Pause the idle lock, or let it run again."""
    name, paused = session.arguments.name, not session.arguments.resume
    session.run(session.vaults.pause(name, paused))
    if session.output.as_json:
        session.output.data({"name": name, "idle_paused": paused})
    else:
        told = (
            N_("The idle lock of {name} is paused: it stays open.")
            if paused
            else N_("The idle lock of {name} runs again.")
        )
        session.output.line(_(told, name=shown(name)))
    return 0
