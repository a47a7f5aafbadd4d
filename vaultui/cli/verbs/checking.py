"""check: reading a whole volume, with progress on a terminal, and a report that can be kept."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from contextlib import nullcontext

from vaultui.cli.currentkey import with_key_or_token
from vaultui.cli.describe import conflict_line
from vaultui.cli.output import place, shown, size
from vaultui.cli.session import Session
from vaultui.model.errors import Cancelled, CheckFoundDamage, NothingToCheck, VaultuiError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import _, ngettext
from vaultui.vaults import (
    Checked,
    CheckMessage,
    CheckProgress,
    ConflictCopy,
    Damage,
    Key,
    PasswordSource,
    new_file,
)
from vaultui.vaults.checkreport import write_report
from vaultui.vaults.extent import Extent
from vaultui.vaults.newfile import NewFile


def check_verb(session: Session) -> int:
    """Read a whole volume; damage is printed as it is found."""
    name, path = session.arguments.name, session.arguments.report
    if session.vaults.entry(name).reverse:
        raise NothingToCheck(name=name)  # before a password is asked for in vain
    checking = _Checking(session, name)
    # Made first: that it can't be is to be known before hours of reading.
    with nullcontext() if path is None else new_file(path) as report:
        ended = checking.run()
        if report is not None:
            checking.write(report, ended)
    return checking.end(ended)


class _Checking:
    """One check, and what it has found so far."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._output = session.output
        self._name = name
        self._extent: Extent | None = None
        self._progress: CheckProgress | None = None
        self._damages: list[Damage] = []
        self._copies: list[ConflictCopy] = []

    def run(self) -> Checked | Cancelled:
        """Check, and return the counts, or that it was cancelled on its way."""

        def attempt(key: Key, _source: PasswordSource) -> Checked:
            return self._session.run(self._check(key))

        try:
            return with_key_or_token(self._session, self._name, attempt)
        except KeyboardInterrupt:
            if self._progress is None:
                raise
            return Cancelled(what="`vaultui check`")

    async def _check(self, key: Key) -> Checked:
        measuring = asyncio.create_task(self._measure())
        try:
            return await self._session.vaults.volume.check(self._name, key, self._tell)
        finally:
            measuring.cancel()

    async def _measure(self) -> None:
        self._extent = await self._session.vaults.volume.extent(self._name)

    def _tell(self, message: CheckMessage) -> None:
        output = self._output
        if isinstance(message, CheckProgress):
            self._progress = message
            output.step(f"{self._share(message)}{_read(message)}: {shown(message.path)[-50:]}")
        elif isinstance(message, ConflictCopy):
            self._copies.append(message)
            if not output.as_json:
                output.line(conflict_line(message))
        else:
            self._damages.append(message)
            if not output.as_json:
                path = message.path or message.cipher_path
                output.line(f"{message.kind}: {shown(path)} ({shown(_(message.reason))})")

    def _share(self, progress: CheckProgress) -> str:
        """Return how much is read, in percent; empty while nobody knows of how much."""
        if self._extent is None:
            return ""
        # Empty files count as well. What is read is a little less than what lies on the disk.
        whole = max(1, self._extent.bytes + self._extent.files)
        return f"{min(99, 100 * (progress.bytes + progress.files) // whole):2} %  "

    def write(self, report: NewFile, ended: Checked | Cancelled) -> None:
        """Write the report file."""
        cipherdir = self._session.vaults.entry(self._name).cipherdir
        verdict = self._verdict(ended)
        write_report(report, cipherdir, verdict, self._damages, self._copies, at=time.time())
        if not self._output.as_json:
            self._output.note(_("The report is {path}.", path=place(report.path)))

    def end(self, ended: Checked | Cancelled) -> int:
        """Print how it ended and return the exit code, or raise what the end was."""
        if isinstance(ended, Cancelled):
            if not self._output.as_json:
                self._output.note(self._verdict(ended))
            raise ended
        damaged = _failure(ended)
        if self._output.as_json:
            self._output.data(
                {
                    "name": self._name,
                    **dataclasses.asdict(ended),
                    "damage": [dataclasses.asdict(damage) for damage in self._damages],
                    "conflict_copies": [dataclasses.asdict(copy) for copy in self._copies],
                }
            )
            return int(ExitCode.OK if damaged is None else damaged.exit_code)
        if damaged is not None:
            raise damaged
        self._output.line(self._verdict(ended))
        return 0

    def _verdict(self, ended: Checked | Cancelled) -> str:
        if isinstance(ended, Cancelled):
            read = _read(self._progress or CheckProgress(0, 0, ""))
            return _("The check was stopped; read until then: {read}.", read=read)
        damaged = _failure(ended)
        if damaged is not None:
            return damaged.summary
        return _("{name} is whole: {read}.", name=shown(self._name), read=_read(ended))


def _failure(checked: Checked) -> VaultuiError | None:
    if not checked.corrupt and not checked.skipped:
        return None
    return CheckFoundDamage(corrupt=checked.corrupt, skipped=checked.skipped)


def _read(counts: CheckProgress | Checked) -> str:
    return ngettext(
        "{count} file, {size}", "{count} files, {size}", counts.files, size=size(counts.bytes)
    )
