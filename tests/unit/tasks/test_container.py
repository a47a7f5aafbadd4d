"""What a container is to be, in the words of its runtime."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vaultui.model.errors import (
    ContainerNotCreated,
    TaskCommandNotExecutable,
    TaskCommandNotFound,
    TaskOptionInvalid,
)
from vaultui.tasks.addresses import dns_servers, extra_hosts, host_name, search_domains
from vaultui.tasks.containers import seccomp
from vaultui.tasks.containers.bundle import configuration
from vaultui.tasks.containers.mounts import StagedBind, mounts_of
from vaultui.tasks.containers.runtime import failure_of
from vaultui.tasks.containers.spec import (
    ContainerNamespace,
    ContainerSpec,
    ContainerUser,
    NamespaceKind,
    Seccomp,
)
from vaultui.tasks.request import BindRequest
from vaultui.wire import codec
from vaultui.wire.attributes import Rlimit

OWN = tuple(ContainerNamespace(kind) for kind in NamespaceKind)
SPEC = ContainerSpec(
    container_id="vaultui-0123abcd",
    bundle="/run/task/bundle",
    runtime=("/usr/bin/runc",),
    rootfs="/srv/system",
    vault_name="Work",
    vault=BindRequest("/home/ann/Vaults/Work", "/vault"),
    command=("restic", "backup", "/vault"),
    env={"PATH": "/bin"},
    workdir="/vault",
    namespaces=OWN,
)


def test_what_the_runner_is_told_reads_back_the_same() -> None:
    whole = replace(
        SPEC,
        user=ContainerUser(1000, 100, (7, 8), "/home/ann"),
        rlimits=(Rlimit("core", 0, 0),),
        extra_hosts=(("far", "192.0.2.1"),),
        seccomp=Seccomp.CUSTOM,
        seccomp_profile="{}",
    )
    assert codec.decode(codec.encode(whole), ContainerSpec) == whole


def test_parents_are_mounted_before_what_is_in_them_and_the_first_for_a_target_wins() -> None:
    binds = (
        StagedBind("/stage/0", "/data/deep/er"),
        StagedBind("/stage/1", "/data"),
        StagedBind("/stage/2", "/data/./deep/../deep/er/"),
        StagedBind("/stage/3", "/proc", read_only=True, propagation="rslave"),
    )
    mounts = mounts_of(SPEC, binds, of_users=False)
    targets = [mount["destination"] for mount in mounts]
    assert targets.index("/data") < targets.index("/data/deep/er")
    assert targets.index("/dev") < targets.index("/dev/pts")
    assert targets.index("/sys") < targets.index("/sys/fs/cgroup")
    by_target = {mount["destination"]: mount for mount in mounts}
    assert by_target["/data/deep/er"]["source"] == "/stage/0"
    assert by_target["/data"]["options"] == ["rbind", "rprivate", "rw"]
    assert by_target["/proc"]["options"] == ["rbind", "rslave", "ro"]


@pytest.mark.parametrize(
    ("namespaces", "of_users", "there", "not_there"),
    [
        (OWN, False, {"/sys", "/sys/fs/cgroup", "/dev/shm", "/dev/mqueue"}, set()),
        (OWN, True, {"/sys", "/sys/fs/cgroup", "/dev/shm", "/dev/mqueue"}, set()),
        ((), False, {"/sys", "/sys/fs/cgroup"}, {"/dev/shm", "/dev/mqueue"}),
        ((), True, set(), {"/sys", "/sys/fs/cgroup", "/dev/shm", "/dev/mqueue"}),
    ],
)
def test_file_systems_of_the_kernel_are_mounted_as_the_namespaces_allow(
    namespaces: tuple[ContainerNamespace, ...],
    of_users: bool,
    there: set[str],
    not_there: set[str],
) -> None:
    mounts = mounts_of(replace(SPEC, namespaces=namespaces), (), of_users=of_users)
    targets = {mount["destination"] for mount in mounts}
    assert there <= targets
    assert not not_there & targets


def test_a_terminal_belongs_to_its_group_where_that_is_known() -> None:
    options = {
        of_users: next(
            mount["options"]
            for mount in mounts_of(SPEC, (), of_users=of_users)
            if mount["type"] == "devpts"
        )
        for of_users in (False, True)
    }
    assert "gid=5" in options[False]
    assert "gid=5" not in options[True]


def test_a_program_of_another_user_holds_no_capability() -> None:
    process = configuration(replace(SPEC, user=ContainerUser(1000)), "/", [])["process"]
    assert process["capabilities"]["effective"] == []
    assert "CAP_SYS_ADMIN" not in process["capabilities"]["bounding"]
    assert process["noNewPrivileges"]


def test_no_limit_is_the_largest_number_there_is() -> None:
    spec = replace(SPEC, rlimits=(Rlimit("nofile", 5, -1),))
    (limit,) = configuration(spec, "/", [])["process"]["rlimits"]
    assert limit == {"type": "RLIMIT_NOFILE", "soft": 5, "hard": (1 << 64) - 1}


def test_the_default_profile_names_each_system_call_once() -> None:
    profile = seccomp.profile_of(Seccomp.DEFAULT, "")
    assert profile is not None
    rules = profile["syscalls"]
    plain = [name for rule in rules if "args" not in rule for name in rule["names"]]
    conditional = {name for rule in rules if "args" in rule for name in rule["names"]}
    assert len(plain) == len(set(plain))
    assert not conditional & set(plain)
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert {"mount", "unshare", "setns", "bpf", "keyctl"} <= {
        name for rule in rules if rule["action"] == "SCMP_ACT_ERRNO" for name in rule["names"]
    }
    json.dumps(profile)


@pytest.mark.parametrize("text", ["[]", "{}", "nonsense"])
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile"
    path.write_text(text)
    with pytest.raises(TaskOptionInvalid):
        seccomp.asked_for(str(path))


PRINTED = {
    'time="2026" level=error msg="exec: \\"x\\": executable file not found in $PATH"\n': (
        TaskCommandNotFound
    ),
    'time="2026" level=error msg="exec: \\"/x\\": stat /x: no such file or directory"\n': (
        TaskCommandNotFound
    ),
    "executable file `x` not found in $PATH: No such file or directory\n": TaskCommandNotFound,
    'time="2026" level=error msg="exec: \\"/etc\\": permission denied"\n': TaskCommandNotExecutable,
    "open executable: Permission denied\n": TaskCommandNotExecutable,
    "": ContainerNotCreated,
    "something else\n": ContainerNotCreated,
}


@pytest.mark.parametrize(("printed", "error"), PRINTED.items())
def test_what_a_runtime_printed_says_what_went_wrong(printed: str, error: type) -> None:
    failure = failure_of(SPEC, printed)
    assert type(failure) is error
    assert failure.raw == printed


def test_the_reason_is_the_last_that_runc_called_an_error() -> None:
    printed = (
        'time="2026" level=warning msg="odd"\n'
        'time="2026" level=error msg="runc create failed: \\"that\\""\n'
        "trailing words\n"
    )
    failure = failure_of(SPEC, printed)
    assert failure.details == {"maker": "runc", "reason": 'runc create failed: "that"'}


def test_addresses_come_back_in_their_shortest_form() -> None:
    assert dns_servers(["192.0.2.1", "2001:db8:0::1"]) == ("192.0.2.1", "2001:db8::1")
    assert extra_hosts(["far:192.0.2.1", "six:[::1]", "my_host:::1"]) == (
        ("far", "192.0.2.1"),
        ("six", "::1"),
        ("my_host", "::1"),
    )
    assert search_domains(["example.org.", "."]) == ("example.org.", ".")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: dns_servers(["192.0.2"]),
        lambda: dns_servers(["dns.example"]),
        lambda: dns_servers([""]),
        lambda: dns_servers(["192.0.2.1\nsearch evil"]),
        lambda: search_domains(["a b"]),
        lambda: search_domains(["-a.example"]),
        lambda: extra_hosts(["far"]),
        lambda: extra_hosts([":192.0.2.1"]),
        lambda: extra_hosts(["far:"]),
        lambda: extra_hosts(["far\nnear:192.0.2.1"]),
        lambda: host_name("a" * 65),
        lambda: host_name(""),
    ],
)
def test_what_is_no_address_or_name_is_refused(wrong) -> None:
    with pytest.raises(TaskOptionInvalid):
        wrong()
