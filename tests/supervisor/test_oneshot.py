"""Commands of the backend give their result, their progress and their error, and then are gone."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import eventually, wait_until

from vaultui.linux import process
from vaultui.model.errors import BackendDied, PasswordIncorrect, TimedOut
from vaultui.wire.handshake import Step, StepName
from vaultui.wire.oneshot import (
    Calibrated,
    CalibrateSpec,
    Checked,
    CheckProgress,
    CheckSpec,
    Created,
    CreateSpec,
    Done,
    InfoSpec,
    PasswdSpec,
    SlotAdded,
    SlotAddSpec,
    SlotInfo,
)

pytestmark = pytest.mark.anyio


async def test_creating_gives_the_message_and_the_master_key_as_a_secret(place) -> None:
    outcome = await place.once(CreateSpec("/c"), b"password")
    assert outcome.message == Created("/c", 0.5)
    assert outcome.secret is not None
    with outcome.secret as secret, secret.view as view:
        assert bytes(view) == bytes(range(32))
    assert place.messages == [Step(StepName.DERIVING)]
    assert place.children() == []


async def test_two_secrets_arrive_apart_and_in_order(place) -> None:
    assert (await place.once(PasswdSpec("/c"), b"old", b"longer")).message == Done()
    with pytest.raises(PasswordIncorrect):
        await place.once(PasswdSpec("/c"), b"same", b"same")


async def test_a_new_key_arrives_with_what_is_shown_of_it(place) -> None:
    outcome = await place.once(SlotAddSpec("/c", "recovery-key", label="safe"), b"shown", b"code")
    assert outcome.message == SlotAdded(SlotInfo("00" * 16, "recovery-key", "none", 0, "safe"))
    assert outcome.secret is not None
    assert outcome.qr_code is not None
    with outcome.secret as text, outcome.qr_code as code:
        assert (bytes(text.view), bytes(code.view)) == (b"shown", b"code")
    # Of a key that nothing is shown of, both are there and empty.
    outcome = await place.once(SlotAddSpec("/c", "key-file"), b"", b"")
    assert (outcome.secret, outcome.qr_code) != (None, None)
    assert not outcome.secret
    assert not outcome.qr_code


async def test_a_command_may_take_no_secret(place) -> None:
    assert (await place.once(CalibrateSpec())).message == Calibrated("scrypt", 0.25, "", 0.0)


async def test_progress_arrives_before_the_result(place) -> None:
    outcome = await place.once(CheckSpec("/c"), b"password")
    assert outcome.message == Checked(3, 8192, 0, 0)
    assert place.messages == [CheckProgress(n, 4096 * n, "a") for n in range(3)]


async def test_a_command_that_dies_is_explained_with_what_it_wrote(place) -> None:
    with pytest.raises(BackendDied, match="exit code 11") as caught:
        await place.once(InfoSpec("/c"))
    assert caught.value.raw == "no such volume"
    assert place.children() == []


async def hanging(place) -> tuple[asyncio.Task, int, int]:
    """Return a command that hangs, its pid and its start time."""
    task = asyncio.ensure_future(place.once(InfoSpec("hang", str(place.report))))
    text = await eventually(
        lambda: place.report.exists() and place.report.read_text(), what="it hangs"
    )
    pid, start = map(int, text.split())
    return task, pid, start


async def test_a_cancelled_command_is_gone(place) -> None:
    task, pid, start = await hanging(place)
    assert process.is_same_process(pid, start)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not process.is_same_process(pid, start)
    assert place.children() == []


async def test_a_command_that_takes_too_long_is_gone(place) -> None:
    with pytest.raises(TimedOut, match="Info took longer than"):
        await place.once(InfoSpec("hang", str(place.report)), timeout=0.5)
    assert place.children() == []


# Runs a command that hangs and waits to be killed.
FRONT_END = """
import asyncio, sys
from vaultui.supervisor.oneshot import run_oneshot
from vaultui.wire.oneshot import InfoSpec
asyncio.run(run_oneshot(InfoSpec("hang", sys.argv[1]), argv=tuple(sys.argv[2:])))
"""


def test_a_command_ends_with_the_front_end_that_is_killed(place) -> None:
    fake = (sys.executable, "-I", str(Path(__file__).parent / "fake_backend.py"))
    with subprocess.Popen([sys.executable, "-c", FRONT_END, place.report, *fake]) as front_end:
        text = wait_until(lambda: place.report.exists() and place.report.read_text())
        pid, start = map(int, text.split())
        os.kill(front_end.pid, signal.SIGKILL)
    wait_until(lambda: not process.is_same_process(pid, start), what="the command ends")
