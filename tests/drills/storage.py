"""Storage that is full, over quota, broken or read-only, and what is left of what was there.

First on a disk that fails on command: every step of every change fails once, in four ways. Then on
real ones: a small ext4, a btrfs with a quota, an ext4 that its kernel makes read-only. There
files are written and written over until there is no room, and each byte of them must be an
old or a new one.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from faultydisk import FaultyDisk
from mounting import MountedVolume, mountpoints_below
from onefault import CHANGES_TO_TRY, KINDS, Kind, tries

from tests.drills.harness import Drill, Row, Session

_STEPS_SHARE = 0.7
"""Of the drill's time, for the disk that fails on command."""
_PIECE = 512
"""Bytes that are compared at once."""


def run(session: Session) -> Sequence[Row]:
    """Try both programs on every kind of storage that there is a program for."""
    rows = [
        _row(session, f"steps of changes that failed: {kind.name}", _steps, kind) for kind in KINDS
    ]
    for what, storage in _REAL.items():
        if missing := [name for name in storage.programs if shutil.which(name) is None]:
            rows.append(Row(what, "not run", "not run", f"no {missing[0]}"))
        else:
            rows.append(_row(session, what, _fill, storage))
    return rows


def _row(session: Session, what: str, work: Callable[..., int], kind: object) -> Row:
    """Do one kind of work with both programs; the row tells how much, and what went wrong."""
    cells = []
    for peer in session.peers:
        before = session.count(peer)
        base = session.base / f"{peer.argv0} {what}".replace(":", "")
        base.mkdir()
        done = work(session, peer, base, kind)
        cells.append(f"{session.count(peer) - before} wrong of {done}")
    return Row(what, *cells)


def _steps(session: Session, peer: type[MountedVolume], base: Path, kind: Kind) -> int:
    """Let each step of each change fail, as far as time goes; return how many did."""
    changes = list(CHANGES_TO_TRY)
    random.Random(session.seed).shuffle(changes)
    share = (session.deadline - session.began) * _STEPS_SHARE / len(KINDS) / len(session.peers)
    end = time.monotonic() + share
    done = []
    with FaultyDisk(base) as disk:
        volume = peer(base, cipherdir=disk.mountpoint / "cipher")
        with volume:
            for change in changes:
                if time.monotonic() > end:
                    break
                for one in tries(disk, volume.mountpoint, kind, [change]):
                    done.append(one)
                    for line in one.wrong():
                        session.found(peer, f"{one}: {line}", session.seed)
            volume.remount()
            for one in done:
                for line in one.wrong():
                    session.found(peer, f"{one}, mounted again: {line}", session.seed)
    return len(done)


class _Storage:
    """A real file system with little room, and what makes it worse."""

    def __init__(
        self,
        make: Callable[[Path], Path],
        *programs: str,
        spoil: Callable[[Path], None] | None = None,
        may_tear: int = 0,
    ) -> None:
        """`spoil` makes the file system worse before files are written over.

        `may_tear` is how many files may be damaged by that, where nobody could prevent it.
        """
        self.make = make
        self.programs = programs
        self.spoil = spoil
        self.may_tear = may_tear


def _fill(session: Session, peer: type[MountedVolume], base: Path, storage: _Storage) -> int:
    """Write until nothing goes any more, twice; return how many writes were refused."""
    dice = random.Random(session.seed)
    refused = 0
    with _mounted(storage.make, base) as top:
        volume = peer(base, cipherdir=top / "cipher")
        with volume:
            new: dict[Path, bytes] = {}
            for number in range(400):
                path = volume.mountpoint / f"{number}{'n' * dice.choice((0, 200))}"
                content = dice.randbytes(dice.randrange(1, 300_000))
                refused += _refuses(lambda path=path, content=content: _write(path, content))
                if path.exists():
                    new[path] = content
                if refused > 5:
                    break
            volume.remount()
            written = {}
            for path, content in new.items():
                if wrong := _compared(path, content[: path.stat().st_size], content):
                    session.found(peer, f"{path.name[:20]}, new: {wrong}", session.seed)
                else:
                    written[path] = path.read_bytes()
            if storage.spoil is not None:
                storage.spoil(top)
            for path, content in written.items():
                new[path] = dice.randbytes(len(content))
                refused += _refuses(lambda path=path: _write_over(path, new[path]))
            volume.remount()
            over = [
                f"{path.name[:20]}, written over: {wrong}"
                for path, old in written.items()
                if (wrong := _compared(path, old, new[path]))
            ]
            for sentence in over[storage.may_tear :]:
                session.found(peer, sentence, session.seed)
    if not refused:
        session.found(peer, "the storage took everything", session.seed)
    return refused


