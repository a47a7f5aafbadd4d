"""Commands of the backend that end by themselves: create, check, info, everything about keys."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vaultui.linux.spawn import Child
from vaultui.model.errors import BackendDied, ProtocolError, TimedOut, from_wire
from vaultui.model.language import N_
from vaultui.model.secret import Secret
from vaultui.supervisor.environment import backend_environment
from vaultui.supervisor.exits import explain_status
from vaultui.supervisor.interruption import uninterrupted
from vaultui.supervisor.pipes import readable
from vaultui.supervisor.process import Event, State, next_state
from vaultui.supervisor.shimstart import ShimStart
from vaultui.wire.attributes import Attributes
from vaultui.wire.conflictcopy import ConflictCopy
from vaultui.wire.handshake import Failed, Starting, Step
from vaultui.wire.launchspec import CLOSE, NOTIFY_FD, NULL, PAYLOAD_FD, LaunchSpec
from vaultui.wire.oneshot import (
    Calibrated,
    Checked,
    CheckMessage,
    CheckProgress,
    Created,
    Damage,
    Done,
    OneshotSpec,
    SlotAdded,
    SlotOpened,
    VolumeInfo,
)

ONESHOT: Final = (sys.executable, "-I", "-m", "vaultui.mountd", "-spec-fd=4", "-notify-fd=5")

_END_S: Final = 5.0
"""What the program gets after its result, and after being told to end."""
_ERRORS_FD: Final = 2

Result = Done | Created | Checked | VolumeInfo | SlotAdded | SlotOpened | Calibrated
_MESSAGES: Final = (
    *(Starting, Step, CheckProgress, Damage, ConflictCopy, Failed),
    *(Done, Created, Checked, VolumeInfo, SlotAdded, SlotOpened, Calibrated),
)
OnMessage = Callable[[Step | CheckMessage], None]


@dataclass(frozen=True)
class Outcome:
    message: Result
    secret: Secret | None = None
    """With Created the master key, with SlotAdded the recovery key as text; the caller wipes it.

    Empty for a slot of another kind.
    """
    qr_code: Secret | None = None
    """With SlotAdded: the recovery key as `SlotAdded` describes it; the caller wipes it."""


async def run_oneshot(
    spec: OneshotSpec,
    secrets: Sequence[Secret] = (),
    on_message: OnMessage = lambda _message: None,
    *,
    timeout: float | None = None,  # noqa: ASYNC109 - it ends the program, and says what was late
    argv: Sequence[str] = ONESHOT,
) -> Outcome:
    """Run a command to its end and return its result.

    Raises the error that it sent, BackendDied with what it wrote, LaunchFailed or TimedOut.
    Whatever is raised, a cancellation too, the process is gone afterwards. It also ends
    when this process does.
    """
    launch_spec = LaunchSpec(
        program="The mount backend",
        argv=tuple(argv),
        env=backend_environment(),
        fds=(NULL, _ERRORS_FD, _ERRORS_FD, CLOSE, PAYLOAD_FD, NOTIFY_FD),
        attributes=Attributes(parent_death_signal=signal.SIGTERM, parent_pid=os.getpid()),
    )
    shim = ShimStart(launch_spec, spec, secrets)
    outcome: Outcome | None = None
    try:
        async with asyncio.timeout(timeout) as limit:
            await shim.until_executed()
            outcome = await _converse(shim, on_message)
            return outcome
    except TimeoutError as error:
        if not limit.expired():
            raise
        what = type(spec).__name__.removesuffix("Spec")
        raise TimedOut(what=what, seconds=timeout or 0.0) from error
    finally:
        await uninterrupted(_end(shim, gently=outcome is not None))


async def _converse(shim: ShimStart, on_message: OnMessage) -> Outcome:
    """Read what the program says until its result; raises what it sent."""
    state = State.EXECUTED
    while True:
        message: Any = await shim.notify.message(*_MESSAGES)
        state = _moved(state, message)
        match message:
            case None:
                raise await _death(shim)
            case Failed(error):
                raise from_wire(error)
            case Step() | CheckProgress() | Damage() | ConflictCopy():
                on_message(message)
            case Created():
                return Outcome(message, await shim.notify.secret())
            case SlotAdded():
                text = await shim.notify.secret()
                return Outcome(message, text, await shim.notify.secret())
            case Done() | Checked() | VolumeInfo() | SlotOpened() | Calibrated():
                return Outcome(message)


def _moved(state: State, message: object) -> State:
    match message:
        case None:
            event = Event.SILENCE
        case Starting():
            event = Event.STARTING
        case Step() | CheckProgress() | Damage() | ConflictCopy():
            event = Event.STEP
        case Failed():
            event = Event.FAILED
        case _:
            event = Event.READY
    after = next_state(state, event)
    if after is State.PROTOCOL_BREACH:
        reason = f"{event.value} came while it was {state.value}"
        raise ProtocolError(what=N_("message of the backend"), reason=reason)
    return after


async def _death(shim: ShimStart) -> BackendDied:
    status = await _wait(shim.child, _END_S)
    how = "it stopped talking" if status is None else explain_status(status)
    return BackendDied(name=N_("this command"), exit=how, raw=shim.errors())


async def _end(shim: ShimStart, *, gently: bool) -> None:
    """Let the program end after its result, or else tell it to; then reap it."""
    if not gently:
        shim.child.send_signal(signal.SIGTERM)
    await _wait(shim.child, _END_S)
    await shim.close()


async def _wait(child: Child, seconds: float) -> int | None:
    try:
        async with asyncio.timeout(seconds):
            await readable(child.fileno())
    except TimeoutError:
        return None
    return child.poll()
