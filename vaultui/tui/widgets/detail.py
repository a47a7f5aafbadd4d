"""The detail side: the selected vault's panes under tabs."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import TabbedContent, TabPane

from vaultui.tui.glyphs import Glyphs
from vaultui.tui.theme import STATE_COLOURS
from vaultui.tui.widgets.activity import Activity
from vaultui.tui.widgets.logpane import LogPane
from vaultui.tui.widgets.overview import Overview
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.widgets.paths import Paths
from vaultui.tui.widgets.processes import Processes
from vaultui.tui.wording import shown
from vaultui.vaults import VaultStatus

TABS: Final = ("overview", "processes", "activity", "paths", "log")
"""In the order of the keys 1 to 5."""


class Detail(Vertical):
    """Only the pane that is seen is told the states, so that the others ask for nothing."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="detail", classes="box")
        self._glyphs = glyphs
        self._status: VaultStatus | None = None

    def compose(self) -> ComposeResult:
        with TabbedContent(initial=TABS[0]):
            for name, pane in zip(
                TABS, (Overview(), Processes(), Activity(), Paths(), LogPane()), strict=True
            ):
                with TabPane(name.capitalize(), id=name):
                    yield pane

    @property
    def active(self) -> Pane:
        """The pane that is seen."""
        tabs = self.query_one(TabbedContent)
        return tabs.get_pane(tabs.active or TABS[0]).query_one(Pane)

    def open_tab(self, name: str, *, focus: bool = False) -> None:
        """Show a pane; with `focus`, go into it."""
        self.query_one(TabbedContent).active = name
        if focus:
            self.call_after_refresh(self.focus_active)

    def focus_active(self) -> None:
        self.active.focus_content()

    def show(self, status: VaultStatus | None) -> None:
        """Show a state of the selected vault."""
        self._status = status
        self.set_class(status is None, "-none")
        if status is None:
            return
        self.border_title = Content.assemble(
            (f"{shown(status.entry.name)}  ", "bold"),
            (
                f"{self._glyphs.state(status.state)} {status.state.value}",
                STATE_COLOURS[status.state],
            ),
        )
        self.active.show(status)

    def on_tabbed_content_tab_activated(self, _event: TabbedContent.TabActivated) -> None:
        self.active.show(self._status)
