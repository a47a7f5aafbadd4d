"""A task from its start to its end: it waits for GO, its output is kept, its end is written."""

import asyncio
import os
import signal
import termios
from pathlib import Path

import pytest
from procfacts import status
from support import eventually
from taskstarting import STRAY, TaskPlace

from vaultui.linux import process
from vaultui.model.errors import LaunchFailed, TaskCommandNotExecutable, TaskCommandNotFound
from vaultui.tasks.records import look
from vaultui.tasks.stopping import stop, until_ended
from vaultui.tasks.streams import Streams
from vaultui.wire.attributes import Attributes
from vaultui.wire.tasks import Limits, TaskState, Teardown

pytestmark = pytest.mark.anyio

FIRST_ENDS = """os.write(writing, b"x")
if os.getpid() == first:
    while os.read(reading, 1) and not (seen := seen + 1) == 3: pass
    os._exit(7)
time.sleep(600)"""
"""After the beginning of a family: its first process ends when all three have begun."""


async def test_a_task_waits_for_go_on_record_and_has_done_nothing(place: TaskPlace) -> None:
    task = await place.launch(place.spec(sh="echo begun"))
    record = task.record
    assert record.state is TaskState.STARTING
    assert process.is_same_process(record.keeper_pid, record.keeper_start)
    assert process.is_same_process(record.warden_pid, record.warden_start)
    assert process.parent_of(record.task_pid) == record.warden_pid
    assert process.parent_of(record.warden_pid) == record.keeper_pid
    assert process.command_name(record.task_pid) == "vaultui-warden"
    assert (task.directory / "task.json").stat().st_mode & 0o777 == 0o600
    assert task.directory.stat().st_mode & 0o777 == 0o700
    assert (task.hold.pid, task.hold.start) == (record.keeper_pid, record.keeper_start)
    await task.go()
    await task.wait()
    assert place.output(task) == "begun\n"


async def test_without_go_nothing_begins_and_nothing_is_left(place: TaskPlace) -> None:
    task = await place.launch(
        place.spec(sh="touch began", attributes=Attributes(cwd=str(place.top)))
    )
    everybody = place.processes(task)
    await task.close()
    await place.until_gone(everybody)
    assert not task.directory.exists()
    assert not (place.top / "began").exists()


async def test_a_task_that_is_given_up_right_after_go_is_ended_and_leaves_nothing(
    place: TaskPlace,
) -> None:
    task = await place.run("deaf", code=STRAY, grace_s=600.0)
    await place.lines(task, 3)
    everybody = place.processes(task)
    await task.give_up()
    await place.until_gone(everybody)
    assert not task.directory.exists()


@pytest.mark.parametrize(
    ("how", "code", "number"),
    [("exit 0", 0, None), ("exit 253", 253, None), ("kill -TERM $$", None, 15)],
)
async def test_the_way_it_ended_is_written_down(
    place: TaskPlace, how: str, code: int | None, number: int | None
) -> None:
    end = await place.end(sh=how)
    assert (end.exit.exit_code, end.exit.signal) == (code, number)
    assert (end.timed_out, end.stopped, end.exit.oom_killed) == (False, False, False)
    assert end.exit.started_at <= end.exit.ended_at
    known = place.records.listing()[0]
    assert (known.state, known.end) == (TaskState.ENDED, end)


async def test_each_stream_is_kept_for_itself(place: TaskPlace) -> None:
    task = await place.run(sh="echo out; echo err >&2; printf unfinished")
    await task.wait()
    assert place.output(task) == "out\nunfinished"
    assert place.output(task, "stderr.log") == "err\n"


async def test_nobody_is_left_of_the_task_when_its_keeper_has_ended(place: TaskPlace) -> None:
    task = await place.run(sh="exit 0")
    everybody = place.processes(task)
    await task.wait()
    assert not any(process.is_same_process(pid, start) for pid, start in everybody.items())
    place.assert_nothing_is_left(task)


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("/nowhere/to be found", TaskCommandNotFound),
        ("/etc/hostname", TaskCommandNotExecutable),
        ("/etc", TaskCommandNotExecutable),
    ],
)
async def test_a_program_that_cannot_be_executed_is_an_error_and_leaves_nothing(
    place: TaskPlace, program: str, kind: type[Exception]
) -> None:
    task = await place.launch(place.spec(program))
    everybody = place.processes(task)
    with pytest.raises(kind):
        await task.go()
    await place.until_gone(everybody)
    assert not task.directory.exists()


