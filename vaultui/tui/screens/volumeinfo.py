"""What a volume is made of, and the way to keep a copy of its volume config."""

from __future__ import annotations

from collections.abc import Iterator

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _, ngettext
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.screens.exportconfig import ExportConfigScreen
from vaultui.tui.widgets.form import Failure
from vaultui.tui.widgets.menu import Menu
from vaultui.tui.wording import place, shown, size
from vaultui.vaults import (
    Extent,
    VaultEntry,
    VolumeInfo,
    content_in_words,
    derivation_in_words,
    gocryptfs_opens,
    kind_in_words,
    names_in_words,
    slots_of,
)

_LABEL_CELLS = 14

_WAYS = {
    "export": ("x", N_("Keep a copy of the volume config")),
    "check": ("V", N_("Check it: read every file")),
    "keys": ("K", N_("Its keys")),
}


class VolumeInfoScreen(Dialog[None]):
    """Reads the volume config, then counts the files, which may take a while."""

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("x", "export", "Keep a copy of the volume config", show=False),
        Binding("V", "check", "Check it", show=False),
        Binding("K", "keys", "Its keys", show=False),
        Binding("v,q", "cancel", "Close", show=False),
    ]

    def __init__(self, entry: VaultEntry) -> None:
        super().__init__(id="volume-info")
        self._entry = entry
        self._info: VolumeInfo | None = None
        self._extent: Extent | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide", can_focus=False) as box:
            title = _("The volume of {name}", name=shown(self._entry.name))
            self.head(box, title, _("Enter chooses  Esc closes"))
            yield Static(_("Reading the volume config"), id="volume-facts", markup=False)
            yield Failure(self.vaultui.glyphs)
            yield Menu(_WAYS)

    def on_mount(self) -> None:
        self.query_one(Menu).focus()
        self._read()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        vaults = self.vaultui.vaults
        try:
            self._info = await vaults.volume.info(self._entry.name)
        except VaultuiError as error:
            self.query_one("#volume-facts").display = False
            self.query_one(Failure).show(error)
            return
        self._draw()
        if not self._entry.reverse:
            self._extent = await vaults.volume.extent(self._entry.name)
            self._draw()

    def _draw(self) -> None:
        if self._info is not None:
            lines = [
                Content.assemble((label.ljust(_LABEL_CELLS), "$muted"), shown(value))
                for label, value in self._facts(self._info)
            ]
            self.query_one("#volume-facts", Static).update(Content("\n").join(lines))

    def _facts(self, info: VolumeInfo) -> Iterator[tuple[str, str]]:
        entry = self._entry
        yield _("Plain dir") if entry.reverse else _("Cipher dir"), place(entry.cipherdir)
        if not entry.reverse:
            yield _("Size"), self._holds()
        if entry.config_path:
            yield _("Volume config"), place(entry.config_path)
        yield _("Made by"), info.creator
        yield _("Content"), content_in_words(info)
        yield _("Names"), names_in_words(info)
        if "LongNames" in info.feature_flags:
            told = _("longer than {count} bytes: in files of their own", count=info.long_name_max)
            yield _("Long names"), told
        for slot in slots_of(info):
            words = f"{kind_in_words(slot.kind)}, {derivation_in_words(slot.key_derivation)}"
            yield _("Key"), f"{words} {slot.label}".rstrip()
        yield _("Features"), " ".join(info.feature_flags)
        opens = gocryptfs_opens(info)
        yield "gocryptfs", _("opens it as well") if opens else _("does not open it")

    def _holds(self) -> str:
        if self._extent is None:
            return _("being counted")
        total = size(self._extent.bytes)
        return ngettext(
            "{count} file, {size}", "{count} files, {size}", self._extent.files, size=total
        )

    # -- choices ----------------------------------------------------------------------------

    def action_export(self) -> None:
        self.app.push_screen(ExportConfigScreen(self._entry))

    def action_check(self) -> None:
        self._leave_for("vault.check")

    def action_keys(self) -> None:
        self._leave_for("vault.keys")

    def _leave_for(self, action_id: str) -> None:
        status = self.vaultui.live.status(self._entry.id)
        self.dismiss(None)
        self.vaultui.perform(action_id, status)
