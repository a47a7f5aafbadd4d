"""The report of a check as a file: asks where it shall be."""

from __future__ import annotations

import asyncio
from functools import partial

from textual.app import ComposeResult
from textual.widgets import Input, Static

from vaultui.model.language import N_, _
from vaultui.tui.check import Check
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Field
from vaultui.tui.widgets.keyfields import as_path
from vaultui.tui.wording import place
from vaultui.vaults import new_file
from vaultui.vaults.checkreport import write_report


class ReportScreen(FormScreen[None]):
    """Writes what a check found: the verdict, then a line for each damage and conflict copy."""

    go = N_("Save it")
    keys = N_("Enter saves it  Esc goes back")

    def __init__(self, check: Check, verdict: str) -> None:
        super().__init__(id="report")
        self._check = check
        self._verdict = verdict

    def title_text(self) -> str:
        return _("The report of the check")

    def fields(self) -> ComposeResult:
        yield Static(
            _("A text file that nobody else can read: it has names of files in the clear."),
            classes="quiet",
            markup=False,
        )
        yield Field(_("File"), Input("~/vaultui-check.txt", id="path", compact=True))

    def on_mount(self) -> None:
        self.query_one("#path").focus()

    def submit(self) -> None:
        path = as_path(self.typed("path"))
        if not path:
            self.complain(_("Which file?"), "path")
            return
        write = partial(asyncio.to_thread, self._write, path)
        self.attempt(_("Writing the report"), write, self._done)

    def _write(self, path: str) -> str:
        check, at = self._check, self.vaultui.wall_clock()
        with new_file(path) as file:
            write_report(
                file, check.entry.cipherdir, self._verdict, check.damages, check.copies, at=at
            )
            return file.path

    def _done(self, path: str) -> None:
        self.vaultui.say(_("The report is {path}.", path=place(path)))
        self.dismiss(None)
