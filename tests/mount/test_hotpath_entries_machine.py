"""Any sequence of calls on names does to a mount what it does to a directory without encryption.

The calls go through the kernel, so that it is its requests that are answered, its caches that must
be right, and its references that are counted. One mount serves all sequences of a test.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hotmount import HotMount
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

names = st.sampled_from(["a", "b", "c", "d", "e" * 160, "f" * 200, "ü", "gocryptfs.diriv"])
folders = st.sampled_from(["", "a", "b", "a/a", "f" * 200])
Spot = tuple[str, str]
spots = st.tuples(folders, names)


class NamesMachine(RuleBasedStateMachine):
    """A directory in a mount, and one beside it."""

    mount: ClassVar[HotMount]
    numbers: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        self.ours = self.mount.mountpoint / str(next(self.numbers))
        self.theirs = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        self.ours.mkdir()
        self.held: list[tuple[int, int]] = []

    def teardown(self) -> None:
        for pair in self.held:
            assert len({os.pread(fd, 100, 0) for fd in pair}) == 1
            for fd in pair:
                os.close(fd)
        shutil.rmtree(self.ours)
        shutil.rmtree(self.theirs)

    def both(self, call: Callable[[Path], Any]) -> None:
        told = []
        for top in (self.ours, self.theirs):
            try:
                told.append(call(top))
            except OSError as error:
                told.append(error.errno)
        assert told[0] == told[1]

    @rule(spot=spots, size=st.sampled_from([0, 1, 5000]))
    def write(self, spot: Spot, size: int) -> None:
        self.both(lambda top: top.joinpath(*spot).write_bytes(b"x" * size))

    @rule(spot=spots, mode=st.sampled_from([0o600, 0o755, 0o444]))
    def make(self, spot: Spot, mode: int) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        self.both(lambda top: os.close(os.open(top.joinpath(*spot), flags, mode)))

    @rule(spot=spots)
    def hold(self, spot: Spot) -> None:
        with contextlib.suppress(OSError):
            theirs = os.open(self.theirs.joinpath(*spot), os.O_RDWR)
            self.held.append((os.open(self.ours.joinpath(*spot), os.O_RDWR), theirs))

    @rule(content=st.binary(min_size=1, max_size=10))
    def write_held(self, content: bytes) -> None:
        for pair in self.held:
            for fd in pair:
                os.pwrite(fd, content, 0)

    @rule()
    def let_go(self) -> None:
        if self.held:
            for fd in self.held.pop():
                os.close(fd)

    @rule(spot=spots)
    def unlink(self, spot: Spot) -> None:
        self.both(lambda top: top.joinpath(*spot).unlink())

    @rule(spot=spots)
    def make_directory(self, spot: Spot) -> None:
        self.both(lambda top: top.joinpath(*spot).mkdir())

    @rule(spot=spots)
    def remove_directory(self, spot: Spot) -> None:
        self.both(lambda top: top.joinpath(*spot).rmdir())

    @rule(old=spots, new=spots)
    def rename(self, old: Spot, new: Spot) -> None:
        self.both(lambda top: str(top.joinpath(*old).rename(top.joinpath(*new)))[:0])

    @rule(old=spots, new=spots)
    def link(self, old: Spot, new: Spot) -> None:
        self.both(
            lambda top: os.link(top.joinpath(*old), top.joinpath(*new), follow_symlinks=False)
        )

    @rule(spot=spots, leads_to=st.sampled_from(["a", "../b", "nowhere" * 9]))
    def symlink(self, spot: Spot, leads_to: str) -> None:
        self.both(lambda top: top.joinpath(*spot).symlink_to(leads_to))

    @rule(spot=spots, mode=st.sampled_from([0o600, 0o777, 0o4711, 0o400, 0o2755]))
    def change_mode(self, spot: Spot, mode: int) -> None:
        self.both(lambda top: os.chmod(_no_link(top.joinpath(*spot)), mode))

    @rule(spot=spots, atime=st.integers(-(10**9), 10**18), mtime=st.integers(-(10**9), 10**18))
    def set_times(self, spot: Spot, atime: int, mtime: int) -> None:
        def call(top: Path) -> tuple[int, int]:
            path = top.joinpath(*spot)
            os.utime(path, ns=(atime, mtime), follow_symlinks=False)
            return path.lstat().st_atime_ns, path.lstat().st_mtime_ns

        self.both(call)

    @rule(folder=folders)
    def list_names(self, folder: str) -> None:
        self.both(lambda top: sorted(os.listdir(top / folder)))

    @rule(folder=folders)
    def list_twice_with_a_change_between(self, folder: str) -> None:
        def call(top: Path) -> tuple[list[str], ...]:
            first = sorted(os.listdir(top / folder))
            (top / folder / "between").mkdir()
            second = sorted(os.listdir(top / folder))
            (top / folder / "between").rmdir()
            return first, second, sorted(os.listdir(top / folder))

        self.both(call)

    @rule(spot=spots)
    def look(self, spot: Spot) -> None:
        self.both(lambda top: _told(top.joinpath(*spot)))

    @rule(spot=spots)
    def read_target(self, spot: Spot) -> None:
        self.both(lambda top: os.readlink(top.joinpath(*spot)))

    @rule(spot=spots)
    def ask_for_an_attribute(self, spot: Spot) -> None:
        self.both(lambda top: os.getxattr(top.joinpath(*spot), "user.none", follow_symlinks=False))

    @rule()
    def drop_caches(self) -> None:
        if not os.geteuid():
            Path("/proc/sys/vm/drop_caches").write_text("2")

    @invariant()
    def both_trees_are_the_same(self) -> None:
        assert dict(_tree(self.ours)) == dict(_tree(self.theirs))


def _no_link(path: Path) -> Path:
    """Return the path; ELOOP for a link, whose target may be outside of what is compared."""
    if path.is_symlink():
        raise OSError(40, "a link")
    return path


def _told(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    is_file = stat.S_ISREG(status.st_mode)
    size = status.st_size if is_file or path.is_symlink() else 0
    return status.st_mode, size, status.st_nlink if is_file else 0


def _tree(top: Path) -> Iterator[tuple[str, object]]:
    for folder, below, files in os.walk(top):
        for name in (*below, *files):
            path = Path(folder, name)
            yield str(path.relative_to(top)), _told(path)


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
@pytest.mark.parametrize("options", [(), ("-plaintextnames",), ("-longnamemax", "100")])
def test_names_machine(tmp_path: Path, hot: bool, options: tuple[str, ...]) -> None:
    with HotMount(tmp_path, hot=hot, init_options=options) as mount:

        class Machine(NamesMachine):
            pass

        Machine.mount = mount
        Machine.numbers = itertools.count()
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=15,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        everything, answered = mount.hot_share("lookup")
        assert bool(answered) == hot, (everything, answered)
    assert mount.fsck().returncode == 0
