"""What a directory must hold: kept while somebody works in it, compared with what is found there.

A `Ledger` knows the tree as it was acknowledged, and the one operation that was not answered
yet when the end came. That operation may have taken place or not; of a write or a truncation,
each block that it touches may hold what was there before or after, or be unreadable. All else
must be as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

BLOCK = 4096


class Content:
    """The bytes of a file. Hard links of one file share it."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)

    def write(self, offset: int, data: bytes) -> None:
        self.extend_to(offset)
        self.data[offset : offset + len(data)] = data

    def truncate(self, size: int) -> None:
        self.extend_to(size)
        del self.data[size:]

    def extend_to(self, size: int) -> None:
        self.data.extend(bytes(max(0, size - len(self.data))))

    def block(self, number: int) -> bytes:
        """Return a block; less than a whole one at the end, nothing behind it."""
        return bytes(self.data[number * BLOCK : (number + 1) * BLOCK])


@dataclass(frozen=True)
class Target:
    """What a symlink leads to."""

    text: str


DIRECTORY = "directory"
Entry = Content | Target | str
Tree = dict[str, Entry]
"""Entries by their paths, without the root."""


@dataclass(frozen=True)
class FoundFile:
    """A file as it was read: None for each block that could not be."""

    inode: int
    size: int
    blocks: list[bytes | None]

    @property
    def is_whole(self) -> bool:
        return None not in self.blocks


Found = dict[str, FoundFile | Target | str]


def moved(tree: Tree, old: str, new: str) -> None:
    """Rename in a tree, with all that lies below; what is at `new` goes."""
    inside = [path for path in tree if path == old or path.startswith(old + "/")]
    for path in [path for path in tree if path == new or path.startswith(new + "/")]:
        del tree[path]
    for path in inside:
        tree[new + path[len(old) :]] = tree.pop(path)


@dataclass
class Change:
    """One operation that was begun."""

    words: str
    apply: Callable[[Tree], None]
    """Does in a tree what the operation does."""
    touched: dict[str, range] = field(default_factory=dict)
    """By path: the blocks of a file that it writes."""
    between: Callable[[Tree], None] | None = None
    """Does in a tree what half of it does, where it may be found half done."""
    moves: tuple[str, str] | None = None
    """From which path to which something is renamed, over what is there."""
    removes: tuple[str, ...] = ()
    """Paths that lead to nothing, or to something else, afterwards."""
    syncs: str | None = None
    """What is on the disk afterwards, with all that its path depends on."""


class Ledger:
    """A tree, and what is being done to it. For one writer."""

    def __init__(self) -> None:
        self.tree: Tree = {}
        self.pending: Change | None = None

    def begin(self, change: Change) -> None:
        self.pending = change

    def done(self) -> None:
        """Note that the operation was acknowledged."""
        assert self.pending is not None
        self.pending.apply(self.tree)
        self.pending = None

    def refused(self) -> None:
        """Note that nothing came of the operation."""
        self.pending = None

    def differences(self, found: Found) -> tuple[list[str], int]:
        """Return a sentence for whatever is wrong, and how many blocks being written are torn."""
        trees = [self.tree]
        if self.pending is not None:
            for step in (self.pending.apply, self.pending.between):
                if step is not None:
                    trees.append(copy.deepcopy(self.tree))
                    step(trees[-1])
        judged = [
            self._contents(tree, trees, found) for tree in trees if _shape(tree) == _shape(found)
        ]
        if not judged:
            return _shape_differences(trees, found), 0
        # Contents may have changed places and all names be the same.
        return min(judged, key=lambda result: len(result[0]))

    def _contents(self, tree: Tree, trees: list[Tree], found: Found) -> tuple[list[str], int]:
        sentences, torn = [], 0
        touched = self.pending.touched if self.pending else {}
        for path, entry in tree.items():
            seen = found[path]
            if isinstance(entry, Content) and isinstance(seen, FoundFile):
                others = [other[path] for other in trees] if path in touched else []
                versions = [other for other in (entry, *others) if isinstance(other, Content)]
                wrong, damaged = _compare(versions, seen, touched.get(path, range(0)))
                sentences += [f"{path!r}: {what}{self._during()}" for what in wrong]
                torn += damaged
            elif entry != seen:
                sentences.append(f"{path!r} is {seen!r}, not {entry!r}{self._during()}")
        return sentences, torn

    def _during(self) -> str:
        return f" (during {self.pending.words})" if self.pending else ""


def _compare(versions: list[Content], seen: FoundFile, touched: range) -> tuple[list[str], int]:
    wrong, torn = [], 0
    sizes = [len(version.data) for version in versions]
    if not touched and seen.size not in sizes:
        wrong.append(f"its size is {seen.size}, not {sizes[0]}")
    end = max(len(seen.blocks), *(-(-size // BLOCK) for size in sizes))
    for number in range(end):
        block = seen.blocks[number] if number < len(seen.blocks) else b""
        if number not in touched:
            if block != versions[0].block(number):
                wrong.append(f"block {number} {'is unreadable' if block is None else 'is wrong'}")
        elif block is None:
            torn += 1
        else:
            # A block that a growing file leaves behind is filled up with zeros.
            plain = [version.block(number) for version in versions]
            allowed = {*plain, *(old.ljust(BLOCK, b"\0") for old in plain), b""}
            if block not in allowed:
                wrong.append(f"block {number}, being written, holds neither old nor new content")
    return wrong, torn


def _shape(tree: Tree | Found) -> dict[str, str]:
    return {path: _kind(entry) for path, entry in tree.items()}


def _kind(entry: Entry | FoundFile) -> str:
    if isinstance(entry, Target):
        return "symlink"
    return DIRECTORY if entry == DIRECTORY else "file"


def _shape_differences(trees: list[Tree], found: Found) -> list[str]:
    """Tell how the names differ from the tree that is nearest."""
    shape = _shape(found)
    missing, extra = min(
        (
            (_shape(tree).items() - shape.items(), shape.items() - _shape(tree).items())
            for tree in trees
        ),
        key=lambda both: len(both[0]) + len(both[1]),
    )
    return [
        *(f"{path!r}, a {kind}, is not there" for path, kind in sorted(missing)),
        *(f"{path!r}, a {kind}, should not be there" for path, kind in sorted(extra)),
    ]
