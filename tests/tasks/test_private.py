"""A vault that is open for one task alone: who sees it, and what is left when anybody is killed."""

import contextlib
import errno
import os
import select
import shutil
import signal
from pathlib import Path

import privatevault
import pytest
from capabilities import needs
from mounting import Vaultfs
from privatevault import PrivateVault, lists, members
from procfacts import cpu_ticks, limit, namespace
from support import eventually
from taskstarting import TaskPlace

from vaultui.model.errors import LaunchFailed, PasswordIncorrect
from vaultui.tasks.records import look
from vaultui.tasks.stopping import stop
from vaultui.wire.handshake import StepName

_STRAY = '"$PYTHON" -I -S -c "$STRAY"'

pytestmark = [pytest.mark.anyio, needs("fuse")]


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty volume that nobody changes."""
    volume = Vaultfs(tmp_path_factory.mktemp("pristine"))
    volume.create()
    return volume.cipherdir


@pytest.fixture
def vault(place: TaskPlace, tmp_path: Path, pristine: Path) -> PrivateVault:
    own = Vaultfs(tmp_path / "vault")
    shutil.copytree(pristine, own.cipherdir)
    own.mountpoint.mkdir()
    return PrivateVault(place, own)


async def test_the_task_alone_sees_what_is_in_the_vault(vault: PrivateVault) -> None:
    task = await vault.running('echo text > file; ls; read -r line < file; echo "$line"; sleep 60')
    assert await vault.place.lines(task, 2) == ["file", "text"]
    who = members(task)
    assert set(who) == {"keeper", "warden", "room", "backend", "init", "task"}
    seen = {name for name, pid in who.items() if lists(pid, vault.mountpoint)}
    assert seen == {"room", "backend", "init", "task"}
    assert not lists("self", vault.mountpoint)
    assert os.listdir(vault.mountpoint) == []
    assert vault.steps == [StepName.DERIVING, StepName.MOUNTING]
    assert namespace(who["task"], "mnt") != namespace(who["backend"], "mnt")
    everybody = vault.place.processes(task)
    assert await stop(task.record)
    await vault.place.until_gone(everybody)
    vault.place.assert_nothing_is_left(task)


async def test_it_sees_the_processes_of_its_own_namespace(vault: PrivateVault) -> None:
    task = await vault.running("echo $$; cat /proc/1/comm; ls -d /proc/[0-9]* | wc -l")
    await task.wait()
    pid, init, count = vault.place.output(task).split()
    assert (int(pid) < 10, init, int(count) < 10) == (True, "vaultui-init", True)


async def test_what_it_wrote_is_in_the_cipher_directory(vault: PrivateVault) -> None:
    task = await vault.running("echo kept > file")
    assert (await task.wait()).exit.exit_code == 0
    with vault.volume:
        assert (vault.volume.mountpoint / "file").read_text() == "kept\n"


async def test_its_exit_status_comes_through_the_room(vault: PrivateVault) -> None:
    for how, expected in (("exit 7", (7, None)), ("kill -KILL $$", (None, 9))):
        task = await vault.running(how)
        end = await task.wait()
        assert (end.exit.exit_code, end.exit.signal) == expected


async def test_no_core_dump_of_it_can_have_plaintext(vault: PrivateVault) -> None:
    task = await vault.running("ulimit -c unlimited; sleep 60")
    assert limit(members(task)["task"], "Max core file size") == ("1", "1")
    await stop(task.record, now=True)


async def test_a_wrong_password_is_told_and_leaves_nothing(vault: PrivateVault) -> None:
    with pytest.raises(PasswordIncorrect):
        await vault.waiting("true", password=b"wrong")


async def test_the_vault_is_unmounted_before_the_room_is_gone(vault: PrivateVault) -> None:
    task = await vault.running("true")
    await task.wait()
    assert "locked: SIGTERM" in vault.log_path.read_text()


async def test_without_go_nothing_is_left(vault: PrivateVault) -> None:
    task = await vault.waiting("touch began")
    everybody = vault.place.processes(task)
    await task.close()
    await vault.place.until_gone(everybody)
    assert not task.directory.exists()


async def test_a_front_end_that_goes_while_the_vault_is_opened_leaves_nothing(
    vault: PrivateVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privatevault, "until_open", _not_waiting)
    task = await vault.waiting("touch began")
    everybody = vault.place.processes(task)
    await task.close()
    await vault.place.until_gone(everybody)
    assert not task.directory.exists()


async def _not_waiting(*_: object) -> None:
    pass


async def test_a_backend_that_dies_before_go_is_told(vault: PrivateVault) -> None:
    task = await vault.waiting("true")
    everybody, backend = vault.place.processes(task), members(task)["backend"]
    os.kill(backend, signal.SIGKILL)
    await vault.place.until_gone({backend: everybody[backend]})
    # Of the step that finds it gone, or of the next one, which needs its mount: its last threads
    # may still be ending.
    with pytest.raises(LaunchFailed, match="mount"):
        await task.go()
    assert not task.directory.exists()


async def test_a_stop_reaches_everybody_and_waits_for_them(vault: PrivateVault) -> None:
    code = "trap 'sleep 0.2; echo bye > said; exit 3' TERM; echo on"
    task = await vault.running(f"{_STRAY} & {code}; while :; do sleep 0.05; done")
    await vault.place.lines(task, 2)
    everybody = vault.place.processes(task)
    assert len(everybody) > 6
    assert await stop(task.record)
    await vault.place.until_gone(everybody)
    end = look(task.directory).end
    assert (end.exit.exit_code, end.stopped) == (3, True)
    with vault.volume:
        assert (vault.volume.mountpoint / "said").read_text() == "bye\n"


async def test_storage_that_hangs_keeps_nobody_from_ending(
    place: TaskPlace, tmp_path: Path, pristine: Path
) -> None:
    """Whoever waits for an answer of the backend can't even be killed while that waits, too."""
    with Vaultfs(tmp_path / "drive") as drive:
        cipherdir = drive.mountpoint / "cipher"
        shutil.copytree(pristine, cipherdir)
        vault = PrivateVault(place, Vaultfs(tmp_path / "vault", cipherdir=cipherdir))
        vault.volume.mountpoint.mkdir(parents=True)
        vault.backend_grace_s = 0.2
        os.mkfifo(tmp_path / "begin")
        task = await vault.running(f"echo on; read -r line < {tmp_path}/begin; echo > new")
        await place.lines(task, 1)
        everybody = place.processes(task)
        assert drive.process is not None
        # In the middle of something it would keep the backend itself from being killed.
        await eventually(lambda: is_idle(drive.process.pid), what="nobody uses the drive")
        drive.process.send_signal(signal.SIGSTOP)
        try:
            (tmp_path / "begin").write_text("now\n")
            await eventually(lambda: not is_read(tmp_path / "begin"), what="the task goes on")
            assert await stop(task.record, now=True)
            await place.until_gone(everybody)
        finally:
            drive.process.send_signal(signal.SIGCONT)


