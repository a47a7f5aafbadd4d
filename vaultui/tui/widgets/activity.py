"""The Activity pane: what has happened to a vault, over locks and restarts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.widgets import RichLog, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.theme import rich_colour
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import fit, shown
from vaultui.vaults import EventKind, Moment, VaultStatus
from vaultui.vaults.timelinewords import detail_in_words, moment_in_words

_COLOURS: Final = {
    EventKind.UNLOCKED: "$success",
    EventKind.LOCKED: "$primary",
    EventKind.IDLE_RESET: "$primary",
    EventKind.EXTENDED: "$primary",
    EventKind.PAUSED: "$primary",
    EventKind.RESUMED: "$primary",
    EventKind.GUARD_ACTIVE: "$primary",
    EventKind.HOLD_BEGAN: "$primary",
    EventKind.HOLD_ENDED: "$primary",
    EventKind.LOCK_BUSY: "$warning",
    EventKind.WAITING_TO_LOCK: "$warning",
    EventKind.STAYS_OPEN: "$warning",
    EventKind.HOLDERS_ENDED: "$warning",
    EventKind.IDLE_WARNING: "$warning",
    EventKind.GUARD_MISSING: "$warning",
    EventKind.TIME_WARNING: "$warning",
}
_BAD: Final = "$error"

_CLOCK_CELLS = 10
_WORD_CELLS = 19
_WIDE_CELLS = 60
"""From here on what is told of a moment stands in its line, else below it."""


class Activity(Pane):
    """A time line out of the vault's log, read again when that has grown."""

    KEYS = (("j k g G", N_("move through the time line")),)

    def __init__(self) -> None:
        super().__init__(id="activity-pane")
        self._version: tuple[int, int] | None = None
        self._moments: list[Moment] = []
        self._drawn_narrow = False

    def compose(self) -> ComposeResult:
        yield Static(id="activity-note", classes="quiet", markup=False)
        yield RichLog(id="activity-lines", markup=False, highlight=False, wrap=True, min_width=20)

    def vault_changed(self) -> None:
        self._version = None
        self._clear()

    def _clear(self) -> None:
        self._moments = []
        self.query_one("#activity-lines", RichLog).clear()

    def state_changed(self) -> None:
        if self.status is None:
            return
        try:
            version = self.vaultui.vaults.logbook.version(self.status.entry.name)
        except VaultuiError as error:  # forgotten meanwhile
            self._say(error.summary)
            return
        if version != self._version:
            self._version = version
            self._read(self.status)

    def repaint(self) -> None:
        self.vault_changed()
        self.state_changed()

    @work(group="timeline", exclusive=True)
    async def _read(self, status: VaultStatus) -> None:
        try:
            moments = await self.vaultui.vaults.logbook.timeline(status.entry.name)
        except VaultuiError as error:
            self._say(error.summary)
            return
        if self.status is not None and self.status.entry.id == status.entry.id:
            self._show(moments)

    def _show(self, moments: list[Moment]) -> None:
        if moments[: len(self._moments)] != self._moments:
            self._clear()
        known = len(self._moments)
        self._say("" if moments else _("Nothing has happened to this vault yet."))
        lines = self.query_one("#activity-lines", RichLog)
        before = self._moments[-1] if self._moments else Moment(0, None)
        for earlier, moment in pairwise([before, *moments[known:]]):
            for line in self._lines(moment, earlier):
                lines.write(line)
        self._moments = moments

    def _say(self, text: str) -> None:
        note = self.query_one("#activity-note", Static)
        note.display = bool(text)
        note.update(shown(text))

    def _lines(self, moment: Moment, earlier: Moment) -> Iterator[Text]:
        """Yield the line of a moment, below the day where that is another one."""
        when = time.localtime(moment.at)
        muted = self._colour("$muted")
        if when[:3] != time.localtime(earlier.at)[:3]:
            yield Text(time.strftime("%Y-%m-%d", when), style=f"bold {muted}")
        colour = _COLOURS.get(moment.kind, _BAD) if moment.kind is not None else _BAD
        line = Text(time.strftime("%H:%M:%S  ", when), style=muted)
        line.append(fit(moment_in_words(moment), _WORD_CELLS), self._colour(colour))
        told = "  ".join(shown(part) for part in (moment.path, detail_in_words(moment)) if part)
        if told and self._is_narrow:
            yield line
            yield Text(" " * _CLOCK_CELLS + told)
        else:
            yield line.append(" " + told)

    @property
    def _is_narrow(self) -> bool:
        return self.content_size.width < _WIDE_CELLS

    def on_resize(self) -> None:
        # A log does not fold its lines anew.
        if self._is_narrow is not self._drawn_narrow:
            self._drawn_narrow = self._is_narrow
            self.repaint()

    def _colour(self, variable: str) -> str:
        return rich_colour(self.app.theme_variables, variable)
