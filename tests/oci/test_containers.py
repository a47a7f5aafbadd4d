"""What a program finds in a container, with both runtimes, for root and for an ordinary user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from capabilities import needs
from containertask import ContainerTask

from vaultui.model.errors import (
    ContainerNotCreated,
    TaskCommandNotExecutable,
    TaskCommandNotFound,
)

pytestmark = needs("runc", "crun", "busybox", "root", "ordinary-user", "user-namespaces")


def test_a_program_finds_the_vault_and_a_place_of_its_own_in_another_system(
    any_task: ContainerTask,
) -> None:
    (any_task.vault / "letter").write_text("dear")
    (any_task.vault / "letter").chmod(0o644)
    script = (
        "cat $VAULT_MOUNT/letter; echo; echo $VAULT_NAME $VAULT_MOUNT $TASK_DIR; pwd; id -u; "
        "echo new > reply; echo x > $TASK_DIR/x; echo x > /etc/x; ls /; ls /etc"
    )
    lines = any_task.sh(script).lines
    assert lines[:4] == ["dear", "Work /vault /task", "/vault", "0"]
    # What it has done is in the vault and in its own place, and nowhere else.
    assert (any_task.vault / "reply").read_text() == "new\n"
    assert (any_task.task_dir / "scratch" / "x").exists()
    assert {"bin", "vault", "task", "proc", "dev", "sys"} <= set(lines[4:])
    assert {path.name for path in any_task.rootfs.iterdir()} == {"bin", "etc", "root", "home"}
    assert {path.name for path in (any_task.rootfs / "etc").iterdir()} == {"passwd", "group"}


def test_input_is_passed_on_with_its_end_and_output_stays_apart(either_task: ContainerTask) -> None:
    data = bytes(range(256)) * 2000
    done = either_task.run("sh", "-c", "wc -c >&2; exit 1", input=data)
    assert done.stderr.strip() == str(len(data))
    assert done.exit_code == 1
    assert done.stdout == b""


def test_what_a_program_writes_arrives_byte_for_byte(task: ContainerTask) -> None:
    data = os.urandom(1 << 20)
    assert task.run("cat", input=data).stdout == data


@pytest.mark.parametrize("code", [0, 1, 125, 200, 255])
def test_the_exit_code_is_that_of_the_program(task: ContainerTask, code: int) -> None:
    assert task.sh(f"exit {code}").exit_code == code


def test_a_program_that_is_not_there_is_told_with_what_the_runtime_printed(
    any_task: ContainerTask,
) -> None:
    assert any_task.run("nosuchprogram").exit_code == 127
    failure = any_task.failure()
    assert isinstance(failure, TaskCommandNotFound)
    assert failure.details["program"] == "nosuchprogram"
    assert "executable file" in failure.raw


def test_a_file_that_is_no_program_is_told(either_task: ContainerTask) -> None:
    assert either_task.run("/etc/passwd").exit_code == 126
    assert isinstance(either_task.failure(), TaskCommandNotExecutable)


def test_a_container_that_can_t_be_made_is_told_with_what_the_runtime_printed(
    any_task: ContainerTask,
) -> None:
    profile = any_task.top / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_NONSENSE"}')
    profile.chmod(0o644)
    assert any_task.run("true", around={"seccomp": str(profile)}).exit_code == 125
    failure = any_task.failure()
    assert isinstance(failure, ContainerNotCreated)
    assert failure.details["maker"] == os.path.basename(any_task.runtime)
    assert "SCMP_ACT_NONSENSE" in failure.raw


def test_a_directory_that_can_t_be_a_system_is_told(either_task: ContainerTask) -> None:
    assert either_task.run("true", around={"rootfs": "/proc"}).exit_code == 125
    failure = either_task.failure()
    assert isinstance(failure, ContainerNotCreated)
    assert "over /proc" in failure.summary


def test_the_running_system_can_be_that_of_a_container(task: ContainerTask) -> None:
    done = task.sh("cat /etc/os-release; echo x > /etc/vaultui-test", around={"rootfs": "/"})
    assert done.text == Path("/etc/os-release").read_text()
    assert not os.path.lexists("/etc/vaultui-test")


def test_a_system_with_mounts_in_it_is_not_for_ordinary_users(task_of_user: ContainerTask) -> None:
    assert task_of_user.run("true", around={"rootfs": "/"}).exit_code == 125
    failure = task_of_user.failure()
    assert isinstance(failure, ContainerNotCreated)
    assert "only root can use it" in failure.summary


def test_it_has_processes_a_host_name_and_message_queues_of_its_own(
    either_task: ContainerTask,
) -> None:
    lines = either_task.sh(
        "echo $$; hostname; cat /etc/hosts; readlink /proc/self/ns/ipc; mount",
        around={"hostname": "box", "add_hosts": ("far.example:[2001:db8::1]",)},
    ).lines
    assert lines[:2] == ["1", "box"]
    assert "127.0.0.1\tbox" in lines
    assert "2001:db8::1\tfar.example" in lines
    assert os.readlink("/proc/self/ns/ipc") not in lines
    mounts = {line.split()[2]: line for line in lines if " on " in line}
    for place in ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"):
        assert place in mounts
    assert "ro," in mounts["/sys"]


def test_without_a_network_there_is_the_loopback_device_alone(any_task: ContainerTask) -> None:
    done = any_task.sh("ls /sys/class/net; cat /etc/hosts", around={"network": "none"})
    assert done.lines[0] == "lo"
    assert done.lines[1:] == ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]


def test_with_the_host_s_network_it_has_the_host_s_names_and_servers(task: ContainerTask) -> None:
    lines = task.sh("readlink /proc/self/ns/net; cat /etc/hosts").lines
    assert lines[0] == os.readlink("/proc/self/ns/net")
    assert lines[1:] == Path("/etc/hosts").read_text().splitlines()


def test_servers_and_domains_that_are_asked_for_replace_the_host_s(task: ContainerTask) -> None:
    around = {"dns": ("192.0.2.53", "2001:db8::53"), "dns_search": ("a.example", "b.example")}
    text = task.run("cat", "/etc/resolv.conf", around=around).text
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("nameserver")] == [
        "nameserver 192.0.2.53",
        "nameserver 2001:db8::53",
    ]
    assert [line for line in lines if line.startswith(("search", "domain"))] == [
        "search a.example b.example"
    ]


def test_its_copies_of_hosts_and_resolv_conf_are_its_own(either_task: ContainerTask) -> None:
    before = Path("/etc/hosts").read_bytes()
    assert either_task.sh("echo 192.0.2.9 x >> /etc/hosts; tail -n 1 /etc/hosts").lines == [
        "192.0.2.9 x"
    ]
    assert Path("/etc/hosts").read_bytes() == before


def test_a_program_can_gain_nothing_and_the_system_s_secrets_are_masked(
    any_task: ContainerTask,
) -> None:
    text = any_task.sh(
        "cat /proc/self/status; cat /proc/timer_list; ls /sys/firmware | wc -l; "
        "echo 0 > /proc/sys/kernel/panic || echo read-only"
    ).text
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    # chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service,
    # sys_chroot, setfcap
    assert int(status["CapBnd"], 16) == 0x800405FB
    assert int(status["CapInh"], 16) == 0
    assert text.splitlines()[-2:] == ["0", "read-only"]


ONE_TREE = ("unshare", "--mount", "sh", "-c", 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"')


def test_it_is_made_where_there_is_one_tree_of_control_groups(any_task: ContainerTask) -> None:
    if "crun" in any_task.runtime:
        any_task.runtime = "crun"
    any_task.before = (*ONE_TREE, "sh")
    done = any_task.sh("grep ^0: /proc/self/cgroup; grep -q cgroup2 /proc/mounts && echo there")
    assert done.lines == ["0::/", "there"]
    assert done.stderr == ""
