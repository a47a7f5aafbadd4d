"""Proves that a password leaves its field only as a `Secret`: no clipboard, log, report or dump."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import pytest
from driver import Driver, Running
from recorded import PASSWORD
from standin import StandIn
from support import run_program, wait_until
from textual import events
from textual.widgets import Input

from vaultui.tui.widgets.secretinput import CAPACITY, SecretInput

pytestmark = pytest.mark.anyio

RECORDER = Path(__file__).with_name("recorded.py")


async def form(driver: Driver) -> SecretInput:
    await driver.press("j", "u")
    await driver.sees("Password")
    return driver.app.screen.query_one(SecretInput)


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+x", "super+c", "ctrl+a", "ctrl+shift+a"])
async def test_no_key_takes_a_password_to_the_clipboard(
    running: Running, vaults: StandIn, key: str
) -> None:
    async with running(vaults) as driver:
        await form(driver)
        await driver.type(PASSWORD)
        await driver.press(key, "ctrl+c", "ctrl+x")
        assert driver.app.clipboard == ""
        assert driver.app.screen.get_selected_text() in (None, "")


async def test_selecting_with_the_mouse_takes_no_password(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        field = await form(driver)
        await driver.type(PASSWORD)
        await driver.pilot.mouse_down(field, (1, 0))
        await driver.pilot.hover(field, (8, 0))
        await driver.pilot.mouse_up(field, (8, 0))
        await driver.press("ctrl+c")
        assert PASSWORD not in driver.app.clipboard


async def test_no_representation_holds_the_password(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        field = await form(driver)
        await driver.type(PASSWORD)
        texts = [repr(field), str(field), repr(SecretInput.Submitted(field)), str(field.render())]
        texts += [str(SecretInput.Changed(field)), repr(driver.app.screen), str(vars(field).keys())]
        assert not [text for text in texts if PASSWORD in text]
        assert not [value for value in vars(field).values() if value == PASSWORD]


async def test_no_field_for_secrets_is_textuals_input(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await form(driver)
        assert not [field for field in driver.app.screen.query(Input) if field.password]


async def test_the_buffer_never_moves_and_every_deletion_overwrites(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        field = await form(driver)
        buffer = field._buffer
        await driver.type("aé")
        assert bytes(buffer[:3]) == "aé".encode()
        await driver.press("backspace")
        assert bytes(buffer[:3]) == b"a\0\0"
        await driver.press("ctrl+u")
        assert bytes(buffer) == bytes(CAPACITY)
        assert field._buffer is buffer


async def test_a_password_is_pasted_up_to_its_first_line_break(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        field = await form(driver)
        field.post_message(events.Paste("pass wörd\nsecond line"))
        await driver.pilot.pause()
        with field.take() as secret, secret.view as view:
            assert bytes(view) == "pass wörd".encode()
        assert field.is_empty


async def test_a_password_that_is_too_long_is_refused_whole(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        field = await form(driver)
        field.post_message(events.Paste("x" * (CAPACITY + 1)))
        await driver.hears(f"at most {CAPACITY} bytes")
        assert field.is_empty


def record(tmp_path: Path, recorders: str, ending: str) -> tuple[str, str]:
    """Run the recorder program; return all it wrote to files, and all it printed."""
    env = dict(os.environ)
    env |= {
        "TEXTUAL": "debug,devtools",
        "TEXTUAL_LOG": str(tmp_path / "textual.log"),
        "TEXTUAL_DEBUG": "1",
        "TEXTUAL_SHOW_RETURN": "1",
        "PYTHONASYNCIODEBUG": "1",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    argv = (sys.executable, "-X", "dev", "-W", "ignore", RECORDER, recorders, ending)
    done = run_program(argv, timeout=40, env=env, cwd=tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    return "\n".join(path.read_text("utf-8", "replace") for path in files), done.text


def letters(text: str) -> bool:
    """Return whether `text` holds the password, whole or as one recorded key after the other."""
    return PASSWORD in text or all(f"character='{letter}'" in text for letter in PASSWORD)


def test_textuals_recorders_would_hold_the_password_if_they_were_left_on(tmp_path: Path) -> None:
    files, _printed = record(tmp_path, "open", "quit")
    assert letters(files), "the control of the experiment recorded nothing"


def test_textuals_recorders_record_nothing(tmp_path: Path) -> None:
    files, printed = record(tmp_path, "closed", "quit")
    assert files == ""
    assert not letters(printed)


def test_a_crash_is_a_sentence_and_a_report_without_locals(tmp_path: Path) -> None:
    files, printed = record(tmp_path, "closed", "crash")
    assert "RuntimeError in recorded.py" in printed
    assert "Traceback" not in printed
    assert "RuntimeError" in files
    assert not letters(files)
    assert not letters(printed)


def test_the_process_cannot_be_dumped_or_traced_while_the_application_runs(
    tmp_path: Path,
) -> None:
    report = tmp_path / "dumpable"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from standin import demo\n"
        "from vaultui.tui import app\n"
        "import ctypes, resource\n"
        "def run(self):\n"
        "    limit = resource.getrlimit(resource.RLIMIT_CORE)\n"
        "    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE\n"
        "    print(dumpable, limit, file=open(sys.argv[2], 'w'))\n"
        "app.VaultuiApp.run = run\n"
        "app.run(demo())\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(
            sys.executable,
            [sys.executable, "-c", code, str(RECORDER.parent), str(report)],
        )
    try:
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0, os.read(terminal, 4096).decode()
    finally:
        os.close(terminal)
    assert wait_until(lambda: report.exists() and report.read_text()) == "0 (1, 1)\n"
