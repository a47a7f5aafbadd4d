"""A vault that is held and was asked to lock: who holds it, and what can be done."""

from __future__ import annotations

import asyncio
import signal

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vaultui.model.errors import MountBusy, VaultuiError
from vaultui.model.language import N_, _, ngettext
from vaultui.model.states import VaultState
from vaultui.tui.jobs import JobKind
from vaultui.tui.screens.confirm import ConfirmScreen
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure
from vaultui.tui.widgets.holdertable import HolderTable
from vaultui.tui.widgets.menu import Menu
from vaultui.tui.wording import clock, shown
from vaultui.vaults import Holder, LockMode, VaultEntry

_LOOK_S = 1.0

_WAYS = {
    "retry": ("r", N_("Retry now")),
    "wait": ("w", N_("Wait, and lock as soon as it is free")),
    "term": ("t", N_("Ask the processes to end, then lock")),
    "kill": ("x", N_("Kill the processes, then lock")),
    "lazy": ("z", N_("Detach lazily: its holders keep their access")),
    "cancel": ("Esc", N_("Leave it open")),
}
_WAYS_OF_HUNG = {
    "retry": ("r", N_("Try to lock it")),
    "kill": ("x", N_("End its mount backend, and lock")),
    "lazy": ("z", N_("Detach lazily: its holders keep their access")),
    "cancel": ("Esc", N_("Leave it as it is")),
}
_STOP_WAITING = ("w", N_("Stop waiting; it stays open"))

_LAZY = N_(
    "The vault goes out of sight now: nobody finds it under its path any more. Processes "
    "that hold its files keep reading and writing them, and the keys stay in memory "
    "until the last of them ends."
)