def is_idle(pid: int) -> bool:
    """Tell whether a process does nothing for a moment."""
    before = cpu_ticks(pid)
    select.select([], [], [], 0.1)
    return cpu_ticks(pid) == before


def is_read(fifo: Path) -> bool:
    """Tell whether somebody has a named pipe open for reading."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.errno != errno.ENXIO
    return True


@pytest.mark.parametrize("victim", ["keeper", "warden", "room", "backend", "init", "task"])
async def test_whoever_is_killed_nothing_is_left(vault: PrivateVault, victim: str) -> None:
    task = await vault.running(f"{_STRAY} deaf & exec 3> file; sleep 600", grace_s=0.2)
    await vault.place.lines(task, 1)
    everybody = vault.place.processes(task)
    who = members(task)
    os.kill(who[victim], signal.SIGKILL)
    if victim == "backend":
        await vault.place.until_gone({who[victim]: everybody[who[victim]]})
        assert await stop(task.record)
    await vault.place.until_gone(everybody)
    await eventually(lambda: look(task.directory).is_over, what="the end is on record")
    vault.place.assert_nothing_is_left(task)


@pytest.mark.parametrize("victim", ["keeper", "warden", "room", "backend"])
async def test_whoever_is_killed_before_go_nothing_is_left(
    vault: PrivateVault, victim: str
) -> None:
    task = await vault.waiting("touch began")
    everybody = vault.place.processes(task)
    os.kill(members(task)[victim], signal.SIGKILL)
    with contextlib.suppress(LaunchFailed):  # those who are gone can't say that it failed
        await task.go()
    await vault.place.until_gone(everybody)


async def test_all_of_its_keepers_killed_at_once_leave_nothing(vault: PrivateVault) -> None:
    task = await vault.running("exec 3> file; sleep 600")
    everybody = vault.place.processes(task)
    who = members(task)
    for victim in ("keeper", "warden", "room"):
        os.kill(who[victim], signal.SIGKILL)
    await vault.place.until_gone(everybody)


async def test_a_task_whose_warden_was_killed_is_not_said_to_be_done(vault: PrivateVault) -> None:
    task = await vault.running("echo here; exec sleep 600")
    await vault.place.lines(task, 1)
    os.kill(members(task)["warden"], signal.SIGKILL)
    end = await task.wait()
    assert end is not None
    assert (end.exit.exit_code, end.exit.signal) == (None, signal.SIGTERM)
