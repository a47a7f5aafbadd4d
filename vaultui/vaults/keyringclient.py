"""Asking the keyring through its helper process, with a time limit on everything.

The password travels on pipes only. A helper that is no longer wanted is killed: it may
hang on a keyring that does not answer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from vaultui.linux import spawn
from vaultui.model.errors import KeyringTimeout, KeyringUnavailable, VaultuiError, from_wire
from vaultui.model.language import N_
from vaultui.model.secret import Secret
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.outcomes import KeyringState
from vaultui.vaults.waiting import readable
from vaultui.wire.framing import read_message, read_secret, write_message, write_secret
from vaultui.wire.handshake import Failed
from vaultui.wire.keyring import KeyringAnswer, KeyringOperation, KeyringRequest

STATE_TIMEOUT_S = 5.0
"""For what asks no person: starting the helper takes 0.3 s."""


async def find(entry: VaultEntry, timeout_s: float) -> Secret | None:
    """Return the saved password of a vault, or None; the caller wipes it."""
    _, password = await _ask(_request(KeyringOperation.GET, entry), None, timeout_s)
    return password


async def save(entry: VaultEntry, password: Secret, timeout_s: float) -> KeyringState:
    """Save a password, have it read back, and return where it is."""
    answer, _ = await _ask(_request(KeyringOperation.SAVE, entry), password, timeout_s)
    return KeyringState(label=answer.keyring, usable=True)


async def forget(entry: VaultEntry, timeout_s: float) -> bool:
    """Delete a saved password; False when there was none."""
    answer, _ = await _ask(_request(KeyringOperation.DELETE, entry), None, timeout_s)
    return answer.found


async def clear(timeout_s: float) -> int:
    """Delete every password of ours, and return how many there were.

    Only the Secret Service can list them; elsewhere none is deleted.
    """
    request = KeyringRequest(KeyringOperation.CLEAR, may_prompt=can_prompt())
    answer, _ = await _ask(request, None, timeout_s)
    return answer.count


async def state() -> KeyringState:
    """Return which keyring there is and whether it can be used now."""
    try:
        answer, _ = await _ask(KeyringRequest(KeyringOperation.STATE), None, STATE_TIMEOUT_S)
    except VaultuiError as error:
        reason = error.details.get("reason", error.phrase)
        return KeyringState(label=N_("none"), usable=False, reason=str(reason))
    if answer.locked:
        reason = (
            N_("it is locked")
            if can_prompt()
            else N_("it is locked and nothing here can unlock it")
        )
        return KeyringState(answer.keyring, usable=can_prompt(), reason=reason)
    return KeyringState(answer.keyring, usable=True)


def can_prompt() -> bool:
    """Return whether a desktop is there on which a keyring can ask for its own password."""
    return bool(os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY"))


def session_bus() -> str:
    """Return the address of the D-Bus session; empty where there is none.

    An SSH session or a timer has no address in its environment, but the user's bus may be
    in its usual place.
    """
    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    usual = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}") / "bus"
    if not address and usual.is_socket():
        return f"unix:path={usual}"
    return address


def _request(operation: KeyringOperation, entry: VaultEntry) -> KeyringRequest:
    return KeyringRequest(operation, entry.id, entry.name, may_prompt=can_prompt())


async def _ask(
    request: KeyringRequest, password: Secret | None, timeout_s: float
) -> tuple[KeyringAnswer, Secret | None]:
    """Return the helper's answer, and the password that came with it.

    Raises what the helper reports, KeyringTimeout, or KeyringUnavailable when it died.
    """
    bus = session_bus()
    if not bus:
        # Every back end that we accept is reached through D-Bus, so no helper is started.
        raise KeyringUnavailable(reason=N_("there is no D-Bus session here"))
    child, answers = _start(request, password, bus)
    try:
        if not await readable(child.fileno(), timeout_s):
            raise KeyringTimeout(seconds=round(timeout_s))
        # All of the answer is in the pipe by now: it is far smaller than a pipe holds.
        message = read_message(answers, KeyringAnswer, Failed)
        if isinstance(message, Failed):
            raise from_wire(message.error)
        if not isinstance(message, KeyringAnswer):
            raise KeyringUnavailable(reason=N_("the helper process ended without an answer"))
        found = message.found and request.operation is KeyringOperation.GET
        return message, read_secret(answers) if found else None
    finally:
        if child.poll() is None:
            child.kill()
        else:
            child.close()
        os.close(answers)


def _start(request: KeyringRequest, password: Secret | None, bus: str) -> tuple[spawn.Child, int]:
    """Start the helper with its request; return it and the descriptor of its answer."""
    their_input, requests = os.pipe()
    answers, their_output = os.pipe()
    argv = [sys.executable, "-I", "-m", "vaultui.vaults.keyringhelper"]
    env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus}
    try:
        child = spawn.start(argv, fds=(their_input, their_output, spawn.NULL), env=env)
        write_message(requests, request)
        if password is not None:
            write_secret(requests, password)
    except OSError as error:
        os.close(answers)
        raise KeyringUnavailable(reason=error.strerror or N_("its helper did not start")) from error
    finally:
        for fd in (their_input, their_output, requests):
            os.close(fd)
    return child, answers
