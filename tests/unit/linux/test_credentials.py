"""Rights of single threads, and what /proc tells of a caller."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs

from vaultui.linux import credentials
from vaultui.linux.credentials import Caller, acting_as, caller_of
from vaultui.model.exitcodes import ExitCode

STRANGER = Caller(1234, 1235, (1236, 3_000_000_000))


def touch(directory: int, name: str) -> os.stat_result:
    """Make a file by its directory's descriptor: the way to it is closed to strangers."""
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, dir_fd=directory))
    return os.stat(name, dir_fd=directory)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    os.fchmod(fd, 0o777)
    yield fd
    os.close(fd)


def rights() -> tuple[bytes, ...]:
    """Return what the kernel has of the calling thread."""
    status = Path(f"/proc/self/task/{threading.get_native_id()}/status").read_bytes()
    wanted = (b"Uid:", b"Gid:", b"Groups:", b"CapEff:")
    return tuple(line for line in status.splitlines() if line.startswith(wanted))


@needs("root")
def test_files_belong_to_the_caller_and_afterwards_to_us_again(directory: int) -> None:
    before = rights()
    with acting_as(STRANGER):
        inside = rights()
        theirs = touch(directory, "theirs")
    ours = touch(directory, "ours")

    assert (theirs.st_uid, theirs.st_gid) == (STRANGER.uid, STRANGER.gid)
    assert ours.st_uid == os.geteuid()
    assert rights() == before
    assert inside[2].split()[1:] == [b"1236", b"3000000000"]
    assert inside[3] != before[3], "the privileges over files are still there"


@needs("root")
def test_a_caller_has_no_rights_but_its_own_and_an_error_inside_lays_them_down(
    directory: int,
) -> None:
    before = rights()
    os.fchmod(directory, 0o770)
    with pytest.raises(PermissionError), acting_as(STRANGER):
        touch(directory, "refused")
    assert rights() == before
    os.fchown(directory, 0, STRANGER.groups[-1])
    with acting_as(STRANGER):
        touch(directory, "by group")


@needs("root")
def test_other_threads_keep_their_rights() -> None:
    before, seen = rights(), []
    go, looked = threading.Event(), threading.Event()

    def look() -> None:
        go.wait(10)
        seen.append(rights())
        looked.set()

    other = threading.Thread(target=look)
    other.start()
    with acting_as(STRANGER):
        go.set()
        assert looked.wait(10)
    other.join()
    assert seen == [before]


@needs("root")
def test_a_caller_who_is_root_gives_its_group_alone(directory: int) -> None:
    before = rights()
    with acting_as(Caller(0, 1235)):
        made = touch(directory, "file")
        assert rights()[2:] == before[2:]
    assert (made.st_uid, made.st_gid) == (0, 1235)
    assert rights() == before


@needs("root")
def test_a_process_that_may_not_be_dumped_stays_so() -> None:
    """Whatever fs.suid_dumpable says, which other rights would bring with them."""
    script = """
from vaultui.linux import credentials, hardening, prctl
hardening.protect_process()
with credentials.acting_as(credentials.Caller(1234, 1235)):
    pass
print(prctl.is_dumpable())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30)
    assert done.stdout == b"False\n", done.stderr


@needs("root")
def test_a_thread_that_cannot_be_brought_back_ends_the_process() -> None:
    """In a process of its own, which gives up all privileges while it acts as somebody."""
    script = """
import ctypes
from vaultui.linux import credentials
with credentials.acting_as(credentials.Caller(1234, 1235)):
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0
print("served on")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30)
    assert done.returncode == ExitCode.OTHER, done.stderr
    assert b"served on" not in done.stdout
    assert b"rights of a caller" in done.stderr


def test_the_groups_of_a_caller_come_from_proc() -> None:
    found = caller_of(os.getpid(), os.geteuid(), os.getegid())
    assert found == Caller(os.geteuid(), os.getegid(), tuple(os.getgroups()))


def test_the_number_of_a_thread_is_as_good_as_that_of_its_process() -> None:
    found: list[Caller] = []
    thread = threading.Thread(
        target=lambda: found.append(
            caller_of(threading.get_native_id(), os.geteuid(), os.getegid())
        )
    )
    thread.start()
    thread.join()
    assert found[0].groups == tuple(os.getgroups())


@pytest.mark.parametrize("pid", [0, 1 << 22])
def test_a_caller_that_is_gone_has_no_groups(pid: int) -> None:
    assert caller_of(pid, 7, 8) == Caller(7, 8)


def test_a_number_that_passed_on_to_somebody_else_gives_no_groups() -> None:
    uid = os.geteuid() + 1
    assert caller_of(os.getpid(), uid, os.getegid()) == Caller(uid, os.getegid())


@needs("root")
def test_an_unknown_machine_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert credentials.may_act()
    monkeypatch.setattr(credentials, "_SETGROUPS", {})
    with pytest.raises(OSError, match=os.uname().machine):
        credentials.may_act()


@needs("root")
def test_root_without_capabilities_may_not_act_as_others() -> None:
    script = "from vaultui.linux import credentials; print(credentials.may_act())"
    done = subprocess.run(
        ("setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", script),
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == b"False\n"
