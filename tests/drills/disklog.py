"""What became of a directory, step by step.

Files are told apart by numbers that are never used again, as an inode's number is; names lead to
them. Modes, owners, times and attributes are left out: the drills ask for none of them.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = 0
"""The number of the directory itself."""

Place = tuple[int, bytes]
"""A directory's number, and a name in it."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names that lead elsewhere from now on, all at once; None for those that lead nowhere."""

    began: int
    ended: int
    sets: tuple[tuple[Place, int | None], ...]
    needs: tuple[int, ...]
    """Indices of the steps that made, or moved, what this one builds upon."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes that were written into a file."""

    began: int
    ended: int
    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """A file that was given another size."""

    began: int
    ended: int
    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """Something was waited for: a file or directory, or with None all of them.

    With `is_ordered` alone what was written came on its way to the disk, without a promise that
    it is there, but before whatever is begun afterwards.
    """

    began: int
    ended: int
    file: int | None
    way: tuple[int, ...] = ()
    """Of a directory: indices of the steps that made, or moved, it and those above it."""
    is_ordered: bool = False


Step = Names | Bytes | Cut | Sync


@dataclass
class Tree:
    """Directories by their numbers, and what is in the files."""

    entries: dict[int, dict[bytes, int]] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    targets: dict[int, bytes] = field(default_factory=dict)

    def by_path(self) -> dict[bytes, bytes | None]:
        """Return what is at each path: content, the target of a symlink, None for directories."""
        found: dict[bytes, bytes | None] = {}

        def look(folder: int, above: bytes) -> None:
            for name, number in self.entries[folder].items():
                path = os.path.join(above, name)
                found[path] = self.contents.get(number, self.targets.get(number))
                if number in self.entries:
                    look(number, path)

        look(ROOT, b"")
        return found


@dataclass
class DiskLog:
    """The steps, and the tree that they started from."""

    start: Tree
    steps: list[Step]
    kinds: Tree
    """All directories and symlinks that there were at any time; the last state of them."""


def read_tree(top: Path) -> Tree:
    """Return what is in a directory now."""
    tree = Tree()
    numbers: dict[tuple[int, int], int] = {}

    def number_of(path: bytes) -> int:
        status = os.lstat(path)
        number = numbers.setdefault((status.st_dev, status.st_ino), len(numbers))
        if stat.S_ISDIR(status.st_mode):
            tree.entries[number] = {}
            for name in sorted(os.listdir(path)):
                tree.entries[number][name] = number_of(os.path.join(path, name))
        elif stat.S_ISLNK(status.st_mode):
            tree.targets[number] = os.fsencode(os.readlink(path))
        else:
            tree.contents[number] = Path(os.fsdecode(path)).read_bytes()
        return number

    assert number_of(os.fsencode(top)) == ROOT
    return tree
