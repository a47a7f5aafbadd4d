"""Closing vaults: one, all of them, and what holds them."""

from __future__ import annotations

import asyncio
import signal
from functools import partial

from vaultui.model.errors import MountBusy, VaultuiError
from vaultui.model.language import _, ngettext
from vaultui.model.states import VaultState
from vaultui.tui.flows.flow import Flow
from vaultui.tui.jobs import Job, JobKind
from vaultui.tui.wording import listed, shown
from vaultui.vaults import Holder, LockMode, LockOutcome, VaultEntry, VaultStatus


class Locking(Flow):
    """Locks politely, and offers what is left where that does not do."""

    def lock(self, status: VaultStatus) -> None:
        """Lock politely; a vault that is held, or waited for already, gets the busy dialog."""
        if self.app.jobs.of(status.entry.id) is not None or status.state is VaultState.HUNG:
            self.show_holders(status.entry)
        else:
            self.start(status.entry, LockMode.POLITE)

    def show_holders(self, entry: VaultEntry) -> None:
        """Open the dialog over a vault that is held, or hangs."""
        from vaultui.tui.screens.busy import BusyScreen

        self.app.push_screen(BusyScreen(entry))

    def start(self, entry: VaultEntry, mode: LockMode) -> Job:
        """Lock in the background and say how it went; MountBusy opens the busy dialog."""
        app = self.app

        async def work(job: Job) -> LockOutcome:
            try:
                outcome = await app.vaults.lock(entry.name, mode)
            except MountBusy:
                if not job.attended:
                    self.show_holders(entry)
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
            self.app.say(_("{name} was locked already.", name=name))
        elif outcome.detached:
            self.app.say(
                _(
                    "{name} is out of sight. Processes that hold its files keep them until "
                    "they end.",
                    name=name,
                ),
                severity="warning",
            )
        else:
            self.app.say(_("{name} is locked.", name=name))

    # -- several ----------------------------------------------------------------------------

    def lock_all(self) -> None:
        """Say what will be locked, ask once, and lock each; a held one is named at the end."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        mounted = [
            status.entry
            for status in self.app.live.statuses
            if status.mounted and self.app.jobs.of(status.entry.id) is None
        ]
        if not mounted:
            self.app.say(_("No vault is open."))
            return
        names = listed([shown(entry.name) for entry in mounted])

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.background(partial(self._lock_all, mounted), group="lock-all")

        text = ngettext(
            "This locks {count} vault: {names}. A vault that is held by a process stays open "
            "and is named.",
            "This locks {count} vaults: {names}. A vault that is held by a process stays open "
            "and is named.",
            len(mounted),
            names=names,
        )
        self.app.push_screen(ConfirmScreen(_("Lock all"), text, yes=_("Lock all")), answered)

    async def _lock_all(self, entries: list[VaultEntry]) -> None:
        jobs = [
            self._start_quietly(entry) for entry in entries if self.app.jobs.of(entry.id) is None
        ]
        results = await asyncio.gather(*(job.result() for job in jobs), return_exceptions=True)
        locked = [
            shown(job.entry.name)
            for job, result in zip(jobs, results, strict=True)
            if not isinstance(result, BaseException)
        ]
        if locked:
            self.app.say(
                ngettext(
                    "{names} is locked.", "{names} are locked.", len(locked), names=listed(locked)
                )
            )
        for result in results:
            if isinstance(result, VaultuiError):
                self.warn(result)

    def _start_quietly(self, entry: VaultEntry) -> Job:
        async def work(_job: Job) -> LockOutcome:
            return await self.app.vaults.lock(entry.name, LockMode.POLITE)

        return self.app.jobs.start(entry, JobKind.LOCK, work)

    # -- processes that hold a vault --------------------------------------------------------

    def end_holder(self, holder: Holder, signal_number: int) -> None:
        """Ask a process to end, or kill it after a confirmation."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        command = shown(holder.command)

        async def send() -> None:
            try:
                await self.app.vaults.signal_holder(holder, signal_number)
            except VaultuiError as error:
                self.explain(error)
                return
            words = {"process": command, "pid": holder.pid}
            if signal_number == signal.SIGKILL:
                self.app.say(_("{process} ({pid}) was killed.", **words))
            else:
                self.app.say(_("{process} ({pid}) was asked to end.", **words))

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.background(send, group="signal")

        if signal_number == signal.SIGKILL:
            self.app.push_screen(
                ConfirmScreen(
                    _("Kill {process}", process=command),
                    _(
                        "Process {pid} ends at once; what it has not saved is lost.",
                        pid=holder.pid,
                    ),
                    yes=_("Kill"),
                    danger=True,
                ),
                answered,
            )
        else:
            answered(True)
