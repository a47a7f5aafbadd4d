"""The use cases: everything that the shell twin and the application can do with vaults.

What a look at the states does not need is imported by the use case that does: `status` runs
often, in prompts and status bars.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import replace
from functools import cached_property
from signal import SIGKILL, SIGQUIT
from typing import TYPE_CHECKING, Self

from vaultui.linux import process
from vaultui.linux.errnos import reason_of
from vaultui.linux.holders import Holder
from vaultui.model.errors import (
    BackendUnreachable,
    MountBusy,
    NotOpen,
    ProcessNotSignalled,
    TimedOut,
    VaultuiError,
)
from vaultui.model.language import N_
from vaultui.model.states import VaultState
from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.mountguard import MountGuard
from vaultui.vaults.observer import count_all, observe, observe_all
from vaultui.vaults.outcomes import (
    LockMode,
    LockOutcome,
    Unlocked,
    UnlockOptions,
)
from vaultui.vaults.paths import Paths, default_paths
from vaultui.vaults.registry import Registry
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.turns import LONGEST_WAIT_S, turn
from vaultui.vaults.waiting import in_thread, readable
from vaultui.wire.control import Events, Held, Hold

if TYPE_CHECKING:
    from vaultui.vaults.automation import Automation
    from vaultui.vaults.batch import Batch
    from vaultui.vaults.key import Key
    from vaultui.vaults.keyring import Keyring
    from vaultui.vaults.keys import Keys
    from vaultui.vaults.listing import Listing
    from vaultui.vaults.logbook import Logbook
    from vaultui.vaults.machine import Machine
    from vaultui.vaults.removal import Removal
    from vaultui.vaults.settings import Settings
    from vaultui.vaults.settingsfile import ProgramSettings
    from vaultui.vaults.tasks import Tasks
    from vaultui.vaults.unlocking import StepReport
    from vaultui.vaults.volume import Volume
    from vaultui.vaults.watch import Watch

ENDING_S = 2.0
"""What a backend gets to end after it has unmounted, before an unlock is refused."""
PANIC_TURN_S = 30.0
"""How long a panic waits for whoever unlocks or locks the vault now: a slow derivation, no more."""
RETRY_S = 0.5
"""Where it is not our backend that waits, nothing tells that a process has let go of a mount."""


class Vaults:
    """The vaults of one user. Several of these, in several processes, may work at once.

    Methods raise `VaultuiError` and nothing else for what can go wrong outside. None of
    them touches a mount point in the calling thread, so none hangs on a hung mount.
    """

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self._registry = Registry(paths)
        self._guard = MountGuard(paths.state_dir)

    @classmethod
    def open(cls, paths: Paths | None = None) -> Self:
        """Return the vaults of the current user, or those of `paths`."""
        return cls(paths or default_paths())

    # -- what is known --------------------------------------------------------------------

    def entries(self) -> list[VaultEntry]:
        """Return the known vaults, favourites first, else in the order of the settings file."""
        return self._registry.entries()

    def entry(self, name: str) -> VaultEntry:
        """Return the vault called `name`; raises VaultUnknown with the names that are near."""
        return self._registry.entry(name)

    @property
    def settings_warning(self) -> VaultuiError | None:
        """The typo for which the last good copy of the settings is in use, or None."""
        self._registry.entries()
        return self._registry.warning

    @property
    def program(self) -> ProgramSettings:
        """What the settings of the whole program mean now."""
        return self._registry.settings().program

    async def statuses(self) -> list[VaultStatus]:
        """Return the state of every vault, all looked at together; takes 2 s at the most."""
        self.paths.ensure_runtime_dir()
        return await observe_all(self.paths, self.entries())

    async def counted(self, statuses: Sequence[VaultStatus]) -> list[VaultStatus] | None:
        """Return `statuses`, a moment old, with new counters and countdowns; None where more than
        those may have changed. Asks nobody but the backends.
        """
        return await count_all(self.paths, statuses)

    async def status(self, name: str) -> VaultStatus:
        """Return the state of one vault."""
        return await self._observe(self.entry(name))

    def watch(self) -> Watch:
        """Return a watch whose descriptor becomes readable when the state may have changed."""
        self.paths.ensure_runtime_dir()
        with suppress(OSError):  # of a home that is read-only; then nothing appears there either
            self.paths.config_file.parent.mkdir(parents=True, exist_ok=True)
        from vaultui.vaults.watch import Watch

        return Watch(self.paths, self.entries)

    # -- open and close -------------------------------------------------------------------

    async def unlock(
        self,
        name: str,
        key: Key,
        *,
        options: UnlockOptions | None = None,
        on_step: StepReport | None = None,
    ) -> Unlocked:
        """Open a vault; success too when it is open already, also through a second caller.

        One that was open for the time of a task stays open then, unless this is for one, too.
        The caller wipes `key`. Cancelling ends the backend that was starting. A broken
        mount of this vault is repaired first.
        """
        from vaultui.vaults.unlocking import check_openable, open_vault

        entry = self.entry(name)
        async with self._turn(entry, VaultState.UNLOCKING):
            status = await self._observe(entry, my_turn=True)
            wanted = options or UnlockOptions()
            if status.state.is_open:
                try:
                    await self.want_open(status, wanted)
                    return Unlocked(status, already=True)
                except (NotOpen, BackendUnreachable):
                    # It was open for a task, and locks itself at this very moment.
                    if status.backend_pid is None or not await _wait_for_end(status.backend_pid):
                        raise
                status = await self._observe(entry, my_turn=True)
            if status.state is VaultState.BROKEN:
                status = await self._repair(status)
            if not status.mounted and status.backend_pid is not None:
                # It has just unmounted, and is about to end; or it was detached lazily.
                await _wait_for_end(status.backend_pid)
                status = await self._observe(entry, my_turn=True)
            check_openable(status)
            paths = replace(self.paths, vaults_dir=self._registry.vaults_dir)
            await open_vault(paths, self._guard, entry, key, wanted, on_step, self.program.language)
            return Unlocked(await self._observe(entry, my_turn=True), already=False)

    async def want_open(self, status: VaultStatus, options: UnlockOptions) -> None:
        """Tell an open vault for whom, and how long, it is to be open, as `unlock` does.

        One that was opened for the time of a task stays open then, unless this is for one, too.
        """
        if status.detail is None:
            return  # not ours
        client = ControlClient(self.paths.socket(status.entry.id), name=status.entry.name)
        if options.closes_at is not None:
            await client.close_at(options.closes_at)
        if options.hold is not None:
            await client.hold(options.hold)
        elif status.detail.temporary:
            await client.stay_open(after_tasks=True)

    async def lock(
        self, name: str, mode: LockMode = LockMode.POLITE, *, skip_hooks: bool = False
    ) -> LockOutcome:
        """Close a vault; success too when it is locked already.

        Raises MountBusy with the holders in its details, with WAIT when somebody else gave the
        waiting up, and HookFailed unless hooks are skipped, as a panic does in any case.
        Cancelling WAIT leaves it open; a caller that is killed does not.
        """
        entry = self.entry(name)
        waited = False
        while True:
            try:
                outcome = await self._lock_once(entry, mode, skip_hooks=skip_hooks)
                return replace(outcome, already=False) if waited else outcome
            except MountBusy:
                if mode is not LockMode.WAIT:
                    raise
                # The turn is given back meanwhile: the wait can be long, and others may lock too.
                if not await self._until_free(entry):
                    raise
            waited = True

    async def until_there(self, name: str) -> None:
        """Return when the drive with a vault's cipher directory is there."""
        from vaultui.vaults.arrival import until_there

        await until_there(self.entry(name))

    async def until_locked(self, name: str) -> None:
        """Return when a vault is locked, by whomever; raises BackendDied."""
        from vaultui.vaults.staying import until_locked

        await until_locked(self, name)

    async def lock_when_free(self, name: str) -> bool:
        """Lock a vault now, or leave it to its backend to do so as soon as nobody uses it.

        Returns whether that is yet to come; `stay_open` gives it up.
        """
        return await (await self._control(name)).lock_when_free()

    async def stay_open(self, name: str, *, after_tasks: bool = False) -> None:
        """Give up a lock that waits until nobody uses the vault.

        With `after_tasks` one that was opened for tasks alone stays open after them, too.
        """
        await (await self._control(name)).stay_open(after_tasks=after_tasks)

    async def hold(self, name: str, hold: Hold) -> Held:
        """Keep an open vault open until a process has ended; raises NotOpen where it is locked."""
        return await self._of_hold(name, lambda control: control.hold(hold))

    async def release(self, name: str, hold: Hold) -> Held:
        """End a hold though its process goes on; tells whether the vault locks itself then."""
        return await self._of_hold(name, lambda control: control.release(hold))

    async def _of_hold(self, name: str, ask: Callable[[ControlClient], Awaitable[Held]]) -> Held:
        """Ask the backend at once, and look into it when that does not answer.

        To find out first who uses a vault, as a status has it, takes twenty times as long.
        """
        try:
            return await ask(ControlClient(self.paths.socket(self.entry(name).id), name=name))
        except BackendUnreachable:
            return await ask(await self._control(name))

    async def repair(self, name: str) -> VaultStatus:
        """Detach a dead mount, clear what its backend left behind, and return the new state.

        Raises BackendUnreachable where it only hangs: what waits there to be written would be
        lost, so that ending it is for a lock with KILL.
        """
        entry = self.entry(name)
        async with self._turn(entry, VaultState.LOCKING):
            status = await self._observe(entry, my_turn=True)
            if status.state is VaultState.HUNG:
                raise BackendUnreachable(name=name, reason=N_("its mount hangs"))
            return await self._repair(status)

    async def recover(self) -> list[VaultStatus]:
        """Detach the dead mounts that nobody looks after; return the broken states found.

        For the start of an application: a backend and its keeper may both have been killed.
        """
        broken = [
            status
            for status in await self.statuses()
            if status.state is VaultState.BROKEN and status.mounted and not status.keeper_alive
        ]
        for status in broken:
            with suppress(VaultuiError):  # it stays broken on the screen, and R tells why
                await self.repair(status.entry.name)
        return broken

    async def extend(self, name: str, seconds: float) -> float | None:
        """Put the idle lock off by at least `seconds` and return the seconds left."""
        return (await (await self._control(name)).extend(seconds)).idle_left_s

    async def pause(self, name: str, paused: bool) -> None:
        """Pause the idle lock of an open vault, or let it run again."""
        await (await self._control(name)).pause(paused)

    async def events(self, name: str, since: int = 0) -> Events:
        """Return the events of an open vault's backend after number `since`."""
        return await (await self._control(name)).events(since)

    # -- who holds it ---------------------------------------------------------------------

    async def holders(self, name: str) -> list[Holder]:
        """Return the processes that use an open vault, tasks first; empty when it is locked."""
        status = await self.status(name)
        from vaultui.vaults.locking import holders_of

        return await holders_of(status)

    async def signal_holder(self, holder: Holder, signal: int) -> bool:
        """Send a signal to the very process that was listed, never to a reused pid.

        Where it keeps a task, KILL kills that task. Returns False when it has ended already.
        """
        if holder.kind == "task" and signal == SIGKILL:
            signal = SIGQUIT
        try:
            pidfd = process.open_pidfd(holder.pid, holder.start or None)
        except ProcessLookupError:
            return False
        try:
            return process.signal_pidfd(pidfd, signal)
        except PermissionError as error:
            name = f"{holder.command} ({holder.pid})"
            raise ProcessNotSignalled(process=name, reason=reason_of(error)) from error
        finally:
            os.close(pidfd)

    # -- by nouns -------------------------------------------------------------------------

    @cached_property
    def listing(self) -> Listing:
        """Which vaults are known: added, created, imported, brought into an order."""
        from vaultui.vaults.listing import Listing

        return Listing(self.paths, self._registry, self._guard)

    @cached_property
    def batch(self) -> Batch:
        """The same with several vaults: lock, panic, unlock with one key."""
        from vaultui.vaults.batch import Batch

        return Batch(self)

    @cached_property
    def removal(self) -> Removal:
        """Vaults that go: out of the list, or with their files."""
        from vaultui.vaults.removal import Removal

        return Removal(self.paths, self._registry, self._guard)

    @cached_property
    def volume(self) -> Volume:
        """What lies in the cipher directory: described, measured, checked, rehearsed."""
        from vaultui.vaults.volume import Volume

        return Volume(self, self._control)

    @cached_property
    def keys(self) -> Keys:
        """What opens the vaults: listed, tried, added, changed and removed."""
        from vaultui.vaults.keys import Keys

        return Keys(self._registry)

    @cached_property
    def keyring(self) -> Keyring:
        """The keyring of the desktop, and the passwords in it."""
        from vaultui.vaults.keyring import Keyring

        return Keyring(self._registry)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the program and of each vault."""
        from vaultui.vaults.settings import Settings

        return Settings(self.paths, self._registry, self._guard)

    @cached_property
    def automation(self) -> Automation:
        """What happens to the vaults without anybody: at login, and by timers."""
        from vaultui.vaults.automation import Automation

        return Automation(self._registry)

    @cached_property
    def tasks(self) -> Tasks:
        """What is run against the vaults."""
        from vaultui.vaults.tasks import Tasks

        return Tasks(self, self._registry)

    @cached_property
    def logbook(self) -> Logbook:
        """What was written down about the vaults."""
        from vaultui.vaults.logbook import Logbook

        return Logbook(self.paths, self._registry)

    @cached_property
    def machine(self) -> Machine:
        """What lies on this machine beside the vaults: places, desktop entries, what is missing."""
        from vaultui.vaults.machine import Machine

        return Machine(self.paths, self._registry, self._guard)

    # -- in the folder --------------------------------------------------------------------

    async def open_folder(self, name: str) -> bool:
        """Show an open vault in the file manager; False when there is none."""
        from vaultui.vaults.desktop import open_folder

        status = await self.status(name)
        if not status.mounted:
            raise NotOpen(name=name, state=status.state.value)
        return await in_thread(open_folder, status.mountpoint)

    async def shell(
        self,
        name: str,
        key: Key | None = None,
        *,
        options: UnlockOptions | None = None,
        on_step: StepReport | None = None,
        on_open: Callable[[], None] = lambda: None,
    ) -> int:
        """Run the person's shell inside of a vault, on our terminal; return its exit status.

        With `key`, which the caller wipes, a locked vault is opened for it alone; `on_open` is
        called when the shell takes the terminal. In an open one it counts as use, for the idle
        lock as well. 126 or 127 is the status where the shell, or the mount point, could not be
        entered.
        """
        from vaultui.vaults import subshell

        if key is not None:
            chosen = options or UnlockOptions()
            return await subshell.run_privately(
                self, name, key, chosen, on_step=on_step, on_open=on_open
            )
        status = await self.status(name)
        if not status.mounted:
            raise NotOpen(name=name, state=status.state.value)
        return await subshell.run(name, status.mountpoint)

    # -- inside ---------------------------------------------------------------------------

    def _turn(
        self, entry: VaultEntry, doing: VaultState, wait_s: float = LONGEST_WAIT_S
    ) -> AbstractAsyncContextManager[None]:
        self.paths.ensure_runtime_dir()
        return turn(self.paths, entry.id, doing, wait_s=wait_s)

    async def _observe(self, entry: VaultEntry, *, my_turn: bool = False) -> VaultStatus:
        self.paths.ensure_runtime_dir()
        return await observe(self.paths, entry, my_turn=my_turn)

    async def _lock_once(
        self, entry: VaultEntry, mode: LockMode, *, skip_hooks: bool
    ) -> LockOutcome:
        from vaultui.vaults.locking import Lock

        async with AsyncExitStack() as stack:
            panics = mode is LockMode.PANIC
            wait_s = PANIC_TURN_S if panics else LONGEST_WAIT_S
            try:
                await stack.enter_async_context(self._turn(entry, VaultState.LOCKING, wait_s))
            except TimedOut:
                if not panics:
                    raise
            status = await self._observe(entry, my_turn=True)
            if status.state is VaultState.BROKEN:
                await self._repair(status)
                return LockOutcome(already=not status.mounted)
            lock = Lock(self.paths, status, skip_hooks=skip_hooks)
            if not status.mounted:
                # Out of sight, its backend may still serve whoever held a file.
                return await lock.end_detached() if panics else LockOutcome(already=True)
            outcome = await lock.by(mode)
            # Whoever unlocked it may have been killed before it could do this.
            await in_thread(self._guard.protect, entry.mountpoint)
            return outcome

    async def _until_free(self, entry: VaultEntry) -> bool:
        """Return when there is a reason to try a lock again; False when none is wanted any more."""
        from vaultui.vaults.patience import lock_when_free

        status = await self._observe(entry)
        if status.backend_pid is None or status.detail is None:
            await asyncio.sleep(RETRY_S)
            return True
        try:
            if not await lock_when_free(ControlClient(self.paths.socket(entry.id))):
                return False
        except VaultuiError:  # it has ended, or can't wait: what the next attempt finds will do
            await asyncio.sleep(RETRY_S)
        else:
            await _wait_for_end(status.backend_pid)
        return True

    async def _repair(self, status: VaultStatus) -> VaultStatus:
        from vaultui.supervisor.repair import repair

        await repair(self.paths.run_dir(status.entry.id), status.mountpoint)
        return await self._observe(status.entry, my_turn=True)

    async def _control(self, name: str) -> ControlClient:
        """Return a client of an open vault's backend; raises NotOpen, or says why there is none."""
        status = await self.status(name)
        if not status.mounted:
            raise NotOpen(name=name, state=status.state.value)
        if status.backend_pid is None:
            raise BackendUnreachable(name=name, reason=status.explanation.rstrip("."))
        return ControlClient(self.paths.socket(status.entry.id), name=name)


async def _wait_for_end(pid: int) -> bool:
    """Return whether a backend has ended, or does so in time."""
    try:
        pidfd = process.open_pidfd(pid)
    except ProcessLookupError:
        return True
    try:
        return await readable(pidfd, ENDING_S)
    finally:
        os.close(pidfd)