async def test_a_step_that_fails_is_named_and_leaves_nothing(place: TaskPlace) -> None:
    task = await place.launch(place.spec(sh="exit 0", attributes=Attributes(cwd="/nowhere")))
    with pytest.raises(LaunchFailed) as caught:
        await task.go()
    assert caught.value.details["step"] == "working directory"
    assert not task.directory.exists()


async def test_a_task_directory_that_is_gone_is_an_error(place: TaskPlace) -> None:
    spec = place.spec(sh="exit 0")
    assert spec.task is not None
    os.rename(spec.task.task_dir, f"{spec.task.task_dir}.moved")
    with pytest.raises(LaunchFailed) as caught:
        await place.launch(spec)
    assert caught.value.details["step"] == "task directory"


async def test_a_cancelled_start_leaves_nothing(place: TaskPlace) -> None:
    spec = place.spec(sh="exit 0")
    starting = asyncio.ensure_future(place.launch(spec))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await eventually(lambda: list((place.top / "tasks").iterdir()) == [])


async def test_what_a_task_leaves_running_ends_with_it_in_whatever_session(
    place: TaskPlace,
) -> None:
    task = await place.run(sh="setsid sleep 600 & setsid setsid sleep 600 & exit 7")
    everybody = place.processes(task)
    end = await task.wait()
    assert end is not None
    assert (end.exit.exit_code, end.stopped) == (7, False)
    await place.until_gone(everybody)


async def test_leftovers_that_do_not_heed_are_killed_after_the_grace(place: TaskPlace) -> None:
    beginning = "import os\nfirst, seen, (reading, writing) = os.getpid(), 0, os.pipe()\n"
    code = beginning + STRAY.replace("time.sleep(600)", FIRST_ENDS)
    task = await place.run("deaf", code=code, grace_s=0.2)
    end = await task.wait()
    assert end is not None
    assert end.exit.exit_code == 7
    pids = [int(line) for line in place.output(task).splitlines()]
    assert len(pids) == 3
    await eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


async def test_a_stop_reaches_all_descendants_with_the_stop_signal(place: TaskPlace) -> None:
    task = await place.run(code=STRAY)
    pids = [int(line) for line in await place.lines(task, 3)]
    assert len({os.getsid(pid) for pid in pids}) == 3
    everybody = place.processes(task)
    assert await stop(task.record)
    end = await task.wait()
    assert end is not None
    assert (end.exit.signal, end.stopped) == (signal.SIGTERM, True)
    await place.until_gone(everybody)
    place.assert_nothing_is_left(task)


async def test_a_stop_kills_what_does_not_heed_it_after_the_grace(place: TaskPlace) -> None:
    task = await place.run("deaf", code=STRAY, grace_s=0.2)
    await place.lines(task, 3)
    everybody = place.processes(task)
    await stop(task.record)
    end = await task.wait()
    assert end is not None
    assert (end.exit.signal, end.stopped) == (signal.SIGKILL, True)
    await place.until_gone(everybody)


async def test_what_is_stopped_as_by_ctrl_z_ends_without_waiting_for_the_grace(
    place: TaskPlace,
) -> None:
    task = await place.run(sh="trap 'exit 9' TERM; echo; kill -STOP $$", grace_s=600.0)
    await place.lines(task, 1)
    await eventually(lambda: status(task.record.task_pid)["State"].startswith("T"))
    await stop(task.record)
    end = await task.wait()
    assert end is not None
    assert end.exit.exit_code == 9


