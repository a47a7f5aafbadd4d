"""Somebody else writes into the cipher directory while it is mounted, as sync clients do.

A sync client writes a temporary file and renames it into place; what it brings was
encrypted on another machine, here by the real gocryptfs on a copy of the volume.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Gocryptfs, MountedVolume, Vaultfs, wait_until

BOTH = pytest.mark.parametrize("program", [Gocryptfs, Vaultfs], ids=["gocryptfs", "vaultfs"])

NOTICED_S = 10.0
"""Attributes and entries may be up to one second old; the rest is for a slow machine."""


@BOTH
@pytest.mark.parametrize("new", [b"v2: longer than before\n", b"V1 of this file\n", b""])
def test_a_file_replaced_underneath_is_read_anew(
    program: type[MountedVolume], tmp_path: Path, new: bytes
) -> None:
    with program(tmp_path) as volume:
        path = volume.mountpoint / "file"
        path.write_bytes(b"v1 of this file\n")
        assert path.read_bytes() == b"v1 of this file\n"
        _on_another_machine(volume, lambda root: (root / "file").write_bytes(new))
        wait_until(lambda: path.read_bytes() == new, NOTICED_S, "the new content is read")
        assert path.stat().st_size == len(new)


@BOTH
def test_a_line_appended_after_a_replacement_lands_behind_the_new_content(
    program: type[MountedVolume], tmp_path: Path
) -> None:
    theirs = b"their line\n" * 1000
    with program(tmp_path) as volume:
        path = volume.mountpoint / "log"
        path.write_bytes(b"our line\n" * 400)
        assert len(path.read_bytes()) == 3600
        _on_another_machine(volume, lambda root: (root / "log").write_bytes(theirs))
        wait_until(lambda: path.stat().st_size == len(theirs), NOTICED_S, "the size is new")
        with path.open("ab") as log:
            log.write(b"our last line\n")
    with volume.by(Gocryptfs) as again:
        assert (again.mountpoint / "log").read_bytes() == theirs + b"our last line\n"


@BOTH
def test_who_has_the_old_file_open_keeps_it(program: type[MountedVolume], tmp_path: Path) -> None:
    with program(tmp_path) as volume:
        path = volume.mountpoint / "file"
        path.write_bytes(b"old content")
        with path.open("rb") as old:
            _on_another_machine(volume, lambda root: (root / "file").write_bytes(b"new"))
            wait_until(lambda: path.read_bytes() == b"new", NOTICED_S, "the new file is read")
            assert old.read() == b"old content"


@BOTH
def test_files_that_come_and_go_underneath_are_noticed(
    program: type[MountedVolume], tmp_path: Path
) -> None:
    def elsewhere(root: Path) -> None:
        (root / "dir" / "arrived").write_bytes(b"hello")
        (root / "dir" / ("long" * 50)).write_bytes(b"long")
        (root / "dir" / "leaves").unlink()

    with program(tmp_path) as volume:
        folder = volume.mountpoint / "dir"
        folder.mkdir()
        (folder / "leaves").write_bytes(b"x")
        assert not (folder / "arrived").exists()  # the kernel may remember this for a second
        _on_another_machine(volume, elsewhere)
        wait_until(
            lambda: sorted(os.listdir(folder)) == sorted(["arrived", "long" * 50]),
            NOTICED_S,
            "the listing is new",
        )
        wait_until(lambda: (folder / "arrived").exists(), NOTICED_S, "the new file is found")
        assert (folder / "arrived").read_bytes() == b"hello"
        assert (folder / ("long" * 50)).read_bytes() == b"long"
        wait_until(lambda: not (folder / "leaves").exists(), NOTICED_S, "the old one is gone")


def test_a_directory_replaced_underneath_is_walked_with_its_new_iv(tmp_path: Path) -> None:
    # Ours alone: gocryptfs keeps the descriptor and IV of a directory for up to a minute.
    def elsewhere(root: Path) -> None:
        shutil.rmtree(root / "dir")
        (root / "dir").mkdir()
        (root / "dir" / "new").write_bytes(b"new")

    with Vaultfs(tmp_path) as volume:
        folder = volume.mountpoint / "dir"
        folder.mkdir()
        (folder / "old").write_bytes(b"old")
        assert os.listdir(folder) == ["old"]
        _on_another_machine(volume, elsewhere)
        wait_until(lambda: _names(folder) == ["new"], NOTICED_S, "the new directory is listed")
        assert (folder / "new").read_bytes() == b"new"
        (folder / "ours").write_bytes(b"ours")
    with volume.by(Gocryptfs) as again:
        assert (again.mountpoint / "dir" / "ours").read_bytes() == b"ours"


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _on_another_machine(volume: MountedVolume, work: Callable[[Path], object]) -> None:
    """Do `work` in a copy of the volume, then bring its files over as a sync client does."""
    copy = volume.base / "copy"
    shutil.copytree(volume.cipherdir, copy, symlinks=True)
    with Gocryptfs(
        volume.base,
        password=volume.password,
        cipherdir=copy,
        mountpoint=volume.base / "elsewhere",
    ) as other:
        work(other.mountpoint)
    _synchronise(copy, volume.cipherdir)


def _synchronise(source: Path, target: Path) -> None:
    for path in target.iterdir():
        if not (source / path.name).exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in source.iterdir():
        if path.is_dir():
            (target / path.name).mkdir(exist_ok=True)
            _synchronise(path, target / path.name)
        elif not _same(path, target / path.name):
            temporary = target.parent / f".sync-{path.name[:40]}"
            shutil.copy2(path, temporary)
            temporary.rename(target / path.name)


def _same(left: Path, right: Path) -> bool:
    return right.exists() and left.read_bytes() == right.read_bytes()
