"""Starting a mount backend, until it serves or until nothing of it is left.

The conversation is drawn in wire.launchspec and wire.handshake; what each message means in
each state is the table in supervisor.process.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from vaultui.linux import process
from vaultui.linux.mountinfo import mount_at
from vaultui.model.errors import (
    BackendDied,
    LaunchFailed,
    MountFailed,
    ProtocolError,
    TimedOut,
    VaultuiError,
    from_wire,
)
from vaultui.model.language import N_, Phrase
from vaultui.model.secret import Secret
from vaultui.supervisor.environment import backend_environment
from vaultui.supervisor.exits import explain_exit
from vaultui.supervisor.interruption import uninterrupted
from vaultui.supervisor.logs import LogFollower
from vaultui.supervisor.process import Event, State, may_leave_a_mount, next_state
from vaultui.supervisor.repair import detach
from vaultui.supervisor.runstate import (
    backend_alive,
    clear_run_dir,
    load_exit,
    load_run,
    prepare_run_dir,
)
from vaultui.supervisor.shimstart import ShimStart
from vaultui.supervisor.watched import WatchedProcess
from vaultui.wire.handshake import Failed, MountSpec, Ready, Starting, Step, StepName
from vaultui.wire.launchspec import CLOSE, LOG, NOTIFY_FD, NULL, PAYLOAD_FD, KeeperSpec, LaunchSpec
from vaultui.wire.runrecords import RunState

BACKEND_PROGRAM: Final = (sys.executable, "-I", "-m", "vaultui.mountd")
BACKEND: Final = (*BACKEND_PROGRAM, "-spec-fd=4", "-notify-fd=5")
"""The program, with its payload on 4 and the notify pipe on 5."""

LAUNCH_S: Final = 120.0
"""Deriving a key with the highest cost that people choose takes tens of seconds."""

_PROGRAM: Final = N_("The mount backend")
_OPEN_FILES: Final = 4096
_KEEPER_S: Final = 10.0
_SILENT_S: Final = 2.0
_LOG_LINES: Final = 20


async def launch_backend(
    spec: MountSpec,
    secret: Secret,
    *,
    run_dir: Path,
    log_path: Path,
    on_step: Callable[[Step], None] = lambda _step: None,
    timeout: float = LAUNCH_S,  # noqa: ASYNC109 - it ends the backend, and says what was late
    argv: Sequence[str] = BACKEND,
) -> RunState:
    """Start a backend and return when the mount table lists its mount.

    Raises the error that the backend sent, BackendDied with its last log lines,
    LaunchFailed, MountFailed, TimedOut, or RuntimeDirUnsafe. Whatever is raised, a
    cancellation too, nothing is left: no process, no mount, no record. The caller made
    sure that no other backend runs for `run_dir`; the secret stays the caller's to wipe.
    """
    prepare_run_dir(run_dir)
    clear_run_dir(run_dir)
    launch = _Launch(spec, run_dir, log_path, argv)
    try:
        try:
            async with asyncio.timeout(timeout) as limit:
                return await launch.until_serving(secret, on_step)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimedOut(
                what=Phrase("Unlocking {name}", name=spec.vault_name), seconds=timeout
            ) from error
    except BaseException:
        await uninterrupted(launch.put_away())
        raise
    finally:
        await uninterrupted(launch.close())


class _Launch:
    """One attempt. `until_serving` either returns, or is followed by `put_away`."""

    def __init__(self, spec: MountSpec, run_dir: Path, log_path: Path, argv: Sequence[str]) -> None:
        self._spec = spec
        self._run_dir = run_dir
        self._log_path = log_path
        self._argv = tuple(argv)
        self._state = State.LAUNCHING
        self._shim: ShimStart | None = None
        self._run: RunState | None = None
        self._step: StepName | None = None
        self._log = LogFollower(log_path)

    async def until_serving(self, secret: Secret, on_step: Callable[[Step], None]) -> RunState:
        shim = self._shim = ShimStart(self._launch_spec(), self._spec, [secret])
        await self._until_executed(shim)
        while True:
            message = await shim.notify.message(Starting, Step, Ready, Failed)
            match message:
                case None:
                    self._move(Event.SILENCE)
                    raise await self._death()
                case Starting():
                    self._move(Event.STARTING)
                case Step(name):
                    self._move(Event.MOUNTING if name is StepName.MOUNTING else Event.STEP)
                    self._step = name
                    on_step(message)
                case Ready():
                    run = await self._confirmed(message)
                    self._move(Event.READY)
                    return run
                case Failed(error):
                    self._move(Event.FAILED)
                    raise from_wire(error)

    async def put_away(self) -> None:
        """End whatever runs, and drop its records. Takes a bounded time."""
        if self._shim is None:
            return
        told_to_end = self._state is not State.STOPPING
        mounts = may_leave_a_mount(self._state)
        if self._state is State.LAUNCHING and self._run is None:
            # The backend may exist already, and only the status pipe tells its pid.
            with contextlib.suppress(VaultuiError, TimeoutError):
                async with asyncio.timeout(_KEEPER_S):
                    await self._until_executed(self._shim)
        self._state = next_state(self._state, Event.STOP)
        run = self._run
        if run is None:
            await self._end_unrecorded(self._shim)
            return
        with (
            WatchedProcess(run.backend_pid, run.backend_start) as backend,
            WatchedProcess(run.keeper_pid, run.keeper_start) as keeper,
        ):
            if not told_to_end:
                # It said Failed and is on its way out; what it still does is its own tidying.
                ended = await backend.shut_down(0)
            elif mounts or self._step is StepName.TOUCHING:
                # A token that is not told would wait on, and take the next touch for this one.
                ended = await backend.shut_down(signal.SIGTERM)
            else:
                # A key derivation does not look at signals, and nothing is mounted yet.
                ended = await backend.shut_down(signal.SIGKILL)
            await keeper.wait(_KEEPER_S)
        if mounts:
            # The keeper has done it, unless it was killed, too.
            with contextlib.suppress(VaultuiError):
                await detach(self._spec.mountpoint)
        if ended:
            clear_run_dir(self._run_dir)

    async def _end_unrecorded(self, shim: ShimStart) -> None:
        """End a backend whose keeper was killed before it could write down who that is.

        Nobody has read yet what the backend says, and its pid is the first of that.
        """
        message = None
        with contextlib.suppress(VaultuiError, TimeoutError):
            async with asyncio.timeout(_KEEPER_S):
                message = await shim.notify.message(Starting, Step, Ready, Failed)
        if isinstance(message, Starting):
            with contextlib.suppress(ProcessLookupError):
                start = process.start_time(message.pid)
                with WatchedProcess(message.pid, start) as backend:
                    await backend.shut_down(signal.SIGKILL)
            with contextlib.suppress(VaultuiError):
                await detach(self._spec.mountpoint)
        clear_run_dir(self._run_dir)

    async def close(self) -> None:
        if self._shim is not None:
            await self._shim.close()

    async def _until_executed(self, shim: ShimStart) -> None:
        try:
            await shim.until_executed()
        except LaunchFailed:
            self._move(Event.LAUNCH_FAILED)
            raise
        finally:
            self._run = load_run(self._run_dir)
        self._move(Event.EXECUTED)
        if self._run is None:
            raise LaunchFailed(program=_PROGRAM, step="run record", reason=N_("it is not there"))

    async def _confirmed(self, ready: Ready) -> RunState:
        """Return the run state if the mount table and the process agree with `ready`."""
        assert self._run is not None
        if not backend_alive(self._run):
            self._move(Event.EXITED)
            raise await self._death()
        mount = mount_at(self._spec.mountpoint)
        if mount is None or mount.mount_id != ready.mount_id:
            reason = N_("the backend says that it is mounted, and the mount table does not")
            raise MountFailed(path=self._spec.mountpoint, reason=reason)
        return self._run

    async def _death(self) -> BackendDied:
        """Return the error for a backend that is gone; waits for the keeper's word on it."""
        how = ""
        if self._run is not None:
            with WatchedProcess(self._run.backend_pid, self._run.backend_start) as backend:
                if not await backend.wait(_SILENT_S):
                    how = N_("it stopped talking and had to be ended")
                    await backend.shut_down(signal.SIGTERM)
            with WatchedProcess(self._run.keeper_pid, self._run.keeper_start) as keeper:
                await keeper.wait(_KEEPER_S)
        return BackendDied(
            name=self._spec.vault_name,
            exit=how or explain_exit(load_exit(self._run_dir)),
            raw="\n".join(self._log.new_lines()[-_LOG_LINES:]),
        )

    def _move(self, event: Event) -> None:
        before, self._state = self._state, next_state(self._state, event)
        if self._state is State.PROTOCOL_BREACH:
            reason = Phrase(
                "{event} came while it was {state}", event=event.value, state=before.value
            )
            raise ProtocolError(what=N_("message of the backend"), reason=reason)

    def _launch_spec(self) -> LaunchSpec:
        spec = self._spec
        return LaunchSpec(
            program=_PROGRAM,
            argv=self._argv,
            env=backend_environment(),
            fds=(NULL, LOG, LOG, CLOSE, PAYLOAD_FD, NOTIFY_FD),
            nofile_soft=max(_OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
            log_level=spec.log_level,
            keeper=KeeperSpec(
                vault_name=spec.vault_name,
                run_dir=str(self._run_dir),
                mountpoint=spec.mountpoint,
                log_path=str(self._log_path),
                run=RunState(
                    vault_id=spec.vault_id,
                    vault_name=spec.vault_name,
                    cipherdir=spec.cipherdir,
                    mountpoint=spec.mountpoint,
                    ctlsock=spec.ctlsock,
                    log_path=str(self._log_path),
                    read_only=spec.read_only,
                    # The keeper fills in the rest.
                    backend_pid=0,
                    backend_start=0,
                    keeper_pid=0,
                    keeper_start=0,
                    launched_at=0.0,
                    boot_id="",
                ),
            ),
        )