@pytest.mark.parametrize("who", ["keeper", "warden"])
async def test_a_stop_ends_a_task_whose_keepers_somebody_has_stopped(
    place: TaskPlace, who: str
) -> None:
    """A task is of the same user, and can send SIGSTOP to its parent."""
    task = await place.run(sh="exec sleep 600")
    everybody = place.processes(task)
    victim = {"keeper": task.record.keeper_pid, "warden": task.record.warden_pid}[who]
    os.kill(victim, signal.SIGSTOP)
    async with asyncio.timeout(10):
        assert await stop(task.record)
    await place.until_gone(everybody)
    end = await task.wait()
    assert end is not None
    assert (end.exit.signal, end.stopped) == (signal.SIGTERM, True)


async def test_a_time_limit_ends_a_task_that_has_stopped_its_warden(place: TaskPlace) -> None:
    limits = Limits(time_s=0.2)
    async with asyncio.timeout(10):
        end = await place.end(sh="kill -STOP $PPID; sleep 600", limits=limits)
    assert end.timed_out


async def test_a_stop_may_give_less_than_the_grace_and_none_at_all(place: TaskPlace) -> None:
    for how in ({"grace_s": 0.1}, {"now": True}):
        task = await place.run("deaf", code=STRAY, grace_s=600.0)
        await place.lines(task, 3)
        assert await stop(task.record, **how)
        end = await task.wait()
        assert end is not None
        assert (end.exit.signal, end.stopped) == (signal.SIGKILL, True)


async def test_another_stop_signal_is_used_where_one_is_named(place: TaskPlace) -> None:
    task = await place.run(
        sh="trap 'exit 9' HUP; echo; while :; do sleep 0.01; done", stop_signal=1
    )
    await place.lines(task, 1)
    await stop(task.record)
    end = await task.wait()
    assert end is not None
    assert end.exit.exit_code == 9


async def test_a_task_that_is_stopping_says_so(place: TaskPlace) -> None:
    task = await place.run("deaf", code=STRAY, grace_s=600.0)
    await place.lines(task, 3)

    def state() -> TaskState:
        known = look(task.directory)
        assert known is not None
        return known.state

    await eventually(lambda: state() is TaskState.RUNNING)
    os.kill(task.record.keeper_pid, signal.SIGTERM)
    await eventually(lambda: state() is TaskState.STOPPING)
    os.kill(task.record.keeper_pid, signal.SIGQUIT)
    await task.wait()
    assert state() is TaskState.ENDED


async def test_the_limit_of_time_ends_a_task_and_says_so(place: TaskPlace) -> None:
    end = await place.end(code=STRAY, limits=Limits(time_s=0.3))
    assert end.timed_out
    assert not end.stopped
    assert end.exit.signal == signal.SIGTERM


async def test_the_limit_of_time_counts_from_go(place: TaskPlace) -> None:
    task = await place.launch(place.spec(sh="exit 0", limits=Limits(time_s=0.5)))
    limit_is_over = asyncio.get_running_loop().time() + 0.6
    await eventually(lambda: asyncio.get_running_loop().time() > limit_is_over)
    await task.go()
    end = await task.wait()
    assert end is not None
    assert (end.exit.exit_code, end.timed_out) == (0, False)


async def test_signals_of_a_terminal_do_not_reach_those_who_stay(place: TaskPlace) -> None:
    task = await place.run(sh="trap 'echo interrupted' INT; echo; while :; do sleep 0.01; done")
    await place.lines(task, 1)
    for number in (signal.SIGINT, signal.SIGHUP):
        os.kill(task.record.keeper_pid, number)
        os.kill(task.record.warden_pid, number)
    # SIGTERM is the keeper's: a warden that is told to end by a stranger has nothing to end.
    os.kill(task.record.warden_pid, signal.SIGTERM)
    task.send_signal(signal.SIGINT)
    assert (await place.lines(task, 2))[1] == "interrupted"
    assert process.is_same_process(task.record.keeper_pid, task.record.keeper_start)
    assert process.is_same_process(task.record.warden_pid, task.record.warden_start)


