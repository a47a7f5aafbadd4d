"""The Activity pane: the time line of an open vault, as its backend tells it."""

from __future__ import annotations

import time

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.widgets import RichLog, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import shown
from vaultui.vaults import Event, EventKind, VaultStatus

_WORDS = {
    EventKind.UNLOCKED: N_("unlocked"),
    EventKind.LOCKED: N_("locked"),
    EventKind.LOCK_BUSY: N_("could not lock"),
    EventKind.WAITING_TO_LOCK: N_("locks when nobody uses it"),
    EventKind.STAYS_OPEN: N_("stays open"),
    EventKind.HOLDERS_ENDED: N_("ended who used it"),
    EventKind.IDLE_WARNING: N_("idle lock is near"),
    EventKind.IDLE_RESET: N_("used again"),
    EventKind.EXTENDED: N_("extended"),
    EventKind.PAUSED: N_("idle lock paused"),
    EventKind.RESUMED: N_("idle lock resumed"),
    EventKind.CORRUPT_CONTENT: N_("damaged content"),
    EventKind.CORRUPT_NAME: N_("damaged name"),
    EventKind.CORRUPT_METADATA: N_("damaged metadata"),
    EventKind.INTERNAL_ERROR: N_("internal error"),
    EventKind.STORAGE_FULL: N_("storage is full"),
    EventKind.GUARD_MISSING: N_("auto-lock is missing"),
    EventKind.GUARD_ACTIVE: N_("auto-lock is in force"),
}
_ALARMING = {
    EventKind.CORRUPT_CONTENT,
    EventKind.CORRUPT_NAME,
    EventKind.CORRUPT_METADATA,
    EventKind.INTERNAL_ERROR,
    EventKind.STORAGE_FULL,
}


class Activity(Pane):
    """Asks for the events after the last one that it has."""

    def __init__(self) -> None:
        super().__init__(id="activity-pane")
        self._since = 0
        self._backend: int | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="activity-note", classes="quiet", markup=False)
        yield RichLog(id="activity-lines", markup=False, highlight=False, wrap=True)

    def vault_changed(self) -> None:
        self._restart(None)

    def _restart(self, backend: int | None) -> None:
        self._since = 0
        self._backend = backend
        self.query_one("#activity-lines", RichLog).clear()

    def state_changed(self) -> None:
        if self.status is None or self.status.detail is None:
            self._say(_("The time line is kept while the vault is open."))
            return
        self._say("")
        if self.status.backend_pid != self._backend:
            self._restart(self.status.backend_pid)
        if self.status.detail.last_event > self._since and not any(
            worker.group == "events" and not worker.is_finished for worker in self.workers
        ):
            self._ask(self.status)

    @work(group="events")
    async def _ask(self, status: VaultStatus) -> None:
        try:
            reply = await self.vaultui.vaults.events(status.entry.name, self._since)
        except VaultuiError as error:
            self._say(error.summary)
            return
        if self.status is None or self.status.backend_pid != self._backend:
            return
        if reply.dropped:
            self.query_one("#activity-lines", RichLog).write(
                _("{dropped} older ones are gone", dropped=reply.dropped)
            )
        lines = self.query_one("#activity-lines", RichLog)
        for event in reply.events:
            self._since = max(self._since, event.seq)
            lines.write(self._line(event))

    def _say(self, text: str) -> None:
        note = self.query_one("#activity-note", Static)
        note.display = bool(text)
        note.update(shown(text))

    def _line(self, event: Event) -> Text:
        colour = self.app.theme_variables["error" if event.kind in _ALARMING else "primary"]
        line = Text(
            time.strftime("%H:%M:%S  ", time.localtime(event.at)),
            style=self.app.theme_variables["muted"],
        )
        line.append(f"{_(_WORDS[event.kind]):<18}", style=colour)
        line.append("  ".join(shown(part) for part in (event.path, event.detail) if part))
        return line
