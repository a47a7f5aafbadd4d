"""What a screen that shows vaults has of keys: which action they mean, and for which vault."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.screen import Screen

from vaultui.model.ids import VaultId
from vaultui.model.language import _
from vaultui.tui.actions import ACTIONS, Action, bindings, refusal
from vaultui.tui.moving import MOVES
from vaultui.tui.widgets.detail import TABS, Detail
from vaultui.tui.widgets.keybar import KeyBar, KeyHint
from vaultui.vaults import VaultStatus

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

_TAB_KEYS = [
    Binding(str(number), f"tab('{name}')", name.capitalize(), show=False, id=f"tab.{name}")
    for number, name in enumerate(TABS, 1)
]


class VaultScreen(Screen[None]):
    """Knows which vault is selected; the application knows what to do with it."""

    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as Screen has it
        (0, "-narrow"),
        (80, "-normal"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as Screen has it
        (0, "-short"),
        (16, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(), *MOVES, *_TAB_KEYS]

    @property
    def vaultui(self) -> VaultuiApp:
        """The application, typed."""
        return cast("VaultuiApp", self.app)

    @property
    @abstractmethod
    def selected(self) -> VaultId | None:
        """The vault that keys mean."""

    @property
    def selected_status(self) -> VaultStatus | None:
        return self.vaultui.live.status(self.selected)

    @abstractmethod
    def show_states(self) -> None:
        """Show the newest states."""

    def show_keys(self) -> None:
        """Show in the key bar what the keys do with the selected vault."""
        status = self.selected_status
        self.query_one(KeyBar).show([self._hint(action, status) for action in ACTIONS
                                     if action.rank])  # fmt: skip

    def _hint(self, action: Action, status: VaultStatus | None) -> KeyHint:
        return KeyHint(
            key=self.vaultui.key_of(action),
            label=_(action.label),
            action=f"perform('{action.id}')",
            applies=not refusal(action, status),
            rank=action.rank,
        )

    def action_perform(self, action_id: str) -> None:
        if action_id == "vault.mark":
            self.vaultui.say(_("Vaults are marked in the list."))
        elif action_id == "vault.processes":
            reason = self._refusal_of(action_id)
            if reason:
                self.vaultui.say(reason, severity="warning")
            else:
                self.action_tab("processes")
        elif action_id == "view.maximise":
            if self.maximized:
                self.minimize()
            elif self.focused is not None:
                self.maximize(self.focused)
        else:
            self.vaultui.perform(action_id, self.selected_status)

    def _refusal_of(self, action_id: str) -> str:
        action = next(action for action in ACTIONS if action.id == action_id)
        return refusal(action, self.selected_status)

    def perform_on(self, action_id: str, vault: VaultId) -> None:
        """Do an action with a vault that need not be the selected one."""
        self.vaultui.select(vault)
        self.call_after_refresh(self.action_perform, action_id)

    @abstractmethod
    def leave_pane(self) -> None:
        """Go from a pane back to the list."""

    def action_tab(self, name: str) -> None:
        self.query_one(Detail).open_tab(name, focus=True)
