"""What may be on the disk after the power was cut, of what was recorded: states by chance.

Two kinds of disks. One promises what POSIX does and no more: a sync of a file keeps its content, a
sync of a directory the names in it and the way to it. Whatever nobody synced is kept or lost
by itself: each change of a name, and each piece of what was written. Only what
builds upon another change needs that one: the same name, or the directory that it is in.

The other keeps names in order, as ext4, XFS and most others do that have a journal: any sync
brings all earlier changes of names along, and of later ones those that are kept are the first.
Content that nobody synced may still be lost, unless it was handed to the disk before.
"""

from __future__ import annotations

import enum
import os
import random
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.drills.disklog import ROOT, Bytes, Cut, DiskLog, Names, Step, Sync, Tree

_NEVER: Final = 1 << 63
_SECTOR: Final = 512
"""Bytes. What a disk writes whole."""


class Order(enum.Enum):
    """What kind of a disk it is."""

    POSIX = "any order"
    JOURNAL = "names in order"


@dataclass(frozen=True, slots=True)
class _Fate:
    """When a step cannot be lost any more, and from when on it comes before other names."""

    durable: int = _NEVER
    ordered: int = _NEVER


class CrashStates:
    """The states that one recording may end in."""

    def __init__(self, log: DiskLog, order: Order, *, settled: int = 0) -> None:
        """What ended before `settled`, in nanoseconds since the epoch, is on the disk."""
        self._log = log
        self._order = order
        self._fates = _fates(log.steps, order, settled)

    def moments(self, after: int) -> list[int]:
        """Return the times at which calls began, after a time: those at which a cut differs."""
        return sorted({step.began for step in self._log.steps if step.began > after})

    def at(self, moment: int, chance: random.Random) -> Tree:
        """Return one state that a cut at that moment may leave.

        What had begun by then may be there by chance, and what was durable is.
        """
        names, content = chance.choice(
            [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), *[(None, None)] * 4]
        )
        kept = self._names(moment, chance.random() if names is None else names, chance)
        latest = max((self._log.steps[index].began for index in kept), default=0)
        state = _State(self._log.start)
        share = chance.random() if content is None else content
        lost: set[int] = set()
        for index, step in enumerate(self._log.steps):
            if step.began >= moment:
                continue
            if isinstance(step, Names):
                if index in kept:
                    state.name(step)
            elif not isinstance(step, Sync):
                fate = self._fates[index]
                if fate.durable <= moment or fate.ordered <= latest:
                    state.apply(step)
                elif self._order is Order.POSIX:
                    state.apply_some(step, share, chance)
                elif step.file in lost or chance.random() >= share:
                    lost.add(step.file)
                else:
                    state.apply(step)
        return state.tree(self._log.kinds)

    def _names(self, moment: int, share: float, chance: random.Random) -> set[int]:
        """Return the indices of the changes of names that are kept."""
        begun = [
            index
            for index, step in enumerate(self._log.steps)
            if isinstance(step, Names) and step.began < moment
        ]
        durable = {index for index in begun if self._fates[index].durable <= moment}
        free = [index for index in begun if index not in durable]
        if self._order is Order.JOURNAL:
            return durable | set(free[: round(share * len(free))])
        kept = durable | {index for index in free if chance.random() < share}
        for index in reversed(begun):
            step = self._log.steps[index]
            if index in kept and isinstance(step, Names):
                kept.update(step.needs)
        return kept


def whole(log: DiskLog) -> Tree:
    """Return what was there in the end, with nothing lost."""
    state = _State(log.start)
    for step in log.steps:
        if isinstance(step, Names):
            state.name(step)
        elif not isinstance(step, Sync):
            state.apply(step)
    return state.tree(log.kinds)


