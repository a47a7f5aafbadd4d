"""A cipher directory on a drive or server that hangs: every verb says so, and none hangs with it.

The server is a real one, the gocryptfs of another vault, stopped by a signal.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from mounting import Gocryptfs
from shelltwin import Shell

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


def test_unlocking_from_a_drive_that_hangs_ends_with_a_sentence(shell: Shell, drive: Path) -> None:
    error = shell.error("unlock", "Work", "--password-file", shell.password_file)
    assert error["code"] == "cipherdir-not-accessible"
    assert error["summary"].endswith("cannot be used: it does not answer.")


def test_adding_from_a_drive_that_hangs_ends_with_a_sentence(shell: Shell, drive: Path) -> None:
    assert shell.error("add", drive / "other.c")["code"] == "timed-out"


def test_creating_on_a_drive_that_hangs_ends_with_a_sentence(shell: Shell, drive: Path) -> None:
    words = ("create", drive / "new.c", "--password-file", shell.password_file)
    assert shell.error(*words)["code"] == "timed-out"


def test_the_info_of_a_volume_on_a_drive_that_hangs_ends_with_a_sentence(
    shell: Shell, drive: Path
) -> None:
    assert shell.error("info", "Work")["code"] == "timed-out"
