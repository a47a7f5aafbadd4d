"""The keys of a vault: which there are, and what can be done about them."""

from __future__ import annotations

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.screens.addkey import AddKeyScreen
from vaultui.tui.screens.changepassword import ChangePasswordScreen
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.screens.drill import DrillScreen
from vaultui.tui.screens.recoverykey import RecoveryKeyScreen
from vaultui.tui.screens.removekey import RemoveKeyScreen
from vaultui.tui.screens.trykey import TryKeyScreen
from vaultui.tui.widgets.form import Failure
from vaultui.tui.widgets.menu import Menu
from vaultui.tui.wording import clip, shown
from vaultui.vaults import (
    TOKEN_KIND,
    KeyAdded,
    KeysChanged,
    SlotInfo,
    SlotKind,
    VaultEntry,
    compatibility_in_words,
    derivation_in_words,
    kind_in_words,
    made_on,
)

_KIND_CELLS = 21
_DERIVATION_CELLS = 17
_MADE_CELLS = 10
_LABEL_CELLS = 10
"""What a label gets at least, before the day leaves the table."""

_WAYS = {
    "add": ("a", N_("Add a key: a password, a key file, or both")),
    "recovery": ("r", N_("Make a recovery key, to be kept on paper")),
    "try": ("t", N_("Try a key: does it really open the vault?")),
    "drill": ("d", N_("Rehearse with nothing but the recovery key")),
    "change": ("p", N_("Change the password, or how the key is derived")),
    "remove": ("x", N_("Remove the key that is marked")),
}

_PLAIN = N_(
    "This is the format of gocryptfs, which knows one password. With a second key "
    "gocryptfs does not open the vault any more; taking it away again brings that back."
)
_NO_RECOVERY = N_(
    "There is no recovery key. One on paper opens the vault when the password is forgotten."
)
_TOKEN = N_("A FIDO2 token opens this vault, in the way of gocryptfs: it is its only key.")


