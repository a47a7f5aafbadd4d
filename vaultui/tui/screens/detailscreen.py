"""One vault's panes as a screen of their own, where the terminal is too narrow for both."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from vaultui.model.ids import VaultId
from vaultui.model.language import _
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.screens.vaultscreen import VaultScreen
from vaultui.tui.widgets.detail import Detail
from vaultui.tui.widgets.keybar import KeyBar

_SIDE_BY_SIDE = 80
"""Columns from which the home screen shows the panes itself."""


class DetailScreen(VaultScreen):
    """Esc goes back to the list; so does a terminal that has become wide enough."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "Back to the list", show=False),
    ]

    def __init__(self, glyphs: Glyphs, vault: VaultId, tab: str) -> None:
        super().__init__(id="one-vault")
        self._glyphs = glyphs
        self._vault = vault
        self._tab = tab

    def compose(self) -> ComposeResult:
        yield Detail(self._glyphs)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#detail").border_subtitle = _("Esc back")
        self.query_one(Detail).open_tab(self._tab, focus=True)
        self.show_states()

    @property
    def selected(self) -> VaultId | None:
        return self._vault

    def show_states(self) -> None:
        if self.vaultui.live.loaded and self.selected_status is None:
            self.action_back()  # forgotten meanwhile, perhaps by another front end
            return
        self.query_one(Detail).show(self.selected_status)
        self.show_keys()

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width >= _SIDE_BY_SIDE:
            self.action_back()
        else:
            self.call_after_refresh(self.show_states)

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        self.show_states()

    def action_back(self) -> None:
        if self.is_current:
            self.app.pop_screen()

    def action_perform(self, action_id: str) -> None:
        if action_id == "view.filter":
            self.action_back()
        else:
            super().action_perform(action_id)
