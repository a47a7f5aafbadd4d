"""Storage that is full, over quota, broken or read-only: what callers are told, and what is left.

The disk below is a FUSE file system that fails on command. Each step that a change takes on it
fails once; `make drills` tries more changes in more ways, and gocryptfs beside ours.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from capabilities import needs
from faultydisk import FaultyDisk
from mounting import Vaultfs
from onefault import CHANGES_TO_TRY, KINDS, LONG, tries

pytestmark = needs("fuse", "user-xattrs")

CONTENT = os.urandom(50_000)
BY_NAME = {kind.name: kind for kind in KINDS}

TRIED = {
    "over quota": (
        "write over parts of blocks",
        "write over the end",
        "write behind the end",
        "lengthen",
        "create with a long name",
        "mkdir with a long name",
        "rename from short to long",
        "rename over a long directory",
    ),
    "an error": ("shorten", "rmdir of a long name", "fsync"),
    "dead": ("write over the end", "mkdir with a long name"),
}
"""What takes many steps, or once went wrong."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[FaultyDisk]:
    with FaultyDisk(tmp_path) as disk:
        yield disk


@pytest.fixture
def volume(tmp_path: Path, disk: FaultyDisk, pristine: Path) -> Vaultfs:
    """Return a volume that lies on the disk, not mounted."""
    volume = Vaultfs(tmp_path, cipherdir=disk.mountpoint / "cipher")
    shutil.copytree(pristine, disk.backing / "cipher")
    return volume


@pytest.mark.parametrize(("name", "changes"), TRIED.items(), ids=list(TRIED))
def test_a_change_that_fails_at_any_step_is_told_and_leaves_nothing_half(
    disk: FaultyDisk, volume: Vaultfs, name: str, changes: Sequence[str]
) -> None:
    with volume:
        done = list(tries(disk, volume.mountpoint, BY_NAME[name], changes))
        assert len(done) > len(changes), "nothing failed"
        wrong = [f"{one}: {line}" for one in done for line in one.wrong()]
        volume.remount()
        wrong += [f"{one}, mounted again: {line}" for one in done for line in one.wrong()]
    assert wrong == []
    if name != "dead":
        checked = volume.fsck()
        said = (checked.stdout + checked.stderr).decode().splitlines()
        damage = [line for line in said if "corrupt" in line and "may be deleted" not in line]
        assert [line for line in damage if "summary" not in line] == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT])
def test_what_a_server_says_at_the_end_reaches_fsync_and_close(
    disk: FaultyDisk, volume: Vaultfs, number: int
) -> None:
    with volume:
        path = volume.mountpoint / "file"
        path.write_bytes(CONTENT)
        fd = os.open(path, os.O_RDWR)
        os.pwrite(fd, b"x", 100)
        disk.fail("fsync", number, times=1)
        with pytest.RaisesExc(OSError, check=lambda error: error.errno == number):
            os.fsync(fd)
        os.fsync(fd)
        disk.fail("flush", number)
        with pytest.RaisesExc(OSError, check=lambda error: error.errno == number):
            os.close(fd)
        os.statvfs(volume.mountpoint)  # comes behind the release of the file
        disk.heal()
        assert path.read_bytes() == CONTENT[:100] + b"x" + CONTENT[101:]


LOOKS: dict[str, Callable[[Path], bool]] = {
    "read": lambda top: (top / "file").read_bytes() == CONTENT,
    "list": lambda top: os.listdir(top) == ["file"],
    "find": lambda top: (top / "file").stat().st_size == len(CONTENT),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_a_disk_that_cannot_be_read_gives_an_error_and_later_the_content(
    disk: FaultyDisk, volume: Vaultfs, look: Callable[[Path], bool]
) -> None:
    with volume:
        tops = [volume.mountpoint / str(step) for step in range(12)]
        for top in tops:
            top.mkdir()
            (top / "file").write_bytes(CONTENT)
        volume.remount()
        failures = 0
        for step, top in enumerate(tops):  # each of them is looked at for the first time
            # Two calls: what the compiled path meets is tried once more, by Python.
            disk.fail("lookup read open opendir readdir getattr", errno.EIO, after=step, times=2)
            found, number = _outcome(lambda top=top: look(top))
            disk.heal()
            assert found or number == errno.EIO, "something else was shown"
            failures += number == errno.EIO
            assert look(top)
        assert failures >= 3


def _outcome(call: Callable[[], object]) -> tuple[object, int]:
    """Return what `call` returns, or None and its errno."""
    try:
        return call(), 0
    except OSError as error:
        return None, error.errno or 0


def test_a_disk_that_becomes_read_only_refuses_changes_and_keeps_what_is_there(
    disk: FaultyDisk, volume: Vaultfs
) -> None:
    with volume:
        path = volume.mountpoint / "file"
        path.write_bytes(CONTENT)
        with path.open("r+b", buffering=0) as file:
            disk.fail("setattr mkdir create write unlink rename truncate", errno.EROFS)
            refused = pytest.RaisesExc(OSError, check=lambda error: error.errno == errno.EROFS)
            for change in (
                lambda: file.write(b"x" * 10_000),
                lambda: file.truncate(5),
                lambda: path.unlink(),
                lambda: path.rename(volume.mountpoint / LONG),
                lambda: (volume.mountpoint / LONG).touch(),
                lambda: (volume.mountpoint / LONG).mkdir(),
            ):
                with refused:
                    change()
            assert file.read() == CONTENT
            disk.heal()
            file.write(b"goes on")
        volume.remount()
        assert path.read_bytes() == CONTENT + b"goes on"
        assert os.listdir(volume.mountpoint) == ["file"]


def test_a_mount_goes_on_after_every_call_below_has_failed(
    disk: FaultyDisk, volume: Vaultfs
) -> None:
    calls = "lookup getattr setattr mknod mkdir symlink link unlink rmdir rename create write open"
    calls += (
        " read flush fsync opendir readdir fsyncdir statfs getxattr listxattr setxattr readlink"
    )
    with volume:
        path = volume.mountpoint / "file"
        path.write_bytes(CONTENT)
        for call in calls.split():
            disk.fail(call, errno.EIO)
            for change in CHANGES_TO_TRY.values():
                with contextlib.suppress(OSError):  # which is EIO, or follows from an earlier one
                    change(volume.mountpoint)
            disk.heal()
        assert volume.process is not None
        assert volume.process.poll() is None
        (volume.mountpoint / "afterwards").write_bytes(CONTENT)
        volume.remount()
        assert (volume.mountpoint / "afterwards").read_bytes() == CONTENT
    assert "Traceback" not in volume.log


def test_a_listing_does_not_leave_out_what_storage_hides_as_if_it_were_not_there(
    disk: FaultyDisk, volume: Vaultfs
) -> None:
    with volume:
        (volume.mountpoint / "short").touch()
        (volume.mountpoint / LONG).touch()
        disk.fail("open", errno.EIO)
        with os.scandir(volume.mountpoint) as entries:
            assert next(entries).name == "short"
            with pytest.raises(OSError, check=lambda error: error.errno == errno.EIO):
                next(entries)
        disk.heal()
        assert sorted(os.listdir(volume.mountpoint)) == sorted(["short", LONG])
        (companion,) = volume.cipherdir.glob("*.name")
        companion.unlink()
        assert os.listdir(volume.mountpoint) == ["short"]