class BusyScreen(Dialog[None]):
    """Looks at the holders again every second; closes when the vault is locked.

    For a vault that hangs it offers to end its backend instead of its holders.
    """

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("r", "retry", "Retry", show=False),
        Binding("w", "wait", "Wait and lock when free", show=False),
        Binding("t", "term", "Ask to end", show=False),
        Binding("x", "kill", "Kill", show=False),
        Binding("z", "lazy", "Detach lazily", show=False),
    ]

    def __init__(self, entry: VaultEntry) -> None:
        super().__init__(id="busy")
        self._entry = entry
        self._hangs = False
        self._holders: list[Holder] | None = None

    def compose(self) -> ComposeResult:
        status = self.vaultui.live.status(self._entry.id)
        self._hangs = status is not None and status.state is VaultState.HUNG
        title = N_("{name} does not answer") if self._hangs else N_("{name} is in use")
        with VerticalScroll(classes="dialog wide", can_focus=False) as box:
            self.head(box, _(title, name=shown(self._entry.name)), _("Esc closes"))
            yield Static(id="busy-note", markup=False)
            yield HolderTable(id="busy-holders")
            yield Failure(self.vaultui.glyphs)
            yield Menu(_WAYS_OF_HUNG if self._hangs else _WAYS)

    def on_mount(self) -> None:
        self.query_one(Menu).focus()
        self.query_one("#busy-holders").display = False
        self._look()
        self.set_interval(_LOOK_S, self._look)

    # -- showing ----------------------------------------------------------------------------

    @property
    def _waiting_s(self) -> float | None:
        """Seconds that the application has waited to lock this vault, or None."""
        job = self.vaultui.jobs.of(self._entry.id)
        if job is None or job.kind is not JobKind.WAIT:
            return None
        return self.vaultui.clock() - job.began

    @property
    def _waits(self) -> bool:
        """Whether it is to be locked as soon as it is free, also by who asked for that before."""
        status = self.vaultui.live.status(self._entry.id)
        detail = status.detail if status is not None else None
        asked = detail is not None and bool(detail.waits_to_lock)
        return asked or self._waiting_s is not None

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        status = self.vaultui.live.status(self._entry.id)
        if status is not None and not status.state.is_mounted:
            self.dismiss(None)
            return
        try:
            self._holders = await self.vaultui.vaults.holders(self._entry.name)
        except VaultuiError as error:
            self.query_one(Failure).show(error)
        self._draw(status.mountpoint if status is not None else self._entry.mountpoint)

    def _draw(self, mountpoint: str) -> None:
        width = self.query_one(".dialog").content_size.width
        if not width:
            # Holders may be known before the dialog has its place on the screen, and paths are
            # cut to its width.
            self.call_after_refresh(self._draw, mountpoint)
            return
        holders = self._holders or []
        note = self.query_one("#busy-note", Static)
        if self._hangs:
            status = self.vaultui.live.status(self._entry.id)
            why = status.explanation if status is not None else ""
            note.update(_(why) or _("The mount hangs. It may come back by itself."))
            return
        waited, waits = self._waiting_s, self._waits
        processes = ngettext(
            "{count} process", "{count} processes", len({holder.pid for holder in holders})
        )
        if waits:
            text = _("It locks as soon as it is free.")
            if waited is not None:
                text = _("Waiting {waited}: it locks as soon as it is free.", waited=clock(waited))
            held = _(" Held by {processes}.", processes=processes) if holders else ""
            note.update(Content.assemble((text, "$accent"), held))
        elif holders:
            note.update(
                _("Held by {processes}. Close what is open there, or choose:", processes=processes)
            )
        else:
            note.update(_("Nothing holds it any more: r locks it now."))
        self.query_one(Menu).reword("wait", *(_STOP_WAITING if waits else _WAYS["wait"]))
        self.query_one(HolderTable).show(holders, mountpoint, width)

    # -- choices ----------------------------------------------------------------------------

    def action_retry(self) -> None:
        self._lock(LockMode.POLITE)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self._hangs and action in ("wait", "term"):
            return False  # whoever holds it waits for the same answer
        return super().check_action(action, parameters)

    def action_wait(self) -> None:
        if self._waits:
            self._stop_waiting()
        else:
            self._start_waiting()

    @work(group="stop")
    async def _stop_waiting(self) -> None:
        job = self.vaultui.jobs.of(self._entry.id)
        try:
            if job is not None:
                await self.vaultui.jobs.cancel(job)
            else:
                await self.vaultui.vaults.stay_open(self._entry.name)
        except VaultuiError as error:
            self.query_one(Failure).show(error)
            return
        self.vaultui.say(_("{name} stays open.", name=shown(self._entry.name)))
        await self.vaultui.live.refresh()
        self._look()

    def _start_waiting(self) -> None:
        if self.vaultui.jobs.of(self._entry.id) is None:
            self.vaultui.flows.locking.start(self._entry, LockMode.WAIT)
        self.vaultui.say(
            _("{name} locks when it is free; l stops the waiting.", name=shown(self._entry.name))
        )
        self.dismiss(None)

    @work(group="lock", exclusive=True)
    async def _lock(self, mode: LockMode) -> None:
        waiting = self.vaultui.jobs.of(self._entry.id)
        if waiting is not None:
            await self.vaultui.jobs.cancel(waiting)
        failure = self.query_one(Failure)
        failure.show(None)
        job = self.vaultui.flows.locking.start(self._entry, mode)
        job.attended = True
        try:
            await job.result()
        except MountBusy:
            failure.say(_("It is still in use."))
            self._look()
        except VaultuiError as error:
            failure.show(error)
        except asyncio.CancelledError:
            job.attended = False
            raise
        else:
            self.dismiss(None)

    @work(group="term", exclusive=True)
    async def action_term(self) -> None:
        """Ask every holder to end, then lock as soon as they have."""
        first = {holder.pid: holder for holder in reversed(self._holders or [])}
        for holder in first.values():
            try:
                await self.vaultui.vaults.signal_holder(holder, signal.SIGTERM)
            except VaultuiError as error:
                self.query_one(Failure).show(error)
                return
        if self.vaultui.jobs.of(self._entry.id) is None:
            self.vaultui.flows.locking.start(self._entry, LockMode.WAIT)
        self._look()

    def action_kill(self) -> None:
        if self._hangs:
            text = _("Its mount backend ends at once; what it has not written yet is lost.")
            question = ConfirmScreen(_("End and lock"), text, yes=_("End and lock"), danger=True)
            self._confirmed(question, LockMode.KILL)
            return
        names = ", ".join(
            dict.fromkeys(f"{shown(h.command)} ({h.pid})" for h in self._holders or [])
        )
        self._confirmed(
            ConfirmScreen(
                _("Kill and lock"),
                _(
                    "These processes end at once, and what they have not saved is lost: {names}.",
                    names=names,
                )
                if names
                else _("Whatever holds the vault ends at once."),
                yes=_("Kill and lock"),
                danger=True,
            ),
            LockMode.KILL,
        )  # fmt: skip

    def action_lazy(self) -> None:
        self._confirmed(
            ConfirmScreen(_("Detach lazily"), _(_LAZY), yes=_("Detach"), danger=True), LockMode.LAZY
        )

    def _confirmed(self, question: ConfirmScreen, mode: LockMode) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._lock(mode)

        self.app.push_screen(question, answered)
