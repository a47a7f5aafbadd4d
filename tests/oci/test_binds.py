"""What is bound into a container, and that nobody else gets at it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from capabilities import needs
from containertask import ContainerTask
from mounting import detach
from waiting import wait_until

from vaultui.linux.mountinfo import read_mounts
from vaultui.model.errors import NotOpen, TaskOptionInvalid
from vaultui.tasks.request import BindRequest

pytestmark = needs("runc", "crun", "busybox", "root", "ordinary-user", "user-namespaces")


def _directory(path: Path, *files: str) -> Path:
    path.mkdir()
    path.chmod(0o755)
    for name in files:
        (path / name).write_text(f"{path.name}\n")
    return path


def test_binds_come_in_order_and_the_first_for_a_target_wins(either_task: ContainerTask) -> None:
    first = _directory(either_task.top / "first", "file")
    second = _directory(either_task.top / "second", "file")
    binds = (
        BindRequest(str(first), "/data", read_only=True),
        BindRequest(str(second), "/vault/../data/"),
        BindRequest(str(second), "/vault"),
        BindRequest(str(second / "file"), "/etc/one"),
    )
    script = "cat /data/file /etc/one; ls /vault; touch /data/x || echo read-only"
    assert either_task.sh(script, around={"binds": binds}).lines == ["first", "second", "read-only"]


def test_a_missing_source_is_told_and_left_out(either_task: ContainerTask) -> None:
    binds = (BindRequest("/nowhere/at/all", "/data"),)
    done = either_task.sh("ls -d /data /vault", around={"binds": binds})
    assert done.stdout == b"/vault\n"
    assert done.stderr.startswith("vaultui: /nowhere/at/all is missing, and not in the container\n")


def test_a_read_only_bind_is_so_with_all_that_is_mounted_in_it(task: ContainerTask) -> None:
    tree = _directory(task.top / "tree")
    with _tmpfs(_directory(tree / "inner")):
        binds = (BindRequest(str(tree), "/data", read_only=True), BindRequest(str(tree), "/again"))
        done = task.sh(
            "touch /data/inner/x || echo read-only; touch /again/inner/y && echo writable",
            around={"binds": binds},
        )
        assert done.lines == ["read-only", "writable"]
        assert os.listdir(tree / "inner") == ["y"]


def test_a_vault_that_is_to_be_read_can_t_be_written_to(either_task: ContainerTask) -> None:
    done = either_task.sh("touch /vault/x || echo read-only", read_only=True)
    assert done.lines == ["read-only"]


def test_what_lies_below_a_vault_that_is_locked_is_never_shown(either_task: ContainerTask) -> None:
    detach(either_task.vault)
    assert either_task.sh("touch /vault/x").exit_code == 125
    assert isinstance(either_task.failure(), NotOpen)


@pytest.mark.parametrize(("propagation", "arrives"), [("", False), ("rslave", True)])
def test_what_the_host_mounts_later_arrives_where_that_is_asked_for(
    task: ContainerTask, propagation: str, arrives: bool
) -> None:
    tree = _directory(task.top / "tree")
    with _tmpfs(tree, "--make-shared"):
        _directory(tree / "later")
        binds = (BindRequest(str(tree), "/data", propagation=propagation),)
        script = "touch /vault/runs; read go; grep -c later /proc/self/mountinfo"
        process = task.start("sh", "-c", script, around={"binds": binds})
        wait_until((task.vault / "runs").exists)
        with _tmpfs(tree / "later"):
            stdout, _ = process.communicate(b"go\n", 30)
        # The host's mount never leads back: there is none of the container's on it.
        assert stdout.strip() == (b"1" if arrives else b"0")


def test_what_a_container_is_made_of_is_seen_by_nobody_else(any_task: ContainerTask) -> None:
    process = any_task.start("sh", "-c", "touch /vault/runs; read go")
    wait_until((any_task.vault / "runs").exists)
    bundle = any_task.task_dir / "bundle"
    assert (bundle / "config.json").stat().st_mode & 0o777 == 0o600
    assert (bundle / "container.json").stat().st_mode & 0o777 == 0o600
    # Its parts were gathered in a mount namespace that is gone by now; the runner is in ours, and
    # keeps nothing mounted that we unmount.
    assert os.listdir(bundle / "stage") == []
    assert not [mount for mount in read_mounts() if str(bundle) in mount.mountpoint]
    tables = {_table(pid) for pid in os.listdir("/proc") if pid.isdecimal()}
    assert not any(str(bundle) in table for table in tables)
    process.communicate(b"go\n", 30)


def test_it_may_have_the_host_s_shared_memory(either_task: ContainerTask) -> None:
    around = {"namespaces": ("ipc=host",)}
    done = either_task.sh("readlink /proc/self/ns/ipc; cat /proc/self/mountinfo", around=around)
    assert done.lines[0] == os.readlink("/proc/self/ns/ipc")
    host = os.stat("/dev/shm").st_dev
    device = f"{os.major(host)}:{os.minor(host)}"
    (mount,) = [line for line in done.lines if line.split()[4:5] == ["/dev/shm"]]
    assert mount.split()[2] == device


def test_nothing_is_bound_over_the_whole_system(task: ContainerTask) -> None:
    with pytest.raises(TaskOptionInvalid) as refused:
        task.prepare("true", around={"binds": (BindRequest("/etc", "/data/.."),)})
    assert refused.value.details["option"] == "--bind"
    assert not (task.task_dir / "bundle").exists()


@contextmanager
def _tmpfs(place: Path, *make: str) -> Iterator[None]:
    subprocess.run(("mount", *make, "-t", "tmpfs", "none", place), check=True)
    try:
        yield
    finally:
        detach(place)


def _table(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/mountinfo").read_text(errors="replace")
    except OSError:
        return ""
