"""Taking the mount away, and finding out who keeps it."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import trio

from vaultui.linux import process
from vaultui.linux.errnos import os_error, reason_of
from vaultui.linux.fusemount import handed_over
from vaultui.linux.holders import Holder, find_holders
from vaultui.linux.mountinfo import mount_at
from vaultui.linux.unmount import unmount
from vaultui.model.errors import HookFailed, MountBusy
from vaultui.mountd.control import hooks
from vaultui.mountd.control.holderwords import in_words
from vaultui.mountd.control.hooks import HOOKS_S, HURRIED_S, Hooks
from vaultui.mountd.control.notices import Notices
from vaultui.mountd.control.served import Served
from vaultui.wire.control import EventKind

HOLDERS_S: Final = 1.0
"""How long it may take to know who uses the mount: /proc answers in milliseconds."""
PATIENCE_S: Final = 0.01
"""How long somebody waits for that who asks again soon. With some hundred processes it takes
several times as long, and longer still while the data plane keeps the cores and the interpreter's
lock busy; an answer on the control socket is to take 50 ms at most, even then."""
FRESH_S: Final = 0.8
"""What was found out so lately is not looked for again. Less than the second between two looks of
a front end: each of them has its own search, and any number of front ends share one."""
KNOWN_S: Final = 12.0
"""For so long it is told while there is nothing newer: a front end behind other windows has looked
twice more by then."""
_ROUNDS: Final = (
    (signal.SIGTERM, signal.SIGTERM, 1.5),
    (signal.SIGKILL, signal.SIGQUIT, 1.0),
    (signal.SIGKILL, signal.SIGKILL, 0.5),
)
"""Signals, those to the keepers of tasks, and seconds that whoever got one may take to end. A
machine that is about to sleep waits for four in all. A keeper that is asked to by QUIT kills its
task, and writes down that it did."""
REST_S: Final = 2.0
EAGER_S: Final = 10.0
EAGER_PAUSE_S: Final = 0.25
PATIENT_PAUSE_S: Final = 2.0
"""Between two looks whether the vault is free: at first often, and after EAGER_S more rarely."""


_HURRIED: Final = frozenset({"sleep", "logout", "shutdown", "SIGTERM", "SIGINT", "SIGHUP"})
"""Reasons to lock that leave hooks little time."""


class WhenHookFails(Enum):
    STAY = "stay"
    """It is not locked: whoever asked for that is told."""
    LOCK = "lock"
    """It is told, and locked all the same."""
    SKIP = "skip"
    """None is run."""


@dataclass(frozen=True)
class _Found:
    """Who used the mount when a search began; None where nothing is known of that time."""

    began: float
    holders: list[Holder] | None


class Locker:
    def __init__(self, served: Served, hooks: Hooks, notices: Notices) -> None:
        self._served = served
        self._hooks = hooks
        self._hooked: float | None = None
        """The last use of the vault when hooks had been run: until the next they need not be."""
        self._notices = notices
        self._unmounting = trio.Lock()
        self._asking = trio.Lock()
        """Held by the one who waits for `known_holders`, for PATIENCE_S at most."""
        self._looking_since: float | None = None
        self._known = _Found(-math.inf, None)
        self.unmounted = trio.Event()
        """The mount is out of the table, politely."""
        self.let_go = trio.Event()
        """A descriptor that was handed over is not to be served any more."""

    async def lock(
        self,
        reason: str,
        *,
        lazy: bool = False,
        when_hook_fails: WhenHookFails = WhenHookFails.LOCK,
    ) -> None:
        """Unmount; raises MountBusy that names the holders, or HookFailed.

        Returns when the mount table no longer lists the mount. One at a time: a second
        caller finds it gone, which is what it asked for.
        """
        if when_hook_fails is WhenHookFails.SKIP or reason in _HURRIED:
            self._hooks.give_up()  # what another lock waits for
        try:
            await self._unmount(reason, lazy=lazy, when_hook_fails=when_hook_fails)
        except (OSError, TimeoutError) as error:
            served = self._served
            # It is in use: nobody is told that it is free because it was so before.
            self._known = _Found(trio.current_time(), None)
            words = in_words(await self.holders() or self._tasks())
            served.events.add(EventKind.LOCK_BUSY, detail=f"held by {words}")
            raise MountBusy(name=served.name, holders=words, raw=reason_of(error)) from error

    async def lock_when_free(self, reason: str) -> None:
        """Unmount as soon as nobody uses the mount."""
        waits = self._served.waits_to_lock
        waits.append(reason)
        began = trio.current_time()
        try:
            while True:
                # An open file would be refused; asking costs a process each time.
                if not (self._served.activity.open_files or self._served.holds):
                    with contextlib.suppress(OSError, TimeoutError):
                        return await self._unmount(reason)
                is_eager = trio.current_time() - began < EAGER_S
                await trio.sleep(EAGER_PAUSE_S if is_eager else PATIENT_PAUSE_S)
        finally:
            waits.remove(reason)

    async def _unmount(
        self,
        reason: str,
        *,
        lazy: bool = False,
        when_hook_fails: WhenHookFails = WhenHookFails.LOCK,
    ) -> None:
        """Raises OSError, TimeoutError or HookFailed; returns at once where it is not mounted."""
        served = self._served
        async with self._unmounting:
            if served.holds and not lazy:
                raise os_error(errno.EBUSY)
            if handed_over(served.root) is not None:
                self._let_go(lazy)
            elif (top := mount_at(served.root)) is None:
                return
            elif top.mount_id != served.mount_id:
                raise OSError(errno.EBUSY, f"{top.fstype} is mounted over it")
            else:
                if served.spec.before_lock and when_hook_fails is not WhenHookFails.SKIP:
                    await self._run_hooks(reason, lazy, when_hook_fails)
                await trio.to_thread.run_sync(_unmount, served.root, lazy)
                if not lazy:
                    self.unmounted.set()
            served.events.add(EventKind.LOCKED, detail=reason)
            self._notices.locked(reason, waited=reason in served.waits_to_lock)

    async def _run_hooks(self, reason: str, lazy: bool, when_hook_fails: WhenHookFails) -> None:
        """Run what comes before a lock, once for each time that the vault was used.

        Raises OSError where the lock would fail anyway, and HookFailed if that is to stop it.
        """
        served = self._served
        if served.activity.last_use == self._hooked:
            return
        if not lazy and await self.holders():
            raise os_error(errno.EBUSY)
        try:
            await self._hooks.before_lock(HURRIED_S if reason in _HURRIED else HOOKS_S)
        except HookFailed as failure:
            served.events.add(EventKind.HOOK_FAILED, detail=hooks.told(failure))
            if when_hook_fails is WhenHookFails.STAY:
                raise
            self._notices.hook_failed(failure)
        self._hooked = served.activity.last_use

    async def is_mounted(self) -> bool:
        """Return whether the mount is in place, as soon as no unmount is under way."""
        async with self._unmounting:
            if handed_over(self._served.root) is not None:
                return not self.let_go.is_set()
            return mount_at(self._served.root) is not None

    async def rest(self) -> None:
        """Return when no unmount is under way: the mount may be gone before that is told."""
        with trio.move_on_after(REST_S):
            async with self._unmounting:
                pass

    def _let_go(self, lazy: bool) -> None:
        """End serving a descriptor that was handed over: whoever mounted it unmounts it.

        Raises OSError while files are open, unless `lazy`.
        """
        if self._served.activity.open_files and not lazy:
            raise os_error(errno.EBUSY)
        self.let_go.set()

    async def holders(self) -> list[Holder] | None:
        """Return who uses the mount; None when that can't be found out in time.

        Tasks come first. A process that waits for storage that hangs can keep waiting whoever
        looks into it. Who uses something else that is mounted over ours is none of them.
        """
        since = self._looking_since
        if since is not None and trio.current_time() - since > HOLDERS_S:
            return None  # one thread that waits is enough

        began = trio.current_time()

        def look() -> list[Holder]:
            try:
                top = mount_at(self._served.root)
                is_ours = top is not None and top.mount_id == self._served.mount_id
                found = find_holders(self._served.root) if is_ours else []
                # Kept also where nobody waits for it any more.
                if began >= self._known.began:
                    self._known = _Found(began, found)
                return found
            finally:
                self._looking_since = None

        self._looking_since = since or began
        with trio.move_on_after(HOLDERS_S), contextlib.suppress(OSError):  # no descriptor left
            found = await trio.to_thread.run_sync(look, abandon_on_cancel=True)
            return [*self._tasks(), *found]
        return None

    async def known_holders(self) -> list[Holder] | None:
        """Return who uses the mount, soon, for those who ask again and again.

        What can't be found out in PATIENCE_S goes on being looked for, and is told the next one
        who asks. Until then it is what was found KNOWN_S ago at most, and None without that.
        """
        with trio.move_on_after(PATIENCE_S):
            async with self._asking:  # who comes second gets what the first one finds
                if self._known_within(FRESH_S) is None and self._looking_since is None:
                    await self.holders()
        found = self._known_within(FRESH_S)
        if found is None:
            if (found := self._known_within(KNOWN_S)) is None:
                return None
            # Each once: a system call may cost the interpreter's lock for some milliseconds.
            ended = {
                pid
                for pid, start in {(holder.pid, holder.start) for holder in found}
                if not process.is_same_process(pid, start)
            }
            found = [holder for holder in found if holder.pid not in ended]
        return [*self._tasks(), *found]

    def _known_within(self, seconds: float) -> list[Holder] | None:
        """Return what the newest search has found, if it began at most so long ago."""
        known = self._known
        return known.holders if trio.current_time() - known.began <= seconds else None

    def _tasks(self) -> list[Holder]:
        """Return whom the vault is kept open for."""
        own = os.getuid()
        return [Holder(h.pid, h.title, own, "task", "", h.start) for h in self._served.holds]

    async def kill_and_lock(self, reason: str) -> None:
        """End whoever uses the mount, and unmount; raises MountBusy for those that stay.

        The last round is for children of those that were killed.
        """
        for number, to_keepers, grace_s in _ROUNDS:
            await self._end_holders(number, to_keepers, grace_s)
            with contextlib.suppress(OSError, TimeoutError):
                await self._unmount(reason)
                return
        await self.lock(reason)

    async def _end_holders(
        self, number: signal.Signals, to_keepers: signal.Signals, grace_s: float
    ) -> None:
        """Send a signal to the processes that use the mount; return when they have ended."""
        holders = await self.holders() or self._tasks()
        if holders:
            words = f"{number.name} to {in_words(holders)}"
            self._served.events.add(EventKind.HOLDERS_ENDED, detail=words)
        with _pidfds(holders) as pidfds, trio.move_on_after(grace_s):
            for pidfd, is_keeper in pidfds.items():
                with contextlib.suppress(PermissionError):  # another user's
                    process.signal_pidfd(pidfd, to_keepers if is_keeper else number)
            for pidfd in pidfds:
                await trio.lowlevel.wait_readable(pidfd)


@contextlib.contextmanager
def _pidfds(holders: Sequence[Holder]) -> Iterator[dict[int, bool]]:
    """Hold the processes by descriptors, so that a signal reaches the very ones that were found.

    Each comes with whether it keeps a task.
    """
    keepers = {(h.pid, h.start) for h in holders if h.kind == "task"}
    with contextlib.ExitStack() as stack:
        pidfds = {}
        for pid, start in {(h.pid, h.start) for h in holders if h.pid != os.getpid()}:
            with contextlib.suppress(ProcessLookupError):
                pidfd = process.open_pidfd(pid, start)
                pidfds[pidfd] = (pid, start) in keepers
                stack.callback(os.close, pidfd)
        yield pidfds


def _unmount(mountpoint: str, lazy: bool) -> None:
    unmount(mountpoint, lazy=lazy)
