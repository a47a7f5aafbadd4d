"""The detail side: the selected vault's panes under tabs."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.theme import Theme
from textual.widgets import TabbedContent, TabPane

from vaultui.model.language import N_, _
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.theme import STATE_COLOURS
from vaultui.tui.widgets.overview import Overview
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import shown
from vaultui.vaults import VaultStatus

_TITLES: Final = {
    "overview": N_("Overview"),
    "processes": N_("Processes"),
    "activity": N_("Activity"),
    "paths": N_("Paths"),
    "tasks": N_("Tasks"),
    "log": N_("Log"),
}
_SHORTER: Final = {"processes": N_("Procs"), "overview": N_("Info")}
"""For where the list leaves little room beside it: as few of them as are needed."""
TABS: Final = tuple(_TITLES)
"""In the order of the keys 1 to 6."""


def _make_pane(tab: str) -> Pane:
    """Return the pane of a tab; its module is imported by the first who wants to see it."""
    match tab:
        case "processes":
            from vaultui.tui.widgets.processes import Processes

            return Processes()
        case "activity":
            from vaultui.tui.widgets.activity import Activity

            return Activity()
        case "paths":
            from vaultui.tui.widgets.paths import Paths

            return Paths()
        case "tasks":
            from vaultui.tui.widgets.tasks import Tasks

            return Tasks()
        case "log":
            from vaultui.tui.widgets.logpane import LogPane

            return LogPane()
        case _:
            return Overview()


class Detail(Vertical):
    """Panes are made when they are first seen, because the first picture should come soon.

    Only the pane that is seen is told the states, so that the others ask for nothing.
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="detail", classes="box")
        self._glyphs = glyphs
        self._status: VaultStatus | None = None
        self._focus_wanted = False
        self._title = Content("")

    def compose(self) -> ComposeResult:
        with TabbedContent(initial=TABS[0]):
            for tab in TABS:
                yield TabPane(_(_TITLES[tab]), id=tab)

    @property
    def active(self) -> Pane | None:
        """The pane that is seen; None for the moment until it is there, with what is in it."""
        tabs = self.query_one(TabbedContent)
        panes = tabs.get_pane(tabs.active or TABS[0]).query(Pane)
        return next((pane for pane in panes if pane.is_mounted), None)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, self._repaint)

    def _repaint(self, _theme: Theme) -> None:
        if self.active is not None:
            self.active.repaint()

    def on_resize(self) -> None:
        """Have all tabs in sight: in a terminal of 80 columns some have shorter titles."""
        titles = dict(_TITLES)
        for tab, shorter in _SHORTER.items():
            if sum(cell_len(_(title)) + 1 for title in titles.values()) < self.content_size.width:
                break
            titles[tab] = shorter
        tabs = self.query_one(TabbedContent)
        for tab, title in titles.items():
            tabs.get_tab(tab).label = Content(_(title))

    def open_tab(self, tab: str, *, focus: bool = False) -> None:
        """Show a pane; with `focus`, go into it."""
        tabs = self.query_one(TabbedContent)
        if tabs.active != tab:
            self._focus_wanted = focus
            tabs.active = tab
        elif focus:
            self.focus_active()

    def focus_active(self) -> None:
        """Go into the pane that is seen."""
        if self.active is None:
            self._focus_wanted = True
        else:
            self.active.focus_content()

    async def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        if not event.pane.query(Pane):
            await event.pane.mount(_make_pane(event.pane.id or TABS[0]))
        self.show(self._status)
        if self._focus_wanted:
            self._focus_wanted = False
            self.focus_active()

    def show(self, status: VaultStatus | None) -> None:
        """Show a state of the selected vault."""
        self._status = status
        self.set_class(status is None, "-none")
        if status is None:
            return
        title = Content.assemble(
            (f"{shown(status.entry.name)}  ", "bold"),
            (
                f"{self._glyphs.state(status.state)} {_(status.state.value)}",
                STATE_COLOURS[status.state],
            ),
        )
        if title != self._title:
            self._title = self.border_title = title
        if self.active is not None:
            self.active.show(status)
