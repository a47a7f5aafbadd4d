"""Each attribute on a real process, as /proc shows it from outside, and its failure by name.

A program is started alone, when the shim becomes it, or kept, when the shim forks it.
"""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from ordinaryuser import as_user
from procfacts import capabilities, ids, limit, namespace, status
from support import wait_until

import vaultui
from vaultui.linux import process
from vaultui.shim import attributes
from vaultui.wire.attributes import Attributes, IdRange, Namespace, Rlimit
from vaultui.wire.launchspec import LOG, NULL, KeeperSpec, LaunchSpec
from vaultui.wire.runrecords import EXIT_LAUNCH_FAILED

SLEEP = ("/bin/sleep", "600")
NET_BIND_SERVICE = 1 << 10
SYS_ADMIN = 1 << 21
NOBODY = UNPRIVILEGED_UID


@pytest.fixture(params=["alone", "kept"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> KeeperSpec | None:
    return kept(tmp_path) if request.param == "kept" else None


def kept(tmp_path: Path) -> KeeperSpec:
    return KeeperSpec("Work", str(tmp_path / "run"), "", str(tmp_path / "log" / "work.log"))


def launch_spec(
    wanted: Attributes,
    keeper: KeeperSpec | None = None,
    argv: tuple[str, ...] = SLEEP,
    **options,
) -> LaunchSpec:
    out = LOG if keeper else NULL
    env = {"PATH": os.environ["PATH"]}
    return LaunchSpec("test", argv, env, (NULL, out, out), wanted, keeper=keeper, **options)


def failure(started) -> tuple[str, int]:
    """Return step and errno of a start that must have failed, after its end."""
    if started.messages[0] is not started.failed or len(started.messages) > 1:
        assert started.forked.pid
    if started.child.wait(10) == 0:
        assert started.exit_state().exit_code == EXIT_LAUNCH_FAILED
    else:
        assert started.child.wait(10) == EXIT_LAUNCH_FAILED
    return started.failed.step, started.failed.errno


# Sessions and groups


def test_a_process_leads_a_session_of_its_own_unless_it_is_to_stay(start, tmp_path: Path) -> None:
    leader = start(launch_spec(Attributes(), kept(tmp_path))).forked.pid
    assert os.getsid(leader) == leader
    forked = start(launch_spec(Attributes(new_session=False), kept(tmp_path))).forked
    assert os.getsid(forked.pid) == os.getsid(forked.keeper_pid) != forked.pid


def test_a_group_of_its_own_in_the_session_of_the_parent(start, tmp_path: Path) -> None:
    wanted = Attributes(new_session=False, process_group=0)
    forked = start(launch_spec(wanted, kept(tmp_path))).forked
    assert os.getpgid(forked.pid) == forked.pid
    assert os.getsid(forked.pid) != forked.pid


def test_the_leader_of_a_session_has_the_group_that_it_wants(start, keeper) -> None:
    pid = start(launch_spec(Attributes(process_group=0), keeper)).forked.pid
    assert os.getpgid(pid) == os.getsid(pid) == pid


def test_a_group_of_another_session_cannot_be_joined(start, tmp_path: Path) -> None:
    wanted = Attributes(new_session=False, process_group=os.getpgrp())
    started = start(launch_spec(wanted, kept(tmp_path)))
    assert failure(started) == ("process group", errno.EPERM)


# Namespaces


@needs("root")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Namespace.MOUNT, "mnt"),
        (Namespace.NETWORK, "net"),
        (Namespace.IPC, "ipc"),
        (Namespace.UTS, "uts"),
        (Namespace.CGROUP, "cgroup"),
        (Namespace.PID, "pid_for_children"),
    ],
)
def test_one_namespace_is_new_and_the_others_are_ours(start, kind: Namespace, name: str) -> None:
    pid = start(launch_spec(Attributes(namespaces=(kind,)))).forked.pid
    others = {"mnt", "net", "ipc", "uts", "cgroup", "pid_for_children", "user"} - {name}
    if name == "pid_for_children":
        # It is there when it has its first process: sleep has no children.
        others.discard("pid_for_children")
        with pytest.raises(OSError):
            namespace(pid, name)
    else:
        assert namespace(pid, name) != namespace("self", name)
    assert {namespace(pid, other) for other in others} == {
        namespace("self", other) for other in others
    }


def test_a_user_without_privileges_can_have_no_namespace_alone(start, keeper) -> None:
    started = start(launch_spec(Attributes(namespaces=(Namespace.MOUNT,))), before=as_user())
    assert failure(started) == ("namespaces", errno.EPERM)


