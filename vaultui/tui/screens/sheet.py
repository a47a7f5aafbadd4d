"""A recovery key on a sheet for printing, as a file."""

from __future__ import annotations

import asyncio

from vaultui.model.language import N_, _
from vaultui.tui.screens.newfileform import NewFileForm
from vaultui.vaults import RecoveryKey, VaultEntry, new_file, write_sheet


class SheetScreen(NewFileForm):
    """Writes the QR code, and the key in its groups. It does not own the key."""

    about = N_(
        "An SVG file with the QR code and the key. Nobody else can read it, but it lies on "
        "the disk in the clear: print it, and delete it."
    )
    writing = N_("Writing the sheet")
    written = N_("The sheet is {path}. Print it, and delete it.")

    def __init__(self, entry: VaultEntry, key: RecoveryKey) -> None:
        super().__init__(id="sheet-form")
        self._entry = entry
        self._key = key

    def title_text(self) -> str:
        return _("A sheet for printing")

    def suggested(self) -> str:
        return "~/recovery-key.svg"

    async def write(self, path: str) -> str:
        return await asyncio.to_thread(self._write, path)

    def _write(self, path: str) -> str:
        with new_file(path) as file:
            write_sheet(file, self._entry.name, self._key)
            return file.path
