"""A program gets its attributes before it runs, and a step that fails comes back by name."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import wait_until

import vaultui
from vaultui.linux import process, spawn
from vaultui.wire import framing
from vaultui.wire.attributes import Attributes
from vaultui.wire.launchspec import CLOSE, LOG, NOTIFY_FD, NULL, PAYLOAD_FD, KeeperSpec, LaunchSpec
from vaultui.wire.runrecords import EXIT_LAUNCH_FAILED, RunState

SHIM = Path(vaultui.__file__).parent / "shim" / "__main__.py"

OF_THE_C_LIBRARY = 1 << 31 | 1 << 32
"""Signals 32 and 33, which it keeps to itself: no program can set them, whatever it inherits."""

# Says on descriptor 5 what it finds: descriptors, session, signals, limits, environment.
REPORT = """
import json, os, resource, signal
status = dict(l.strip("\\n").split(":\\t", 1) for l in open("/proc/self/status") if ":\\t" in l)
fds = {}
for fd in map(int, os.listdir("/proc/self/fd")):
    try:
        fds[fd] = os.readlink(f"/proc/self/fd/{fd}").split(":")[0]
    except FileNotFoundError:
        pass
os.write(5, json.dumps({
    "fds": fds,
    "payload": os.read(4, 1000).decode() if 4 in fds else "",
    "session": os.getsid(0) == os.getpid(),
    "group": os.getpgid(0) == os.getpid(),
    "cwd": os.getcwd(),
    "env": dict(os.environ),
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "blocked": int(status["SigBlk"], 16),
    "ignored": int(status["SigIgn"], 16),
    "ppid": os.getppid(),
}).encode())
"""


def python(code: str = "pass") -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


def launch_spec(argv: tuple[str, ...], keeper: KeeperSpec | None = None, **options) -> LaunchSpec:
    fds = (NULL, LOG if keeper else 2, LOG if keeper else 2, CLOSE, PAYLOAD_FD, NOTIFY_FD)
    return LaunchSpec(
        **{"program": "test", "argv": argv, "env": {}, "fds": fds, **options, "keeper": keeper}
    )


@pytest.fixture
def keeper_spec(tmp_path: Path) -> KeeperSpec:
    run = RunState("0" * 16, "Work", "/c", "/m", "", "", False, 0, 0, 0, 0, 0.0, "")
    return KeeperSpec(
        "Work", str(tmp_path / "run"), "", str(tmp_path / "log" / "work.log"), run=run
    )


@pytest.fixture(params=["alone", "kept"])
def keeper(request: pytest.FixtureRequest, keeper_spec: KeeperSpec) -> KeeperSpec | None:
    return keeper_spec if request.param == "kept" else None


def test_the_program_has_exactly_its_descriptors_and_the_payload_untouched(start, keeper) -> None:
    found = json.loads(start(launch_spec(python(REPORT), keeper), b"pass\nword").said())
    fds = {int(fd): what for fd, what in found["fds"].items()}
    assert fds[0] == "/dev/null"
    assert fds[4] == fds[5] == "pipe"
    # 3 was to be closed; the program itself lists its descriptors through it.
    assert set(fds) <= {0, 1, 2, 3, 4, 5}
    assert fds.get(3, "/proc").startswith("/proc")
    assert found["payload"] == "pass\nword"


def test_the_program_leads_its_own_session_with_default_signals(start, keeper) -> None:
    found = json.loads(start(launch_spec(python(REPORT), keeper)).said())
    assert found["session"]
    assert found["group"]
    assert found["blocked"] == 0
    # The interpreter that reports ignores these two itself.
    own = (1 << signal.SIGPIPE - 1) | (1 << signal.SIGXFSZ - 1)
    assert found["ignored"] & ~own & ~OF_THE_C_LIBRARY == 0


def test_an_exec_resets_what_python_ignores(start, keeper, tmp_path: Path) -> None:
    started = start(launch_spec(("/bin/sh", "-c", "cat /proc/$$/status >&5"), keeper))
    lines = dict(line.split(b":\t") for line in started.said().splitlines() if b":\t" in line)
    assert int(lines[b"SigIgn"], 16) & ~OF_THE_C_LIBRARY == 0


def test_the_environment_directory_and_limit_are_those_of_the_specification(
    start, keeper, tmp_path: Path
) -> None:
    spec = launch_spec(
        python(REPORT),
        keeper,
        env={"A": "1"},
        attributes=Attributes(cwd=str(tmp_path)),
        nofile_soft=200,
    )
    found = json.loads(start(spec).said())
    assert found["env"].items() >= {"A": "1"}.items()
    assert set(found["env"]) <= {"A", "LC_CTYPE"}  # Python sets the latter for itself
    assert found["cwd"] == str(tmp_path)
    assert found["nofile"] == 200


def test_a_limit_above_what_is_allowed_is_the_most_that_is_allowed(start, keeper) -> None:
    found = json.loads(start(launch_spec(python(REPORT), keeper, nofile_soft=1 << 30)).said())
    assert found["nofile"] > 200


@pytest.mark.parametrize(
    ("options", "argv", "step", "number"),
    [
        ({}, ("/no/such/program",), "exec", errno.ENOENT),
        ({}, ("/etc/passwd",), "exec", errno.EACCES),
        (
            {"attributes": Attributes(cwd="/no/such/place")},
            ("/bin/true",),
            "working directory",
            errno.ENOENT,
        ),
        ({"fds": (NULL, NULL, NULL, 77)}, ("/bin/true",), "descriptors", errno.EBADF),
    ],
)
def test_a_step_that_fails_comes_back_with_its_name_and_errno(
    start, keeper, options: dict, argv: tuple[str, ...], step: str, number: int
) -> None:
    started = start(launch_spec(argv, keeper, **options))
    assert (started.failed.step, started.failed.errno) == (step, number)
    if keeper is None:
        assert started.child.wait(10) == EXIT_LAUNCH_FAILED
    else:
        assert started.exit_state().exit_code == EXIT_LAUNCH_FAILED


def test_an_argument_that_no_system_call_takes_is_reported_too(start, keeper) -> None:
    started = start(launch_spec(("/bin/true", "a\0b"), keeper))
    assert (started.failed.step, started.failed.errno) == ("exec", 0)
    assert "null" in started.failed.text


def test_end_of_file_on_the_status_pipe_means_that_the_exec_happened(start, keeper) -> None:
    started = start(launch_spec(python("import time; time.sleep(600)"), keeper))
    assert [type(message).__name__ for message in started.messages] == ["Forked"]
    # The pipe is closed a moment before the words of the new program are in its memory.
    command = wait_until(Path(f"/proc/{started.forked.pid}/cmdline").read_bytes)
    assert command.split(b"\0")[4] == b"import time; time.sleep(600)"


def test_without_a_keeper_the_shim_becomes_the_program(start) -> None:
    started = start(launch_spec(python("import sys; sys.exit(7)")))
    assert started.forked.pid == started.child.pid
    assert started.forked.keeper_pid == 0
    assert started.child.wait(10) == 7


def test_with_a_keeper_the_front_end_has_nothing_left_to_reap(start, keeper_spec) -> None:
    started = start(launch_spec(python("import time; time.sleep(600)"), keeper_spec))
    assert started.child.wait(10) == 0
    assert process.start_time(started.forked.keeper_pid) > 0


def test_the_run_directory_must_be_there_before_anything_runs(start, keeper_spec) -> None:
    (Path(keeper_spec.run_dir)).rmdir()
    started = start(launch_spec(python(), keeper_spec))
    assert (started.failed.step, started.failed.errno) == ("run directory", errno.ENOENT)
    assert len(started.messages) == 1


# Starts the shim with the specification on its own standard input, and stays.
PARENT = """
import os, sys, time
from vaultui.linux import spawn
null = os.open("/dev/null", os.O_RDWR)
argv = [sys.executable, "-I", "-S", sys.argv[1]]
spawn.start(argv, fds=(null, null, null, 0, null, null, null))
time.sleep(600)
"""


def test_the_parent_death_signal_ends_the_program_with_its_parent(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    spec = LaunchSpec(
        program="test",
        argv=("/bin/sh", "-c", f"echo $$ > {mark}; exec sleep 600"),
        env={"PATH": os.environ["PATH"]},
        fds=(NULL, NULL, NULL),
        attributes=Attributes(parent_death_signal=signal.SIGTERM),
    )
    reading, writing = os.pipe()
    framing.write_message(writing, spec)
    os.close(writing)
    with subprocess.Popen([sys.executable, "-c", PARENT, SHIM], stdin=reading) as parent:
        os.close(reading)
        pid = wait_until(lambda: mark.exists() and mark.read_text(), what="the program runs")
        pidfd = process.open_pidfd(int(pid))
        parent.kill()
    assert process.wait_pidfd(pidfd, 10)
    os.close(pidfd)


def test_a_parent_that_is_gone_already_counts_as_its_death(start) -> None:
    orphaned = Attributes(parent_death_signal=signal.SIGTERM, parent_pid=1 << 22)
    started = start(launch_spec(python("import time; time.sleep(600)"), attributes=orphaned))
    assert started.child.wait(10) == -signal.SIGTERM


def test_a_missing_specification_is_said_in_words() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    reading, writing = os.pipe()
    fds = (spawn.NULL, spawn.NULL, writing, null, null, null, null)
    child = spawn.start([sys.executable, "-I", "-S", str(SHIM)], fds=fds)
    os.close(writing)
    os.close(null)
    with os.fdopen(reading, "rb") as errors:
        assert errors.read() == b"the launch specification is missing\n"
    assert child.wait(10) == 1
    child.close()
