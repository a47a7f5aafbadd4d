"""A new recovery key: shown once, read by a phone or printed, and typed back from the paper.

    shown ──t──▶ typed back ──it opens the vault──▶ closed, and wiped
      │ ▲             │ it does not: said, with what was typed to be mended
      │ └────Esc──────┘
      └─ q: as a QR code; s: as a sheet for printing

Closed without the check, the key stays in the vault all the same.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from vaultui.model.language import N_, _
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.screens.qrcode import QrScreen
from vaultui.tui.screens.sheet import SheetScreen
from vaultui.tui.screens.trykey import TryKeyScreen
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.tui.widgets.secrettext import RecoveryKeyText
from vaultui.tui.wording import shown
from vaultui.vaults import RecoveryKey, SlotInfo, SlotOpened, VaultEntry


class RecoveryKeyScreen(Dialog[None]):
    """Shows the key, which is wiped when this closes and never shown again."""

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("t", "type_back", "Type it back", show=False),
        Binding("q", "qr_code", "Show it as a QR code", show=False),
        Binding("s", "sheet", "Save a sheet for printing", show=False),
    ]

    def __init__(self, entry: VaultEntry, slot: SlotInfo, key: RecoveryKey) -> None:
        super().__init__(id="recovery-key")
        self._entry = entry
        self._slot = slot
        self._key = key

    def compose(self) -> ComposeResult:
        name = shown(self._entry.name)
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(
                box, _("The recovery key of {name}", name=name), _("Esc closes without the check")
            )
            yield Static(
                _(
                    "It opens {name} by itself, without password and key file. Print it or write "
                    "it down, and keep it away from this machine: it is shown this once.",
                    name=name,
                ),
                markup=False,
            )
            yield RecoveryKeyText(self.vaultui.glyphs, self._key.text, id="recovery-key-text")
            yield Static(
                _(
                    "Case, blanks and dashes do not matter. Then type it back from the paper: "
                    "that shows that it can be read, and that it really opens the vault."
                ),
                classes="quiet",
                markup=False,
            )
            with Horizontal(classes="buttons"):
                yield Button(_("QR code (q)"), id="qr", compact=True)
                yield Button(_("Sheet (s)"), id="sheet", compact=True)
                yield Button(_("Type it back (t)"), variant="primary", id="back", compact=True)

    def on_mount(self) -> None:
        self.query_one("#back").focus()

    def on_unmount(self) -> None:
        self._key.wipe()

    @on(Button.Pressed, "#qr")
    def action_qr_code(self) -> None:
        self.app.push_screen(QrScreen(self._entry, self._key.qr.copy()))

    @on(Button.Pressed, "#sheet")
    def action_sheet(self) -> None:
        self.app.push_screen(SheetScreen(self._entry, self._key))

    @on(Button.Pressed, "#back")
    def action_type_back(self) -> None:
        # Out of sight, so that it is read off the paper.
        box = self.query_one(".dialog")
        box.display = False

        def answered(opened: SlotOpened | None) -> None:
            box.display = True
            if opened is None:
                self.query_one("#back").focus()
                return
            self.vaultui.say(_("The recovery key opens {name}.", name=shown(self._entry.name)))
            self.dismiss(None)

        self.app.push_screen(TypeBackScreen(self._entry, [self._slot]), answered)

    def action_cancel(self) -> None:
        self.vaultui.say(
            _("The recovery key was not checked. K lists the keys of a vault, and t tries one."),
            severity="warning",
        )
        self.dismiss(None)


class TypeBackScreen(TryKeyScreen):
    """Answers with the key that was typed, once it is the recovery key."""

    go = N_("Check it")
    leave = N_("Show it again")
    keys = N_("Enter checks it  F3 hides it  Esc shows the key again")
    intro = N_("Type the recovery key as it stands on the paper.")

    def on_mount(self) -> None:
        # Nobody types five dozen characters blind, and they were on the screen until now.
        self.query_one(SecretInput).action_reveal()

    async def try_key(self) -> SlotOpened:
        with self.query_one(OpenedBy).key() as key:
            return await self.vaultui.vaults.keys.verify_recovery(self.entry.name, key.secret)

    def opened(self, opened: SlotOpened) -> None:
        self.dismiss(opened)
