"""Processes are told apart by start time, and watched and signalled through descriptors."""

import os
import select
import signal
import subprocess
import sys
import threading

import pytest

from vaultui.linux import process


@pytest.fixture
def sleeper():
    with subprocess.Popen(["sleep", "600"]) as child:
        yield child
        child.kill()


def test_the_start_time_tells_a_process_from_a_later_one_with_its_pid(sleeper) -> None:
    start = process.start_time(sleeper.pid)
    assert process.is_same_process(sleeper.pid, start)
    assert not process.is_same_process(sleeper.pid, start - 1)


def test_a_name_with_spaces_and_brackets_does_not_confuse_the_reader() -> None:
    code = "import sys; open('/proc/self/comm', 'w').write(') R 1 (x'); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        plain = process.start_time(child.pid)
        while process.command_name(child.pid) != ") R 1 (x":
            assert child.poll() is None
        assert process.start_time(child.pid) == plain
        child.communicate(b"\n")


def test_a_zombie_has_ended(sleeper) -> None:
    start = process.start_time(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not process.is_same_process(sleeper.pid, start)


def test_a_pidfd_waits_signals_and_knows_when_it_is_too_late(sleeper) -> None:
    pidfd = process.open_pidfd(sleeper.pid, process.start_time(sleeper.pid))
    try:
        assert not process.wait_pidfd(pidfd, 0)
        assert process.signal_pidfd(pidfd, signal.SIGTERM)
        assert process.wait_pidfd(pidfd, 10)
        assert select.select([pidfd], [], [], 0)[0] == [pidfd]
        assert sleeper.wait() == -signal.SIGTERM
        assert not process.signal_pidfd(pidfd, signal.SIGKILL)
    finally:
        os.close(pidfd)


def test_a_pidfd_of_another_process_with_the_same_pid_is_refused(sleeper) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(ProcessLookupError):
        process.open_pidfd(sleeper.pid, process.start_time(sleeper.pid) + 1)
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_process_that_is_gone_is_an_error_or_a_plain_no() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    with pytest.raises(ProcessLookupError):
        process.start_time(child.pid)
    assert not process.is_same_process(child.pid, 1)
    assert process.command_name(child.pid) == "?"


def test_a_number_that_a_thread_has_by_now_is_no_process() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        with pytest.raises(ProcessLookupError):
            process.open_pidfd(thread.native_id or 0, 12345)
    finally:
        over.set()
        thread.join()


def test_a_signal_is_heard_by_who_catches_or_ignores_it(sleeper) -> None:
    assert not process.has_say_in(sleeper.pid, signal.SIGTERM)
    assert process.has_say_in(os.getpid(), signal.SIGINT)
    assert process.has_say_in(os.getpid(), signal.SIGPIPE)
    assert process.has_say_in(0, signal.SIGTERM)


def test_the_boot_id_is_one_word_and_stays() -> None:
    assert len(process.boot_id()) == 36
    assert process.boot_id() == process.boot_id()
