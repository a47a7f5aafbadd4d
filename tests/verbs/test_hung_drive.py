"""A cipher directory on a drive or server that hangs: every verb says so, and none hangs with it.

The server is a real one, the gocryptfs of another vault, stopped by a signal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
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


# A person waits longer for the config of a volume than a test should.
HURRIED = """
import sys
from vaultui.vaults import volumes
volumes.INFO_S = 1.0
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
