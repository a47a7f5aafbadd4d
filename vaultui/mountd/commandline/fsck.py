"""`-fsck` as a person sees it: a line for each damage, progress on a terminal, and a summary."""

from __future__ import annotations

import logging
import os
import sys
import time
import unicodedata
from typing import Final

from vaultui.format.volumeconf import VolumeConf
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import CheckFoundDamage, OutputFailed
from vaultui.model.exitcodes import ExitCode
from vaultui.model.secret import Secret
from vaultui.model.terminaltext import quoted, shown
from vaultui.mountd import commands, opening
from vaultui.mountd.commandline.flavour import long_name_max, master_key_flags
from vaultui.mountd.commandline.keysources import read_secret
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.console import log
from vaultui.wire.conflictcopy import ConflictCopy
from vaultui.wire.oneshot import Checked, CheckMessage, CheckProgress, CheckSpec, Damage

_CLEAR_LINE: Final = "\r\x1b[K"


def run(options: Options, cipherdir: str) -> ExitCode:
    """Check the volume, print what is damaged, and return the exit code."""
    spec = CheckSpec(
        cipherdir,
        options.config,
        master_key_flags(options),
        long_name_max(options),
        key_file=options.key_file,
    )
    conf = opening.read_conf(spec, has_token=bool(options.fido2))
    with read_secret(options, conf) as secret:
        if not options.has_master_key:
            log.info("Decrypting master key")
        log.info("Checking filesystem...")
        try:
            checked = _check(spec, secret, conf)
        except KeyboardInterrupt:
            print("fsck: aborted")
            return ExitCode.OTHER
    return _sum_up(checked)


def _check(spec: CheckSpec, secret: Secret, conf: VolumeConf | None) -> Checked:
    """Check the volume and print each damage when it is found."""
    progress = _Progress()

    def tell(message: CheckMessage) -> None:
        try:
            if isinstance(message, CheckProgress):
                progress.show(message)
                return
            progress.clear()
            if isinstance(message, ConflictCopy):
                log.info("%s", copy_line(message))
            else:
                print(damage_line(message), flush=True)
        except OSError as error:
            # Or the check would take it for a failure of the entry that it is at.
            raise OutputFailed(reason=reason_of(error)) from error

    try:
        return commands.check(spec, secret, tell, conf=conf)
    finally:
        progress.clear()


def _sum_up(checked: Checked) -> ExitCode:
    if checked.copies:
        log.info("fsck: conflict copies, which are no damage: %d", checked.copies)
    if not checked.corrupt and not checked.skipped:
        log.info("fsck summary: no problems found")
        return ExitCode.OK
    if checked.skipped and os.geteuid() != 0:
        log.warning("fsck: re-run this program as root to check all files!")
    print(f"fsck summary: {checked.corrupt} corrupt files, {checked.skipped} files skipped")
    return CheckFoundDamage.exit_code


def damage_line(damage: Damage) -> str:
    """Return the line for one damage.

    It begins in gocryptfs's words where it has some, for the scripts that look for them.
    Then comes the reason, and where the entry lies in the cipher directory.
    """
    path = quoted(damage.path)
    match damage.kind:
        case "corrupt-name":
            folder, _, name = damage.path.rpartition("/")
            what = f"corrupt entry in dir {quoted(folder)}: {quoted(name)}"
        case "corrupt-content":
            what = f"corrupt file {path}"
        case "missing-dir-iv":
            what = f"error opening dir {path}"
        case "corrupt-symlink":
            what = f"error reading symlink {path}"
        case "corrupt-xattr":
            what = f"corrupt extended attribute of {path}"
        case _:
            what = f"error reading {path}"
    return f"fsck: {what}: {shown(damage.reason)} (on disk {quoted(damage.cipher_path)})"


def copy_line(copy: ConflictCopy) -> str:
    """Return the line for a conflict copy."""
    of = f"of {quoted(copy.original)}" if copy.original else "of a file of the volume's own"
    return f"fsck: conflict copy {quoted(copy.path)}: {of} (on disk {quoted(copy.cipher_path)})"


class _Progress:
    """One line at the bottom of a terminal, written over and over; nothing anywhere else."""

    def __init__(self) -> None:
        # Damage goes to standard output: where that is no terminal, a line on standard error
        # would get into the middle of it as soon as both meet again.
        terminal = sys.stderr.isatty() and sys.stdout.isatty()
        self._wanted = terminal and log.isEnabledFor(logging.INFO)
        self._began = time.monotonic()
        self._is_shown = False

    def show(self, progress: CheckProgress) -> None:
        if not self._wanted:
            return
        rate = progress.bytes / max(time.monotonic() - self._began, 0.001)
        text = (
            f"{progress.files} files, {_size(progress.bytes)}, {_size(rate)}/s: "
            f"{shown(progress.path)}"
        )
        # The last column stays free: some terminals go to the next line with it.
        room = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        print(_CLEAR_LINE + _cut(text, room), end="", file=sys.stderr, flush=True)
        self._is_shown = True

    def clear(self) -> None:
        if self._is_shown:
            print(_CLEAR_LINE, end="", file=sys.stderr, flush=True)
            self._is_shown = False


def _cut(text: str, cells: int) -> str:
    """Return the beginning of `text` that fits into so many cells of a terminal."""
    for index, character in enumerate(text):
        cells -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if cells < 0:
            return text[:index]
    return text


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
