"""What the panes of the detail side have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.containers import Vertical

from vaultui.vaults import VaultStatus

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp
    from vaultui.tui.screens.vaultscreen import VaultScreen


class Pane(Vertical):
    """One tab's content. It is told each new state, and asks for more only while it is seen."""

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """What keys do in this pane alone: how they are shown, and words that go through `_`."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back to the list", show=False),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.status: VaultStatus | None = None

    @property
    def name_of_tab(self) -> str:
        return (self.id or "").removesuffix("-pane")

    @property
    def vaultui(self) -> VaultuiApp:
        """The application, typed."""
        return cast("VaultuiApp", self.app)

    def show(self, status: VaultStatus | None) -> None:
        """Take a new state of the selected vault; None when there is no vault at all."""
        previous, self.status = self.status, status
        if (previous and previous.entry.id) != (status and status.entry.id):
            self.vault_changed()
        self.state_changed()

    def vault_changed(self) -> None:
        """Another vault is shown now: drop what belonged to the one before."""

    def state_changed(self) -> None:
        """A new state has come; called about once a second while the pane is seen."""

    def repaint(self) -> None:
        """The theme has changed: draw again what does not follow it by itself."""

    def action_leave(self) -> None:
        self.leave()

    def leave(self) -> None:
        """Go back to the list of vaults."""
        cast("VaultScreen", self.screen).leave_pane()

    def focus_content(self) -> None:
        """Put the focus on what can be used in the pane."""
        for child in self.query("*").results():
            if child.focusable:
                # At once, unlike `focus`: what is typed right after is meant for it.
                self.screen.set_focus(child)
                return
