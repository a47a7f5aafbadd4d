"""A power cut, for real: what was synced is there afterwards, and can be read.

The cipher directory lies on an ext4 image. The kernel is told to stop that file system dead,
without writing out its journal; then the image is mounted again, as after a reboot. Only what
had reached the image is left. A killed process alone would not show this: the kernel
keeps what it has not written yet.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from capabilities import needs
from openvolume import OpenVolume, create
from programs import run_program

from vaultui.cipherfs.check import check
from vaultui.cipherfs.filesystem import ROOT
from vaultui.linux.atcalls import syncfs
from vaultui.model.ids import InodeNo

pytestmark = needs("root", "loop-device")

EXT4_IOC_SHUTDOWN = 0x8004587D
"""From the kernel's fs/ext4/ext4.h."""
NO_LOG_FLUSH = 2

LONG = "l" * 200


class Disk:
    """An image with a file system, ext4 as a rule, that can lose its power."""

    def __init__(
        self, base: Path, make: Sequence[str] = ("mkfs.ext4", "-q"), size: int = 64
    ) -> None:
        """`size` is in MiB."""
        self.image = base / "image"
        self.mountpoint = base / "disk"
        self.mountpoint.mkdir()
        with self.image.open("wb") as file:
            file.truncate(size << 20)
        run_program((*make, self.image)).check()
        self.mount()

    def mount(self) -> None:
        run_program(
            ("mount", "-o", "loop", os.fspath(self.image), os.fspath(self.mountpoint))
        ).check()

    def unmount(self) -> None:
        run_program(("umount", os.fspath(self.mountpoint))).check()

    def lose_power(self, vault: OpenVolume) -> None:
        """Stop the file system without writing anything more, and start it again."""
        fd = os.open(self.mountpoint, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)
        vault.close()
        self.unmount()
        self.mount()

    def lose_what_is_not_on_it(self, vault: OpenVolume) -> None:
        """Go on with what lies on the disk now; for file systems that no call stops dead."""
        now = self.image.with_name("now")
        shutil.copyfile(self.image, now)
        vault.close()
        self.unmount()
        self.image = now
        self.mount()

    def commit_journal(self) -> None:
        """Have everything written that ext4 writes by itself every five seconds.

        An fsync of an unrelated file commits the whole journal, so all names that were
        made, but no content that had not been handed to the disk.
        """
        fd = os.open(self.mountpoint / "unrelated", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(fd, b"x")
            os.fsync(fd)
        finally:
            os.close(fd)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    try:
        yield made
    finally:
        subprocess.run(("umount", "-l", made.mountpoint), check=False, capture_output=True)


@pytest.fixture
def vault(disk: Disk) -> Iterator[OpenVolume]:
    create(disk.mountpoint / "cipher")
    os.sync()
    opened = OpenVolume(disk.mountpoint / "cipher")
    yield opened
    opened.close()


def fsync_directory(vault: OpenVolume, ino: InodeNo) -> None:
    handle = vault.fs.opendir(ino)
    vault.fs.fsyncdir(handle, False)
    vault.fs.releasedir(handle)


def damages(vault: OpenVolume) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    fd = os.open(vault.cipherdir, os.O_RDONLY)
    try:
        check(fd, vault.volume, lambda *_: None, lambda *damage: found.append(damage))
    finally:
        os.close(fd)
    return found


@pytest.mark.parametrize("name", ["dir", LONG], ids=["short", "long"])
def test_a_directory_is_usable_after_an_fsync_of_its_parent(
    disk: Disk, vault: OpenVolume, name: str
) -> None:
    vault.mkdir(name)
    fsync_directory(vault, ROOT)
    disk.lose_power(vault)
    vault.reopen()
    assert vault.list() == [name]
    vault.write(f"{name}/file", b"x")
    assert vault.list(name) == ["file"]


@pytest.mark.parametrize("name", ["file", LONG], ids=["short", "long"])
def test_a_synced_file_below_new_directories_is_found_and_whole(
    disk: Disk, vault: OpenVolume, name: str
) -> None:
    vault.mkdir("a")
    vault.mkdir(f"a/{LONG}")
    path = f"a/{LONG}/{name}"
    handle = vault.fs.create(*vault.split(path), 0o644, os.O_RDWR)[0].handle
    vault.fs.write(handle, 0, b"content" * 1000)
    vault.fs.fsync(handle, False)
    disk.lose_power(vault)
    vault.reopen()
    assert vault.read(path) == b"content" * 1000
    assert damages(vault) == []


def test_a_name_is_there_after_a_rename_and_an_fsync_of_the_directory(
    disk: Disk, vault: OpenVolume
) -> None:
    with vault.open("temporary", os.O_RDWR | os.O_CREAT) as handle:
        vault.fs.write(handle, 0, b"saved")
        vault.fs.fsync(handle, True)
    vault.rename("temporary", LONG)
    fsync_directory(vault, ROOT)
    disk.lose_power(vault)
    vault.reopen()
    assert vault.list() == [LONG]
    assert vault.read(LONG) == b"saved"


def test_no_name_that_survives_without_any_fsync_is_unreadable(
    disk: Disk, vault: OpenVolume
) -> None:
    for number in range(40):
        vault.mkdir(f"dir{number}")
        vault.fs.mknod(vault.ino(f"dir{number}"), f"{number}{LONG}".encode(), 0o100644, 0)
    disk.commit_journal()
    disk.lose_power(vault)
    vault.reopen()
    assert len(vault.list()) == 40
    assert damages(vault) == []
    assert all(len(vault.list(f"dir{number}")) == 1 for number in range(40))


@needs("btrfs")
def test_a_synced_file_with_a_new_long_name_is_not_lost_on_btrfs_by_a_sync_beside_it(
    tmp_path: Path,
) -> None:
    disk = Disk(tmp_path, ("mkfs.btrfs", "-q", "--mixed"), size=128)
    try:
        create(disk.mountpoint / "cipher")
        vault = OpenVolume(disk.mountpoint / "cipher")
        vault.write("saved", b"saved")
        vault.sync("saved")
        syncfs(vault._fd)
        # btrfs has its log hold a new name that it was not asked for, and not what that needs.
        vault.rename("saved", LONG)
        vault.write("m" * 200, b"beside")
        vault.sync("m" * 200)
        disk.lose_what_is_not_on_it(vault)
        vault.reopen()
        assert vault.read(LONG) == b"saved"
        assert damages(vault) == []
        vault.close()
    finally:
        run_program(("umount", disk.mountpoint))
