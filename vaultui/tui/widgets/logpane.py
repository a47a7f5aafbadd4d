"""The Log pane: the last lines of a vault's log, followed, paused, searched and saved."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Log, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import clip_path, place, shown
from vaultui.vaults import VaultStatus

_LINES = 500


class LogPane(Pane):
    """Follows the end of the log unless it is paused or scrolled away from."""

    KEYS = (
        ("Space", N_("pause, or follow the end again")),
        ("/", N_("search: show the lines with a text in them; Esc shows all")),
        ("w", N_("save the whole log as a file in your home")),
        ("c", N_("copy the path of the log")),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "follow", "Pause or follow", show=False),
        Binding("slash", "search", "Search", show=False),
        Binding("escape", "all", "Show all lines", show=False),
        Binding("w", "save", "Save the log", show=False),
        Binding("c", "copy", "Copy the path of the log", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="log-pane")
        self._version: tuple[int, int] | None = None
        self._lines: list[str] = []
        self._paused = False

    def compose(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Input(placeholder=_("search"), id="log-search", compact=True)
            yield Static(id="log-note", markup=False)
        yield Log(id="log-lines", highlight=False, auto_scroll=True)

    def vault_changed(self) -> None:
        self._version = None
        self._lines = []
        self._paused = False
        self.query_one("#log-search", Input).clear()
        self._draw()

    def state_changed(self) -> None:
        if self.status is None or self._paused:
            return
        try:
            version = self.vaultui.vaults.logbook.version(self.status.entry.name)
        except VaultuiError:  # forgotten meanwhile
            return
        if version != self._version:
            self._version = version
            self._read(self.status)

    @work(group="log", exclusive=True)
    async def _read(self, status: VaultStatus) -> None:
        try:
            lines = await self.vaultui.vaults.logbook.tail(status.entry.name, _LINES)
        except VaultuiError as error:
            lines = [error.summary]
        same = self.status is not None and self.status.entry.id == status.entry.id
        if same and not self._paused and lines != self._lines:
            self._lines = lines
            self._draw()

    def _draw(self) -> None:
        log = self.query_one("#log-lines", Log)
        log.clear()
        log.write_lines(shown(line) for line in self._found())
        self._note()

    def _found(self) -> list[str]:
        wanted = self.query_one("#log-search", Input).value.casefold()
        return [line for line in self._lines if wanted in line.casefold()]

    def on_resize(self) -> None:
        # Until it is laid out, the note has no room to be cut to.
        self.call_after_refresh(self._note)

    def _note(self) -> None:
        if self.status is None:
            return
        if self._paused:
            text = _("paused, Space follows")
        elif not self._lines:
            text = _("nothing logged yet")
        elif self.query_one("#log-search", Input).value:
            text = _("{found} of {all} lines", found=len(self._found()), all=len(self._lines))
        else:
            text = place(str(self.vaultui.vaults.logbook.path(self.status.entry.name)))
        note = self.query_one("#log-note", Static)
        note.update(clip_path(text, note.size.width, self.vaultui.glyphs.ellipsis))

    def focus_content(self) -> None:
        self.query_one("#log-lines", Log).focus()

    # -- keys -------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_content()

    def action_search(self) -> None:
        # At once, unlike `focus`: the text comes right after.
        self.screen.set_focus(self.query_one("#log-search", Input))

    def action_all(self) -> None:
        """Show all lines; where all are shown, go back to the list."""
        search = self.query_one("#log-search", Input)
        if search.value or search.has_focus:
            search.clear()
            self.focus_content()
        else:
            self.leave()

    def action_follow(self) -> None:
        self._paused = not self._paused
        self._version = None
        self._note()
        self.state_changed()

    @work(group="save", exclusive=True)
    async def action_save(self) -> None:
        if self.status is None:
            return
        try:
            path = await self.vaultui.vaults.logbook.save(self.status.entry.name)
        except VaultuiError as error:
            self.vaultui.flows.explain(error)
        else:
            self.vaultui.say(_("The log is saved as {path}.", path=place(str(path))))

    def action_copy(self) -> None:
        if self.status is not None:
            path = self.vaultui.vaults.logbook.path(self.status.entry.name)
            self.vaultui.copy_text(str(path))
