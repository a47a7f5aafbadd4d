"""One change at a time, on a disk that fails at each of the change's steps in turn.

`tries` does a change on a mount over and over, and lets its first step on the disk below fail,
then the second, until there is none left to fail. What must hold is said by `Try.wrong`: the
caller gets the errno of the disk, and a change that failed did not happen.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faultydisk import CHANGES, FOREVER, FaultyDisk
from treedigest import Entry, difference, file_digest, tree_digest

LONG = "long" * 50
"""A name that is hashed on disk, with its companion beside it."""

_BLOCK = 4096
_OLD = bytes(range(256)) * 160  # ten blocks


def _write(at: int, size: int, *, flags: int = 0) -> Callable[[Path], object]:
    """Return what writes `size` bytes as programs do: a short write is taken up again."""

    def change(top: Path) -> None:
        fd = os.open(top / "file", os.O_RDWR | flags)
        try:
            done = 0
            while done < size:
                done += os.pwrite(fd, _NEW[done:size], at + done)
        finally:
            os.close(fd)

    return change


_NEW = b"new" * _BLOCK * 5


def _sync(top: Path) -> None:
    fd = os.open(top / "file", os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _rename(old: str, new: str) -> Callable[[Path], object]:
    return lambda top: os.rename(top / old, top / new)


CHANGES_TO_TRY: dict[str, Callable[[Path], object]] = {
    "write within a block": _write(5000, 100),
    "write over blocks": _write(_BLOCK, 2 * _BLOCK),
    "write over parts of blocks": _write(5000, 15_000),
    "write over the end": _write(9 * _BLOCK + 100, 15_000),
    "write behind the end": _write(100_001, 5000),
    "write all of it and more": _write(0, 60_000),
    "write at the end": _write(0, 9000, flags=os.O_APPEND),
    "shorten": lambda top: os.truncate(top / "file", 5001),
    "shorten to blocks": lambda top: os.truncate(top / "file", 2 * _BLOCK),
    "lengthen": lambda top: os.truncate(top / "file", 100_001),
    "empty": lambda top: os.truncate(top / "file", 0),
    "create": lambda top: (top / "new").touch(),
    "create with a long name": lambda top: (top / f"new{LONG}").touch(),
    "mkdir": lambda top: (top / "new").mkdir(),
    "mkdir with a long name": lambda top: (top / f"new{LONG}").mkdir(),
    "mkdir without permissions": lambda top: (top / "new").mkdir(0o300),
    "symlink": lambda top: (top / "new").symlink_to("file"),
    "symlink with a long name": lambda top: (top / f"new{LONG}").symlink_to("file"),
    "link with a long name": lambda top: os.link(top / "file", top / f"new{LONG}"),
    "mkfifo with a long name": lambda top: os.mkfifo(top / f"new{LONG}"),
    "rename": _rename("file", "new"),
    "rename over a file": _rename("file", "other"),
    "rename from long to long": _rename(LONG, f"new{LONG}"),
    "rename from short to long": _rename("file", f"new{LONG}"),
    "rename over a long name": _rename("file", LONG),
    "rename over a directory": _rename("full", "empty"),
    "rename over a long directory": _rename("full", f"empty{LONG}"),
    "unlink": lambda top: (top / "file").unlink(),
    "unlink a long name": lambda top: (top / LONG).unlink(),
    "rmdir": lambda top: (top / "empty").rmdir(),
    "rmdir of a long name": lambda top: (top / f"empty{LONG}").rmdir(),
    "chmod": lambda top: (top / "file").chmod(0o600),
    "utime": lambda top: os.utime(top / "file", ns=(10**18, 10**18)),
    "setxattr": lambda top: os.setxattr(top / "file", "user.new", b"value"),
    "removexattr": lambda top: os.removexattr(top / "file", "user.old"),
    "fsync": _sync,
}
"""By name: what is done to the tree that `furnish` makes."""

STEPS = f"{CHANGES} truncate fsync fsyncdir flush"


@dataclass(frozen=True)
class Kind:
    """How the disk fails."""

    name: str
    number: int
    times: int = 1
    """Calls in a row that fail."""
    short: bool = False


KINDS = (
    Kind("full", errno.ENOSPC),
    Kind("over quota", errno.EDQUOT, short=True),
    Kind("an error", errno.EIO),
    Kind("dead", errno.EIO, times=FOREVER, short=True),
)


@dataclass(frozen=True)
class _Model:
    """A change as it goes where nothing fails."""

    change: str
    before: dict[bytes, Entry]
    wanted: dict[bytes, Entry]
    content: bytes
    """Of "file", afterwards."""

    def touches(self, name: bytes) -> bool:
        """Tell whether the change is about `name`, or about what it lies in."""
        top = name.partition(b"/")[0]
        return self.before.get(top) != self.wanted.get(top)


@dataclass(frozen=True)
class Try:
    """A change, and how it came out with one of its steps failing."""

    model: _Model
    kind: Kind
    step: int
    top: Path
    failed: Sequence[str]
    """The calls below that failed."""
    error: OSError | None

    def wrong(self) -> list[str]:
        """Return what is not as it must be, a line each, looking at the tree now."""
        lines = []
        if self.error is not None and self.error.errno != self.kind.number:
            lines.append(f"the caller got {errno.errorcode[self.error.errno or 0]}")
        if self.error is None and "fsync" in self.failed:
            lines.append("nobody was told that fsync failed")
        if self.kind.times > 1:
            return lines + self._damage_elsewhere()
        try:
            now = tree_digest(self.top, times=False)
        except OSError as error:
            return [*lines, f"the tree cannot be read: {error}"]
        changed, undone = difference(now, self.model.wanted), difference(now, self.model.before)
        if self.error is None and changed:
            lines += ["it went well, but the tree is not what it should be:", *changed]
        # What is done is done where only clearing up failed; half of it is what must not be.
        elif self.error is not None and changed and undone and not self._is_partly_written():
            lines += ["the tree is neither the old one nor the new one:", *undone]
        return lines

    def _damage_elsewhere(self) -> list[str]:
        """Return what became of all that the change is not about.

        On a disk that died halfway, half a change can't be undone.
        """
        lines = []
        for name, entry in self.model.before.items():
            if self.model.touches(name) or entry.kind != "file":
                continue
            try:
                if file_digest(os.path.join(os.fsencode(self.top), name)) != entry.sha256:
                    lines.append(f"{os.fsdecode(name)} has another content")
            except OSError as error:
                lines.append(f"{os.fsdecode(name)} cannot be read: {error}")
        return lines

    def _is_partly_written(self) -> bool:
        """Tell whether a write stopped halfway, as write(2) may: the new up to there, then the old.

        The kernel hands a large one on in pieces.
        """
        if not self.model.change.startswith("write"):
            return False
        now = (self.top / "file").read_bytes()
        pairs = enumerate(zip(now, self.model.content, strict=False))
        same = next((at for at, (one, two) in pairs if one != two), len(now))
        return now[same:] == _OLD[same:]

    def __str__(self) -> str:
        return f"{self.model.change}, with {self.kind.name} at step {self.step + 1}"


def furnish(top: Path) -> None:
    """Make the tree that changes are tried on."""
    top.mkdir()
    for name in ("file", "other", LONG):
        (top / name).write_bytes(_OLD)
    os.setxattr(top / "file", "user.old", b"value")
    for name in ("empty", f"empty{LONG}", "full"):
        (top / name).mkdir()
    (top / "full" / "inside").write_bytes(b"kept")


def tries(disk: FaultyDisk, plain: Path, kind: Kind, changes: Sequence[str]) -> Iterator[Try]:
    """Yield each try of `changes`, each in a directory of its own below `plain`."""
    for change in changes:
        model = _model_of(change, plain / f"{kind.name}, {change}")
        step, failed = 0, ["none yet"]
        while failed:
            top = plain / f"{kind.name}, {change}, {step}"
            furnish(top)
            _settle(plain)
            disk.fail(STEPS, kind.number, after=step, times=kind.times, short=kind.short)
            error = None
            try:
                CHANGES_TO_TRY[change](top)
            except OSError as caught:
                error = caught
            finally:
                _settle(plain)
                failed = disk.heal()
            yield Try(model, kind, step, top, failed, error)
            step += 1


def _model_of(change: str, top: Path) -> _Model:
    furnish(top)
    before = tree_digest(top, times=False)
    CHANGES_TO_TRY[change](top)
    wanted = tree_digest(top, times=False)
    file = top / "file"
    return _Model(change, before, wanted, file.read_bytes() if file.exists() else b"")


def _settle(plain: Path) -> None:
    """Wait until files that were closed are: the kernel tells of it without waiting."""
    os.statvfs(plain)
