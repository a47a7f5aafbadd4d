"""A copy of the volume config, which is the single point of loss: asks where it shall be."""

from __future__ import annotations

from functools import partial

from textual.app import ComposeResult
from textual.widgets import Input, Static

from vaultui.model.language import N_, _
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Field
from vaultui.tui.widgets.keyfields import as_path
from vaultui.tui.wording import place, shown
from vaultui.vaults import VaultEntry


class ExportConfigScreen(FormScreen[None]):
    """Writes the copy."""

    go = N_("Save it")
    keys = N_("Enter saves it  Esc goes back")

    def __init__(self, entry: VaultEntry) -> None:
        super().__init__(id="export-config")
        self._entry = entry

    def title_text(self) -> str:
        return _("A copy of the volume config of {name}", name=shown(self._entry.name))

    def fields(self) -> ComposeResult:
        yield Static(
            _(
                "Without this file the password opens nothing. The copy opens the vault together "
                "with the password of today, also after that was changed: keep it as safe as a key."
            ),
            classes="quiet",
            markup=False,
        )
        name = "".join(c if c.isalnum() else "-" for c in self._entry.name)
        yield Field(_("File"), Input(f"~/{name}.gocryptfs.conf", id="path", compact=True))

    def on_mount(self) -> None:
        self.query_one("#path").focus()

    def submit(self) -> None:
        path = as_path(self.typed("path"))
        if not path:
            self.complain(_("Which file?"), "path")
            return
        export = partial(self.vaultui.vaults.export_config, self._entry.name, path)
        self.attempt(_("Writing the copy"), export, self._done)

    def _done(self, path: str) -> None:
        self.vaultui.say(_("The copy is {path}.", path=place(path)))
        self.dismiss(None)