@needs("root")
def test_a_new_mount_namespace_gives_nothing_back(start) -> None:
    """Even where the mounts of the parent are shared, as systemd makes them."""
    shared = ("unshare", "--mount", "--propagation", "shared")
    before = start(launch_spec(Attributes()), before=shared).forked.pid
    assert " shared:" in Path(f"/proc/{before}/mountinfo").read_text()
    wanted = Attributes(namespaces=(Namespace.MOUNT,))
    pid = start(launch_spec(wanted), before=shared).forked.pid
    table = Path(f"/proc/{pid}/mountinfo").read_text()
    assert " shared:" not in table
    assert " master:" not in table


# User namespaces


def maps_of(pid: int) -> tuple[list[str], list[str], str]:
    """Return the lines of both maps with single spaces, and what setgroups says."""
    files = [Path(f"/proc/{pid}/{name}").read_text() for name in ("uid_map", "gid_map")]
    uids, gids = ([" ".join(line.split()) for line in text.splitlines()] for text in files)
    return uids, gids, Path(f"/proc/{pid}/setgroups").read_text().strip()


@needs("root", "user-namespaces")
def test_the_parent_writes_maps_that_the_process_itself_may_not_write(
    start, tmp_path: Path
) -> None:
    wanted = Attributes(
        namespaces=(Namespace.USER,),
        uid_maps=(IdRange(0, 100_000, 1000), IdRange(1000, 1000)),
        gid_maps=(IdRange(0, 200_000, 50),),
        setgroups=True,
        groups=(7, 8),
        gid=3,
        uid=5,
    )
    pid = start(launch_spec(wanted, kept(tmp_path))).forked.pid
    assert maps_of(pid) == (["0 100000 1000", "1000 1000 1"], ["0 200000 50"], "allow")
    assert ids(pid, "Uid") == [100_005] * 4
    assert ids(pid, "Gid") == [200_003] * 4
    assert ids(pid, "Groups") == [200_007, 200_008]


@needs("user-namespaces", "ordinary-user")
def test_an_ordinary_user_maps_itself(start) -> None:
    """Alone, it writes its maps itself; groups are left as they are, since it may not set them."""
    uid = NOBODY if os.geteuid() == 0 else os.getuid()
    wanted = Attributes(
        namespaces=(Namespace.USER, Namespace.MOUNT, Namespace.UTS),
        uid_maps=(IdRange(uid, uid),),
        gid_maps=(IdRange(uid, uid),),
        groups=(),
        ambient_capabilities=("sys_admin",),
    )
    pid = start(launch_spec(wanted), before=as_user()).forked.pid
    assert maps_of(pid) == ([f"{uid} {uid} 1"], [f"{uid} {uid} 1"], "deny")
    assert namespace(pid, "user") != namespace("self", "user")
    assert namespace(pid, "mnt") != namespace("self", "mnt")
    # What it may do in there, and nowhere else: mount and unmount.
    assert capabilities(pid, "Eff") == SYS_ADMIN


@needs("user-namespaces", "ordinary-user")
def test_an_ordinary_users_parent_writes_its_maps_as_well(start, tmp_path: Path) -> None:
    for name in ("run", "log"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name).chmod(0o777)
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    uid = NOBODY if os.geteuid() == 0 else os.getuid()
    wanted = Attributes(
        namespaces=(Namespace.USER,), uid_maps=(IdRange(0, uid),), gid_maps=(IdRange(0, uid),)
    )
    started = start(launch_spec(wanted, kept(tmp_path)), before=as_user())
    assert maps_of(started.forked.pid) == ([f"0 {uid} 1"], [f"0 {uid} 1"], "deny")


@needs("root", "user-namespaces")
@pytest.mark.parametrize("uid_map", [IdRange(0, 0, 0), IdRange(0, (1 << 32) - 1, 2)])
def test_the_child_gets_the_errno_of_maps_that_could_not_be_written(
    start, keeper, uid_map: IdRange
) -> None:
    wanted = Attributes(namespaces=(Namespace.USER,), uid_maps=(uid_map,))
    assert failure(start(launch_spec(wanted, keeper))) == ("id maps", errno.EINVAL)


@needs("user-namespaces", "ordinary-user")
def test_a_user_cannot_map_somebody_else(start) -> None:
    wanted = Attributes(namespaces=(Namespace.USER,), uid_maps=(IdRange(0, 0, 1),))
    started = start(launch_spec(wanted), before=as_user())
    assert failure(started) == ("id maps", errno.EPERM)


# Root directory and credentials


