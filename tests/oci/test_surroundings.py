"""Users, namespaces, limits and system calls of a container, as they are asked for."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from containertask import ContainerTask

from vaultui.model.errors import (
    RuntimeMissing,
    TaskOptionInvalid,
    VaultKeptClosed,
)
from vaultui.tasks.containers import runtime
from vaultui.tasks.cores import no_core
from vaultui.wire.attributes import Rlimit
from vaultui.wire.tasks import Limits

pytestmark = needs("runc", "crun", "busybox", "root", "ordinary-user", "user-namespaces")


@pytest.mark.parametrize(
    ("asked", "ids", "home"),
    [
        ("", "uid=0(root) gid=0(root)", "/root"),
        ("ann", "uid=1000(ann) gid=1000(ann) groups=77(music)", "/home/ann"),
        ("1000:77", "uid=1000(ann) gid=77(music)", "/home/ann"),
        ("ann:music", "uid=1000(ann) gid=77(music)", "/home/ann"),
        ("4321", "uid=4321 gid=0(root)", "/"),
    ],
)
def test_it_runs_as_who_is_asked_for(
    task: ContainerTask, crun: str, asked: str, ids: str, home: str
) -> None:
    task.vault.chmod(0o777)
    around = {"user": asked, "runtime": crun if asked == "ann" else "runc"}
    script = "id; echo $HOME; touch $TASK_DIR/x; echo seen > /dev/stderr"
    done = task.sh(script, around=around)
    assert done.lines[0].replace(" groups=0(root)", "") == ids
    assert done.lines[1] == home
    assert done.stderr == "seen\n"


@pytest.mark.parametrize("asked", ["nobody-here", "ann:nogroup", "4294967295", "root:-1"])
def test_a_user_who_is_not_there_is_refused(task: ContainerTask, asked: str) -> None:
    with pytest.raises(TaskOptionInvalid) as refused:
        task.prepare("true", around={"user": asked})
    assert refused.value.details["option"] == "--user"


def test_an_open_vault_that_lets_nobody_in_is_refused_to_another_user(task: ContainerTask) -> None:
    with pytest.raises(VaultKeptClosed):
        task.prepare("true", around={"user": "ann"}, job={"allow_other": False})
    task.prepare("true", around={"user": "ann"}, job={"allow_other": False, "room": True})


def test_an_ordinary_user_is_root_in_there_and_nobody_else(task_of_user: ContainerTask) -> None:
    assert task_of_user.sh("cat /proc/self/uid_map").text.split() == [
        "0",
        str(UNPRIVILEGED_UID),
        "1",
    ]
    with pytest.raises(AssertionError, match="TaskOptionInvalid"):
        task_of_user.prepare("true", around={"user": "ann"})


def test_fewer_processes_than_it_takes_to_make_a_container_are_refused(task: ContainerTask) -> None:
    with pytest.raises(TaskOptionInvalid) as refused:
        task.prepare("true", limits=Limits(pids=5))
    assert "pids=5" in refused.value.summary


def test_the_working_directory_is_made(either_task: ContainerTask) -> None:
    assert either_task.run("pwd", workdir="/var/work/deep").lines == ["/var/work/deep"]
    assert not (either_task.rootfs / "var").exists()


def test_the_vault_is_where_it_is_asked_for(either_task: ContainerTask) -> None:
    done = either_task.run(
        "sh", "-c", "pwd; echo ${VAULT_MOUNT} $VAULT_MOUNT", around={"at": "/mnt/v"}
    )
    assert done.lines == ["/mnt/v", "/mnt/v /mnt/v"]


def test_limits_are_soft_and_hard_by_name_and_the_last_counts(either_task: ContainerTask) -> None:
    done = either_task.run(
        "cat",
        "/proc/self/limits",
        rlimits=(Rlimit("nofile", 10, 10), Rlimit("fsize", 1 << 20, 1 << 21)),
        limits=Limits(open_files=100, open_files_hard=200),
    )
    limits = {line[:26].strip(): line[26:].split()[:2] for line in done.lines[1:]}
    assert limits["Max open files"] == ["100", "200"]
    assert limits["Max file size"] == [str(1 << 20), str(1 << 21)]
    # What a crash leaves would be plaintext.
    assert limits["Max core file size"][0] in ("0", "1")


def test_a_private_task_leaves_no_core_whatever_was_asked_for(task: ContainerTask) -> None:
    words = ("sh", "-c", "ulimit -c")
    rlimits = (Rlimit("core", 1 << 20, 1 << 20),)
    assert task.run(*words, rlimits=rlimits).lines == ["2048"]
    task.prepare(*words, rlimits=rlimits, job={"room": True})
    assert task.spec().rlimits == (no_core(),)


def test_a_namespace_that_is_given_twice_counts_as_last_given(task: ContainerTask) -> None:
    around = {"namespaces": ("uts=private", "pid=host", "uts=host", "pid=private")}
    done = task.sh("readlink /proc/self/ns/uts; echo $$", around=around)
    assert done.lines == [os.readlink("/proc/self/ns/uts"), "1"]


def test_it_may_see_the_host_s_processes(task: ContainerTask) -> None:
    done = task.sh(
        "readlink /proc/self/ns/pid; sleep 600 & exit 3", around={"namespaces": ("pid=host",)}
    )
    assert done.exit_code == 3
    assert done.stdout.decode().strip() == os.readlink("/proc/self/ns/pid")


def test_it_may_be_in_a_namespace_that_is_there_already(task: ContainerTask) -> None:
    other = f"/proc/{os.getpid()}/ns/uts"
    done = task.sh("readlink /proc/self/ns/uts", around={"namespaces": (f"uts={other}",)})
    assert done.lines == [os.readlink(other)]


@pytest.mark.parametrize(
    ("around", "option"),
    [
        ({"at": "/"}, "--at"),
        ({"namespaces": ("pids=host",)}, "--namespace"),
        ({"namespaces": ("pid",)}, "--namespace"),
        ({"namespaces": ("network=/no/such/one",)}, "--namespace"),
        ({"hostname": "box", "namespaces": ("uts=host",)}, "--hostname"),
        ({"hostname": "a b"}, "--hostname"),
        ({"network": "bridge"}, "--network"),
        ({"dns": ("dns.example",)}, "--dns"),
        ({"dns_search": ("a..b",)}, "--dns-search"),
        ({"add_hosts": ("far",)}, "--add-host"),
        ({"add_hosts": ("far:300.1.1.1",)}, "--add-host"),
        ({"seccomp": "/no/such/profile"}, "--seccomp"),
        ({"seccomp": "/proc/cmdline"}, "--seccomp"),
        ({"rootfs": "/no/such/system"}, "--rootfs"),
        ({"rootfs": ""}, "--rootfs"),
    ],
)
def test_what_can_t_be_is_refused_before_there_is_anything(
    task: ContainerTask, around: dict[str, Any], option: str
) -> None:
    with pytest.raises(TaskOptionInvalid) as refused:
        task.prepare("true", around=around)
    assert refused.value.details["option"] == option
    assert refused.value.hint
    assert not (task.task_dir / "bundle").exists()


def test_an_ordinary_user_s_container_can_t_have_the_host_s_processes(
    task_of_user: ContainerTask,
) -> None:
    with pytest.raises(AssertionError, match="TaskOptionInvalid"):
        task_of_user.prepare("true", around={"namespaces": ("pid=host",)})


@pytest.mark.parametrize("asked", ["nosuchruntime", "/etc/passwd"])
def test_a_runtime_that_is_not_there_is_told(task: ContainerTask, asked: str) -> None:
    with pytest.raises(RuntimeMissing):
        task.prepare("true", around={"runtime": asked})


def test_no_runtime_at_all_is_told(task: ContainerTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "KNOWN", ("no-runc", "no-crun"))
    with pytest.raises(RuntimeMissing) as missing:
        task.prepare("true", around={"runtime": ""})
    assert "no-runc no-crun" in missing.value.summary


def test_a_runtime_is_found_though_the_path_is_not_root_s(
    task: ContainerTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as as_user:
        as_user.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
        assert os.path.basename(runtime.found("runc")[0]) == "runc"


def test_what_was_planned_for_one_mount_point_can_be_planned_anew(task: ContainerTask) -> None:
    task.prepare("false")
    assert task.run("true").exit_code == 0


def test_a_variable_that_is_not_ours_is_left_to_the_program(task: ContainerTask) -> None:
    assert task.run("echo", "${HOME}", "${VAULT_NAME}", "$${VAULT_NAME}").lines == [
        "${HOME} Work ${VAULT_NAME}"
    ]


_TRIES = "unshare -U true 2>&1; grep Seccomp: /proc/self/status"


@pytest.mark.parametrize(
    ("asked", "filters", "words"),
    [("", "2", "Operation not permitted"), ("none", "0", ""), ("custom", "2", "cross-device")],
)
def test_system_calls_are_those_of_the_profile(
    either_task: ContainerTask, asked: str, filters: str, words: str
) -> None:
    if asked == "custom":
        refused = {"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 18}
        profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]}
        path = either_task.top / "profile.json"
        path.write_text(json.dumps(profile))
        path.chmod(0o644)
        asked = str(path)
    lines = either_task.sh(_TRIES, around={"seccomp": asked}).lines
    assert lines[-1].split() == ["Seccomp:", filters]
    assert words.lower() in "".join(lines[:-1]).lower()
    assert bool(lines[:-1]) == bool(words)
