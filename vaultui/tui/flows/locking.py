"""Closing vaults: one, all of them, and what holds them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial

from vaultui.model.errors import HookFailed, MountBusy, VaultuiError
from vaultui.model.language import _, ngettext
from vaultui.model.states import VaultState
from vaultui.tui.flows.flow import Flow
from vaultui.tui.jobs import Job, JobKind
from vaultui.tui.wording import listed, shown
from vaultui.vaults import Holder, LockMode, LockOutcome, VaultEntry, VaultStatus

_HOOK_LINES = 10
"""Of what a hook that failed has said last."""


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

    def start(self, entry: VaultEntry, mode: LockMode, *, skip_hooks: bool = False) -> Job:
        """Lock in the background and say how it went.

        MountBusy opens the busy dialog, and HookFailed that which offers to do without hooks.
        """
        app = self.app

        async def work(job: Job) -> LockOutcome:
            try:
                outcome = await app.vaults.lock(entry.name, mode, skip_hooks=skip_hooks)
            except HookFailed as error:
                self._offer_without_hooks(entry, mode, error)
                raise
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

    def _offer_without_hooks(self, entry: VaultEntry, mode: LockMode, error: HookFailed) -> None:
        """Show what the hook said, and offer to lock all the same."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes and self.app.jobs.of(entry.id) is None:
                self.start(entry, mode, skip_hooks=True)

        lines = error.raw.splitlines()[-_HOOK_LINES:]
        said = "\n".join(map(shown, lines)) if len(lines) > 1 else ""  # one is in the summary
        name = shown(entry.name)
        question = ConfirmScreen(
            _("{name} stays open", name=name),
            "\n\n".join(filter(None, (shown(error.summary), said))),
            yes=_("Lock anyway"),
            no=_("Leave it open"),
            danger=True,
        )
        self.app.push_screen(question, answered)

    # -- several ----------------------------------------------------------------------------

    def lock_all(self) -> None:
        """Show what will become of each open vault, ask once, and lock."""
        self.lock_several(self.app.live.statuses)

    def lock_several(self, statuses: Iterable[VaultStatus]) -> None:
        """Do so with those of these vaults that are open."""
        from vaultui.tui.screens.lockall import LockAllScreen

        mounted = [status for status in statuses if self._is_lockable(status)]
        if not mounted:
            self.app.say(_("No vault is open."))
            return

        def answered(mode: LockMode | None) -> None:
            if mode is not None:
                entries = [status.entry for status in mounted]
                self.app.background(partial(self._lock_several, entries, mode), group="lock-all")

        self.app.push_screen(LockAllScreen(mounted), answered)

    def _is_lockable(self, status: VaultStatus) -> bool:
        job = self.app.jobs.of(status.entry.id)
        return status.mounted and (job is None or job.kind is JobKind.WAIT)

    async def _lock_several(self, entries: list[VaultEntry], mode: LockMode) -> None:
        jobs = []
        for entry in entries:
            waiting = self.app.jobs.of(entry.id)
            if waiting is not None and mode is not LockMode.WAIT:
                await self.app.jobs.cancel(waiting)
            if self.app.jobs.of(entry.id) is None:
                jobs.append(self._start_quietly(entry, mode))
        if mode is LockMode.WAIT:
            self.app.say(_("What is held is locked when it is free; l on it stops the waiting."))
        results = await asyncio.gather(*(job.result() for job in jobs), return_exceptions=True)
        names = [shown(job.entry.name) for job in jobs]
        self._sum_up(dict(zip(names, results, strict=True)))
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, HookFailed):
                self._offer_without_hooks(job.entry, mode, result)

    def _start_quietly(self, entry: VaultEntry, mode: LockMode) -> Job:
        async def work(_job: Job) -> LockOutcome:
            return await self.app.vaults.lock(entry.name, mode)

        kind = JobKind.WAIT if mode is LockMode.WAIT else JobKind.LOCK
        return self.app.jobs.start(entry, kind, work)

    def _sum_up(self, results: Mapping[str, LockOutcome | BaseException | None]) -> None:
        """Say which are locked, and of each that is not, why."""
        locked = [name for name, result in results.items() if isinstance(result, LockOutcome)]
        if locked:
            names = listed(locked)
            self.app.say(
                ngettext("{names} is locked.", "{names} are locked.", len(locked), names=names)
            )
        for result in results.values():
            if isinstance(result, VaultuiError) and not isinstance(result, HookFailed):
                self.warn(result)

    def panic(self) -> None:
        """Ask once, then put everything out of sight and end whoever holds a vault."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.run(self._panic, group="panic")

        text = _(
            "Every open vault goes out of sight at once, the processes that hold one are killed, "
            "and no key stays in memory. What programs have not saved is lost."
        )
        # The focus is on Yes, unlike where something is lost otherwise: this is for an emergency.
        self.app.push_screen(ConfirmScreen(_("Panic"), text, yes=_("Lock everything")), answered)

    async def _panic(self) -> None:
        for status in self.app.live.statuses:
            self.app.flows.noticing.ours(status.entry.id)
        results = await self.app.vaults.batch.panic()
        if not results:
            self.app.say(_("No vault is open."))
        self._sum_up({shown(result.name): result.value or result.error for result in results})

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

    async def close(self) -> None:
        """Leave to the backends what was to be locked when it is free: that is still wanted."""
        for status in self.app.live.statuses:
            job = self.app.jobs.of(status.entry.id)
            if job is not None and job.kind is JobKind.WAIT:
                await self.app.jobs.cancel(job)
                with suppress(VaultuiError):  # it was locked just now, or its backend is gone
                    await self.app.vaults.lock_when_free(status.entry.name)
