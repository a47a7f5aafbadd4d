"""A copy of the volume config, which is the single point of loss, as a file."""

from __future__ import annotations

from vaultui.model.language import N_, _
from vaultui.tui.screens.newfileform import NewFileForm
from vaultui.tui.wording import shown
from vaultui.vaults import VaultEntry


class ExportConfigScreen(NewFileForm):
    """Writes the copy."""

    about = N_(
        "Without this file the password opens nothing. The copy opens the vault together "
        "with the password of today, also after that was changed: keep it as safe as a key."
    )
    writing = N_("Writing the copy")
    written = N_("The copy is {path}.")

    def __init__(self, entry: VaultEntry) -> None:
        super().__init__(id="export-config")
        self._entry = entry

    def title_text(self) -> str:
        return _("A copy of the volume config of {name}", name=shown(self._entry.name))

    def suggested(self) -> str:
        name = "".join(c if c.isalnum() else "-" for c in self._entry.name)
        return f"~/{name}.gocryptfs.conf"

    async def write(self, path: str) -> str:
        return await self.vaultui.vaults.volume.export_config(self._entry.name, path)
