"""Mounts of a namespace of one's own, made by root and by whoever is root in there alone."""

import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from capabilities import needs
from forkedwork import run_in_child
from ownnamespace import run_in_namespace

from vaultui.linux import mounting, mounttree, namespaces
from vaultui.linux.mountinfo import mount_at, read_mounts
from vaultui.linux.mounting import MountFlag

pytestmark = needs("user-namespaces")

Inside = Callable[[Callable[[], object]], None]


@pytest.fixture(
    params=[pytest.param(False, marks=needs("root"), id="root"), pytest.param(True, id="user")]
)
def inside(request: pytest.FixtureRequest) -> Inside:
    return partial(run_in_namespace, as_user=request.param)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a directory with a file and two directories."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "file").write_text("content")
    return tmp_path


def fails_with(number: int, work: Callable[[], object]) -> None:
    with pytest.raises(OSError) as caught:
        work()
    assert caught.value.errno == number, caught.value


def test_a_mount_is_seen_in_its_own_namespace_alone(inside: Inside, tree: Path) -> None:
    def work() -> None:
        mounting.mount_tmpfs(str(tree / "one"), 0o700, size="1m")
        assert os.listdir(tree / "one") == []
        assert (tree / "one").stat().st_mode & 0o777 == 0o700
        mount = mount_at(tree / "one")
        assert mount is not None
        assert {"nosuid", "nodev", "noexec", "size=1024k"} <= set(mount.options)

    inside(work)
    assert os.listdir(tree / "one") == ["file"]


def test_a_bind_shows_a_tree_with_its_mounts(inside: Inside, tree: Path) -> None:
    def work() -> None:
        mounting.mount_tmpfs(str(tree / "one"))
        (tree / "one" / "inner").mkdir()
        mounting.mount_tmpfs(str(tree / "one" / "inner"))
        (tree / "one" / "inner" / "seen").touch()
        mounting.bind(str(tree / "one"), str(tree / "two"))
        assert (tree / "two" / "inner" / "seen").exists()

    inside(work)


def test_a_file_is_bound_over_a_file(inside: Inside, tree: Path) -> None:
    def work() -> None:
        (tree / "two" / "copy").touch()
        mounting.bind(str(tree / "one" / "file"), str(tree / "two" / "copy"))
        assert (tree / "two" / "copy").read_text() == "content"

    inside(work)


def test_the_kind_of_propagation_is_in_the_table(inside: Inside, tree: Path) -> None:
    def shared() -> bytes:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
        return next(line for line in lines if line.split()[4] == os.fsencode(tree / "one"))

    def work() -> None:
        mounting.mount_tmpfs(str(tree / "one"))
        mounting.set_propagation(str(tree / "one"), MountFlag.SHARED)
        assert b"shared:" in shared()
        mounting.make_private()
        assert b"shared:" not in shared()

    inside(work)


def test_after_pivot_root_nothing_of_the_old_root_is_there(inside: Inside, tree: Path) -> None:
    def work() -> None:
        new = str(tree / "two")
        mounting.mount_tmpfs(new)
        # A process needs its modules no more, and the table must still be read.
        os.mkdir(f"{new}/proc")
        mounting.bind("/proc", f"{new}/proc")
        mounting.pivot_root(new)
        assert os.listdir("/") == ["proc"]
        assert os.getcwd() == "/"
        assert {mount.mountpoint.split("/")[1] for mount in read_mounts()} == {"", "proc"}

    inside(work)


def test_a_directory_that_is_no_mount_cannot_be_the_root(inside: Inside, tree: Path) -> None:
    def work() -> None:
        with pytest.raises(OSError, match="pivot_root"):
            mounting.pivot_root(str(tree / "one"))

    inside(work)


def test_the_processes_of_a_pid_namespace_have_a_proc_of_their_own(
    inside: Inside, tree: Path
) -> None:
    def look() -> None:
        mounting.mount_proc(str(tree / "one"))
        assert os.readlink(tree / "one" / "self") == "1"

    def work() -> None:
        namespaces.unshare("pid")
        run_in_child(look)

    inside(work)


@pytest.mark.parametrize("call", ["mount_setattr", "remount"])
def test_a_tree_is_made_read_only_with_all_mounts_in_it(
    inside: Inside, tree: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if call == "remount":

        def too_old(*_: object) -> int:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr(mounttree, "_syscall", too_old)

    def work() -> None:
        one, two = str(tree / "one"), str(tree / "two")
        mounting.mount_tmpfs(one)
        os.mkdir(f"{one}/inner")
        mounting.mount_tmpfs(f"{one}/inner", flags=MountFlag.NOSUID | MountFlag.NOATIME)
        mounting.bind(one, two)
        mounttree.set_read_only(two)
        for place in (f"{two}/new", f"{two}/inner/new"):
            fails_with(errno.EROFS, lambda place=place: os.mkdir(place))
        inner = mount_at(f"{two}/inner")
        assert inner is not None
        assert {"ro", "nosuid", "noatime"} <= set(inner.options)
        # The tree that it was bound from is what it was.
        os.mkdir(f"{one}/inner/new")

    inside(work)


def test_the_whole_system_can_be_bound_read_only(inside: Inside, tree: Path) -> None:
    def work() -> None:
        mounting.bind("/", str(tree / "two"))
        mounttree.set_read_only(str(tree / "two"))
        copy = f"{tree}/two{tree}/one"
        fails_with(errno.EROFS, lambda: os.mkdir(f"{copy}/new"))
        os.mkdir(tree / "one" / "new")

    inside(work)
