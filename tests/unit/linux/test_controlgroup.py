"""Control groups: real ones of whichever version there is, and version 2 on a tree of files."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from capabilities import needs
from support import wait_until

from vaultui.linux import cgroup, controlgroup
from vaultui.linux.controlgroup import ControlGroup, GroupLimits

NAME = f"vaultui-tests-{os.getpid()}"


@needs("control-groups")
def test_a_group_is_entered_killed_and_removed() -> None:
    group = controlgroup.make(NAME, GroupLimits(memory_bytes=1 << 28, cpus=1.5, pids=20))
    entrances = group.entrances()
    try:
        assert group.pids() == set()
        child = subprocess.Popen(
            ["/bin/sh", "-c", "sleep 600 & echo; sleep 600"],
            stdout=subprocess.PIPE,
            preexec_fn=lambda: controlgroup.enter(entrances),
        )
        assert child.stdout is not None
        child.stdout.readline()
        wait_until(lambda: len(group.pids()) == 3)
        while group.kill():
            child.poll()
        child.stdout.close()
        # The shell may have seen how its child ended before its own turn came.
        assert child.wait() in (-signal.SIGKILL, 128 + signal.SIGKILL)
        assert group.oom_kills() == 0
    finally:
        for entrance in entrances:
            os.close(entrance)
        group.remove()
    assert not any(directory.exists() for directory in group.directories)
    group.remove()


@needs("control-groups")
def test_a_group_that_cannot_have_its_limits_is_not_left_behind() -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        controlgroup.make(f"{NAME}-refused", GroupLimits(memory_bytes=1 << 28, pids=10**9))
    groups = set(controlgroup.own_groups().values())
    assert not any((group / f"{NAME}-refused").exists() for group in groups)


def test_without_limits_there_is_no_group() -> None:
    group = controlgroup.make("none", GroupLimits())
    assert group.directories == ()
    assert group.entrances() == ()
    assert not group.kill()
    group.remove()


@pytest.fixture
def unified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of version 2 in files, in which we are in user.slice/session.scope."""
    top = tmp_path / "cgroup"
    own = top / "user.slice" / "session.scope"
    own.mkdir(parents=True)
    for group in (own, own.parent, top):
        (group / "cgroup.controllers").write_text("cpu memory pids\n")
        (group / "cgroup.subtree_control").write_text("")
        (group / "cgroup.procs").write_text("")
    monkeypatch.setattr(cgroup, "ROOT", top)
    monkeypatch.setattr(controlgroup, "own_groups", lambda: {"": own})
    made = Path.mkdir

    def make_with_files(self: Path, *args: object, **kwargs: object) -> None:
        made(self)
        if (self.parent / "cgroup.procs").exists():
            for name in ("cgroup.controllers", "cgroup.procs", "memory.max", "memory.swap.max"):
                (self / name).touch()
            for name in ("cpu.max", "pids.max"):
                (self / name).touch()

    monkeypatch.setattr(Path, "mkdir", make_with_files)
    return top


def test_a_group_of_version_2_lies_where_controllers_are_passed_on(unified: Path) -> None:
    slice_ = unified / "user.slice"
    (slice_ / "cgroup.subtree_control").write_text("memory pids")
    # What has processes of its own can't pass them on: the kernel says EBUSY, a file by its mode.
    (slice_ / "session.scope" / "cgroup.subtree_control").unlink()
    group = controlgroup.make("vaultui-1", GroupLimits(memory_bytes=1000, pids=7))
    assert group.directories == (slice_ / "vaultui-1",)
    [directory] = group.directories
    assert (directory / "memory.max").read_text() == "1000"
    assert (directory / "memory.swap.max").read_text() == "0"
    assert (directory / "pids.max").read_text() == "7"
    assert (slice_ / "cgroup.subtree_control").read_text() == "memory pids"


def test_controllers_that_are_there_are_passed_on_where_that_is_allowed(unified: Path) -> None:
    own = unified / "user.slice" / "session.scope"
    group = controlgroup.make("vaultui-2", GroupLimits(cpus=0.25, pids=7))
    assert group.directories == (own / "vaultui-2",)
    assert (own / "cgroup.subtree_control").read_text() == "+cpu +pids"
    assert (group.directories[0] / "cpu.max").read_text() == "25000 100000"


def test_a_controller_that_is_nowhere_is_named(unified: Path) -> None:
    for group in (unified, unified / "user.slice", unified / "user.slice" / "session.scope"):
        (group / "cgroup.controllers").write_text("memory pids\n")
    with pytest.raises(OSError, match="no controller cpu"):
        controlgroup.make("vaultui-3", GroupLimits(cpus=0.25))
    assert not list(unified.rglob("vaultui-*"))


def test_as_little_cpu_as_the_kernel_takes_is_the_least(unified: Path) -> None:
    group = controlgroup.make("vaultui-4", GroupLimits(cpus=0.001))
    assert (group.directories[0] / "cpu.max").read_text() == "1000 100000"


def test_kills_for_memory_are_counted(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert ControlGroup([tmp_path]).oom_kills() == 2
    assert ControlGroup([tmp_path / "nowhere"]).oom_kills() == 0


@pytest.mark.parametrize(
    ("own", "lent"),
    [
        ({"": "/top/own"}, True),
        ({"": "/top/own", "cpu": "/top/cpu/own"}, True),
        ({"": "/top/own", "memory": "/top/memory/own"}, False),
        ({"memory": "/top/memory/own", "pids": "/top/pids/own"}, False),
    ],
)
def test_groups_are_lent_where_their_controllers_are_those_of_version_2(
    own: dict[str, str], lent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {name: Path(group) for name, group in own.items()}
    monkeypatch.setattr(controlgroup, "own_groups", lambda: groups)
    assert controlgroup.is_lent(GroupLimits(memory_bytes=1, pids=1)) is lent


def test_a_group_that_a_killed_runtime_left_beside_ours_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "unified"
    ours = top / "ours"
    for place in (ours / "below", top / "beside", tmp_path / "above"):
        place.mkdir(parents=True)
    monkeypatch.setattr(controlgroup, "unified_top", lambda: top)
    monkeypatch.setattr(controlgroup, "own_groups", lambda: {"": ours})
    assert controlgroup.near_own("below").directories == (ours / "below",)
    assert controlgroup.near_own("beside").directories == (top / "beside",)
    monkeypatch.setattr(controlgroup, "own_groups", lambda: {"": top})
    assert controlgroup.near_own("above").directories == ()
