"""Somebody who works in a mount, at random and by a seed, until the mount is gone.

Each writer has a folder of its own and a ledger of it. All that it does is allowed, so every
error that comes while the mount is still served is a finding.
"""

from __future__ import annotations

import errno
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

from tests.drills.ledger import BLOCK, DIRECTORY, Change, Content, Ledger, Target, Tree, moved
from vaultui.linux.atcalls import RENAME_EXCHANGE, renameat2

_ENTRIES_MAX = 40
_LARGEST = 40 * BLOCK
_LONG = "~" * 180
"""Makes a name whose encrypted one is hashed."""


def is_long_name(path: str) -> bool:
    """Tell whether the name at the end of a path is one that is hashed."""
    return path.endswith(_LONG)


class Writer(threading.Thread):
    """Works below `folder`, which is in the mount and not yet there."""

    def __init__(
        self, folder: Path, seed: int, ended: threading.Event, ledger: Ledger | None = None
    ) -> None:
        """`ended` is set just before the mount is killed: what fails after it does not count."""
        super().__init__(daemon=True)
        self.folder = folder
        self.ledger = ledger or Ledger()
        self.trouble: list[str] = []
        """What failed and should not have."""
        self.acknowledged = 0
        self._random = random.Random(f"{seed}/{folder.name}")
        self._ended = ended
        self._number = 0
        self._is_made = False

    def operations(self) -> list[Callable[[], object]]:
        """Return what is done, each as often as it is in here."""
        return [
            *(self._make_file, self._make_directory, self._make_directory, self._make_symlink),
            *(self._write, self._write, self._append, self._append, self._truncate, self._link),
            *(self._rename, self._rename, self._rename_over, self._rename_over_directory),
            *(self._exchange, self._unlink, self._remove_directory, self._fsync),
        ]

    def run(self) -> None:
        operations = self.operations()
        try:
            if not self._is_made:
                self._do(Change("making the folder", lambda _tree: None), self.folder.mkdir)
            while not self._ended.is_set():
                self._random.choice(operations)()
        except OSError as error:
            if not self._ended.is_set():
                self.trouble.append(f"{self.ledger.pending and self.ledger.pending.words}: {error}")

    def make_folder(self) -> None:
        """Make the folder beforehand, so that it is no part of the work."""
        self.folder.mkdir()
        self._is_made = True

    def _do(self, change: Change, action: Callable[[], object]) -> None:
        self.ledger.begin(change)
        action()
        if self._ended.is_set():
            # ext4 that is being shut down has been seen to answer 0 to an fsync that it gave up.
            raise InterruptedError("it was answered too late to count")
        self.ledger.done()
        self.acknowledged += 1

    # What is there.

    def _of(self, kind: Callable[[object], bool]) -> list[str]:
        return sorted(path for path, entry in self.ledger.tree.items() if kind(entry))

    def _a_file(self) -> str | None:
        files = self._of(lambda entry: isinstance(entry, Content))
        return self._random.choice(files) if files else None

    def _new_path(self) -> str | None:
        """Return a free path in a directory that is there; None when there is enough."""
        if len(self.ledger.tree) >= _ENTRIES_MAX:
            return None
        folders = ["", *self._of(lambda entry: entry == DIRECTORY)]
        folder = self._random.choice([path for path in folders if path.count("/") < 3])
        self._number += 1
        name = f"{self._number}{_LONG if self._random.random() < 0.5 else ''}"
        return os.path.join(folder, name)

    def _on_disk(self, path: str) -> str:
        return os.path.join(self.folder, path)

    def _blocks(self, path: str, first: int, last: int) -> dict[str, range]:
        """Return what is written when blocks of a file are, under each of its names."""
        content = self.ledger.tree[path]
        names = [name for name, entry in self.ledger.tree.items() if entry is content]
        return dict.fromkeys(names, range(first, last + 1))

    def _data(self) -> bytes:
        size = self._random.choice([1, 100, BLOCK, BLOCK + 1, 5 * BLOCK, 20 * BLOCK])
        return self._random.randbytes(self._random.randint(1, size))

    # Operations.

    def _make_file(self) -> None:
        if (path := self._new_path()) is None:
            return self._unlink()
        return self._make_file_at(path)

    def _make_file_at(self, path: str) -> None:
        def apply(tree: Tree) -> None:
            tree[path] = Content()

        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._do(
            Change(f"creating {path!r}", apply),
            lambda: os.close(os.open(self._on_disk(path), flags, 0o644)),
        )
        self._write_at(path, 0)

    def _make_directory(self) -> None:
        if (path := self._new_path()) is None:
            return self._remove_directory()

        def apply(tree: Tree) -> None:
            tree[path] = DIRECTORY

        return self._do(Change(f"mkdir {path!r}", apply), lambda: os.mkdir(self._on_disk(path)))

    def _make_symlink(self) -> None:
        if (path := self._new_path()) is None:
            return
        target = "t" * self._random.randint(1, 600)

        def apply(tree: Tree) -> None:
            tree[path] = Target(target)

        self._do(
            Change(f"symlink {path!r}", apply), lambda: os.symlink(target, self._on_disk(path))
        )

    def _link(self) -> None:
        old, new = self._a_file(), self._new_path()
        if old is None or new is None:
            return

        def apply(tree: Tree) -> None:
            tree[new] = tree[old]

        self._do(
            Change(f"link {old!r} to {new!r}", apply),
            lambda: os.link(self._on_disk(old), self._on_disk(new)),
        )

    def _write(self) -> None:
        if (path := self._a_file()) is not None:
            size = len(self._content(path).data)
            self._write_at(path, self._random.randint(0, min(size + 2 * BLOCK, _LARGEST)))

    def _append(self) -> None:
        if (path := self._a_file()) is not None and len(self._content(path).data) < _LARGEST:
            self._write_at(path, len(self._content(path).data))

    def _write_at(self, path: str, offset: int) -> None:
        data = self._data()
        size = len(self._content(path).data)
        first = min(offset, size)

        def apply(tree: Tree) -> None:
            content = tree[path]
            assert isinstance(content, Content)
            content.write(offset, data)

        def action() -> None:
            fd = os.open(self._on_disk(path), os.O_WRONLY)
            try:
                if os.pwrite(fd, data, offset) != len(data):
                    raise InterruptedError(f"a part of {len(data)} bytes was written")
            finally:
                os.close(fd)

        touched = self._blocks(path, first // BLOCK, (offset + len(data) - 1) // BLOCK)
        words = f"writing {len(data)} bytes at {offset} of {path!r}, which had {size}"
        self._do(Change(words, apply, touched), action)

    def _truncate(self) -> None:
        if (path := self._a_file()) is None:
            return
        size = len(self._content(path).data)
        new = self._random.randint(0, min(size + 3 * BLOCK, _LARGEST))

        def apply(tree: Tree) -> None:
            content = tree[path]
            assert isinstance(content, Content)
            content.truncate(new)

        touched = self._blocks(path, min(size, new) // BLOCK, max(size, new) // BLOCK)
        words = f"truncating {path!r} from {size} to {new}"
        self._do(Change(words, apply, touched), lambda: os.truncate(self._on_disk(path), new))

    def _rename(self) -> None:
        """Rename anything to a name that is free."""
        old, new = self._anything(), self._new_path()
        if old is not None and new is not None and not new.startswith(old + "/"):
            self._move(old, new)

    def _rename_over(self) -> None:
        """Rename a file over another, as whoever saves a document does."""
        old, new = self._a_file(), self._a_file()
        if old is None or new is None or self.ledger.tree[old] is self.ledger.tree[new]:
            return
        self._move(old, new)

    def _rename_over_directory(self) -> None:
        """Rename a directory over an empty one with a short name.

        A long name of that one gocryptfs loses in it, killed or not.
        """
        empty = [path for path in self._empty_directories() if not is_long_name(path)]
        if not empty:
            return
        new = self._random.choice(empty)
        folders = self._of(lambda entry: entry == DIRECTORY)
        others = [path for path in folders if path != new and not new.startswith(path + "/")]
        if others:
            self._move(self._random.choice(others), new, leaves_directory=True)

    def _move(self, old: str, new: str, *, leaves_directory: bool = False) -> None:
        def halfway(tree: Tree) -> None:
            moved(tree, old, new)
            tree[old] = DIRECTORY

        self._do(
            Change(
                f"renaming {old!r} to {new!r}",
                lambda tree: moved(tree, old, new),
                between=halfway if leaves_directory else None,
                moves=(old, new),
            ),
            lambda: os.rename(self._on_disk(old), self._on_disk(new)),
        )

    def _exchange(self) -> None:
        """Exchange two entries with short names.

        Of long ones gocryptfs loses the names in that, killed or not.
        """
        short = [path for path in sorted(self.ledger.tree) if not is_long_name(path)]
        if not short:
            return
        one, two = self._random.choice(short), self._random.choice(short)
        if f"{one}/".startswith(f"{two}/") or f"{two}/".startswith(f"{one}/"):
            return

        def apply(tree: Tree) -> None:
            moved(tree, one, "exchanged")
            moved(tree, two, one)
            moved(tree, "exchanged", two)

        paths = [os.fsencode(self._on_disk(path)) for path in (one, two)]
        self._do(
            Change(f"exchanging {one!r} and {two!r}", apply, removes=(one, two)),
            lambda: renameat2(-1, paths[0], -1, paths[1], RENAME_EXCHANGE),
        )

    def _unlink(self) -> None:
        others = self._of(lambda entry: entry != DIRECTORY)
        if others:
            path = self._random.choice(others)
            self._do(
                Change(f"unlinking {path!r}", lambda tree: _remove(tree, path), removes=(path,)),
                lambda: os.unlink(self._on_disk(path)),
            )

    def _remove_directory(self) -> None:
        if empty := self._empty_directories():
            path = self._random.choice(empty)
            self._do(
                Change(f"rmdir {path!r}", lambda tree: _remove(tree, path), removes=(path,)),
                lambda: os.rmdir(self._on_disk(path)),
            )

    def _fsync(self) -> None:
        path = self._anything()
        if path is not None and not isinstance(self.ledger.tree[path], Target):
            self._sync(path)

    def _sync(self, path: str) -> None:
        def action() -> None:
            fd = os.open(self._on_disk(path), os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

        self._do(Change(f"fsync {path!r}", lambda _tree: None, syncs=path), action)

    def _anything(self) -> str | None:
        everything = sorted(self.ledger.tree)
        return self._random.choice(everything) if everything else None

    def _empty_directories(self) -> list[str]:
        above = {os.path.dirname(path) for path in self.ledger.tree}
        return [path for path in self._of(lambda entry: entry == DIRECTORY) if path not in above]

    def _content(self, path: str) -> Content:
        content = self.ledger.tree[path]
        assert isinstance(content, Content)
        return content


def _remove(tree: Tree, path: str) -> None:
    del tree[path]


class SavingWriter(Writer):
    """Syncs more often, and saves files as careful programs do."""

    def operations(self) -> list[Callable[[], object]]:
        return [*super().operations(), self._fsync, self._fsync, self._save, self._save]

    def _save(self) -> None:
        """Write a new file, sync it, rename it over the old one, and sync the directory."""
        old, new = self._a_file(), self._new_path()
        if old is None or new is None:
            return
        self._make_file_at(new)
        self._sync(new)
        self._move(new, old)
        if above := os.path.dirname(old):
            self._sync(above)


class CarefulWriter(SavingWriter):
    """Syncs also the directory that a name is to stay in, as fsync(2) asks for."""

    def operations(self) -> list[Callable[[], object]]:
        return [*super().operations(), self._keep, self._keep]

    def _exchange(self) -> None:
        try:
            super()._exchange()
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self.ledger.refused()  # by a file system that knows no such thing

    def _keep(self) -> None:
        if (path := self._a_file()) is not None:
            self._sync(path)
            self._sync(os.path.dirname(path))
