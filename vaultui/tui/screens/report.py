"""The report of a check as a file."""

from __future__ import annotations

import asyncio

from vaultui.model.language import N_, _
from vaultui.tui.check import Check
from vaultui.tui.screens.newfileform import NewFileForm
from vaultui.vaults import new_file
from vaultui.vaults.checkreport import write_report


class ReportScreen(NewFileForm):
    """Writes what a check found: the verdict, then a line for each damage and conflict copy."""

    about = N_("A text file that nobody else can read: it has names of files in the clear.")
    writing = N_("Writing the report")
    written = N_("The report is {path}.")

    def __init__(self, check: Check, verdict: str) -> None:
        super().__init__(id="report")
        self._check = check
        self._verdict = verdict

    def title_text(self) -> str:
        return _("The report of the check")

    def suggested(self) -> str:
        return "~/vaultui-check.txt"

    async def write(self, path: str) -> str:
        return await asyncio.to_thread(self._write, path)

    def _write(self, path: str) -> str:
        check, at = self._check, self.vaultui.wall_clock()
        with new_file(path) as file:
            write_report(
                file, check.entry.cipherdir, self._verdict, check.damages, check.copies, at=at
            )
            return file.path
