"""The order of the steps, as the kernel sees it, and that each tells its name when it fails."""

import errno
import os
import pty
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from support import wait_until

from vaultui.shim import attributes
from vaultui.wire import framing
from vaultui.wire.attributes import Attributes, IdRange, Namespace, Rlimit
from vaultui.wire.launchspec import LOG, NULL, KeeperSpec, LaunchSpec, StepFailed
from vaultui.wire.runrecords import EXIT_LAUNCH_FAILED

CALLS = (
    "prctl,unshare,setsid,setpgid,ioctl,rt_sigprocmask,mount,chroot,setgroups,setresgid,setresuid,"
    "capset,chdir,dup2,dup3,prlimit64,setrlimit,ptrace,execve,read"
)
_CUT = " <unfinished ...>"


def traced(trace: Path, pid: int) -> list[str]:
    """Return the system calls of one process, from its first on."""
    calls: list[str] = []
    begun = ""
    for line in trace.read_text().splitlines():
        number, call = line.split(None, 1)
        if number != str(pid):
            continue
        # What another process did in between cuts a call in two.
        if call.endswith(_CUT):
            begun = call.removesuffix(_CUT)
        else:
            calls.append(begun + re.sub(r"^<\.\.\. \w+ resumed>", "", call))
            begun = ""
    return calls


def assert_in_order(calls: list[str], wanted: list[str]) -> None:
    """Check that the calls are there, each after the one before; patterns of re.search."""
    rest = iter(calls)
    for pattern in wanted:
        seen = any(re.search(pattern, call) for call in rest)
        assert seen, f"{pattern} does not come in its place in\n" + "\n".join(calls)


@pytest.fixture
def slave() -> Iterator[int]:
    master, slave = pty.openpty()
    yield slave
    os.close(master)
    os.close(slave)


@needs("root", "strace", "user-namespaces")
def test_every_step_comes_in_its_place(start, slave: int, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    spec = LaunchSpec(
        "test",
        ("/bin/true",),
        {},
        (NULL, LOG, LOG, 7),
        Attributes(
            uid_maps=(IdRange(0, 0, 100_000),),
            gid_maps=(IdRange(0, 0, 100_000),),
            setgroups=True,
            namespaces=(Namespace.USER, Namespace.MOUNT, Namespace.UTS),
            chroot="/",
            groups=(UNPRIVILEGED_UID,),
            gid=UNPRIVILEGED_UID,
            uid=UNPRIVILEGED_UID,
            ambient_capabilities=("net_bind_service",),
            cwd="/usr",
            parent_death_signal=15,
            controlling_terminal=3,
            rlimits=(Rlimit("core", 0, 0),),
            no_new_privileges=True,
            # Refused, since it is traced already.
            ptrace_me=True,
        ),
        nofile_soft=100,
        keeper=KeeperSpec("Work", str(tmp_path / "run"), "", str(tmp_path / "log")),
    )
    words = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={CALLS}")
    started = start(spec, before=words, more_fds=[slave])
    assert (started.failed.step, started.failed.errno) == ("tracing", errno.EPERM)
    assert started.exit_state().exit_code == EXIT_LAUNCH_FAILED
    wait_until(lambda: started.child.poll() is not None, what="the trace is written")
    assert_in_order(
        traced(trace, started.forked.pid),
        [
            r"^unshare\(CLONE_NEWUSER\)",
            r"^prctl\(PR_SET_KEEPCAPS, 1",
            r"^read\(\d+, *\"\\0\\0\\0\\0\", 4\)",  # the parent has written the maps
            r"^setsid\(\)",
            r"^rt_sigprocmask\(SIG_SETMASK, \[\],",
            r"^unshare\(CLONE_NEWNS\|CLONE_NEWUTS\)",
            r"^mount\(.*\"/\".*MS_REC\|MS_PRIVATE",
            r"^chroot\(\"/\"\)",
            r"^setgroups\(1, ",
            r"^setresgid\(",
            r"^setresuid\(",
            r"^capset\(",
            r"^prctl\(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE",
            r"^chdir\(\"/usr\"\)",
            r"^prctl\(PR_SET_PDEATHSIG, SIGTERM",
            r"^dup[23]\(.*3",
            r"^ioctl\(3, TIOCSCTTY, 0\) += 0",
            r"^prlimit64\(0, RLIMIT_CORE, {rlim_cur=0, rlim_max=0}",
            r"^(prlimit64|setrlimit)\(.*RLIMIT_NOFILE, {rlim_cur=100",
            r"^prctl\(PR_SET_NO_NEW_PRIVS, 1",
            r"^ptrace\(PTRACE_TRACEME\) += -1 EPERM",
        ],
    )


@needs("strace")
def test_the_group_comes_before_the_foreground_and_the_signals_after_both(
    start, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    spec = LaunchSpec(
        "test",
        ("/bin/true",),
        {},
        (NULL, LOG, LOG),
        # Descriptor 0 is no terminal.
        Attributes(new_session=False, process_group=0, foreground=0),
        keeper=KeeperSpec("Work", str(tmp_path / "run"), "", str(tmp_path / "log")),
    )
    words = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={CALLS}")
    started = start(spec, before=words)
    assert (started.failed.step, started.failed.errno) == ("foreground", errno.ENOTTY)
    started.exit_state()
    wait_until(lambda: started.child.poll() is not None, what="the trace is written")
    assert_in_order(
        traced(trace, started.forked.pid),
        [
            r"^setpgid\(0, 0\)",
            r"^rt_sigprocmask\(SIG_BLOCK, \[TTOU\]",
            r"^ioctl\(0, TIOCSPGRP",
            r"^rt_sigprocmask\(SIG_SETMASK, ",
        ],
    )


@pytest.mark.parametrize("name", [name for name, _ in attributes.STEPS])
@pytest.mark.parametrize("when", ["planned", "taken"])
def test_a_step_that_fails_is_told_by_its_name(
    name: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    steps = [(name, fail if when == "planned" else lambda _: fail)]
    monkeypatch.setattr(attributes, "STEPS", steps)
    reading, writing = os.pipe()
    pid = attributes.start(LaunchSpec("test", ("/bin/true",), {}, ()), (), writing)
    os.close(writing)
    failed = framing.read_message(reading, StepFailed)
    os.close(reading)
    assert failed is not None
    assert (failed.step, failed.errno) == (name, errno.EIO)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == EXIT_LAUNCH_FAILED