def _fates(steps: list[Step], order: Order, settled: int) -> list[_Fate]:
    fates = [_Fate(durable=settled if step.ended <= settled else _NEVER) for step in steps]
    waiting = [index for index, step in enumerate(steps) if not isinstance(step, Sync)]
    for sync in steps:
        if not isinstance(sync, Sync):
            continue
        still = []
        for index in waiting:
            step = steps[index]
            is_covered = index in sync.way or _is_covered(step, sync, order)
            if step.ended > sync.began or not is_covered:
                still.append(index)
            elif sync.is_ordered:
                if order is Order.JOURNAL:
                    fates[index] = _Fate(
                        fates[index].durable, min(fates[index].ordered, sync.ended)
                    )
                still.append(index)
            else:
                fates[index] = _Fate(min(fates[index].durable, sync.ended), fates[index].ordered)
        waiting = still
    return fates


def _is_covered(step: Step, sync: Sync, order: Order) -> bool:
    if sync.file is None:
        return True
    if isinstance(step, Names):
        if order is Order.JOURNAL:
            return not sync.is_ordered
        return any(folder == sync.file for (folder, _name), _number in step.sets)
    return not isinstance(step, Sync) and step.file == sync.file


class _State:
    """A tree that grows, and only copies what it changes."""

    def __init__(self, start: Tree) -> None:
        self._entries = {number: dict(entries) for number, entries in start.entries.items()}
        self._contents = {number: bytearray(data) for number, data in start.contents.items()}

    def name(self, step: Names) -> None:
        for (folder, name), number in step.sets:
            entries = self._entries.setdefault(folder, {})
            if number is None:
                entries.pop(name, None)
            else:
                entries[name] = number

    def apply(self, step: Bytes | Cut) -> None:
        content = self._contents.setdefault(step.file, bytearray())
        if isinstance(step, Cut):
            content.extend(bytes(max(0, step.size - len(content))))
            del content[step.size :]
        else:
            content.extend(bytes(max(0, step.offset - len(content))))
            content[step.offset : step.offset + len(step.data)] = step.data

    def apply_some(self, step: Bytes | Cut, share: float, chance: random.Random) -> None:
        """Apply a cut or not, and of what was written each sector by itself, or a first part."""
        if isinstance(step, Cut) or share in (0.0, 1.0):
            if chance.random() < share:
                self.apply(step)
            return
        at, end = step.offset, step.offset + len(step.data)
        if chance.random() < 0.5:
            whole = min(end, at + int(share * len(step.data)) // _SECTOR * _SECTOR)
            edges = [at, whole]
        else:
            edges = [at, *range(at - at % _SECTOR + _SECTOR, end, _SECTOR), end]
        for start, stop in pairwise(edges):
            if len(edges) == 2 or chance.random() < share:
                piece = step.data[start - at : stop - at]
                if piece:
                    self.apply(Bytes(0, 0, step.file, start, piece))

    def tree(self, kinds: Tree) -> Tree:
        """Return what can be reached from the root."""
        reached = Tree()
        waiting = [ROOT]
        while waiting:
            folder = waiting.pop()
            assert folder not in reached.entries, "a directory has two names"
            entries = reached.entries[folder] = self._entries.get(folder, {})
            for number in entries.values():
                if number in kinds.entries:
                    waiting.append(number)
                elif number in kinds.targets:
                    reached.targets[number] = kinds.targets[number]
                else:
                    reached.contents[number] = bytes(self._contents.get(number, b""))
        return reached


def write_out(tree: Tree, top: Path) -> None:
    """Make a directory that holds `tree`; `top` is there, and empty."""
    paths: dict[int, bytes] = {}

    def fill(folder: int, path: bytes) -> None:
        for name, number in tree.entries[folder].items():
            place = os.path.join(path, name)
            if number in tree.entries:
                os.mkdir(place)
                fill(number, place)
            elif number in tree.targets:
                os.symlink(tree.targets[number], place)
            elif number in paths:
                os.link(paths[number], place)
            else:
                paths[number] = place
                Path(os.fsdecode(place)).write_bytes(tree.contents[number])

    fill(ROOT, os.fsencode(top))
