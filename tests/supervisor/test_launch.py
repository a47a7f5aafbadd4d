"""A launch ends in a mount that the kernel confirms, or in an error and in nothing else.

The backend here is fake_backend.py, which does what its vault's name says.
"""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from capabilities import needs
from support import eventually, wait_until

from vaultui.linux import process
from vaultui.model.errors import (
    BackendDied,
    LaunchFailed,
    MountFailed,
    PasswordIncorrect,
    ProtocolError,
    RuntimeDirUnsafe,
    TimedOut,
)
from vaultui.supervisor.runstate import backend_alive, keeper_alive, load_exit, load_run
from vaultui.supervisor.watched import WatchedProcess
from vaultui.wire.handshake import Step, StepName

pytestmark = pytest.mark.anyio

SERVES = "starting deriving mounting ready sleep"


@needs("root")
async def test_a_backend_that_serves_is_confirmed_recorded_and_stays(place) -> None:
    run = await place.launch(SERVES)
    assert place.steps == [Step(StepName.DERIVING), Step(StepName.MOUNTING)]
    assert place.is_mounted()
    assert load_run(place.run_dir) == run
    assert (run.vault_id, run.mountpoint) == ("0123456789abcdef", str(place.mountpoint))
    assert backend_alive(run)
    assert keeper_alive(run)
    assert load_exit(place.run_dir) is None
    assert place.children() == []


