"""The Log pane: the last lines of a backend's log, followed, paused and searched."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Log, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import clip_path, place, shown
from vaultui.vaults import VaultStatus

_LINES = 500


class LogPane(Pane):
    """Follows the end of the log unless it is paused or scrolled away from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "follow", "Pause or follow", show=False),
        Binding("c", "copy", "Copy the path of the log", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="log-pane")
        self._lines: list[str] = []
        self._search = ""
        self._paused = False

    def compose(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Input(placeholder="search", id="log-search", compact=True)
            yield Static(id="log-note", markup=False)
        yield Log(id="log-lines", highlight=False, auto_scroll=True)

    def vault_changed(self) -> None:
        self._lines = []
        self._paused = False
        self.query_one("#log-search", Input).clear()
        self._draw()

    def state_changed(self) -> None:
        if self.status is None or self._paused:
            return
        if not any(worker.group == "log" and not worker.is_finished for worker in self.workers):
            self._read(self.status)

    @work(group="log")
    async def _read(self, status: VaultStatus) -> None:
        try:
            lines = await self.vaultui.vaults.log_tail(status.entry.name, _LINES)
        except VaultuiError as error:
            lines = [error.summary]
        if self.status is None or self.status.entry.id != status.entry.id or self._paused:
            return
        if lines != self._lines:
            self._lines = lines
            self._draw()
        self._note()

    def _draw(self) -> None:
        log = self.query_one("#log-lines", Log)
        log.clear()
        wanted = self._search.casefold()
        log.write_lines(shown(line) for line in self._lines if wanted in line.casefold())
        self._note()

    def on_resize(self) -> None:
        # Until it is laid out, the note has no room to be cut to.
        self.call_after_refresh(self._note)

    def _note(self) -> None:
        if self.status is None:
            return
        if self._paused:
            text = _("paused, space follows")
        elif not self._lines:
            text = _("nothing logged yet")
        else:
            text = place(str(self.vaultui.vaults.log_path(self.status.entry.name)))
        note = self.query_one("#log-note", Static)
        note.update(clip_path(text, note.size.width, self.vaultui.glyphs.ellipsis))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._search = event.value
        self._draw()

    def action_follow(self) -> None:
        self._paused = not self._paused
        self._note()
        self.state_changed()

    def action_copy(self) -> None:
        if self.status is not None:
            self.vaultui.copy_text(str(self.vaultui.vaults.log_path(self.status.entry.name)))

    def focus_content(self) -> None:
        self.query_one("#log-lines", Log).focus()
