"""Looking for a secret in all the places where a program could have left it.

A hunt knows the secrets of one test, in every spelling that programs give to bytes, and in
pieces: a freed buffer often lost its first bytes only. Single characters are no find, for
Python keeps one object for each of them and all programs share it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 8
"""What counts as a find. Secrets of a test are random, so that nothing else looks like it."""

_CHUNK = 1 << 18


@dataclass(frozen=True)
class Find:
    secret: str
    spelling: str
    place: str

    def __str__(self) -> str:
        return f"{self.secret} ({self.spelling}) in {self.place}"


class Hunt:
    """Secrets by the names that a find is reported with."""

    def __init__(self, **secrets: bytes) -> None:
        self._needles = {
            needle: (name, spelling)
            for name, secret in secrets.items()
            for needle, spelling in spellings(secret)
        }
        self._longest = max(map(len, self._needles))

    def search(self, content: bytes, place: str) -> list[Find]:
        """Return what of the secrets is in `content`."""
        return [
            Find(*meaning, place) for needle, meaning in self._needles.items() if needle in content
        ]

    def in_files(self, *tops: Path, except_for: Iterable[Path] = ()) -> list[Find]:
        """Search all regular files below `tops`, their names and where links lead."""
        finds = []
        spared = {path.resolve() for path in except_for}
        for top in tops:
            for path in (top, *sorted(top.rglob("*"))):
                if path.resolve() in spared:
                    continue
                finds += self.search(os.fsencode(path), f"the name {path}")
                with contextlib.suppress(FileNotFoundError):
                    finds += self._in_entry(path)
        return finds

    def _in_entry(self, path: Path) -> list[Find]:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return self.search(os.fsencode(os.readlink(path)), f"the link {path}")
        if not stat.S_ISREG(mode):
            return []
        with path.open("rb") as file:
            return self._in_pieces(iter(lambda: file.read(_CHUNK), b""), str(path))

    def in_process(self, pid: int) -> list[Find]:
        """Search the memory of a process, its words and its environment. Only root may."""
        finds = []
        for name in ("cmdline", "environ", "comm"):
            finds += self.search(Path(f"/proc/{pid}/{name}").read_bytes(), f"{pid}'s {name}")
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for region in writable_regions(pid):
                place = f"{pid}'s memory, {region.name}"
                finds += self._in_pieces(region.read(memory.fileno()), place)
        return finds

    def _in_pieces(self, pieces: Iterator[bytes], place: str) -> list[Find]:
        finds: dict[Find, None] = {}
        overlap = b""
        for piece in pieces:
            if not piece.rstrip(b"\0"):  # most of what a process has reserved was never used
                overlap = b""
                continue
            finds |= dict.fromkeys(self.search(overlap + piece, place))
            overlap = piece[-self._longest :]
        return list(finds)


@dataclass(frozen=True)
class Region:
    """A mapping of a process, as proc_pid_maps(5) lists it."""

    start: int
    end: int
    name: str

    def read(self, memory: int) -> Iterator[bytes]:
        for start in range(self.start, self.end, _CHUNK):
            # A page may be gone, or belong to a device.
            with contextlib.suppress(OSError):
                yield os.pread(memory, min(_CHUNK, self.end - start), start)


def writable_regions(pid: int) -> list[Region]:
    """Return where a process can have put something: all but code and constants of files."""
    found = []
    for line in Path(f"/proc/{pid}/maps").read_text(errors="surrogateescape").splitlines():
        addresses, rights, _offset, _device, inode, *name = line.split(maxsplit=5)
        start, _, end = addresses.partition("-")
        if rights.startswith("r") and ("w" in rights or inode == "0"):
            shown = name[0] if name else "anonymous"
            found.append(Region(int(start, 16), int(end, 16), shown))
    return found


def locked_bytes(pid: int) -> int:
    """Return how much of the memory of a process is never written to swap."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmLck:"))
    return int(line.split()[1]) << 10


def spellings(secret: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield pieces of a secret as they may stand in a file or in memory, and what each is.

    Two pieces: what is overwritten by chance loses its beginning or its end.
    """
    for piece in (secret[PIECE_BYTES : 2 * PIECE_BYTES], secret[-PIECE_BYTES:]):
        yield piece, "as it is"
        yield piece.hex().encode(), "hexadecimal"
        for encoding in ("utf-16-le", "utf-32-le"):
            yield piece.decode("latin-1").encode(encoding), encoding
    for shift in range(3):
        # The edges of base64 belong to what stands before and behind as well.
        inner = base64.b64encode(secret[shift : shift + (len(secret) - shift) // 3 * 3])
        yield inner[4:16], "base64"
