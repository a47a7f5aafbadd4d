"""The real backend under the real keeper, and what becomes of a mount when either is killed.

Mounts are touched by child processes alone.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from support import eventually

from vaultui.linux import spawn
from vaultui.linux.mountinfo import mount_at
from vaultui.model.errors import (
    CipherdirInUse,
    MountBusy,
    MountpointNotEmpty,
    PasswordIncorrect,
    VolumeConfMissing,
)
from vaultui.model.secret import Secret
from vaultui.supervisor.controlclient import ControlClient
from vaultui.supervisor.exits import ended_badly, explain_exit
from vaultui.supervisor.oneshot import run_oneshot
from vaultui.supervisor.repair import repair
from vaultui.supervisor.runstate import backend_alive, keeper_alive, load_exit, load_run
from vaultui.supervisor.watched import WatchedProcess
from vaultui.wire.handshake import Step, StepName
from vaultui.wire.oneshot import CreateSpec
from vaultui.wire.runrecords import RunState

pytestmark = [pytest.mark.anyio, needs("fuse")]

PASSWORD = b"correct horse battery"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty volume that nobody changes."""
    cipherdir = tmp_path_factory.mktemp("pristine") / "cipher"
    cipherdir.mkdir()
    spec = CreateSpec(str(cipherdir), scrypt_logn=10)
    outcome = asyncio.run(run_oneshot(spec, [Secret(bytearray(PASSWORD))]))
    assert outcome.secret is not None
    outcome.secret.wipe()
    return cipherdir


@pytest.fixture
def volume(place, pristine):
    """A place with a new volume in its cipher directory."""
    shutil.copytree(pristine, place.cipherdir, dirs_exist_ok=True)
    return place


async def in_the_mount(place, command: str) -> bytes:
    """Run a shell command inside the mount and return what it prints."""
    argv = ["sh", "-ec", f'cd "$0"; {command}', str(place.mountpoint)]
    done = await asyncio.to_thread(spawn.run, argv, timeout=20)
    assert done.returncode == 0, done.stderr
    return bytes(done.stdout)


@contextlib.contextmanager
def somebody_inside(place) -> Iterator[None]:
    """Hold the mount by a working directory."""
    with subprocess.Popen(["sleep", "600"], cwd=place.mountpoint) as inside:
        yield
        inside.kill()


@contextlib.contextmanager
def a_namespace_of_its_own() -> Iterator[None]:
    """Keep a copy of the mount table, with all that is mounted now."""
    words = ("unshare", "--mount", "sh", "-c", "echo there; exec sleep 600")
    with subprocess.Popen(words, stdout=subprocess.PIPE) as elsewhere:
        assert elsewhere.stdout is not None
        assert elsewhere.stdout.readline() == b"there\n"
        yield
        elsewhere.kill()


def start_writing_elsewhere(place) -> subprocess.Popen[bytes]:
    """Write 20 lines for longer than a backend goes on when its mount is out of the table."""
    work = 'exec 3>"$0/file"; echo ready; for i in $(seq 20); do echo $i >&3; sleep 0.1; done'
    words = ("unshare", "--mount", "sh", "-ec", work, str(place.mountpoint))
    return subprocess.Popen(words, stdout=subprocess.PIPE)


