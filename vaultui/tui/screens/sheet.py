"""A recovery key on a sheet for printing: asks where the file shall be."""

from __future__ import annotations

import asyncio
from functools import partial

from textual.app import ComposeResult
from textual.widgets import Input, Static

from vaultui.model.language import N_, _
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Field
from vaultui.tui.widgets.keyfields import as_path
from vaultui.tui.wording import place
from vaultui.vaults import RecoveryKey, VaultEntry, new_file, write_sheet


class SheetScreen(FormScreen[None]):
    """Writes the QR code, and the key in its groups. It does not own the key."""

    go = N_("Save it")
    keys = N_("Enter saves it  Esc goes back")

    def __init__(self, entry: VaultEntry, key: RecoveryKey) -> None:
        super().__init__(id="sheet-form")
        self._entry = entry
        self._key = key

    def title_text(self) -> str:
        return _("A sheet for printing")

    def fields(self) -> ComposeResult:
        yield Static(
            _(
                "An SVG file with the QR code and the key. Nobody else can read it, but it lies on "
                "the disk in the clear: print it, and delete it."
            ),
            classes="quiet",
            markup=False,
        )
        yield Field(_("File"), Input("~/recovery-key.svg", id="path", compact=True))

    def on_mount(self) -> None:
        self.query_one("#path").focus()

    def submit(self) -> None:
        path = as_path(self.typed("path"))
        if not path:
            self.complain(_("Which file?"), "path")
            return
        self.attempt(
            _("Writing the sheet"), partial(asyncio.to_thread, self._write, path), self._done
        )

    def _write(self, path: str) -> str:
        with new_file(path) as file:
            write_sheet(file, self._entry.name, self._key)
            return file.path

    def _done(self, path: str) -> None:
        self.vaultui.say(_("The sheet is {path}. Print it, and delete it.", path=place(path)))
        self.dismiss(None)