class KeysScreen(Dialog[None]):
    """Lists the keys, and is the way to every change of them."""

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("a", "add", "Add a key", show=False),
        Binding("r", "recovery", "Make a recovery key", show=False),
        Binding("t", "try", "Try a key", show=False),
        Binding("d", "drill", "Rehearse with the recovery key", show=False),
        Binding("p", "change", "Change the password", show=False),
        Binding("x", "remove", "Remove the key", show=False),
    ]

    def __init__(self, entry: VaultEntry) -> None:
        super().__init__(id="keys")
        self._entry = entry
        self._slots: tuple[SlotInfo, ...] = ()

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide", can_focus=False) as box:
            self.head(box, _("Keys of {name}", name=shown(self._entry.name)), _("Esc closes"))
            yield Static(_("Reading the volume config"), id="keys-intro", markup=False)
            yield DataTable[Text](id="keys-list", cursor_type="row", cell_padding=1)
            yield Static(id="keys-note", classes="quiet", markup=False)
            yield Failure(self.vaultui.glyphs)
            yield Menu(_WAYS)

    def on_mount(self) -> None:
        for part in ("#keys-list", "#keys-note", "#choices"):
            self.query_one(part).display = False
        self._look()

    # -- showing ----------------------------------------------------------------------------

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        try:
            self._slots = await self.vaultui.vaults.keys.slots(self._entry.name)
        except VaultuiError as error:
            self.query_one("#keys-intro").display = False
            self.query_one(Failure).show(error)
            return
        self._draw()

    def _draw(self) -> None:
        width = self.query_one(".dialog").content_size.width
        if not self._slots or self.app.screen is not self:
            return
        if not width:
            # Labels are cut to the width, and the box has no place on the screen yet.
            self.call_after_refresh(self._draw)
            return
        one, many = N_("One key opens this vault:"), N_("Each of these opens the vault by itself:")
        text = one if len(self._slots) == 1 else many
        self.query_one("#keys-intro", Static).update(_(text))
        note = self.query_one("#keys-note", Static)
        note.update(self._note())
        note.display = bool(self._note())
        self._draw_table(width)
        self.query_one(Menu).display = True

    def _draw_table(self, width: int) -> None:
        table: DataTable[Text] = self.query_one("#keys-list", DataTable)
        first = not table.display
        table.display = True
        row = table.cursor_row
        table.clear(columns=True)
        taken = _KIND_CELLS + _DERIVATION_CELLS + 3 * 2
        dated = width - taken >= _MADE_CELLS + 2 + _LABEL_CELLS
        room = max(6, width - taken - (_MADE_CELLS + 2 if dated else 0))
        columns = [
            (_("Key"), _KIND_CELLS),
            (_("Label"), room),
            (_("Derived by"), _DERIVATION_CELLS),
        ]
        for label, cells in [*columns, *([(_("Made"), _MADE_CELLS)] if dated else [])]:
            table.add_column(label, width=cells)
        glyphs = self.vaultui.glyphs
        for slot in self._slots:
            derivation = derivation_in_words(slot.key_derivation)
            row_cells = [
                Text(shown(kind_in_words(slot.kind)), "bold"),
                Text(clip(shown(slot.label), room, glyphs.ellipsis) or glyphs.none),
                Text(clip(shown(derivation), _DERIVATION_CELLS, glyphs.ellipsis)),
                Text(made_on(slot) or glyphs.none),
            ]
            table.add_row(*row_cells[: len(table.columns)])
        table.move_cursor(row=min(row, len(self._slots) - 1))
        if first:
            table.focus()

    def _note(self) -> str:
        kinds = {slot.kind for slot in self._slots}
        if TOKEN_KIND in kinds:
            return _(_TOKEN)
        if not self._slots[0].id:
            return _(_PLAIN)
        return "" if SlotKind.RECOVERY_KEY in kinds else _(_NO_RECOVERY)

    def on_screen_suspend(self) -> None:
        # One box in front of another confuses; the list is back with the keys.
        self.query_one(".dialog").visible = False

    def on_screen_resume(self) -> None:
        self.query_one(".dialog").visible = True
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    # -- choices ----------------------------------------------------------------------------

    @on(DataTable.RowSelected)
    def _entered(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.query_one(Menu).focus()

    def _can_change(self) -> bool:
        """Return whether the keys are known and can change; if they never can, that is said."""
        if any(slot.kind == TOKEN_KIND for slot in self._slots):
            self.query_one(Failure).say(_(_TOKEN))
            return False
        return bool(self._slots)

    def action_add(self) -> None:
        if self._can_change():
            self.app.push_screen(AddKeyScreen(self._entry, self._slots), self._added)

    def action_recovery(self) -> None:
        if self._can_change():
            screen = AddKeyScreen(self._entry, self._slots, recovery=True)
            self.app.push_screen(screen, self._added)

    def _added(self, added: KeyAdded | None) -> None:
        self._changed()
        if added is None:
            return
        if added.recovery_key is None:
            self._say_added(added)
            return
        # Said afterwards: a sentence in front of a QR code would keep it from being read.
        screen = RecoveryKeyScreen(self._entry, added.slot, added.recovery_key)
        self.app.push_screen(screen, lambda _nothing: self._say_added(added))

    def _say_added(self, added: KeyAdded) -> None:
        kind, words = kind_in_words(added.slot.kind), compatibility_in_words(added.compatibility)
        self.vaultui.say(
            _(
                "{name} has one more key: {kind}. {words}",
                name=shown(self._entry.name),
                kind=kind,
                words=words,
            )
        )

    def action_try(self) -> None:
        if self._slots:
            self.app.push_screen(TryKeyScreen(self._entry, self._slots))

    def action_drill(self) -> None:
        papers = [slot for slot in self._slots if slot.kind == SlotKind.RECOVERY_KEY]
        if not papers:
            self.query_one(Failure).say(
                _("There is no recovery key to rehearse with; r makes one.")
            )
            return
        self.app.push_screen(DrillScreen(self._entry, papers))

    def action_change(self) -> None:
        if self._can_change():
            screen = ChangePasswordScreen(self._entry, self._slots)
            self.app.push_screen(screen, self._changed)

    def _changed(self, _changed: KeysChanged | None = None) -> None:
        # Cancelled work may have been done already, so nobody is believed but the volume.
        self.vaultui.live.key_changes += 1
        self._look()

    def action_remove(self) -> None:
        row = self.query_one("#keys-list", DataTable).cursor_row
        if not self._slots:
            return
        if len(self._slots) == 1:
            self.query_one(Failure).say(_("This is the only key: without it nothing would open."))
            return
        screen = RemoveKeyScreen(self._entry, self._slots, self._slots[row])
        self.app.push_screen(screen, self._changed)
