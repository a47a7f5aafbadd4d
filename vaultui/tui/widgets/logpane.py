"""The Log pane: the last lines of a vault's log, followed, paused, searched and saved."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.widgets.lastlines import LastLines
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import place
from vaultui.vaults import VaultStatus

_LINES = 500


class LogPane(Pane):
    """Reads the end of the log whenever that has grown, unless it is paused."""

    KEYS = (
        *LastLines.KEYS,
        ("w", N_("save the whole log as a file in your home")),
        ("c", N_("copy the path of the log")),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "save", "Save the log", show=False),
        Binding("c", "copy", "Copy the path of the log", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="log-pane")
        self._version: tuple[int, int] | None = None
        self._lines: list[str] = []

    def compose(self) -> ComposeResult:
        yield LastLines("log", self._note)

    @property
    def _text(self) -> LastLines:
        return self.query_one(LastLines)

    def vault_changed(self) -> None:
        self._version = None
        self._lines = []
        self._text.reset()

    def state_changed(self) -> None:
        if self.status is None or self._text.paused:
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
        if same and not self._text.paused:
            self._lines = lines
            self._text.show(lines)

    def _note(self) -> str:
        if self.status is None:
            return ""
        if not self._lines:
            return _("nothing logged yet")
        return place(str(self.vaultui.vaults.logbook.path(self.status.entry.name)))

    def focus_content(self) -> None:
        self._text.focus_text()

    # -- keys -------------------------------------------------------------------------------

    @on(LastLines.Resumed)
    def _resumed(self) -> None:
        self._version = None
        self.state_changed()

    @on(LastLines.Left)
    def _left(self) -> None:
        self.leave()

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