@needs("root")
def test_the_root_directory_is_another_one(start, keeper) -> None:
    # Where /bin is a link to /usr/bin, and so on, /usr has all that sleep needs.
    pid = start(launch_spec(Attributes(chroot="/usr"), keeper)).forked.pid
    assert os.readlink(f"/proc/{pid}/root") == os.readlink(f"/proc/{pid}/cwd") == "/usr"


@needs("root")
def test_a_root_directory_that_is_not_there(start, keeper) -> None:
    started = start(launch_spec(Attributes(chroot="/no/such/place"), keeper))
    assert failure(started) == ("root directory", errno.ENOENT)


@needs("ordinary-user")
def test_an_ordinary_user_has_the_root_directory_that_there_is(start) -> None:
    started = start(launch_spec(Attributes(chroot="/")), before=as_user())
    assert failure(started) == ("root directory", errno.EPERM)


@needs("root")
def test_user_group_and_supplementary_groups_are_changed_for_good(start, keeper) -> None:
    wanted = Attributes(groups=(1236, 3_000_000_000), gid=1235, uid=1234)
    pid = start(launch_spec(wanted, keeper)).forked.pid
    assert ids(pid, "Uid") == [1234] * 4
    assert ids(pid, "Gid") == [1235] * 4
    assert ids(pid, "Groups") == [1236, 3_000_000_000]
    assert capabilities(pid, "Prm") == capabilities(pid, "Eff") == 0


@needs("root")
def test_an_empty_list_clears_the_groups_and_none_leaves_them(start) -> None:
    some = ("setpriv", "--groups=1236,1237")
    assert ids(start(launch_spec(Attributes()), before=some).forked.pid, "Groups") == [1236, 1237]
    none = start(launch_spec(Attributes(groups=())), before=some)
    assert ids(none.forked.pid, "Groups") == []


@needs("ordinary-user")
@pytest.mark.parametrize(
    ("wanted", "step"),
    [
        (Attributes(groups=()), "groups"),
        (Attributes(gid=0), "group"),
        (Attributes(uid=0), "user"),
    ],
)
def test_an_ordinary_user_becomes_nobody_else(start, wanted: Attributes, step: str) -> None:
    started = start(launch_spec(wanted), before=as_user())
    assert failure(started) == (step, errno.EPERM)


@needs("root")
def test_ambient_capabilities_outlive_the_change_of_user_and_the_exec(start, keeper) -> None:
    wanted = Attributes(uid=NOBODY, gid=NOBODY, ambient_capabilities=("net_bind_service",))
    # A program that is executed by the program has them too.
    argv = ("/bin/sh", "-c", "exec sleep 600")
    pid = start(launch_spec(wanted, keeper, argv)).forked.pid
    wait_until(lambda: process.command_name(pid) == "sleep", what="the second program")
    for kind in ("Amb", "Eff", "Prm", "Inh"):
        assert capabilities(pid, kind) == NET_BIND_SERVICE, kind


@pytest.mark.parametrize(
    ("name", "number"), [("sys_admin", errno.EPERM), ("sys_everything", errno.EINVAL)]
)
@needs("ordinary-user")
def test_capabilities_that_cannot_be_had(start, name: str, number: int) -> None:
    started = start(launch_spec(Attributes(ambient_capabilities=(name,))), before=as_user())
    assert failure(started) == ("ambient capabilities", number)


@needs("root")
def test_where_nothing_of_ours_can_be_found_the_later_steps_are_taken_all_the_same(
    start, tmp_path: Path
) -> None:
    """With another root directory, and as somebody who may not read our modules."""
    wanted = Attributes(
        chroot="/usr",
        groups=(),
        uid=NOBODY,
        gid=NOBODY,
        ambient_capabilities=("net_bind_service",),
        parent_death_signal=signal.SIGTERM,
        no_new_privileges=True,
    )
    pid = start(launch_spec(wanted, kept(tmp_path))).forked.pid
    assert os.readlink(f"/proc/{pid}/root") == "/usr"
    assert capabilities(pid, "Eff") == NET_BIND_SERVICE
    assert status(pid)["NoNewPrivs"] == "1"


@needs("root", "user-namespaces")
def test_capabilities_are_kept_in_a_new_user_namespace_too(start, tmp_path: Path) -> None:
    wanted = Attributes(
        namespaces=(Namespace.USER,),
        uid_maps=(IdRange(0, 0, 2000),),
        gid_maps=(IdRange(0, 0, 2000),),
        uid=1000,
        ambient_capabilities=("sys_admin",),
    )
    pid = start(launch_spec(wanted, kept(tmp_path))).forked.pid
    assert ids(pid, "Uid") == [1000] * 4
    assert capabilities(pid, "Eff") == SYS_ADMIN


# Directory, parent, limits, tracing


