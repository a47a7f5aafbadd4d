"""Closing one open vault in the four ways that there are."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from vaultui.linux import fuseconn, process
from vaultui.linux.errnos import reason_of
from vaultui.linux.holders import Holder, find_holders
from vaultui.linux.mountinfo import Mount, mount_at, mounts_below
from vaultui.linux.unmount import unmount
from vaultui.model.errors import (
    BackendUnreachable,
    MountBusy,
    MountFailed,
    TimedOut,
    VaultuiError,
)
from vaultui.model.language import N_, Phrase
from vaultui.model.states import VaultState
from vaultui.supervisor.controlclient import ControlClient
from vaultui.supervisor.repair import repair
from vaultui.vaults.observer import FSTYPES
from vaultui.vaults.outcomes import LockMode, LockOutcome
from vaultui.vaults.paths import Paths
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.waiting import in_thread, readable

TERM_GRACE_S = 3.0
"""From TERM to KILL: time to save a file, not to finish a long task."""
KILL_S = 10.0
"""What the keeper of a task may take to kill all that the task has started."""
END_TIMEOUT_S = 15.0
"""From the unmount to the backend's end; it has nothing left to write by then."""
PANIC = "panic"
PANIC_S = 3.0
"""What a backend gets to end when its mount is out of sight and its holders are killed."""
HOLDERS_S = 3.0
"""For a look into all processes, which takes milliseconds."""
_NAMED_HOLDERS = 4


