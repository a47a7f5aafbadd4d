"""What is found in a cipher directory after an accident, read without mounting it.

One judge for both programs: the format is the same. It reads with the code of our check and of
our file system in this process; that gocryptfs reads the same is tried by the drills too.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from openvolume import OpenVolume

from tests.drills.ledger import BLOCK, DIRECTORY, Found, FoundFile, Target
from vaultui.cipherfs.check import DamageKind, check
from vaultui.cipherfs.filesystem import ROOT
from vaultui.cipherfs.metadata import is_staging_name
from vaultui.cipherfs.volume import Volume
from vaultui.format.names import DIR_IV_BYTES, DIR_IV_NAME, companion, is_companion, is_long
from vaultui.model.ids import InodeNo


@dataclass
class Findings:
    """What the cipher directory holds."""

    tree: Found = field(default_factory=dict)
    unlistable: list[str] = field(default_factory=list)
    """Directories whose names cannot be read."""
    nameless: list[str] = field(default_factory=list)
    """Hashed entries without, or with an unusable, `.name` file; ciphertext paths."""
    without_iv: list[str] = field(default_factory=list)
    """Ciphertext paths of directories."""
    strays: list[str] = field(default_factory=list)
    """Files of the volume's own that belong to nothing; ciphertext paths."""
    staged: int = 0
    """How many things were being made or removed, and are in no listing."""
    checked: set[str | int] = field(default_factory=set)
    """What the check names: damaged files by their inodes, directories by their plaintext
    paths, and names that cannot be read by their ciphertext paths."""

    @property
    def unreadable(self) -> int:
        """How many files have blocks that cannot be read."""
        return sum(
            isinstance(entry, FoundFile) and not entry.is_whole for entry in self.tree.values()
        )

    def expected(self) -> set[str | int]:
        """Return what the check should name, by all else that was seen."""
        found = [entry for entry in self.tree.values() if isinstance(entry, FoundFile)]
        files = {file.inode for file in found if not file.is_whole}
        # Nobody reads the header of a file without content; the check may find it damaged.
        files |= {file.inode for file in found if not file.size} & self.checked
        out_of_reach = tuple(f"{folder}/" for folder in (*self.without_iv, *self.nameless))
        names = [
            name for name in (*self.nameless, *self.strays) if not name.startswith(out_of_reach)
        ]
        return {*files, *self.unlistable, *names}

    def below(self, folder: str) -> Found:
        """Return what is in one folder, by paths that start there."""
        top = f"{folder}/"
        return {
            path.removeprefix(top): entry
            for path, entry in self.tree.items()
            if path.startswith(top)
        }


def look(cipherdir: Path, volume: Volume) -> Findings:
    """Read all of a volume that no program serves."""
    findings = Findings()
    _look_at_own_files(cipherdir, findings)
    vault = OpenVolume(cipherdir, volume)
    try:
        _look_into(vault, ROOT, "", findings)
    finally:
        vault.close()
    _check(cipherdir, volume, findings)
    return findings


def _check(cipherdir: Path, volume: Volume, findings: Findings) -> None:
    def on_damage(kind: DamageKind, path: str, cipher_path: str, _reason: str) -> None:
        seen = findings.tree.get(path)
        if kind is DamageKind.NAME:
            findings.checked.add(cipher_path)
        else:
            findings.checked.add(seen.inode if isinstance(seen, FoundFile) else path)

    fd = os.open(cipherdir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        check(fd, volume, lambda *_progress: None, on_damage)
    finally:
        os.close(fd)


def _look_at_own_files(cipherdir: Path, findings: Findings) -> None:
    for folder, folders, files in os.walk(os.fsencode(cipherdir)):
        here = os.path.relpath(os.fsdecode(folder), cipherdir)
        names = {*folders, *files}
        # Nobody, and no check, looks into what was being made or removed.
        folders[:] = [name for name in folders if not is_staging_name(name)]
        for name in names:
            shown = os.path.normpath(os.path.join(here, os.fsdecode(name)))
            if is_long(name) and not _has_content(os.path.join(folder, companion(name))):
                findings.nameless.append(shown)
            if is_staging_name(name):
                findings.staged += 1
            elif is_companion(name) and name.removesuffix(b".name") not in names:
                findings.strays.append(shown)
            if name.startswith(DIR_IV_NAME) and name != DIR_IV_NAME:
                findings.strays.append(shown)
        # What waits to be removed, or is not in its place yet, needs none.
        if not is_companion(os.path.basename(folder)) and not _has_iv(folder):
            findings.without_iv.append(here)


def _has_iv(folder: bytes) -> bool:
    content = _content(os.path.join(folder, DIR_IV_NAME))
    return len(content) == DIR_IV_BYTES and any(content)


def _has_content(path: bytes) -> bool:
    return any(_content(path))


def _content(path: bytes) -> bytes:
    try:
        return Path(os.fsdecode(path)).read_bytes()
    except FileNotFoundError:
        return b""


def _look_into(vault: OpenVolume, ino: InodeNo, above: str, findings: Findings) -> None:
    try:
        handle = vault.fs.opendir(ino)
        names = [entry.name for entry in vault.fs.readdir(handle, 0)][2:]
        vault.fs.releasedir(handle)
    except OSError:
        findings.unlistable.append(above)
        return
    for name in names:
        path = os.path.join(above, os.fsdecode(name))
        entry = vault.fs.lookup(ino, name)
        mode = entry.mode
        if stat.S_ISDIR(mode):
            findings.tree[path] = DIRECTORY
            _look_into(vault, entry.ino, path, findings)
        elif stat.S_ISLNK(mode):
            findings.tree[path] = Target(_target(vault, entry.ino))
        else:
            findings.tree[path] = _read(vault, entry.ino, entry.size)


def _target(vault: OpenVolume, ino: InodeNo) -> str:
    try:
        return os.fsdecode(bytes(vault.fs.readlink(ino)))
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _read(vault: OpenVolume, ino: InodeNo, size: int) -> FoundFile:
    handle = vault.fs.open(ino, os.O_RDONLY).handle
    try:
        blocks: list[bytes | None] = []
        for offset in range(0, size, BLOCK):
            try:
                blocks.append(bytes(vault.fs.read(handle, offset, BLOCK)))
            except OSError:
                blocks.append(None)
        return FoundFile(ino, size, blocks)
    finally:
        vault.fs.release(handle)