@needs("root")
def test_the_working_directory_is_entered_with_the_rights_of_the_program(
    start, keeper, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    wanted = Attributes(uid=NOBODY, cwd=str(tmp_path / "own"))
    assert failure(start(launch_spec(wanted, keeper))) == ("working directory", errno.EACCES)


@needs("root")
def test_the_death_of_the_keeper_reaches_a_program_that_became_somebody_else(
    start, tmp_path: Path
) -> None:
    wanted = Attributes(uid=NOBODY, parent_death_signal=signal.SIGTERM)
    forked = start(launch_spec(wanted, kept(tmp_path))).forked
    pidfd = process.open_pidfd(forked.pid)
    os.kill(forked.keeper_pid, signal.SIGKILL)
    assert process.wait_pidfd(pidfd, 10)
    os.close(pidfd)


def test_a_parent_that_dies_before_its_child_has_asked_for_the_signal_counts_too() -> None:
    wanted = Attributes(parent_death_signal=signal.SIGTERM)
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        own = os.getpid()

        def begin() -> None:
            while os.getppid() == own:
                time.sleep(0.001)

        pid = attributes.start(launch_spec(wanted), (), writing, begin=begin)
        os.write(writing, str(pid).encode())
        # It is looked at before it can know.
        signal.pause()
    os.close(writing)
    pidfd = process.open_pidfd(int(os.read(reading, 20)))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert process.wait_pidfd(pidfd, 10)
    # Nothing was said of a step that failed: the signal ended it.
    assert os.read(reading, 1) == b""
    os.close(pidfd)
    os.close(reading)


def test_a_signal_that_is_none_cannot_be_the_parent_death_signal(start, keeper) -> None:
    started = start(launch_spec(Attributes(parent_death_signal=1000), keeper))
    assert failure(started) == ("parent-death signal", errno.EINVAL)


def test_limits_are_soft_and_hard_and_none_is_one_too(start, keeper) -> None:
    wanted = Attributes(rlimits=(Rlimit("nofile", 100, 200), Rlimit("core", 0, 0)))
    pid = start(launch_spec(wanted, keeper)).forked.pid
    assert limit(pid, "Max open files") == ("100", "200")
    assert limit(pid, "Max core file size") == ("0", "0")


def test_a_limit_that_is_none(start) -> None:
    lowered = ("prlimit", "--fsize=4096:unlimited")
    started = start(launch_spec(Attributes(rlimits=(Rlimit("fsize", -1, -1),))), before=lowered)
    assert limit(started.forked.pid, "Max file size") == ("unlimited", "unlimited")


def test_the_limit_of_open_files_is_set_after_the_hard_one(start, keeper) -> None:
    spec = launch_spec(Attributes(rlimits=(Rlimit("nofile", 100, 200),)), keeper, nofile_soft=4096)
    assert limit(start(spec).forked.pid, "Max open files") == ("200", "200")


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (Rlimit("nofile", 200, 100), errno.EINVAL),
        (Rlimit("patience", 1, 1), errno.EINVAL),
        (Rlimit("nofile", 10, 1 << 40), errno.EPERM),
    ],
)
@needs("ordinary-user")
def test_limits_that_cannot_be_had(start, wanted: Rlimit, number: int) -> None:
    started = start(launch_spec(Attributes(rlimits=(wanted,))), before=as_user())
    assert failure(started) == ("limits", number)


def test_a_program_can_be_kept_from_new_privileges(start, keeper) -> None:
    for asked, seen in ((True, "1"), (False, "0")):
        pid = start(launch_spec(Attributes(no_new_privileges=asked), keeper)).forked.pid
        assert status(pid)["NoNewPrivs"] == seen
        keeper = None  # its directory holds one


def test_a_traced_program_stops_before_its_first_instruction(start) -> None:
    started = start(launch_spec(Attributes(ptrace_me=True)))
    found = os.waitid(os.P_PID, started.child.pid, os.WSTOPPED | os.WNOWAIT)
    assert found is not None
    assert (found.si_code, found.si_status) == (os.CLD_TRAPPED, signal.SIGTRAP)
    assert status(started.child.pid)["TracerPid"] == str(os.getpid())
    # The exec has happened: the status pipe was closed, and the new program is in its memory.
    assert Path(f"/proc/{started.child.pid}/cmdline").read_bytes() == b"/bin/sleep\x00600\x00"


def test_a_plain_start_needs_no_ctypes() -> None:
    """It costs as much as everything else of the shim together."""
    code = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(vaultui.__file__).parents[1])!r})
        import vaultui.shim.launcher
        sys.exit("ctypes" in sys.modules)
    """)
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, timeout=20)