class Lock:
    """One attempt to close a vault that was found mounted. The caller holds the vault's turn."""

    def __init__(self, paths: Paths, status: VaultStatus, *, skip_hooks: bool = False) -> None:
        self._status = status
        self._skip_hooks = skip_hooks
        self._name = status.entry.name
        self._hangs = status.state is VaultState.HUNG
        self._mountpoint = status.mountpoint
        self._run_dir = paths.run_dir(status.entry.id)
        self._socket = str(paths.socket(status.entry.id))

    async def by(self, mode: LockMode) -> LockOutcome:
        """Lock in the way that `mode` names. Waiting is up to the caller, who gives turns back."""
        ways = {LockMode.LAZY: self.lazy, LockMode.KILL: self.kill, LockMode.PANIC: self.panic}
        return await ways.get(mode, self.polite)()

    async def polite(self) -> LockOutcome:
        """Unmount, or raise MountBusy with the holders.

        A backend that did not answer a moment ago is not asked again: a lock may take long,
        so its time-out is one too. Where it is the storage that hangs, the backend may have
        to wait for that with its end.
        """
        if self._hangs and self._status.detail is None:
            raise BackendUnreachable(name=self._name, reason=N_("its mount hangs"))
        try:
            await self._unmount(lazy=False)
        except MountBusy as error:
            raise await self.busy(raw=error.raw) from error
        try:
            await self._wait_for_end()
        except TimedOut:
            if not self._hangs:
                raise
            return LockOutcome(already=False, detached=True)
        return LockOutcome(already=False)

    async def lazy(self) -> LockOutcome:
        """Unmount, or else take the mount out of sight while its holders keep it."""
        try:
            return await self.polite()
        except MountBusy:
            await self._unmount(lazy=True)
            return LockOutcome(already=False, detached=True)

    async def kill(self) -> LockOutcome:
        """End the holders, and a backend that does not answer; then unmount."""
        if self._hangs:
            return await self._kill_backend()
        try:
            return await self.polite()
        except MountBusy:
            for number in (signal.SIGTERM, signal.SIGKILL):
                await self._end_holders(number)
                try:
                    return await self.polite()
                except MountBusy:
                    continue
            raise

    async def panic(self) -> LockOutcome:
        """Take the mount out of sight, then end with KILL its holders and, at last, its backend.

        The holders are looked for first: a mount that is out of sight has none to be found.
        """
        if self._hangs:
            return await self._kill_backend()
        with _Signalled(await holders_of(self._status)) as holders:
            try:
                async with asyncio.timeout(PANIC_S):
                    await self._unmount(lazy=True, reason=PANIC)
            except (VaultuiError, TimeoutError):
                return await self._kill_backend()
            await holders.end(signal.SIGKILL, PANIC_S)
        return await self._end_backend()

    async def end_detached(self) -> LockOutcome:
        """End a backend that serves a mount out of sight; success too when there is none."""
        if self._status.backend_pid is None:
            return LockOutcome(already=True)
        return await self._end_backend()

    async def _end_backend(self) -> LockOutcome:
        """Return when the backend has ended by itself, or else by force."""
        try:
            await self._wait_for_end(PANIC_S)
        except TimedOut:
            return await self._kill_backend()
        return LockOutcome(already=False)

    async def busy(self, raw: str = "") -> MountBusy:
        """Return the error that names who holds the vault."""
        holders = await holders_of(self._status)
        return MountBusy(
            raw=raw,
            name=self._name,
            holders=name_holders(holders, mounts_below(self._mountpoint)),
            pids=sorted({str(holder.pid) for holder in holders}),
        )

    async def _unmount(self, *, lazy: bool, reason: str = "request") -> None:
        if self._status.backend_pid is not None and not self._hangs:
            detail = self._status.detail
            try:
                await ControlClient(self._socket, name=self._name).lock(
                    reason,
                    lazy=lazy,
                    skip_hooks=self._skip_hooks or reason == PANIC,
                    hooks_s=0.0 if detail is None else detail.hooks_s,
                )
            except BackendUnreachable:
                # It was faster: one that is open for tasks alone locks itself after the last.
                if mount_of_vault(self._mountpoint) is not None:
                    raise
            return
        # A mount that vaultui did not make has no control socket that we know of. And where
        # storage hangs, a child of the backend hangs too: before it becomes the program that
        # unmounts, it closes the backend's files, of which the storage wants to know.
        if mount_at(self._mountpoint) is not None and mount_of_vault(self._mountpoint) is None:
            raise MountBusy(raw="something is mounted over it", name=self._name, holders="?")
        try:
            await in_thread(unmount, self._mountpoint, lazy=lazy)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise MountBusy(raw=reason_of(error), name=self._name, holders="?") from error
            if error.errno != errno.EINVAL:  # EINVAL: somebody else was faster
                reason = reason_of(error)
                raise MountFailed(path=self._mountpoint, reason=reason) from error

    async def _wait_for_end(self, timeout_s: float = END_TIMEOUT_S) -> None:
        """Return when the backend has ended: it holds the cipher directory until then."""
        pid = self._status.backend_pid
        if pid is None:
            return
        try:
            pidfd = process.open_pidfd(pid)
        except ProcessLookupError:
            return
        try:
            if not await readable(pidfd, timeout_s):
                what = Phrase("The end of the mount backend of {name}", name=self._name)
                raise TimedOut(what=what, seconds=round(timeout_s))
        finally:
            os.close(pidfd)

    async def _end_holders(self, number: signal.Signals) -> None:
        """Send a signal to every holder but ourselves and our own parents; wait for their end."""
        patience_s = TERM_GRACE_S if number is signal.SIGTERM else KILL_S
        with _Signalled(await holders_of(self._status)) as holders:
            await holders.end(number, patience_s)

    async def _kill_backend(self) -> LockOutcome:
        """End a backend that does not answer, and take its mount away."""
        pid = self._status.backend_pid
        if pid is not None:
            with suppress(ProcessLookupError):  # it has just ended by itself
                pidfd = process.open_pidfd(pid)
                try:
                    process.signal_pidfd(pidfd, signal.SIGKILL)
                    await readable(pidfd, END_TIMEOUT_S)
                finally:
                    os.close(pidfd)
        mount = mount_of_vault(self._mountpoint)
        if mount is not None:
            # Cutting the connection makes the mount dead, and gives whoever waits for it an
            # error, so that it lets go.
            with suppress(OSError):
                await in_thread(fuseconn.abort, mount)
            # A backend that waits for its storage can't even be killed, and the directory of
            # connections may not be there: out of sight the mount must be all the same.
            now = mount_at(self._mountpoint)
            if now is not None and now.mount_id == mount.mount_id:
                with suppress(OSError):  # its keeper was faster
                    await in_thread(unmount, self._mountpoint, lazy=True)
        # That it was killed was wanted, and nothing that would have to be explained later.
        await repair(self._run_dir, self._mountpoint)
        return LockOutcome(already=False)


