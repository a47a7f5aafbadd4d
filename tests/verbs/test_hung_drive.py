"""A cipher directory on a drive or server that hangs: every verb says so, and none hangs with it.

The server is a real one, the gocryptfs of another vault, or a FUSE disk, stopped by a signal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from capabilities import needs
from faultydisk import FaultyDisk
from mounting import Gocryptfs
from shelltwin import Shell
from support import mountpoints_below, wait_until

pytestmark = needs("fuse", "gocryptfs")


@pytest.fixture
def drive(shell: Shell, tmp_path: Path) -> Iterator[Path]:
    """Yield a folder with a volume `work.c`, registered as Work, on a server that hangs."""
    with Gocryptfs(tmp_path / "server") as server:
        inner = Gocryptfs(tmp_path, cipherdir=server.mountpoint / "work.c")
        inner.create()
        shell("add", inner.cipherdir, "--name", "Work").check()
        process = server.process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield server.mountpoint
        finally:
            os.kill(process.pid, signal.SIGCONT)


# A person waits longer for the config of a volume than a test should.
HURRIED = """
import sys
from vaultui.vaults import volumecommands
volumecommands.INFO_S = 1.0
from vaultui.__main__ import main
main()
"""


def test_each_verb_ends_with_a_sentence_when_the_drive_hangs(shell: Shell, drive: Path) -> None:
    password = ("--password-file", shell.password_file)
    expected = {
        ("unlock", "Work", *password): "cipherdir-not-accessible",
        ("add", drive / "other.c"): "timed-out",
        ("create", drive / "new.c", *password): "timed-out",
        ("info", "Work"): "timed-out",
    }
    with ExitStack() as running:
        processes = [
            running.enter_context(
                subprocess.Popen(
                    (sys.executable, "-c", HURRIED, *words, "--json"), stdout=subprocess.PIPE
                )
            )
            for words in expected
        ]
        answers = [process.communicate(timeout=60)[0] for process in processes]
    errors = [json.loads(answer)["error"] for answer in answers]
    assert [error["code"] for error in errors] == list(expected.values())
    assert errors[0]["summary"].endswith("cannot be used: it does not answer.")


@pytest.fixture
def work_on_a_disk(shell: Shell, tmp_path: Path) -> Iterator[tuple[FaultyDisk, Path]]:
    """Yield a disk that can hang, and where the open vault Work that lies on it is mounted."""
    with FaultyDisk(tmp_path) as disk:
        volume = Gocryptfs(tmp_path, cipherdir=disk.mountpoint / "work.c")
        volume.create()
        shell("add", volume.cipherdir, "--name", "Work").check()
        mountpoint = Path(shell.unlock()["vault"]["mountpoint"])
        try:
            yield disk, mountpoint
        finally:
            disk.wake()
            shell("lock", "Work", "--kill")


@contextmanager
def waiting_for(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process wait for a file on a mount that hangs."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(("stat", path), stdout=quiet, stderr=quiet) as process:
        state = Path(f"/proc/{process.pid}/wchan")
        wait_until(lambda: "request" in state.read_text(), 10, "it waits for the mount")
        yield process


def test_a_vault_whose_drive_hangs_is_told_as_hung_and_locks(
    shell: Shell, work_on_a_disk: tuple[FaultyDisk, Path]
) -> None:
    disk, mountpoint = work_on_a_disk
    disk.hang()
    vault = shell.status()
    assert vault["state"] == "hung"
    assert vault["explanation"].startswith(f"The cipher directory {vault['cipherdir']} does not")
    shell("lock", "Work", timeout=20).check()
    assert mountpoints_below(mountpoint) == []
    assert shell.state() == "missing"
    disk.wake()
    wait_until(lambda: shell.state() == "locked", 20, "it is only locked")
    assert shell.unlock()["vault"]["state"] == "open"


def test_a_vault_is_put_out_of_sight_and_ended_while_somebody_waits_for_its_drive(
    shell: Shell, work_on_a_disk: tuple[FaultyDisk, Path]
) -> None:
    disk, mountpoint = work_on_a_disk
    (mountpoint / "file").write_bytes(b"before")
    with (
        subprocess.Popen(
            ("sh", "-c", 'exec 5<>"$0"; echo; read line', mountpoint / "file"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as holder,
        ExitStack() as finally_,
    ):
        finally_.callback(holder.kill)
        assert holder.stdout is not None
        holder.stdout.readline()
        disk.hang()
        finally_.callback(disk.wake)
        with waiting_for(mountpoint / "not looked up yet"):
            assert shell.state() == "hung"
            (held,) = shell.json("ps", "Work")["holders"]
            assert held["pid"] == holder.pid
            (result,) = shell.json("lock", "Work", returncode=47)["vaults"]
            assert f"sh ({holder.pid})" in result["error"]["summary"]
            (result,) = shell.json("lock", "Work", "--lazy")["vaults"]
            assert result["detached"]
            assert mountpoints_below(mountpoint) == []
            disk.wake()
        holder.kill()
    wait_until(lambda: shell.status()["backend_pid"] is None, 20, "its backend ends")
    assert shell.unlock()["vault"]["state"] == "open"
    assert (mountpoint / "file").read_bytes() == b"before"