def start_front_end(place) -> subprocess.Popen[str]:
    places = (place.cipherdir, place.mountpoint, place.run_dir, place.log_path)
    return subprocess.Popen(
        [sys.executable, "-c", FRONT_END, *map(str, places)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def everything_kept(place, run: RunState) -> bytes:
    """Return all that processes show of themselves, and all that was written about them."""
    shown = [
        Path(f"/proc/{pid}/{name}")
        for pid in (run.backend_pid, run.keeper_pid)
        for name in ("cmdline", "environ")
    ]
    written = [*place.run_dir.iterdir(), *place.log_path.parent.iterdir()]
    return b"".join(path.read_bytes() for path in shown + written if not path.is_socket())


def open_file_limit(pid: int) -> int:
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    line = next(line for line in limits if line.startswith("Max open files"))
    return int(line.split()[3])


def client(place) -> ControlClient:
    return ControlClient(place.run_dir / "ctl.sock", name="Work")


async def gone(pid: int, start: int) -> bool:
    with WatchedProcess(pid, start) as watched:
        return await watched.wait(20)


async def both_gone(run: RunState) -> None:
    assert await gone(run.backend_pid, run.backend_start)
    assert await gone(run.keeper_pid, run.keeper_start)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def test_a_vault_opens_works_is_asked_and_locks(volume) -> None:
    run = await volume.launch()
    assert volume.steps == [Step(StepName.DERIVING), Step(StepName.MOUNTING)]
    assert await in_the_mount(volume, "echo hello > a; cat a") == b"hello\n"
    status = await client(volume).status()
    assert (status.pid, status.mountpoint) == (run.backend_pid, str(volume.mountpoint))
    await client(volume).lock()
    assert not volume.is_mounted()
    await both_gone(run)
    ended = load_exit(volume.run_dir)
    assert ended is not None
    assert ended.exit_code == 0
    assert not ended_badly(ended)


async def test_a_vault_that_is_in_use_says_so_and_stays_open(volume) -> None:
    await volume.launch()
    with somebody_inside(volume):
        with pytest.raises(MountBusy):
            await client(volume).lock()
        assert volume.is_mounted()
    await client(volume).lock()
    assert not volume.is_mounted()


async def test_errors_of_the_backend_arrive_and_nothing_is_left(volume) -> None:
    with pytest.raises(PasswordIncorrect):
        await volume.launch(password=b"wrong")
    volume.assert_nothing_is_left()
    (volume.mountpoint / "file").touch()
    with pytest.raises(MountpointNotEmpty):
        await volume.launch()
    (volume.mountpoint / "file").unlink()
    volume.assert_nothing_is_left()
    (volume.cipherdir / "gocryptfs.conf").unlink()
    with pytest.raises(VolumeConfMissing):
        await volume.launch()
    volume.assert_nothing_is_left()


async def test_a_wrong_password_does_not_get_in_the_way_of_the_next_try(volume) -> None:
    for _ in range(3):
        with pytest.raises(PasswordIncorrect):
            await volume.launch(password=b"wrong")
    run = await volume.launch()
    assert backend_alive(run)


@pytest.mark.parametrize("moment", [None, StepName.DERIVING, StepName.MOUNTING])
async def test_a_cancelled_unlock_leaves_nothing(volume, moment: StepName | None) -> None:
    def cancel_at(step: Step) -> None:
        if step.name is moment:
            launching.cancel()

    launching = asyncio.ensure_future(volume.launch(on_step=cancel_at))
    if moment is None:
        await asyncio.sleep(0)
        launching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await launching
    volume.assert_nothing_is_left()
    # The cipher directory is free again.
    assert backend_alive(await volume.launch())


async def test_five_unlocks_at_once_all_become_ready(tmp_path: Path, place) -> None:
    places = []
    for number in range(5):
        one = type(place)(tmp_path / str(number))
        one.top.mkdir()
        one.cipherdir.mkdir()
        one.mountpoint.mkdir()
        await run_oneshot(CreateSpec(str(one.cipherdir), 10), [Secret(bytearray(PASSWORD))])
        places.append(one)
    runs = await asyncio.gather(*(one.launch() for one in places))
    assert all(one.is_mounted() for one in places)
    assert len({run.backend_pid for run in runs}) == 5
    for one in places:
        assert await in_the_mount(one, "pwd") == f"{one.mountpoint}\n".encode()
    await asyncio.gather(*(client(one).lock() for one in places))
    for one, run in zip(places, runs, strict=True):
        await both_gone(run)
        assert not one.is_mounted()


async def test_a_second_backend_for_the_same_directory_is_refused(volume) -> None:
    run = await volume.launch()
    other = type(volume)(volume.top / "other")
    other.mountpoint.mkdir(parents=True)
    other.cipherdir.symlink_to(volume.cipherdir)
    with pytest.raises(CipherdirInUse):
        await other.launch()
    assert backend_alive(run)
    assert await in_the_mount(volume, "echo still here") == b"still here\n"


async def test_a_killed_backend_leaves_no_dead_mount_and_is_explained(volume) -> None:
    run = await volume.launch()
    kill(run.backend_pid)
    await both_gone(run)
    assert not volume.is_mounted()
    ended = load_exit(volume.run_dir)
    assert ended is not None
    assert ended.mount_detached
    assert ended_badly(ended)
    assert explain_exit(ended) == "something killed it (SIGKILL)"
    # And it opens again.
    assert backend_alive(await volume.launch())


async def test_a_killed_backend_is_detached_although_somebody_is_inside(volume) -> None:
    run = await volume.launch()
    with somebody_inside(volume):
        kill(run.backend_pid)
        await both_gone(run)
        assert not volume.is_mounted()


async def test_a_killed_keeper_leaves_the_mount_working(volume) -> None:
    run = await volume.launch()
    kill(run.keeper_pid)
    assert await gone(run.keeper_pid, run.keeper_start)
    assert not keeper_alive(run)
    assert backend_alive(run)
    # Every write to the log is an EPIPE now, and none of them may matter: a name that can't
    # be decrypted makes the backend log something.
    (volume.cipherdir / "not-a-ciphertext-name").touch()
    assert await in_the_mount(volume, "echo hello > a; ls; cat a") == b"a\nhello\n"
    assert (await client(volume).status()).pid == run.backend_pid
    await client(volume).lock()
    assert await gone(run.backend_pid, run.backend_start)
    assert not volume.is_mounted()
    assert load_exit(volume.run_dir) is None


# Opens a vault, kills its keeper, makes the backend log something, ends it, and says how it
# ended: orphans of the keeper become children of this process.
ORPHANAGE = """
import os, signal, sys
from vaultui.linux import prctl
prctl.set_child_subreaper()
exec(sys.argv.pop())
"""
KILL_THE_KEEPER = """
    run = load_run(Path(run_dir))
    os.kill(run.keeper_pid, signal.SIGKILL)
    os.waitpid(run.keeper_pid, 0)
    listing = await asyncio.create_subprocess_exec("ls", mountpoint)
    await listing.wait()
    os.kill(run.backend_pid, signal.SIGTERM)
    _, status = await asyncio.to_thread(os.waitpid, run.backend_pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


async def test_a_backend_without_its_keeper_still_ends_with_its_own_exit_code(volume) -> None:
    (volume.cipherdir / "not-a-ciphertext-name").touch()
    code = FRONT_END.replace("    await asyncio.sleep(600)\n", KILL_THE_KEEPER).replace(
        "from pathlib", "from vaultui.supervisor.runstate import load_run\nfrom pathlib"
    )
    places = (volume.cipherdir, volume.mountpoint, volume.run_dir, volume.log_path)
    argv = [sys.executable, "-c", ORPHANAGE, *map(str, places), code]
    done = await asyncio.to_thread(spawn.run, argv, timeout=60)
    assert done.stdout.split()[-1] == b"15", done.stderr.decode()


async def test_with_backend_and_keeper_killed_the_next_start_notices_and_repairs(volume) -> None:
    run = await volume.launch()
    kill(run.keeper_pid)
    kill(run.backend_pid)
    await both_gone(run)
    assert volume.is_mounted()
    found = load_run(volume.run_dir)
    assert found == run
    assert not backend_alive(found)
    assert not keeper_alive(found)
    assert load_exit(volume.run_dir) is None
    assert await repair(volume.run_dir, str(volume.mountpoint))
    assert not volume.is_mounted()
    assert load_run(volume.run_dir) is None
    assert backend_alive(await volume.launch())


@needs("root")
async def test_a_copy_of_the_mount_in_another_namespace_does_not_keep_a_locked_vault_open(
    volume,
) -> None:
    run = await volume.launch()
    with a_namespace_of_its_own():
        await client(volume).lock()
        await both_gone(run)


@needs("root")
async def test_a_file_that_is_open_in_another_namespace_loses_nothing_to_a_lock(volume) -> None:
    run = await volume.launch()
    with start_writing_elsewhere(volume) as worker:
        assert worker.stdout is not None
        assert await asyncio.to_thread(worker.stdout.readline) == b"ready\n"
        await client(volume).lock()
        assert await asyncio.to_thread(worker.wait, 30) == 0
    await both_gone(run)
    assert backend_alive(await volume.launch())
    assert (await in_the_mount(volume, "tail -n 1 file")) == b"20\n"


async def test_repairing_does_not_touch_what_runs(volume) -> None:
    run = await volume.launch()
    assert not await repair(volume.run_dir, str(volume.mountpoint))
    assert load_run(volume.run_dir) == run
    assert await in_the_mount(volume, "echo fine") == b"fine\n"


async def test_a_terminated_backend_unmounts_by_itself(volume) -> None:
    run = await volume.launch()
    os.kill(run.backend_pid, signal.SIGTERM)
    await both_gone(run)
    assert not volume.is_mounted()
    ended = load_exit(volume.run_dir)
    assert ended is not None
    assert (ended.exit_code, ended.mount_detached) == (15, False)


async def test_shutting_down_ends_a_backend_that_does_not_listen(volume) -> None:
    run = await volume.launch()
    os.kill(run.backend_pid, signal.SIGSTOP)
    with WatchedProcess(run.backend_pid, run.backend_start) as backend:
        assert await backend.shut_down(grace=0.2)
        assert backend.has_ended()
    await both_gone(run)
    assert not volume.is_mounted()


# Opens a vault in a process of its own, says "ready", and waits to be killed.
FRONT_END = """
import asyncio, sys
from pathlib import Path
from vaultui.model.secret import Secret
from vaultui.supervisor.launch import launch_backend
from vaultui.wire.handshake import MountSpec

async def main():
    cipherdir, mountpoint, run_dir, log_path = sys.argv[1:]
    spec = MountSpec("0" * 16, "Work", cipherdir, mountpoint, run_dir + "/ctl.sock")
    await launch_backend(
        spec,
        Secret(bytearray(b"correct horse battery")),
        run_dir=Path(run_dir),
        log_path=Path(log_path),
        on_step=lambda step: print(step.name.value, flush=True),
    )
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["deriving", "mounting", "ready"])
async def test_a_killed_front_end_leaves_the_mount_alive_for_the_next(volume, moment: str) -> None:
    with start_front_end(volume) as front_end:
        assert front_end.stdout is not None
        while (line := await asyncio.to_thread(front_end.stdout.readline)).strip() != moment:
            assert line
        os.killpg(front_end.pid, signal.SIGKILL)
    await eventually(volume.is_mounted, what="the mount is there without its front end")
    run = load_run(volume.run_dir)
    assert run is not None
    assert backend_alive(run)
    assert keeper_alive(run)
    assert await in_the_mount(volume, "echo alive > a; cat a") == b"alive\n"
    await client(volume).lock()
    await both_gone(run)
    assert load_exit(volume.run_dir).exit_code == 0  # type: ignore[union-attr]


async def test_the_backend_is_named_in_the_mount_table_by_its_directory(volume) -> None:
    await volume.launch()
    mount = mount_at(volume.mountpoint)
    assert mount is not None
    assert (mount.fstype, mount.source) == ("fuse.vaultfs", str(volume.cipherdir))


async def test_no_secret_is_in_arguments_environment_or_log(volume) -> None:
    with pytest.raises(PasswordIncorrect):
        await volume.launch(password=b"wrong " + PASSWORD)
    run = await volume.launch()
    kept = everything_kept(volume, run)
    assert b"Password incorrect" in kept
    assert PASSWORD not in kept


async def test_the_backend_may_open_at_least_4096_files(volume) -> None:
    run = await volume.launch()
    assert open_file_limit(run.backend_pid) >= 4096


async def test_a_runtime_directory_may_have_a_path_longer_than_a_socket_address(place) -> None:
    deep = type(place)(place.top / ("d" * 120))
    deep.mountpoint.mkdir(parents=True)
    deep.cipherdir.mkdir()
    await run_oneshot(CreateSpec(str(deep.cipherdir), 10), [Secret(bytearray(PASSWORD))])
    run = await deep.launch()
    assert (await client(deep).status()).pid == run.backend_pid
    await client(deep).lock()
    await both_gone(run)