class _Signalled:
    """The processes behind some holders, without ourselves and our own parents.

    Held by descriptors, so that a signal reaches the very processes that were found.
    """

    def __init__(self, holders: Sequence[Holder]) -> None:
        spared = own_line()
        keepers = {(holder.pid, holder.start) for holder in holders if holder.kind == "task"}
        self._pidfds: dict[int, bool] = {}
        for pid, start in {(holder.pid, holder.start) for holder in holders}:
            if pid not in spared:
                with suppress(ProcessLookupError):
                    self._pidfds[process.open_pidfd(pid, start)] = (pid, start) in keepers

    async def end(self, number: signal.Signals, patience_s: float) -> None:
        """Send a signal to all of them; return when all have ended, or after `patience_s`.

        The keeper of a task kills that when it is asked to, and writes down that it did: QUIT
        asks for it, where others get KILL.
        """
        for pidfd, is_keeper in self._pidfds.items():
            asked = is_keeper and number is signal.SIGKILL
            with suppress(PermissionError):  # another user's: what follows tells what stays
                process.signal_pidfd(pidfd, signal.SIGQUIT if asked else number)
        await asyncio.gather(*(readable(pidfd, patience_s) for pidfd in self._pidfds))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pidfd in self._pidfds:
            os.close(pidfd)


async def holders_of(status: VaultStatus) -> list[Holder]:
    """Return who uses a vault's mount, tasks first, as far as that can be found out in time.

    A process that waits for storage that hangs can keep waiting whoever looks into it. Who uses
    something else that is mounted over it is none of them: they may be ended.
    """
    if not status.mounted or mount_of_vault(status.mountpoint) is None:
        return []
    tasks = _tasks(status)
    with suppress(TimeoutError):
        async with asyncio.timeout(HOLDERS_S):
            return [*tasks, *await in_thread(find_holders, status.mountpoint)]
    return tasks


def _tasks(status: VaultStatus) -> list[Holder]:
    """Return whom a vault is kept open for, whatever they use of it."""
    holds = status.detail.holds if status.detail is not None else ()
    return [
        Holder(hold.pid, hold.title, os.getuid(), "task", "", hold.start)
        for hold in holds
        if process.is_same_process(hold.pid, hold.start)
    ]


def mount_of_vault(mountpoint: str) -> Mount | None:
    """Return the mount that is reached there, if that is a vault and not one that covers it."""
    mount = mount_at(mountpoint)
    return mount if mount is not None and mount.fstype in FSTYPES else None


def name_holders(holders: Sequence[Holder], inside: Sequence[Mount] = ()) -> Phrase:
    """Return the holders as part of a sentence: "code (4711) and bash (4712)".

    Mounts `inside` the vault hold it as well as any process.
    """
    names = list(dict.fromkeys(f"{holder.command} ({holder.pid})" for holder in holders))
    names += [Phrase("the mount on {path}", path=mount.mountpoint) for mount in inside]
    if not names:
        return Phrase("a process that cannot be seen from here")
    if len(names) > _NAMED_HOLDERS:
        rest = len(names) - _NAMED_HOLDERS
        names = [*names[:_NAMED_HOLDERS], Phrase("{count} more", count=rest)]
    first, *more = (Phrase(name) for name in names)
    if not more:
        return first
    for name in more[:-1]:
        first = Phrase("{first}, {rest}", first=first, rest=name)
    return Phrase("{first} and {last}", first=first, last=more[-1])


def own_line() -> set[int]:
    """Return this process and its ancestors: ending the own shell would end the answer too."""
    line, pid = set(), os.getpid()
    while pid > 1 and pid not in line:
        line.add(pid)
        try:
            pid = process.parent_of(pid)
        except ProcessLookupError:
            break
    return line