async def test_orphans_of_a_task_that_runs_do_not_stay_as_zombies(place: TaskPlace) -> None:
    task = await place.run(sh="(sleep 0.01 & echo $!); exec sleep 600")
    [orphan] = [int(line) for line in await place.lines(task, 1)]
    await eventually(lambda: not Path(f"/proc/{orphan}").exists(), what="it is reaped")
    assert process.is_same_process(task.record.task_pid, task.record.task_start)


async def test_those_who_stay_hold_nothing_that_is_not_theirs(place: TaskPlace) -> None:
    """End of file on the pipes of the conversation means what it says."""
    task = await place.run(sh="sleep 600")
    record = task.record

    def held(pid: int) -> set[str]:
        found = set()
        for name in os.listdir(f"/proc/{pid}/fd"):
            found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        return {what for what in found if not what.startswith("pipe:")}

    files = {"/dev/null", str(task.directory)}
    logs = {str(task.directory / name) for name in ("stdout.log", "stderr.log")}
    assert held(record.warden_pid) == files
    assert held(record.keeper_pid) == files | logs
    for pid in (record.warden_pid, record.keeper_pid):
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert status(record.keeper_pid)["Name"] == "vaultui-keeper"
    assert status(record.warden_pid)["Name"] == "vaultui-warden"
    assert sorted(int(fd) for fd in os.listdir(f"/proc/{record.task_pid}/fd")) == [0, 1, 2]


async def test_a_task_goes_on_without_the_front_end_and_another_one_finds_its_end(
    place: TaskPlace,
) -> None:
    task = await place.run(sh="echo; read _ < fifo; echo more; exit 4", attributes=_in(place.top))
    await place.lines(task, 1)
    await task.close()
    [known] = place.records.listing()
    assert known.state is TaskState.RUNNING
    (place.top / "fifo").write_text("on\n")
    await until_ended(known.record)
    [known] = place.records.listing()
    assert known.end is not None
    assert known.end.exit.exit_code == 4
    assert place.output(task) == "\nmore\n"


async def test_standard_input_is_empty_or_what_was_given(place: TaskPlace) -> None:
    task = await place.run(sh="cat; echo end")
    await task.wait()
    assert place.output(task) == "end\n"
    reading, writing = os.pipe()
    task = await place.run("/bin/cat", streams=Streams(stdin=reading))
    os.close(reading)
    os.write(writing, b"typed")
    os.close(writing)
    await task.wait()
    assert place.output(task) == "typed"


async def test_a_terminal_is_that_of_the_session_and_nothing_of_it_is_kept(
    place: TaskPlace,
) -> None:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(ours, (31, 97))
    task = await place.run(sh="stty size < /dev/tty; tty", streams=Streams(terminal=theirs))
    name = os.ttyname(theirs)
    await task.wait()
    os.close(theirs)
    assert os.read(ours, 4096).decode() == f"31 97\r\n{name}\r\n"
    os.close(ours)
    assert not list(task.directory.glob("*.log"))


async def test_directories_and_commands_of_a_teardown_are_seen_to(place: TaskPlace) -> None:
    bundle = place.top / "bundle"
    (bundle / "deep" / "er").mkdir(parents=True)
    (bundle / "deep" / "file").write_text("x")
    proof = place.top / "ran"
    teardown = Teardown(
        commands=(("false",), ("sh", "-c", f"touch '{proof}'")), directories=(str(bundle),)
    )
    task = await place.run(sh="touch $TASK_DIR/scratched; exit 0", teardown=teardown)
    await task.wait()
    assert proof.exists()
    assert not bundle.exists()
    assert "false ended with 1" in place.output(task, "stderr.log")
    place.assert_nothing_is_left(task)


def _in(directory: Path) -> Attributes:
    os.mkfifo(directory / "fifo")
    return Attributes(cwd=str(directory), parent_death_signal=signal.SIGTERM)


async def test_what_runs_away_by_forking_again_and_again_is_caught(place: TaskPlace) -> None:
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "while True:\n"
        "    if os.fork(): os._exit(0)"
    )
    end = await place.end(code=code, grace_s=0.1)
    assert end.exit.exit_code == 0
