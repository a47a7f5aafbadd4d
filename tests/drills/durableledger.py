"""What must be in a directory after a power cut: all that was synced and not touched since.

A sync of a file makes its content durable, and one of its paths; that of a directory makes its own
path durable and the names in it. What was renamed after that may be found under either
name, and of what was written after it each block may be found in any state.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.drills.ledger import BLOCK, DIRECTORY, Change, Content, Entry, Found, FoundFile, Ledger

L = TypeVar("L", bound=Ledger)


@dataclass
class Synced:
    """The content of a file that is on the disk."""

    data: bytes
    loose: set[int] = field(default_factory=set)
    """Blocks that were written since."""

    def accepts(self, seen: FoundFile) -> bool:
        """Tell whether `seen` holds all that must be there."""
        if not self.loose and seen.size != len(self.data):
            return False
        return not self.wrong_blocks(seen)

    def wrong_blocks(self, seen: FoundFile) -> list[int]:
        """Return the blocks that nobody wrote since and that are not what was synced."""
        return [
            number
            for number in range(-(-len(self.data) // BLOCK))
            if number not in self.loose
            and (
                number >= len(seen.blocks)
                or seen.blocks[number] != self.data[number * BLOCK : (number + 1) * BLOCK]
            )
        ]


@dataclass
class Name:
    """An entry that must be found, under one of the paths that it had since it was synced."""

    entry: Entry
    paths: list[str]
    """The latest last."""

    @property
    def was_renamed(self) -> bool:
        """Whether it, or a directory above it, had another name when it was synced."""
        return len(self.paths) > 1


class DurableLedger(Ledger):
    """Knows also what was synced. Compare with `losses`, not with `differences`."""

    def __init__(self) -> None:
        super().__init__()
        self._contents: dict[Content, Synced] = {}
        self._names: list[Name] = []

    def begin(self, change: Change) -> None:
        """Note what is no longer sure from now on, whether the change is acknowledged or not."""
        super().begin(change)
        for path, blocks in change.touched.items():
            content = self.tree[path]
            if isinstance(content, Content) and content in self._contents:
                self._contents[content].loose.update(blocks)
        gone = (*change.removes, *(change.moves or ())[1:])
        self._names = [
            name for name in self._names if not any(_leads(name.paths[-1], path) for path in gone)
        ]
        if change.moves:
            old, new = change.moves
            for name in self._names:
                if _leads(name.paths[-1], old):
                    name.paths.append(new + name.paths[-1][len(old) :])

    def done(self) -> None:
        change = self.pending
        super().done()
        if change is not None and change.syncs is not None:
            self._synced(change.syncs)

    def _synced(self, path: str) -> None:
        entry = self.tree.get(path, DIRECTORY)  # the folder itself is in no tree
        paths = self._durable_paths(path)
        if isinstance(entry, Content):
            self._contents[entry] = Synced(bytes(entry.data))
        else:
            paths += [below for below in self.tree if os.path.dirname(below) == path]
        known = {name.paths[-1]: name for name in self._names}
        for durable in paths:
            if durable in known:
                known[durable].paths = [durable]
            else:
                self._names.append(Name(self.tree[durable], [durable]))

    def _durable_paths(self, path: str) -> list[str]:
        """Return what a sync of `path` makes durable of it and of what is above it."""
        paths = [path] if path else []
        while paths and (above := os.path.dirname(paths[-1])):
            paths.append(above)
        return paths

    @property
    def promised(self) -> int:
        """Return how many names must be found."""
        return len(self._names)

    def losses(self, found: Found, of: Callable[[Name], bool] = lambda _: True) -> list[str]:
        """Return a sentence for each thing that was synced and is not there, or not whole."""
        sentences = []
        for name in filter(of, self._names):
            there = [found[path] for path in name.paths if path in found]
            if not any(self._is_kept(name.entry, seen) for seen in there):
                how = "is not as it was synced" if there else "was synced and is not there"
                sentences.append(
                    f"{' or '.join(map(repr, name.paths))} {how}{self._detail(name.entry, there)}"
                )
        return sentences

    def _detail(self, entry: Entry, there: list[object]) -> str:
        if not isinstance(entry, Content) or entry not in self._contents:
            return ""
        synced = self._contents[entry]
        seen = [
            f"{file.size} bytes, wrong in {synced.wrong_blocks(file)}"
            for file in there
            if isinstance(file, FoundFile)
        ]
        loose = f", written since: {sorted(synced.loose)}" if synced.loose else ""
        return f": {len(synced.data)} bytes{loose}; there are {', '.join(seen) or 'none'}"

    def _is_kept(self, entry: Entry, seen: object) -> bool:
        if isinstance(entry, Content):
            synced = self._contents.get(entry)
            return isinstance(seen, FoundFile) and (synced is None or synced.accepts(seen))
        return entry == seen if entry == DIRECTORY else type(entry) is type(seen)


class PosixLedger(DurableLedger):
    """Counts on no more than POSIX promises: a file's name is kept by a sync of its directory."""

    def _durable_paths(self, path: str) -> list[str]:
        if isinstance(self.tree.get(path), Content):
            return []
        return super()._durable_paths(path)


class NotedLedger(Ledger):
    """Notes when each operation was begun and answered, to tell later what was promised when."""

    def __init__(self) -> None:
        super().__init__()
        self._notes: list[tuple[int, Callable[[Ledger], None]]] = []

    def begin(self, change: Change) -> None:
        self._note(lambda ledger: ledger.begin(change))
        super().begin(change)

    def done(self) -> None:
        super().done()
        self._note(lambda ledger: ledger.done())

    def refused(self) -> None:
        super().refused()
        self._note(lambda ledger: ledger.refused())

    def _note(self, replay: Callable[[Ledger], None]) -> None:
        self._notes.append((time.time_ns(), replay))

    def until(self, moment: int, ledger: L) -> L:
        """Tell a new `ledger` what happened before a time, in nanoseconds since the epoch."""
        for when, replay in self._notes:
            if when >= moment:
                break
            replay(ledger)
        return ledger


def _leads(path: str, through: str) -> bool:
    return path == through or path.startswith(through + "/")
