"""The recorded calls of a program, understood as steps of a `DiskLog`.

Positions that lseek(2) sets are not followed: the programs write(2) into new files alone, from the
start. What is not understood and would matter is an AssertionError.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.drills.disklog import ROOT, Bytes, Cut, DiskLog, Names, Place, Step, Sync, Tree
from tests.drills.recording import Call
from vaultui.linux.atcalls import RENAME_EXCHANGE

_AT_FDCWD: Final = (0xFFFFFF9C, -100)
_AT_REMOVEDIR: Final = 0x200
_F_DUPFDS: Final = (0, 1030)
_WAITS: Final = 7
"""The flags of a sync_file_range(2) that returns when the bytes are on their way to the disk."""
_PROC: Final = b"/proc/self/fd/"


@dataclass
class _Open:
    file: int
    syncs: bool = False
    position: int = 0


def understand(start: Tree, top: Path, calls: Iterable[Call]) -> DiskLog:
    """Return what `calls` did below `top`, which held `start` before."""
    calls = list(calls)
    reader = _Reader(start, os.fsencode(top))
    # A new thread may do much before the call that made it is seen to end.
    for call in calls:
        if call.makes_thread:
            reader.meet_thread(call)
    for call in calls:
        reader.take(call)
    return DiskLog(start, reader.steps, reader.tree)


class _Reader:
    """Follows descriptors and names while it goes through the calls."""

    def __init__(self, start: Tree, top: bytes) -> None:
        self.steps: list[Step] = []
        self.tree = Tree(
            {number: dict(entries) for number, entries in start.entries.items()},
            {},
            dict(start.targets),
        )
        self._top = top
        self._sizes = {number: len(content) for number, content in start.contents.items()}
        self._next = 1 + max((*start.entries, *start.contents, *start.targets))
        self._above = {
            number: above
            for above, entries in start.entries.items()
            for number in entries.values()
            if number in start.entries
        }
        self._touched: dict[Place, int] = {}
        self._placed: dict[int, int] = {}
        self._processes: dict[int, int] = {}
        self._tables: dict[int, dict[int, _Open]] = {}

    def meet_thread(self, call: Call) -> None:
        """Note whose descriptors a new thread has; one that is a process begins with none."""
        if call.shares_descriptors:
            self._processes[call.result] = self._process(call.thread)

    def take(self, call: Call) -> None:
        if (handler := getattr(self, f"_{call.name}", None)) is not None:
            handler(call, *call.words)

    # Descriptors.

    def _process(self, thread: int) -> int:
        return self._processes.get(thread, thread)

    def _table(self, call: Call) -> dict[int, _Open]:
        return self._tables.setdefault(self._process(call.thread), {})

    def _close(self, call: Call, fd: int) -> None:
        self._table(call).pop(fd, None)

    def _dup(self, call: Call, fd: int, *_rest: int) -> None:
        self._table(call).pop(call.result, None)
        if fd in self._table(call):
            self._table(call)[call.result] = self._table(call)[fd]

    _dup2 = _dup3 = _dup

    def _fcntl(self, call: Call, fd: int, command: int, *_rest: int) -> None:
        if command in _F_DUPFDS:
            self._dup(call, fd)

    def _openat(self, call: Call, at: int, path: bytes, flags: int, *_mode: int) -> None:
        self._table(call).pop(call.result, None)
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            if self._find(call, at, path) is None:
                return
            number: int | None = self._new_file()
        else:
            number = self._find(call, at, path)
            if number is None:
                place = self._place(call, at, path)
                if place is None:
                    return
                assert flags & os.O_CREAT, f"{path!r} was opened, and is not known"
                number = self._new_file()
                self._name(call, (place, number))
            elif flags & os.O_TRUNC:
                self._cut(call, number, 0)
        syncs = bool(flags & os.O_DSYNC)
        self._table(call)[call.result] = _Open(number, syncs)

    def _open(self, call: Call, path: bytes, flags: int, *mode: int) -> None:
        self._openat(call, _AT_FDCWD[0], path, flags, *mode)

    # Content.

    def _write(self, call: Call, fd: int, data: bytes, *_rest: int) -> None:
        if (opened := self._table(call).get(fd)) is not None:
            self._put(call, opened, opened.position, data)
            opened.position += call.result

    def _pwrite64(self, call: Call, fd: int, data: bytes, _size: int, offset: int) -> None:
        if (opened := self._table(call).get(fd)) is not None:
            self._put(call, opened, offset, data)

    def _pwritev(self, call: Call, fd: int, *_rest: int) -> None:
        assert fd not in self._table(call), "pwritev(2) is not understood"

    def _put(self, call: Call, opened: _Open, offset: int, data: bytes) -> None:
        data = data[: call.result]
        self.steps.append(Bytes(call.began, call.ended, opened.file, offset, data))
        self._sizes[opened.file] = max(self._sizes[opened.file], offset + len(data))
        if opened.syncs:
            self.steps.append(Sync(call.ended, call.ended, opened.file))

    def _ftruncate(self, call: Call, fd: int, size: int) -> None:
        if (opened := self._table(call).get(fd)) is not None:
            self._cut(call, opened.file, size)

    def _truncate(self, call: Call, path: bytes, size: int) -> None:
        if (number := self._find(call, _AT_FDCWD[0], path)) is not None:
            self._cut(call, number, size)

    def _fallocate(self, call: Call, fd: int, mode: int, *_rest: int) -> None:
        assert mode or fd not in self._table(call), "a file grew by fallocate(2)"

    def _cut(self, call: Call, number: int, size: int) -> None:
        if self._sizes[number] != size:
            self.steps.append(Cut(call.began, call.ended, number, size))
            self._sizes[number] = size

    # Syncs.

    def _fsync(self, call: Call, fd: int) -> None:
        if (opened := self._table(call).get(fd)) is not None:
            way = self._way(opened.file) if opened.file in self.tree.entries else ()
            self.steps.append(Sync(call.began, call.ended, opened.file, tuple(way)))

    _fdatasync = _fsync

    def _sync(self, call: Call) -> None:
        self.steps.append(Sync(call.began, call.ended, None))

    def _syncfs(self, call: Call, fd: int) -> None:
        if fd in self._table(call):
            self._sync(call)

    def _sync_file_range(self, call: Call, fd: int, _at: int, _size: int, flags: int) -> None:
        opened = self._table(call).get(fd)
        if opened is not None and flags == _WAITS:
            self.steps.append(Sync(call.began, call.ended, opened.file, is_ordered=True))

    # Names.

    def _mkdirat(self, call: Call, at: int, path: bytes, _mode: int) -> None:
        if (place := self._place(call, at, path)) is not None:
            number = self._new_number()
            self.tree.entries[number] = {}
            self._name(call, (place, number))

    def _mkdir(self, call: Call, path: bytes, mode: int) -> None:
        self._mkdirat(call, _AT_FDCWD[0], path, mode)

    def _mknodat(self, call: Call, at: int, path: bytes, mode: int, *_device: int) -> None:
        if (place := self._place(call, at, path)) is not None:
            assert stat.S_IFMT(mode) in (0, stat.S_IFREG), "only files are understood"
            self._name(call, (place, self._new_file()))

    def _symlinkat(self, call: Call, target: bytes, at: int, path: bytes) -> None:
        if (place := self._place(call, at, path)) is not None:
            number = self._new_number()
            self.tree.targets[number] = target
            self._name(call, (place, number))

    def _linkat(
        self, call: Call, old_at: int, old: bytes, at: int, path: bytes, *_flags: int
    ) -> None:
        place = self._place(call, at, path)
        number = self._find(call, old_at, old)
        if place is not None:
            assert number is not None, f"{old!r} was linked, and is not known"
            self._name(call, (place, number))

    def _link(self, call: Call, old: bytes, new: bytes) -> None:
        self._linkat(call, _AT_FDCWD[0], old, _AT_FDCWD[0], new)

    def _unlinkat(self, call: Call, at: int, path: bytes, _flags: int = 0) -> None:
        if (place := self._place(call, at, path)) is not None:
            self._name(call, (place, None))

    def _unlink(self, call: Call, path: bytes) -> None:
        self._unlinkat(call, _AT_FDCWD[0], path)

    _rmdir = _unlink

    def _renameat2(
        self, call: Call, old_at: int, old: bytes, at: int, path: bytes, flags: int = 0
    ) -> None:
        before, after = self._place(call, old_at, old), self._place(call, at, path)
        if before is None and after is None:
            return
        assert before is not None
        assert after is not None
        moved, met = self._at(before), self._at(after)
        # Two names of one file: rename(2) leaves both.
        if moved != met:
            is_exchange = flags == RENAME_EXCHANGE
            self._name(call, (before, met if is_exchange else None), (after, moved))

    _renameat = _renameat2

    def _rename(self, call: Call, old: bytes, new: bytes) -> None:
        self._renameat2(call, _AT_FDCWD[0], old, _AT_FDCWD[0], new)

    def _name(self, call: Call, *sets: tuple[Place, int | None]) -> None:
        needs = {self._touched[place] for place, _number in sets if place in self._touched}
        for (folder, _name), _number in sets:
            needs.update(self._way(folder))
        index = len(self.steps)
        self.steps.append(Names(call.began, call.ended, sets, tuple(sorted(needs))))
        for place, number in sets:
            folder, name = place
            self._touched[place] = index
            if number is None:
                self.tree.entries[folder].pop(name, None)
                continue
            self.tree.entries[folder][name] = number
            if number in self.tree.entries:
                self._placed[number] = index
                self._above[number] = folder

    def _way(self, folder: int) -> Iterator[int]:
        """Yield the steps that a directory is where it is by, and those above it."""
        at: int | None = folder
        while at is not None:
            if at in self._placed:
                yield self._placed[at]
            at = self._above.get(at)

    # Paths.

    def _new_number(self) -> int:
        self._next += 1
        return self._next - 1

    def _new_file(self) -> int:
        number = self._new_number()
        self._sizes[number] = 0
        return number

    def _at(self, place: Place) -> int | None:
        folder, name = place
        return self.tree.entries[folder].get(name)

    def _find(self, call: Call, at: int, path: bytes) -> int | None:
        """Return what a path leads to; None for what is not there or not ours."""
        if path.startswith(_PROC):
            opened = self._table(call).get(int(path.removeprefix(_PROC)))
            return None if opened is None else opened.file
        if path.rstrip(b"/") == self._top:
            return ROOT
        if path in (b"", b"."):
            opened = self._table(call).get(at)
            return None if opened is None else opened.file
        place = self._place(call, at, path)
        return None if place is None else self._at(place)

    def _place(self, call: Call, at: int, path: bytes) -> Place | None:
        """Return the directory and the name that a path ends in; None outside of ours."""
        if path.startswith(self._top + b"/"):
            folder, rest = ROOT, path.removeprefix(self._top)
        elif path.startswith(b"/") or at in _AT_FDCWD or at not in self._table(call):
            return None
        else:
            folder, rest = self._table(call)[at].file, path
        *through, name = [part for part in rest.split(b"/") if part]
        for part in through:
            found = self.tree.entries[folder].get(part)
            if found is None:
                return None
            folder = found
        return folder, name