def _write(path: Path, content: bytes) -> None:
    with path.open("wb", buffering=0) as file:
        done = 0
        while done < len(content):
            done += file.write(content[done:])


def _write_over(path: Path, content: bytes) -> None:
    with path.open("r+b", buffering=0) as file:
        done = 0
        while done < len(content):
            done += file.write(content[done : done + 50_000])


def _refuses(call: Callable[[], object]) -> int:
    try:
        call()
    except OSError:
        return 1
    return 0


def _compared(path: Path, old: bytes, new: bytes) -> str:
    """Return what is wrong with a file of which any part may have been written over."""
    try:
        now = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if len(now) != len(old):
        return f"has {len(now)} bytes instead of {len(old)}"
    for at in range(0, len(now), _PIECE):
        piece = slice(at, at + _PIECE)
        if now[piece] not in (old[piece], new[piece]) and any(
            byte not in both
            for byte, *both in zip(now[piece], old[piece], new[piece], strict=False)
        ):
            return f"what is at {at} is neither old nor new"
    return ""


# Real storage.


@contextlib.contextmanager
def _mounted(make: Callable[[Path], Path], base: Path) -> Iterator[Path]:
    """Have a file system made and mounted at `base/storage`; return the directory to use."""
    where = base / "storage"
    where.mkdir()
    try:
        yield make(base)
    finally:
        for mounted in mountpoints_below(where):
            _call("umount", "-l", mounted)


def _ext4(base: Path) -> Path:
    _image(base, 24, "mkfs.ext4", "-q", "-m", "0")
    _call("mount", "-o", "loop,errors=remount-ro", base / "image", base / "storage")
    return base / "storage"


def _btrfs_with_quota(base: Path) -> Path:
    _image(base, 256, "mkfs.btrfs", "-q")
    _call("mount", "-o", "loop", base / "image", base / "storage")
    _call("btrfs", "quota", "enable", base / "storage")
    _call("btrfs", "-q", "subvolume", "create", base / "storage" / "sub")
    _call("btrfs", "qgroup", "limit", "16M", base / "storage" / "sub")
    return base / "storage" / "sub"


def _make_read_only(top: Path) -> None:
    """Have the kernel find an error in the ext4 at `top`: it stops writing to it at once."""
    device = subprocess.run(
        ("findmnt", "-n", "-o", "SOURCE", top), capture_output=True, text=True, check=True
    ).stdout.strip()
    Path(f"/sys/fs/ext4/{Path(device).name}/trigger_fs_error").write_text("drill")


def _image(base: Path, mebibytes: int, *mkfs: str) -> None:
    with (base / "image").open("wb") as image:
        image.truncate(mebibytes << 20)
    _call(*mkfs, base / "image")


def _call(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr.decode()}"


_REAL = {
    "writes refused by an ext4 of 24 MiB": _Storage(_ext4, "mkfs.ext4"),
    # What is written over lies elsewhere then. Over quota btrfs stops halfway, and takes
    # neither the old bytes back nor the end off: the file that met it first is damaged.
    "writes refused by a btrfs with a quota of 16 MiB": _Storage(
        _btrfs_with_quota, "mkfs.btrfs", may_tear=1
    ),
    "writes refused by an ext4 that became read-only": _Storage(
        _ext4, "mkfs.ext4", spoil=_make_read_only
    ),
}

DRILL = Drill(
    "storage",
    "Full and failing storage",
    run,
    minutes=4.0,
    needs=("fuse", "gocryptfs", "loop-device", "user-xattrs"),
)
