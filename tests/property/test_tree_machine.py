"""A tree under any sequence of calls is what the machine's own file system makes of them.

Each call is made twice: on a volume, and on a directory without encryption in the same
file system. Both must answer with the same errno or with none, and in the end both trees must be
the same, with nothing lost or left over on disk, whatever way of naming the volume has.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from openvolume import FLAVOURS, Flavour, OpenVolume

from vaultui.cipherfs.check import check
from vaultui.linux.atcalls import RENAME_EXCHANGE, RENAME_NOREPLACE, renameat2
from vaultui.model.ids import InodeNo

AT_THE_LIMIT = "l" * 31
"""Its encrypted name is as long as the shortest limit lets it be, the next one is too long."""
LONG = "x" * 200
RESERVED = "gocryptfs.longname.y"
NAMES = ("a", AT_THE_LIMIT, AT_THE_LIMIT + "m", LONG, RESERVED)

Spot = tuple[int, str]
"""An entry by two draws, see `new` and `any`. Paths drawn at random would hardly ever meet."""

spots: st.SearchStrategy[Spot] = st.tuples(st.integers(0, 15), st.sampled_from(NAMES))


class TreeMachine(RuleBasedStateMachine):
    """A volume, and a directory beside it."""

    flavour: ClassVar[Flavour]

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(
            dir="/dev/shm" if os.path.isdir("/dev/shm") else None
        )
        self.plain = Path(self.directory.name, "plain")
        self.plain.mkdir()
        cipherdir = Path(self.directory.name, "cipher")
        self.vault = OpenVolume(cipherdir, self.flavour.create(cipherdir))
        self.umask = os.umask(0)

    def entries(self) -> list[str]:
        """Return the paths of all entries, in order."""
        return sorted(str(path.relative_to(self.plain)) for path in self.plain.rglob("*"))

    def new(self, spot: Spot) -> str:
        """Return a path that is mostly free: a name in the root or below some entry."""
        number, name = spot
        above = ["", *self.entries()]
        return os.path.join(above[number % len(above)], name)

    def any(self, spot: Spot) -> str:
        """Return the path of an entry, or now and then a free one."""
        entries = self.entries()
        if spot[0] % 4 and entries:
            return entries[(spot[0] + len(spot[1])) % len(entries)]
        return self.new(spot)

    def both(self, ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
        """Make a call on both sides, and compare how it ended."""
        assert _number(ours) == _number(theirs)

    @rule(spot=spots)
    def make_file(self, spot: Spot) -> None:
        path = self.new(spot)

        def ours() -> None:
            parent, name = self.vault.split(path)
            opened, _attributes = self.vault.fs.create(parent, name, 0o644, os.O_RDWR | os.O_EXCL)
            self.vault.fs.write(opened.handle, 0, path.encode())
            self.vault.fs.release(opened.handle)

        def theirs() -> None:
            with (self.plain / path).open("xb") as file:
                file.write(path.encode())

        self.both(ours, theirs)

    @rule(spot=spots, mode=st.sampled_from([0o755, 0o700, 0o1777]))
    def make_directory(self, spot: Spot, mode: int) -> None:
        path = self.new(spot)
        self.both(lambda: self.vault.mkdir(path, mode), lambda: (self.plain / path).mkdir(mode))

    @rule(spot=spots, length=st.integers(0, 40))
    def make_symlink(self, spot: Spot, length: int) -> None:
        path = self.new(spot)
        # To something that is no directory: whoever calls the volume follows no symlinks.
        target = "/dev" + "/" * length + "/null"
        self.both(
            lambda: self.vault.symlink(target.encode(), path),
            lambda: (self.plain / path).symlink_to(target),
        )

    @rule(origin=spots, destination=spots)
    def link(self, origin: Spot, destination: Spot) -> None:
        old, new = self.any(origin), self.new(destination)
        self.both(
            lambda: self.vault.fs.link(self.vault.ino(old), *self.vault.split(new)),
            lambda: os.link(self.plain / old, self.plain / new, follow_symlinks=False),
        )

    @rule(spot=spots)
    def unlink(self, spot: Spot) -> None:
        path = self.any(spot)
        self.both(lambda: self.vault.unlink(path), lambda: (self.plain / path).unlink())

    @rule(spot=spots)
    def remove_directory(self, spot: Spot) -> None:
        path = self.any(spot)
        self.both(lambda: self.vault.rmdir(path), lambda: (self.plain / path).rmdir())

    @rule(
        origin=spots,
        destination=spots,
        flags=st.sampled_from([0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE]),
    )
    def rename(self, origin: Spot, destination: Spot, flags: int) -> None:
        old, new = self.any(origin), self.any(destination)
        if (old + "/").startswith(new + "/") or (new + "/").startswith(old + "/"):
            return  # the kernel answers by itself
        here = os.open(self.plain, os.O_RDONLY)
        try:
            self.both(
                lambda: self.rename_ours(old, new, flags),
                lambda: renameat2(here, old.encode(), here, new.encode(), flags),
            )
        finally:
            os.close(here)

    def rename_ours(self, old: str, new: str, flags: int) -> None:
        """Rename as a kernel does: it looks up the directories, and then the names in them."""
        places = [self.place(old), self.place(new)]
        for parent, name in places:
            with contextlib.suppress(FileNotFoundError):
                self.vault.fs.lookup(parent, name)
        self.vault.fs.rename(*places[0], *places[1], flags)

    def place(self, path: str) -> tuple[InodeNo, bytes]:
        """Return the directory above `path`, which must be one, and the name in it."""
        parent, name = self.vault.split(path)
        if not stat.S_ISDIR(self.vault.fs.getattr(parent).mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return parent, name

    @rule(spot=spots)
    def list_directory(self, spot: Spot) -> None:
        path = self.any(spot)
        self.both(lambda: self.vault.list(path), lambda: os.listdir(self.plain / path))

    @rule()
    def forget_everything(self) -> None:
        self.vault.reopen()

    def teardown(self) -> None:
        try:
            self.vault.reopen()
            assert self.ours("") == _tree(self.plain)
            assert self.on_disk() == self.expected_on_disk()
            damages: list[object] = []
            fd = os.open(self.vault.cipherdir, os.O_RDONLY)
            try:
                check(fd, self.vault.volume, lambda *_: None, lambda *d: damages.append(d))
            finally:
                os.close(fd)
            assert damages == self.vault.reports == []
        finally:
            os.umask(self.umask)
            self.vault.close()
            self.directory.cleanup()

    def ours(self, path: str) -> dict[str, object]:
        """Return what the volume shows, by path: kind, links, mode or target or content."""
        found: dict[str, object] = {}
        for name in self.vault.list(path):
            below = f"{path}/{name}" if path else name
            attributes = self.vault.attributes(below)
            kind = stat.S_IFMT(attributes.mode)
            content: object = stat.S_IMODE(attributes.mode)
            if kind == stat.S_IFDIR:
                found |= self.ours(below)
            elif kind == stat.S_IFLNK:
                content = os.fsdecode(self.vault.fs.readlink(attributes.ino))
                assert attributes.size == len(content)
            else:
                content = self.vault.read(below)
            found[below] = (kind, attributes.nlink if kind == stat.S_IFREG else 0, content)
        return found

    def on_disk(self) -> int:
        """Return how many files and directories the volume has on disk."""
        return sum(len(dirs) + len(files) for _top, dirs, files in os.walk(self.vault.cipherdir))

    def expected_on_disk(self) -> int:
        """Return how many it needs: entries, companions of long names, IVs."""
        needed = int(self.vault.volume.names.uses_dir_iv)
        for top, dirs, files in os.walk(self.plain):
            below = os.path.relpath(top, self.plain).removeprefix(".")
            for name in (*dirs, *files):
                cname = self.vault.cipher_path(os.path.join(below, name)).name
                is_long = cname.startswith("gocryptfs.longname.") and name != cname
                is_directory = name in dirs and not Path(top, name).is_symlink()
                needed += 1 + is_long
                needed += is_directory and self.vault.volume.names.uses_dir_iv
        return needed


def _number(call: Callable[[], Any]) -> int:
    try:
        call()
    except OSError as error:
        return error.errno or -1
    return 0


def _tree(top: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in top.rglob("*"):
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        content: object = stat.S_IMODE(status.st_mode)
        if kind == stat.S_IFLNK:
            content = os.readlink(path)
        elif kind == stat.S_IFREG:
            content = path.read_bytes()
        links = status.st_nlink if kind == stat.S_IFREG else 0
        found[str(path.relative_to(top))] = (kind, links, content)
    return found


class DefaultMachine(TreeMachine):
    flavour = Flavour("HKDF GCMIV128 DirIV EMENames LongNames Raw64")


class DeterministicMachine(TreeMachine):
    flavour = FLAVOURS["xchacha-deterministic"]


class PlaintextMachine(TreeMachine):
    flavour = FLAVOURS["plaintextnames"]


class ShortNamesMachine(TreeMachine):
    flavour = FLAVOURS["longnamemax-62"]


class PaddedMachine(TreeMachine):
    flavour = FLAVOURS["0.6"]


_STEPS = settings(stateful_step_count=60)
_FEW = settings(_STEPS, max_examples=_STEPS.max_examples // 5)

TestDefault = DefaultMachine.TestCase
TestDefault.settings = _FEW
TestDeterministic = DeterministicMachine.TestCase
TestDeterministic.settings = _FEW
TestPlaintext = PlaintextMachine.TestCase
TestPlaintext.settings = _FEW
TestShortNames = ShortNamesMachine.TestCase
TestShortNames.settings = _FEW
TestPadded = PaddedMachine.TestCase
TestPadded.settings = _FEW
