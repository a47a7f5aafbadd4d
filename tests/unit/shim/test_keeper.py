"""The keeper stays, holds next to nothing, keeps the log, and says how its program ended."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support import wait_until

from vaultui.linux import process
from vaultui.wire import codec
from vaultui.wire.launchspec import LOG, NULL, KeeperSpec, LaunchSpec
from vaultui.wire.runrecords import RunState

LOG_NAME = "log/work.log"


@pytest.fixture
def keeper_spec(tmp_path: Path) -> KeeperSpec:
    run = RunState("0" * 16, "Work", "/c", "/m", "", "", False, 0, 0, 0, 0, 0.0, "", {"k": "v"})
    return KeeperSpec("Work", str(tmp_path / "run"), "", str(tmp_path / LOG_NAME), run=run)


@pytest.fixture
def keep(start, keeper_spec: KeeperSpec, tmp_path: Path):
    """Start a program under a keeper; its code runs in Python, or it is a shell command."""

    def start_kept(code: str = "", *, sh: str = "", **changes):
        argv = ("/bin/sh", "-c", sh) if sh else (sys.executable, "-I", "-S", "-c", code)
        env = {"PATH": os.environ["PATH"]}
        spec = replace(keeper_spec, **changes)
        return start(LaunchSpec("test", argv, env, (NULL, LOG, LOG), keeper=spec), b"secret")

    return start_kept


def log_of(tmp_path: Path) -> str:
    """Return what the log holds; nothing when nothing was written yet."""
    log = tmp_path / LOG_NAME
    return log.read_text() if log.exists() else ""


def test_the_start_is_on_record_when_the_exec_has_happened(keep, tmp_path: Path) -> None:
    before = time.time()
    started = keep("import time; time.sleep(600)")
    run = codec.decode((tmp_path / "run" / "run.json").read_bytes(), RunState)
    assert (run.vault_name, run.extra) == ("Work", {"k": "v"})
    assert (run.backend_pid, run.keeper_pid) == (started.forked.pid, started.forked.keeper_pid)
    assert process.is_same_process(run.backend_pid, run.backend_start)
    assert process.is_same_process(run.keeper_pid, run.keeper_start)
    assert run.boot_id == process.boot_id()
    assert before <= run.launched_at <= time.time()
    assert (tmp_path / "run" / "run.json").stat().st_mode & 0o777 == 0o600


def test_the_keeper_holds_its_log_pipe_its_directory_and_its_wake_up_pipe_alone(
    keep, tmp_path: Path
) -> None:
    started = keep("import time; time.sleep(600)")
    keeper = started.forked.keeper_pid

    def held() -> dict[int, str]:
        found = {}
        for name in os.listdir(f"/proc/{keeper}/fd"):
            try:
                found[int(name)] = os.readlink(f"/proc/{keeper}/fd/{name}")
            except FileNotFoundError:
                continue
        return found

    expected = sorted(
        ["/dev/null"] * 3
        + [str(tmp_path / "run")]
        + ["pipe: log"]
        + ["pipe: own, reading", "pipe: own, writing"]
    )

    def named() -> list[str]:
        ends: dict[str, list[int]] = {}
        for fd, what in held().items():
            ends.setdefault(what, []).append(fd)
        names = []
        for what, numbers in ends.items():
            if not what.startswith("pipe:"):
                names += [what] * len(numbers)
            elif len(numbers) == 2:
                names += ["pipe: own, reading", "pipe: own, writing"]
            else:
                program = os.readlink(f"/proc/{started.forked.pid}/fd/1")
                names.append("pipe: log" if what == program else what)
        return sorted(names)

    wait_until(lambda: named() == expected, what=f"it holds {expected}")


def test_the_pipes_of_the_conversation_end_with_the_program(keep) -> None:
    """Not with the keeper: end of file must mean that the program is gone."""
    started = keep(sh="exit 0")
    assert started.said() == b""


@pytest.mark.parametrize(
    ("how", "code", "number"),
    [
        ("exit 0", 0, None),
        ("exit 12", 12, None),
        ("kill -TERM $$", None, 15),
        ("kill -KILL $$", None, 9),
    ],
)
def test_the_way_it_ended_is_written_down(
    keep, how: str, code: int | None, number: int | None
) -> None:
    started = keep(sh=how)
    ended = started.exit_state()
    assert (ended.pid, ended.exit_code, ended.signal) == (started.forked.pid, code, number)
    assert ended.started_at <= ended.ended_at <= time.time()
    assert not ended.oom_killed
    assert not ended.mount_detached
    assert ended.max_rss_kib > 0


def test_times_that_were_used_are_written_down(keep) -> None:
    ended = keep("import time\nwhile time.process_time() < 0.2: pass").exit_state()
    assert ended.user_s + ended.system_s >= 0.2
    # Not compared with the time used: that is counted in ticks, and may run ahead.
    assert ended.ended_at > ended.started_at


def test_output_goes_to_the_log_with_a_line_about_the_end(keep, tmp_path: Path) -> None:
    keep(sh="echo out; echo err >&2; printf unfinished; exit 3").exit_state()
    log = log_of(tmp_path)
    assert log.startswith("out\nerr\nunfinished")
    assert log.splitlines()[-1].endswith("ended: exit code 3")


def test_a_program_that_floods_its_log_is_not_held_up_and_the_log_stays_bounded(
    keep, tmp_path: Path
) -> None:
    line = "x" * 1023
    code = f"import os\nfor _ in range(8192): os.write(1, b'{line}\\n')"
    ended = keep(code, log_max_bytes=100_000, log_backups=2).exit_state()
    assert ended.exit_code == 0
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "log").iterdir()}
    assert set(sizes) == {"work.log", "work.log.1", "work.log.2"}
    # What is written at one go is not cut: a megabyte at most, and a line about it.
    assert max(sizes.values()) < 100_000 + 2 * (1 << 20)


def test_a_log_that_cannot_be_written_does_not_matter(keep, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the directory should be")
    ended = keep("import os\nfor _ in range(100): os.write(1, bytes(65536))").exit_state()
    assert ended.exit_code == 0


def test_the_keeper_stays_when_it_is_asked_to_end_and_its_program_does_not_notice(keep) -> None:
    started = keep("import time; time.sleep(600)")
    keeper = process.open_pidfd(started.forked.keeper_pid)
    wait_until(
        lambda: process.command_name(started.forked.keeper_pid) == "vaultui-keeper",
        what="the keeper is at its post",
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.signal_pidfd(keeper, number)
    assert not process.wait_pidfd(keeper, 0.2)
    os.close(keeper)
    os.kill(started.forked.pid, signal.SIGTERM)
    assert started.exit_state().signal == signal.SIGTERM


def test_a_killed_keeper_leaves_its_program_running(keep) -> None:
    started = keep("import time; time.sleep(600)")
    start = process.start_time(started.forked.pid)
    keeper = process.open_pidfd(started.forked.keeper_pid)
    process.signal_pidfd(keeper, signal.SIGKILL)
    assert process.wait_pidfd(keeper, 10)
    os.close(keeper)
    assert process.is_same_process(started.forked.pid, start)


def test_orphans_of_the_program_are_reaped_and_its_end_is_still_told(keep, tmp_path: Path) -> None:
    mark = tmp_path / "orphan"
    started = keep(sh=f"(sleep 0.05 & echo $! > {mark}); exec sleep 600")
    wait_until(lambda: mark.exists() and mark.read_text(), what="there is an orphan")
    orphan = int(mark.read_text())
    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), what="the orphan is reaped")
    os.kill(started.forked.pid, signal.SIGKILL)
    assert started.exit_state().signal == signal.SIGKILL


def test_the_end_is_told_although_a_descendant_keeps_the_log_open(keep, tmp_path: Path) -> None:
    mark = tmp_path / "descendant"
    ended = keep(sh=f"sleep 600 & echo $! > {mark}; exit 5").exit_state()
    os.kill(int(mark.read_text()), signal.SIGKILL)
    assert ended.exit_code == 5


def test_a_core_dump_is_told(keep, tmp_path: Path) -> None:
    ended = keep(
        "import os, resource\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "os.kill(os.getpid(), 11)"
    ).exit_state()
    assert (ended.signal, ended.core_dumped) == (signal.SIGSEGV, False)


def test_a_directory_that_was_removed_meanwhile_is_no_disaster(keep, tmp_path: Path) -> None:
    started = keep("import time; time.sleep(600)")
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    (tmp_path / "run").rmdir()
    os.kill(started.forked.pid, signal.SIGKILL)
    wait_until(
        lambda: "could not be written" in log_of(tmp_path), what="the keeper notes it in the log"
    )
