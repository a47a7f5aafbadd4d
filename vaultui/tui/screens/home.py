"""The home screen: the list of vaults, and live panes for the selected one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from vaultui.model.ids import VaultId
from vaultui.model.language import _, ngettext
from vaultui.model.states import VaultState
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.screens.vaultscreen import VaultScreen
from vaultui.tui.widgets.detail import Detail
from vaultui.tui.widgets.emptystate import EmptyState
from vaultui.tui.widgets.keybar import KeyBar
from vaultui.tui.widgets.titlebar import TitleBar
from vaultui.tui.widgets.vaulttable import VaultTable
from vaultui.vaults import VaultStatus


class HomeScreen(VaultScreen):
    """From 80 columns on list and detail stand side by side; below that, one of them at a time.

    They are the same widgets in both, so that nothing is lost when the terminal changes its size.
    """

    AUTO_FOCUS = "#vaults"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear the filter, then the marks", show=False),
    ]

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="home")
        self._glyphs = glyphs
        self._marked: set[VaultId] = set()

    def compose(self) -> ComposeResult:
        yield TitleBar(self._glyphs)
        with Horizontal(id="panes"):
            with Vertical(id="list", classes="box"):
                yield VaultTable(self._glyphs)
                yield Static(id="list-note", markup=False)
                yield Input(placeholder=_("filter"), id="filter", compact=True)
            yield Detail(self._glyphs)
        yield EmptyState(self._glyphs)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#list").border_title = _("Vaults")
        self.query_one("#filter").display = False
        self.query_one("#list-note").display = False
        self.query_one(EmptyState).display = False
        self.show_states()

    @property
    def selected(self) -> VaultId | None:
        return self.query_one(VaultTable).selected

    def select(self, vault: VaultId) -> None:
        """Put the cursor on a vault; a filter that hides it is cleared."""
        if not self.app.is_running:
            return  # it ends just now, and takes the table away
        table = self.query_one(VaultTable)
        if not any(status.entry.id == vault for status in self._matching()):
            self.action_clear_filter()
        self.show_states()  # a vault that has just been added is not in the table before this
        table.select(vault)

    # -- showing ----------------------------------------------------------------------------

    def show_states(self) -> None:
        live = self.vaultui.live
        statuses = live.statuses
        matching = self._matching()
        empty = live.loaded and not statuses
        self.query_one("#panes").display = not empty
        self.query_one(EmptyState).display = empty
        if empty:
            self.query_one(EmptyState).begin()
        self._marked &= {status.entry.id for status in statuses}
        self.query_one(VaultTable).show(matching, self._marked)
        self._note(live.loaded, matching)
        self.query_one(TitleBar).show(
            statuses, loaded=live.loaded, keyring=self.vaultui.keyring, notice=self._notice()
        )
        self._show_selected()

    def _matching(self) -> Sequence[VaultStatus]:
        wanted = self.query_one("#filter", Input).value.casefold()
        statuses = self.vaultui.live.statuses
        if not wanted:
            return statuses
        return [
            status
            for status in statuses
            if wanted in status.entry.name.casefold() or wanted in status.state.value
        ]

    def _note(self, loaded: bool, matching: Sequence[VaultStatus]) -> None:
        note = self.query_one("#list-note", Static)
        note.display = not matching
        if not loaded:
            note.update(_("Reading the vaults"))
        elif not matching:
            note.update(_("No vault matches. Esc clears the filter."))

    def _notice(self) -> str:
        if self.vaultui.live.frozen:
            return _("frozen, f goes on")
        if self.vaultui.live.error is not None:
            return self.vaultui.live.error.summary
        if self.vaultui.vaults.settings_warning is not None:
            return _("settings: last good copy")
        if self._marked:
            count = len(self._marked)
            return ngettext("{count} marked, Esc clears", "{count} marked, Esc clears", count)
        return ""

    def _show_selected(self) -> None:
        self.query_one(Detail).show(self.selected_status)
        self.show_keys()

    @on(VaultTable.Moved)
    def _moved(self) -> None:
        self._show_selected()

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        self.show_states()

    def on_resize(self, _event: events.Resize) -> None:
        # Whoever was in a pane is still in it when the terminal has become narrow.
        detail = self.query_one(Detail)
        self.set_class(detail.has_focus_within, "-inside")
        detail.border_subtitle = _("Esc back") if self.has_class("-narrow") else None
        self.call_after_refresh(self.show_states)

    # -- keys -------------------------------------------------------------------------------

    @on(VaultTable.Chosen)
    def _chosen(self) -> None:
        """Enter: into the detail of a vault that has one to show, else unlock it."""
        status = self.selected_status
        if status is None:
            return
        if status.state is VaultState.LOCKED and not self.has_class("-narrow"):
            self.action_perform("vault.unlock")
        else:
            self._enter_pane()

    def _enter_pane(self) -> None:
        self.add_class("-inside")
        self.query_one(Detail).focus_active()

    def leave_pane(self) -> None:
        self.remove_class("-inside")
        self.query_one(VaultTable).focus()

    def action_tab(self, name: str) -> None:
        if self.selected is not None:
            self.add_class("-inside")
            super().action_tab(name)

    def action_perform(self, action_id: str) -> None:
        match action_id:
            case "view.filter":
                self.remove_class("-inside")
                field = self.query_one("#filter", Input)
                field.display = True
                self.set_focus(field)  # at once, unlike `focus`: the text comes right after
            case "vault.mark" if self.selected is not None:
                self._marked ^= {self.selected}
                self.query_one(VaultTable).action_cursor_down()
                self.show_states()
            case "vault.unlock" if self._marked:
                self.vaultui.flows.unlocking.ask_for_several(self._take_marked())
            case "vault.lock" if self._marked:
                self.vaultui.flows.locking.lock_several(self._take_marked())
            case _:
                super().action_perform(action_id)

    def _take_marked(self) -> list[VaultStatus]:
        """Return the marked vaults in the order of the list, and clear the marks."""
        marked, self._marked = self._marked, set()
        self.show_states()
        return [status for status in self.vaultui.live.statuses if status.entry.id in marked]

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        self.query_one("#list").border_subtitle = None
        self.show_states()

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        wanted = self.query_one("#filter", Input).value
        if not wanted:
            self.action_clear_filter()
            return
        box = self.query_one("#list")
        box.border_subtitle = Content(f"/ {wanted}")
        self.query_one("#filter").display = False
        self.query_one(VaultTable).focus()

    def action_clear(self) -> None:
        """Go back to the list; there, clear the filter, and where there is none, the marks."""
        if self.query_one(Detail).has_focus_within:
            self.leave_pane()
            return
        if not self.query_one("#filter", Input).value:
            self._marked.clear()
        self.action_clear_filter()

    def action_clear_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.clear()
        field.display = False
        self.query_one("#list").border_subtitle = None
        self.query_one(VaultTable).focus()
        self.show_states()
