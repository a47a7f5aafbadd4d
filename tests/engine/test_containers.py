"""Containers of a real engine: what they see, what they may use, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from capabilities import needs
from enginetask import EngineTask
from podmanservice import IMAGE_OF_A_USER

from vaultui.model.errors import (
    ContainerNotCreated,
    EngineKeptOut,
    ImageMissing,
    TaskCommandNotExecutable,
    TaskCommandNotFound,
)
from vaultui.tasks.request import BindRequest
from vaultui.wire.attributes import Rlimit
from vaultui.wire.tasks import Limits

pytestmark = needs("podman")


def test_a_container_finds_the_vault_and_its_variables(task: EngineTask) -> None:
    (task.vault / "inside").write_text("of the vault")
    ended = task.run(
        *(
            "sh",
            "-c",
            "pwd; cat inside; echo; echo $1 $VAULT_MOUNT $TASK_DIR $GREETING; echo x >new",
        ),
        *("sh", "${VAULT_NAME}"),
        env={"GREETING": "hello from ${VAULT_NAME}"},
    )
    assert ended.lines == ["/vault", "of the vault", "Work /vault /task hello from Work"]
    assert (task.vault / "new").read_text() == "x\n"


def test_a_vault_can_be_given_elsewhere_and_read_only(task: EngineTask) -> None:
    command = "echo $VAULT_MOUNT; echo x >new || echo refused"
    ended = task.run("sh", "-c", command, read_only=True, around={"at": "/mnt/work"})
    assert ended.lines == ["/mnt/work", "refused"]


def test_what_a_task_leaves_lying_about_is_in_memory_alone(task: EngineTask) -> None:
    ended = task.run("sh", "-c", "echo x >$TASK_DIR/x; echo x >/tmp/x; mount")
    places = {line.split()[2]: line.split()[4] for line in ended.lines}
    assert (places["/task"], places["/tmp"]) == ("tmpfs", "tmpfs")


def test_no_log_of_the_engine_has_what_a_container_writes(task: EngineTask) -> None:
    process = task.start("sh", "-c", "echo plaintext of the vault; read line", interactive=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"plaintext of the vault\n"
    storage = [path for path in task.service.base.rglob("*") if path.is_file()]
    assert any(path.name == "config.json" for path in storage)
    assert not any(path.name == "ctr.log" for path in storage)
    process.communicate(b"\n", 30)


def test_the_streams_of_a_container_are_those_of_its_runner(task: EngineTask) -> None:
    given = bytes(range(256)) * 4000
    ended = task.run("sh", "-c", "cat; echo end >&2; exit 7", input=given, interactive=True)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (7, given, "end\n")


def test_without_being_asked_a_container_has_no_standard_input(task: EngineTask) -> None:
    assert task.run("sh", "-c", "cat; echo end", input=b"unasked\n").lines == ["end"]


def test_limits_hold_for_the_container(task: EngineTask) -> None:
    files = "memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares pids/pids.max"
    limits = Limits(memory_bytes=64 << 20, cpus=0.5, pids=20, open_files=100, open_files_hard=200)
    command = f"cd /sys/fs/cgroup; cat {files}; ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -t"
    rlimits = (Rlimit("core", 7 << 10, -1), Rlimit("cpu", 99, 99))
    ended = task.run("sh", "-c", command, limits=limits, rlimits=rlimits)
    group, processes = ended.lines[:4], ended.lines[4:]
    assert group == [str(64 << 20), "50000", "512", "20"]
    assert processes == ["100", "200", "14", "99"]


def test_a_container_that_needs_too_much_memory_is_killed_and_that_is_said(
    task: EngineTask,
) -> None:
    hungry = "x=$(head -c 100000000 /dev/zero | tr '\\0' x)"
    ended = task.run("sh", "-c", f'exec sh -c "{hungry}"', limits=Limits(memory_bytes=16 << 20))
    assert ended.exit_code == 137
    assert task.out_of_memory()


def test_names_and_addresses_reach_the_container(task: EngineTask) -> None:
    around = {
        "network": "bridge",
        "hostname": "inside",
        "dns": ("192.0.2.1",),
        "dns_search": ("example.org",),
        "add_hosts": ("near:192.0.2.2",),
        "labels": {"colour": "blue"},
    }
    ended = task.run("sh", "-c", "hostname; cat /etc/resolv.conf /etc/hosts", around=around)
    assert ended.lines[0] == "inside"
    assert {"search example.org", "nameserver 192.0.2.1", "192.0.2.2\tnear"} <= set(ended.lines)


def test_labels_and_published_ports_are_the_engines_to_see(task: EngineTask) -> None:
    around = {"network": "bridge", "labels": {"colour": "blue"}, "publish": ("127.0.0.1::80",)}
    process = task.start("cat", interactive=True, around=around)
    shown = task.shown()
    process.communicate(b"", 30)
    assert shown["Config"]["Labels"] == {"colour": "blue", "io.vaultui.task": "0123abcd"}
    ((where,),) = shown["NetworkSettings"]["Ports"].values()
    assert where["HostIp"] == "127.0.0.1"
    assert int(where["HostPort"]) > 0


def test_binds_come_in_order_and_one_that_is_missing_is_told(
    task: EngineTask, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    binds = (
        BindRequest(str(tmp_path / "one"), "/mnt/it", read_only=True),
        BindRequest(str(tmp_path / "two"), "/mnt/it/"),
        BindRequest("/no/such", "/mnt/missing"),
        BindRequest(str(tmp_path), "/vault"),
    )
    ended = task.run("sh", "-c", "ls /mnt/it /vault; touch /mnt/it/x", around={"binds": binds})
    assert ended.stdout.decode().split() == ["/mnt/it:", "one", "/vault:"]
    assert "vaultui: /no/such is not there, and is left out" in ended.stderr
    assert "Read-only file system" in ended.stderr


@pytest.mark.parametrize(
    ("seccomp", "mode"), [("", "2"), ("none", "0"), ("profile", "2")], ids=["ours", "none", "own"]
)
def test_system_calls_are_filtered_as_asked(
    task: EngineTask, tmp_path: Path, seccomp: str, mode: str
) -> None:
    if seccomp == "profile":
        seccomp = str(tmp_path / "profile.json")
        refused = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}
        Path(seccomp).write_text(
            json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]})
        )
    command = "grep Seccomp: /proc/self/status; mkdir /tmp/x && echo made"
    ended = task.run("sh", "-c", command, around={"seccomp": seccomp})
    assert f"Seccomp:\t{mode}" in ended.stdout.decode()
    assert (b"made" in ended.stdout) == (not seccomp.endswith(".json"))


def test_a_privileged_container_may_do_what_root_may(task: EngineTask) -> None:
    command = ("sh", "-c", "grep CapEff /proc/self/status")
    plain = task.run(*command).lines
    privileged = task.run(
        *command, around={"privileged": True}, job={"may_be_privileged": True}
    ).lines
    ours = Path("/proc/self/status").read_text()
    assert privileged[0] in ours
    assert plain != privileged


def test_a_program_that_the_image_lacks_is_127(task: EngineTask) -> None:
    assert task.run("no-such-program").exit_code == 127
    failure = task.failure()
    assert isinstance(failure, TaskCommandNotFound)
    assert failure.details == {"program": "no-such-program"}


def test_a_file_that_is_no_program_is_126(task: EngineTask) -> None:
    assert task.run("/etc/plain").exit_code == 126
    assert isinstance(task.failure(), TaskCommandNotExecutable)


def test_a_missing_image_is_named(task: EngineTask) -> None:
    assert task.run("true", around={"image": "localhost/nobody-has-it"}).exit_code == 125
    failure = task.failure()
    assert isinstance(failure, ImageMissing)
    assert "localhost/nobody-has-it" in failure.summary


def test_what_the_engine_says_of_a_container_that_it_cannot_make_is_handed_on(
    task: EngineTask,
) -> None:
    around = {"user": "nobody-knows-her"}
    assert task.run("true", around=around, job={"allow_other": True}).exit_code == 125
    failure = task.failure()
    assert isinstance(failure, ContainerNotCreated)
    assert "nobody-knows-her" in failure.raw


def test_an_image_with_a_user_of_its_own_needs_a_vault_that_lets_others_in(
    task: EngineTask,
) -> None:
    around = {"image": IMAGE_OF_A_USER}
    assert task.run("true", around=around).exit_code == 125
    assert isinstance(task.failure(), EngineKeptOut)
    ended = task.run("id", "-u", around=around, job={"allow_other": True})
    assert ended.lines == ["1000"]
