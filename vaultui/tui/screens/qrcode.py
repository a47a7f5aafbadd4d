"""The QR code of a recovery key, alone: it needs nearly all of a small terminal."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from vaultui.model.language import _
from vaultui.model.secret import Secret
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.qrcode import QrCode
from vaultui.tui.wording import shown
from vaultui.vaults import VaultEntry


class QrScreen(Dialog[None]):
    """Shows it where there is room for it, and says what room that takes where there is none."""

    def __init__(self, entry: VaultEntry, modules: Secret) -> None:
        super().__init__(id="qr-code")
        self._entry = entry
        self._modules = modules

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog bare") as box:
            self.head(
                box, _("Recovery key of {name}", name=shown(self._entry.name)), _("Esc goes back")
            )
            yield QrCode(self.vaultui.glyphs, self._modules, id="qr")
            yield Static(id="qr-note", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        cells = self.query_one(QrCode).cells
        need = cells.width + 2, cells.height + 2
        fits = event.size.width >= need[0] and event.size.height >= need[1]
        self.query_one("#qr").display = fits
        note = self.query_one("#qr-note", Static)
        note.display = not fits
        note.update(
            _(
                "The QR code needs a terminal of {columns} columns and {rows} rows; this one has "
                "{width} and {height}. Make it larger, or its letters smaller.",
                columns=need[0],
                rows=need[1],
                width=event.size.width,
                height=event.size.height,
            )
        )