async def test_the_backend_gets_its_descriptors_session_secret_and_a_clean_environment(
    place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("PASSWORD_OF_SOMEBODY", "hunter2")
    monkeypatch.setenv("LC_TIME", "C")
    with pytest.raises(BackendDied):
        await place.launch("starting describe 0", b"pass word")
    fds, session, cwd, password, names = place.report.read_text().splitlines()
    # 3 is the directory that the program lists.
    assert fds in ("[0, 1, 2, 3, 4, 5]", "[0, 1, 2, 4, 5]")
    assert (session, cwd, password) == ("True", "/", "pass word")
    assert "LC_TIME" in names
    assert "PATH" in names
    assert "LD_PRELOAD" not in names
    assert "PASSWORD" not in names


async def test_the_error_of_the_backend_is_raised_as_its_class_and_nothing_is_left(place) -> None:
    with pytest.raises(PasswordIncorrect):
        await place.launch("starting deriving refuse 12")
    place.assert_nothing_is_left()


async def test_a_backend_that_failed_and_does_not_end_is_ended(place, monkeypatch) -> None:
    monkeypatch.setattr(WatchedProcess.shut_down, "__defaults__", (signal.SIGTERM, 0.2))
    with pytest.raises(PasswordIncorrect):
        await place.launch("starting refuse sleep")
    place.assert_nothing_is_left()


@pytest.mark.parametrize(
    ("script", "how"),
    [
        ("starting print 7", "exit code 7"),
        ("starting print crash", "it crashed (SIGSEGV"),
        ("print 3", "exit code 3"),
    ],
)
async def test_a_backend_that_dies_is_explained_with_its_last_words(
    place, script: str, how: str
) -> None:
    with pytest.raises(BackendDied) as caught:
        await place.launch(script)
    assert how in str(caught.value)
    assert "last words" in caught.value.raw
    place.assert_nothing_is_left()


async def test_last_words_of_an_earlier_launch_are_not_shown_again(place) -> None:
    with pytest.raises(BackendDied):
        await place.launch("starting print 3")
    with pytest.raises(BackendDied) as caught:
        await place.launch("starting 3")
    assert "last words" not in caught.value.raw


async def test_a_backend_that_stops_talking_is_ended(place) -> None:
    with pytest.raises(BackendDied, match="stopped talking"):
        await place.launch("starting silence sleep")
    place.assert_nothing_is_left()


async def test_a_backend_that_claims_a_mount_is_not_believed(place) -> None:
    with pytest.raises(MountFailed, match="the mount table does not"):
        await place.launch("starting mounting lie sleep")
    place.assert_nothing_is_left()


@pytest.mark.parametrize(
    "script", ["deriving sleep", "starting starting sleep", "starting garbage sleep"]
)
async def test_a_backend_that_breaks_the_protocol_is_ended(place, script: str) -> None:
    with pytest.raises(ProtocolError):
        await place.launch(script)
    place.assert_nothing_is_left()


async def test_a_backend_that_takes_too_long_is_ended(place) -> None:
    with pytest.raises(TimedOut, match="Unlocking starting sleep took longer than"):
        await place.launch("starting sleep", timeout=1.0)
    place.assert_nothing_is_left()


@pytest.mark.parametrize("moment", ["at once", "executed", "deriving", "mounting"])
async def test_a_cancellation_ends_the_backend_at_any_moment(place, moment: str) -> None:
    script = (
        "starting deriving mounting sleep" if moment == "mounting" else "starting deriving sleep"
    )
    launching = asyncio.ensure_future(place.launch(script))
    if moment == "at once":
        await asyncio.sleep(0)
    elif moment == "executed":
        await eventually(lambda: load_run(place.run_dir) is not None, what="the keeper's record")
    else:
        wanted = Step(StepName(moment))
        await eventually(lambda: wanted in place.steps, what=moment)
    launching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await launching
    place.assert_nothing_is_left()


@needs("root")
async def test_a_cancellation_while_it_becomes_ready_leaves_no_mount(place) -> None:
    launching = asyncio.ensure_future(place.launch("starting mounting ready sleep"))
    await eventually(place.is_mounted, what="the mount")
    launching.cancel()
    try:
        await launching
    except asyncio.CancelledError:
        place.assert_nothing_is_left()
    else:
        assert place.is_mounted()  # it was ready before it could be cancelled


async def test_repeated_cancellations_do_not_stop_the_tidying(place) -> None:
    launching = asyncio.ensure_future(place.launch("starting deriving sleep"))
    await eventually(lambda: place.steps, what="the first step")
    while not launching.done():
        launching.cancel()
        await asyncio.sleep(0)
    assert launching.cancelled()
    place.assert_nothing_is_left()


async def test_a_program_that_is_not_there_is_named_with_the_step(place) -> None:
    from vaultui.model.secret import Secret
    from vaultui.supervisor.launch import launch_backend

    with pytest.raises(LaunchFailed, match="the step exec failed: No such file") as caught:
        await launch_backend(
            place.fake("starting"),
            Secret(bytearray(b"x")),
            run_dir=place.run_dir,
            log_path=place.log_path,
            argv=("/no/such/program",),
        )
    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert (cause.errno, cause.strerror) == (2, "exec")
    place.assert_nothing_is_left()


async def test_a_launcher_that_breaks_is_told_with_its_own_words(place, monkeypatch) -> None:
    broken = place.top / "broken.py"
    broken.write_text("raise SystemExit('this installation is broken')")
    monkeypatch.setattr("vaultui.supervisor.shimstart._SHIM", broken)
    with pytest.raises(LaunchFailed, match="the step shim failed") as caught:
        await place.launch("starting")
    assert caught.value.raw == "this installation is broken"
    assert place.children() == []


async def test_no_descriptor_stays_open_whatever_happens(place) -> None:
    with pytest.raises(BackendDied):
        await place.launch("starting 3")
    before = os.listdir("/proc/self/fd")
    for script in ("starting 3", "starting refuse 12", "starting garbage sleep"):
        with pytest.raises((BackendDied, PasswordIncorrect, ProtocolError)):
            await place.launch(script)
    assert os.listdir("/proc/self/fd") == before


async def test_a_run_directory_that_others_may_enter_is_refused(place) -> None:
    place.run_dir.mkdir(mode=0o755)
    place.run_dir.chmod(0o755)
    with pytest.raises(RuntimeDirUnsafe, match="other users may enter it"):
        await place.launch(SERVES)
    place.run_dir.rmdir()
    place.run_dir.symlink_to(place.cipherdir)
    with pytest.raises(RuntimeDirUnsafe, match="it is not a directory"):
        await place.launch(SERVES)


@needs("root")
async def test_a_backend_that_floods_its_log_still_becomes_ready(place) -> None:
    run = await place.launch("starting flood mounting ready sleep")
    assert backend_alive(run)


# Launches, prints the pids as soon as the exec happened, and waits to be killed.
FRONT_END = """
import asyncio, sys
from pathlib import Path
from vaultui.model.secret import Secret
from vaultui.supervisor.launch import launch_backend
from vaultui.wire import codec
from vaultui.wire.handshake import MountSpec

async def main():
    spec = codec.decode(Path(sys.argv[1]).read_bytes(), MountSpec)
    await launch_backend(
        spec,
        Secret(bytearray(b"x")),
        run_dir=Path(sys.argv[2]),
        log_path=Path(sys.argv[3]),
        on_step=lambda step: print(step.name.value, flush=True),
        argv=tuple(sys.argv[4:]),
    )
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def front_end(place, script: str) -> subprocess.Popen[str]:
    from vaultui.wire import codec

    fake = (sys.executable, "-I", str(Path(__file__).parent / "fake_backend.py"))
    spec = place.top / "spec.json"
    spec.write_bytes(codec.encode(place.fake(script)))
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(FRONT_END),
            spec,
            place.run_dir,
            place.log_path,
            *fake,
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@needs("root")
@pytest.mark.parametrize("moment", ["deriving", "ready"])
def test_a_front_end_that_is_killed_leaves_a_mount_that_the_next_one_adopts(
    place, moment: str
) -> None:
    with front_end(place, SERVES) as killed:
        assert killed.stdout is not None
        while (line := killed.stdout.readline()) and line.strip() != moment:
            pass
        os.killpg(killed.pid, signal.SIGKILL)
    wait_until(place.is_mounted, what="the mount is there without its front end")
    run = load_run(place.run_dir)
    assert run is not None
    assert backend_alive(run)
    assert keeper_alive(run)
    os.kill(run.backend_pid, signal.SIGTERM)
    wait_until(lambda: load_exit(place.run_dir), what="the keeper still writes the exit state")
    assert load_exit(place.run_dir).exit_code == 15  # type: ignore[union-attr]


@needs("root")
def test_nothing_of_it_belongs_to_the_session_of_the_terminal(place) -> None:
    with front_end(place, SERVES) as terminal:
        assert terminal.stdout is not None
        while terminal.stdout.readline().strip() != "ready":
            pass
        run = load_run(place.run_dir)
        assert run is not None
        sessions = {os.getsid(pid) for pid in (terminal.pid, run.keeper_pid, run.backend_pid)}
        os.killpg(terminal.pid, signal.SIGKILL)
    assert len(sessions) == 3
    assert process.is_same_process(run.backend_pid, run.backend_start)


async def test_running_out_of_descriptors_is_a_launch_that_failed_and_leaks_none(place) -> None:
    with pytest.raises(BackendDied):
        await place.launch("starting 3")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as fillers:
        highest = max(map(int, os.listdir("/proc/self/fd")))
        while (filler := os.open(os.devnull, os.O_RDONLY)) <= highest:
            fillers.callback(os.close, filler)
        os.close(filler)
        before = os.listdir("/proc/self/fd")
        for room in (1, 4, 8):
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + room, limits[1]))
            try:
                with pytest.raises(LaunchFailed, match="Too many open files"):
                    await place.launch("starting 3")
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            assert os.listdir("/proc/self/fd") == before
    assert place.children() == []
