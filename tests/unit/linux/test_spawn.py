"""Programs start with the descriptors, signals and environment they are given, and end in time."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from support import wait_until

from vaultui.linux import spawn

SHOW_FDS = "import os; print([fd for fd in range(200) if os.path.exists(f'/proc/self/fd/{fd}')])"


def python(code: str, **options) -> spawn.Completed:
    return spawn.run([sys.executable, "-I", "-S", "-c", code], timeout=30, **options)


def test_output_errors_and_exit_status_come_back() -> None:
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_a_signal_is_a_negative_status() -> None:
    done = python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -signal.SIGKILL


def test_more_input_and_output_than_a_pipe_holds_passes_through() -> None:
    data = os.urandom(1 << 20)
    assert spawn.run(["cat"], input=data, timeout=30).stdout == data


def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    assert spawn.run(["true"], input=bytes(1 << 20), timeout=30).returncode == 0


def test_without_input_it_reads_nothing_and_does_not_wait() -> None:
    assert spawn.run(["cat"], timeout=30).stdout == b""


def test_a_program_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        spawn.run(["no-such-program-of-ours"], timeout=1)


def test_a_program_that_takes_too_long_is_killed_and_reaped() -> None:
    with pytest.raises(TimeoutError) as caught:
        spawn.run(["sleep", "600"], timeout=0.1)
    pid = int(str(caught.value).split()[1])
    assert not Path(f"/proc/{pid}").exists()


def test_output_of_a_descendant_that_lives_on_is_not_waited_for() -> None:
    done = spawn.run(["sh", "-c", "echo first; sleep 600 & echo $!"], timeout=30)
    first, pid = done.stdout.split()
    os.kill(int(pid), signal.SIGKILL)
    assert first == b"first"


def test_only_the_listed_descriptors_are_inherited() -> None:
    stray = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(stray, True)
    reading, writing = os.pipe()
    try:
        done = python(SHOW_FDS, pass_fds=[reading])
    finally:
        for fd in (stray, reading, writing):
            os.close(fd)
    # 3 is the directory that the program itself lists at that moment, at most.
    assert set(eval(done.stdout)) <= {0, 1, 2, 3, reading}
    assert reading in eval(done.stdout)


def test_descriptors_may_swap_places_repeat_and_stay_closed() -> None:
    reading, writing = os.pipe()
    names = [f"/proc/self/fd/{fd}" for fd in (reading, writing)]
    fds = [spawn.NULL, writing, spawn.NULL, writing, spawn.CLOSED, reading]
    # Put the pipe where its two ends would overwrite each other.
    code = (
        "import os; r = lambda n: os.readlink(f'/proc/self/fd/{n}') if os.path.lexists("
        "f'/proc/self/fd/{n}') else '-'; os.write(1, ' '.join(map(r, range(6))).encode())"
    )
    pipe = os.readlink(names[0])
    child = spawn.start([sys.executable, "-I", "-S", "-c", code], fds=fds)
    os.close(writing)
    try:
        shown = os.read(reading, 1000).decode().split(" ")
        assert child.wait(10) == 0
    finally:
        os.close(reading)
        child.close()
    assert shown == ["/dev/null", pipe, "/dev/null", pipe, "-", pipe]


def test_signals_are_at_their_defaults_and_none_is_blocked() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        status = spawn.run(["cat", "/proc/self/status"], timeout=30).stdout.decode()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})
    lines = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Sig"))
    assert int(lines["SigBlk"], 16) == 0
    assert not int(lines["SigIgn"], 16) & (1 << signal.SIGPIPE - 1)


def test_a_program_has_a_session_of_its_own_unless_told_otherwise() -> None:
    code = "import os; print(os.getsid(0) == os.getpid())"
    assert python(code).stdout == b"True\n"
    assert python(code, new_session=False).stdout == b"False\n"


def test_the_environment_is_exactly_what_is_given() -> None:
    done = spawn.run(["env"], timeout=30, env={"A": "1", "B": "ü"})
    assert sorted(done.stdout.splitlines()) == [b"A=1", "B=ü".encode()]


def test_programs_can_be_run_from_many_threads_at_once() -> None:
    results: list[spawn.Completed] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(spawn.run(["echo", str(n)], timeout=30)))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(result.stdout) for result in results) == list(range(12))


def test_no_descriptor_is_left_open_by_any_of_it() -> None:
    before = len(os.listdir("/proc/self/fd"))
    python("pass", input=b"x")
    with pytest.raises(TimeoutError):
        spawn.run(["sleep", "600"], timeout=0.01)
    with pytest.raises(FileNotFoundError):
        spawn.run(["no-such-program-of-ours"], timeout=1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_child_is_polled_waited_for_and_killed() -> None:
    child = spawn.start(["sleep", "600"])
    assert child.poll() is None
    assert child.wait(0.01) is None
    child.kill()
    assert child.poll() == -signal.SIGKILL
    wait_until(lambda: not Path(f"/proc/{child.pid}").exists(), what="the child is reaped")


def test_a_child_that_the_kernel_reaped_itself_is_no_error() -> None:
    code = (
        "import signal, sys; sys.path.insert(0, sys.argv[1]); "
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
        "from vaultui.linux import spawn; print(spawn.run(['true'], timeout=30).returncode)"
    )
    root = str(Path(spawn.__file__).parents[2])
    done = spawn.run([sys.executable, "-I", "-S", "-c", code, root], timeout=30)
    assert (done.stdout, done.stderr) == (b"0\n", b"")


def test_after_a_process_that_did_not_die_in_time_others_still_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = spawn.start(["sleep", "60"])
    # As one that waits in the kernel for a file system that hangs.
    monkeypatch.setattr(slow, "wait", lambda _timeout: None)
    slow.kill()
    slow.close()
    assert slow.poll() is None
    assert python("").returncode == 0
    wait_until(lambda: python("").returncode == 0 and not spawn._unreaped, what="it is reaped")
