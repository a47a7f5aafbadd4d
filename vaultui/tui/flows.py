"""What each action does: the dialogs it opens, the use case it calls, what it says at the end.

Called by the application with the state of the vault it applies to; whether it applies has
been decided by `actions`. Nothing here decides what a vault may do: `vaults` does.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from vaultui.model.errors import MountBusy, VaultuiError
from vaultui.model.states import VaultState
from vaultui.tui.jobs import Job, JobKind
from vaultui.tui.wording import counted, listed, place, shown, span
from vaultui.vaults import (
    TOKEN_KIND,
    Holder,
    Key,
    LockMode,
    LockOutcome,
    Unlocked,
    UnlockOptions,
    VaultEntry,
    VaultStatus,
)

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

EXTENSION_S = 15 * 60.0


class Flows:
    """One for an application. Methods start work and return; dialogs and toasts tell the rest."""

    def __init__(self, app: VaultuiApp) -> None:
        self._app = app

    # -- unlock -----------------------------------------------------------------------------

    def unlock(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.unlock import UnlockScreen

        self._app.push_screen(UnlockScreen(status))

    def start_unlock(
        self, entry: VaultEntry, key: Key, options: UnlockOptions, *, remember: bool
    ) -> Job:
        """Unlock in the background; the job wipes the key at its end."""
        app = self._app

        async def work(job: Job) -> Unlocked:
            with key:
                unlocked = await app.vaults.unlock(
                    entry.name,
                    key,
                    options=options,
                    on_step=lambda _name, words: app.jobs.step(job, words),
                )
                if remember:
                    await self._remember(entry, key)
            self._say_open(unlocked)
            return unlocked

        return app.jobs.start(entry, JobKind.UNLOCK, work)

    async def _remember(self, entry: VaultEntry, key: Key) -> None:
        # The vault is open by now: a keyring that fails must not turn that into a failure.
        try:
            if key.key_file is not None and key.key_file != entry.key_file:
                self._app.vaults.remember_key_file(entry.name, key.key_file)
            if not key.secret:
                return
            keyring = await self._app.vaults.save_password(entry.name, key.secret)
        except VaultuiError as error:
            self._app.say(f"{error.summary} {error.hint}", severity="warning")
        else:
            self._app.say(f"The password is remembered in {shown(keyring.label)}.")

    def _say_open(self, unlocked: Unlocked) -> None:
        status = unlocked.status
        name = shown(status.entry.name)
        where = place(status.mountpoint or status.entry.mountpoint)
        if unlocked.already:
            self._app.say(f"{name} was open already, at {where}.")
            return
        when = (
            f"It locks after {span(status.idle_timeout_s)} without use."
            if status.idle_timeout_s
            else "It stays open until it is locked."
        )
        self._app.say(f"{name} is open at {where}. {when}")

    # -- lock -------------------------------------------------------------------------------

    def lock(self, status: VaultStatus) -> None:
        """Lock politely; a vault that is held, or waited for already, gets the busy dialog."""
        if self._app.jobs.of(status.entry.id) is not None or status.state is VaultState.HUNG:
            self._busy(status.entry)
            return
        self.start_lock(status.entry, LockMode.POLITE)

    def start_lock(self, entry: VaultEntry, mode: LockMode) -> Job:
        """Lock in the background and say how it went; MountBusy opens the busy dialog."""
        app = self._app

        async def work(job: Job) -> LockOutcome:
            try:
                outcome = await app.vaults.lock(entry.name, mode)
            except MountBusy:
                if not job.attended:
                    self._busy(entry)
                raise
            except VaultuiError as error:
                if not job.attended:
                    self.explain(error)
                raise
            self._say_locked(entry, outcome)
            return outcome

        kind = JobKind.WAIT if mode is LockMode.WAIT else JobKind.LOCK
        return app.jobs.start(entry, kind, work)

    def _say_locked(self, entry: VaultEntry, outcome: LockOutcome) -> None:
        name = shown(entry.name)
        if outcome.already:
            self._app.say(f"{name} was locked already.")
        elif outcome.detached:
            self._app.say(
                f"{name} is out of sight. Processes that hold its files keep them until they end.",
                severity="warning",
            )
        else:
            self._app.say(f"{name} is locked.")

    def _busy(self, entry: VaultEntry) -> None:
        from vaultui.tui.screens.busy import BusyScreen

        self._app.push_screen(BusyScreen(entry))

    def lock_all(self) -> None:
        """Say what will be locked, ask once, and lock each; a held one is named at the end."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        mounted = [
            status.entry
            for status in self._app.live.statuses
            if status.mounted and self._app.jobs.of(status.entry.id) is None
        ]
        if not mounted:
            self._app.say("No vault is open.")
            return
        names = listed([shown(entry.name) for entry in mounted])

        def answered(yes: bool | None) -> None:
            if yes:
                self._app.background(partial(self._lock_all, mounted), group="lock-all")

        self._app.push_screen(
            ConfirmScreen(
                "Lock all",
                f"This locks {counted(len(mounted), 'vault')}: {names}. A vault that is held by "
                "a process stays open and is named.",
                yes="Lock all",
            ),
            answered,
        )

    async def _lock_all(self, entries: list[VaultEntry]) -> None:
        jobs = []
        for entry in entries:
            if self._app.jobs.of(entry.id) is None:
                job = self._start_quiet_lock(entry)
                jobs.append(job)
        results = await asyncio.gather(*(job.result() for job in jobs), return_exceptions=True)
        locked = [shown(job.entry.name) for job, result in zip(jobs, results, strict=True)
                  if not isinstance(result, BaseException)]  # fmt: skip
        if locked:
            self._app.say(f"{listed(locked)} {'is' if len(locked) == 1 else 'are'} locked.")
        for result in results:
            if isinstance(result, VaultuiError):
                self._app.say(f"{result.summary} {result.hint}", severity="warning")

    def _start_quiet_lock(self, entry: VaultEntry) -> Job:
        async def work(_job: Job) -> LockOutcome:
            return await self._app.vaults.lock(entry.name, LockMode.POLITE)

        return self._app.jobs.start(entry, JobKind.LOCK, work)

    def end_holder(self, holder: Holder, signal_number: int) -> None:
        """Ask a process to end, or kill it after a confirmation."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        async def send() -> None:
            try:
                await self._app.vaults.signal_holder(holder, signal_number)
            except VaultuiError as error:
                self.explain(error)
            else:
                word = "killed" if signal_number == signal.SIGKILL else "asked to end"
                self._app.say(f"{shown(holder.command)} ({holder.pid}) was {word}.")

        def answered(yes: bool | None) -> None:
            if yes:
                self._app.background(send, group="signal")

        if signal_number == signal.SIGKILL:
            self._app.push_screen(
                ConfirmScreen(
                    f"Kill {shown(holder.command)}",
                    f"Process {holder.pid} ends at once; what it has not saved is lost.",
                    yes="Kill",
                    danger=True,
                ),
                answered,
            )
        else:
            answered(True)

    # -- small ones -------------------------------------------------------------------------

    def extend(self, status: VaultStatus) -> None:
        self._run(partial(self._extend, status.entry), "extend")

    async def _extend(self, entry: VaultEntry) -> None:
        left = await self._app.vaults.extend(entry.name, EXTENSION_S)
        text = f"locks in {span(left)} at the earliest" if left else "stays open longer"
        self._app.say(f"{shown(entry.name)} {text}.")

    def pause(self, status: VaultStatus) -> None:
        self._run(partial(self._pause, status.entry, not status.idle_paused), "pause")

    async def _pause(self, entry: VaultEntry, paused: bool) -> None:
        await self._app.vaults.pause(entry.name, paused)
        text = "is paused: it stays open" if paused else "runs again"
        self._app.say(f"The idle lock of {shown(entry.name)} {text}.")

    def folder(self, status: VaultStatus) -> None:
        self._run(partial(self._folder, status.entry), "folder")

    async def _folder(self, entry: VaultEntry) -> None:
        if not await self._app.vaults.open_folder(entry.name):
            self._app.say("There is no file manager here; y copies the path.", severity="warning")

    def copy_path(self, status: VaultStatus) -> None:
        self._app.copy_text(status.mountpoint or status.entry.mountpoint)

    def repair(self, status: VaultStatus | None) -> None:
        """Detach a dead mount; one that hangs is not dead, and what can be done is offered.

        For a vault that is well this is a refresh.
        """
        if status is not None and status.state is VaultState.BROKEN:
            self._run(partial(self._repair, status), "repair")
        elif status is not None and status.state is VaultState.HUNG:
            self._busy(status.entry)
        else:
            self._app.live.frozen = False
            self._app.live.key_changes += 1
            self._run(self._app.live.refresh, "refresh")

    async def _repair(self, status: VaultStatus) -> None:
        await self._app.vaults.repair(status.entry.name)
        self._app.say(f"The dead mount of {shown(status.entry.name)} is gone; u unlocks it again.")

    # -- the list ---------------------------------------------------------------------------

    def add(self, cipherdir: str = "") -> None:
        from vaultui.tui.screens.add import AddScreen

        self._app.push_screen(AddScreen(cipherdir), self._added)

    def create(self) -> None:
        from vaultui.tui.screens.create import CreateScreen

        self._app.push_screen(CreateScreen(), self._added)

    def _added(self, entry: VaultEntry | None) -> None:
        if entry is not None:
            self._app.say(f"{shown(entry.name)} is in the list; u unlocks it.")
            self._run(partial(self._show_new, entry), "refresh")

    async def _show_new(self, entry: VaultEntry) -> None:
        await self._app.live.refresh()
        self._app.select(entry.id)

    def forget(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.forget import ForgetScreen

        self._app.push_screen(ForgetScreen(status.entry))

    def conflicts(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.conflicts import ConflictsScreen

        self._app.push_screen(ConflictsScreen(status))

    # -- keys -------------------------------------------------------------------------------

    def keys(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.keys import KeysScreen

        self._app.push_screen(KeysScreen(status.entry))

    def change_password(self, status: VaultStatus) -> None:
        self._run(partial(self._change_password, status.entry), "keys")

    async def _change_password(self, entry: VaultEntry) -> None:
        from vaultui.tui.screens.changepassword import ChangePasswordScreen

        slots = await self._app.vaults.keys.slots(entry.name)
        if any(slot.kind == TOKEN_KIND for slot in slots):
            self._app.say(f"{shown(entry.name)} has no password: a FIDO2 token opens it.")
            return
        self._app.push_screen(ChangePasswordScreen(entry, slots))

    # -- failures ---------------------------------------------------------------------------

    def explain(self, error: VaultuiError) -> None:
        """Show a failure with its cure, and its raw text under Details."""
        from vaultui.tui.screens.error import ErrorScreen

        self._app.push_screen(ErrorScreen(error))

    def _run(self, work: Callable[[], Awaitable[None]], group: str) -> None:
        """Do a short piece of work; a failure is explained, and the states are asked for."""

        async def guarded() -> None:
            try:
                await work()
            except VaultuiError as error:
                self.explain(error)
            else:
                await self._app.live.refresh()

        self._app.background(guarded, group=group)
