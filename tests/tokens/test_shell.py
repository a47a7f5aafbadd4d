"""A vault of a token from the shell: it is found, touched, and asked for a PIN if it wants one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import leftovers
import pytest
from authenticator import Authenticator
from capabilities import needs
from plugged import Bus, PluggedToken
from programs import Completed, run_program
from support import Vaultfs, detach, wait_until
from terminal import Terminal

from vaultui.vaults.adding import new_entry
from vaultui.vaults.paths import default_paths
from vaultui.vaults.registry import Registry

pytestmark = needs("fuse")

PIN = b"1234"
VAULTUI = (sys.executable, str(Path(__file__).with_name("frontend.py")))
QUESTION = "PIN of the token for Work: "


def vaultui(*words: str | os.PathLike[str]) -> Completed:
    return run_program((*VAULTUI, *words))


@pytest.fixture
def cipherdir(tmp_path: Path) -> Path:
    """Return an empty directory that is registered as Work."""
    volume = tmp_path / "work.c"
    volume.mkdir()
    paths = default_paths()
    Registry(paths).add(new_entry(paths, [], str(volume), name="Work"))
    return volume


@pytest.fixture(autouse=True)
def _locked(home: Path) -> Iterator[None]:
    yield
    if leftovers.describe(home):
        vaultui("lock", "--all", "--kill")
        detach(home)


def made_with(token: PluggedToken, cipherdir: Path, *options: str) -> None:
    words = ("-init", "-q", "-scryptn=10", "-fido2", token.device, *options)
    run_program((Vaultfs.command(), *words, cipherdir), PIN + b"\n").check()


def test_the_only_token_is_found_and_whoever_waits_is_told_to_touch_it(
    bus: Bus, cipherdir: Path, home: Path
) -> None:
    token = bus.plug()
    made_with(token, cipherdir)
    token.finger.is_there.clear()
    with Terminal((*VAULTUI, "unlock", "Work")) as terminal:
        terminal.wait_for("Touch the token…")
        token.finger.is_there.set()
        terminal.wait_for("Work is open at ~/Vaults/Work.")
        assert terminal.wait() == 0
        assert "PIN" not in terminal.shown
        assert "keyring" not in terminal.shown
    (home / "Vaults" / "Work" / "letter").write_text("content")
    vaultui("lock", "Work").check()
    # Without a terminal it is the same.
    vaultui("unlock", "Work", "--fido2", token.device).check()
    assert (home / "Vaults" / "Work" / "letter").read_text() == "content"


def test_an_unlock_that_is_broken_off_does_not_leave_the_token_waiting(
    bus: Bus, cipherdir: Path
) -> None:
    token = bus.plug()
    made_with(token, cipherdir)
    token.finger.is_there.clear()
    with Terminal((*VAULTUI, "unlock", "Work")) as terminal:
        terminal.wait_for("Touch the token…")
        terminal.type("\x03")
        assert terminal.wait() == 15
    assert token.was_cancelled.wait(20)


def test_a_pin_that_is_wanted_is_asked_for_and_never_saved(bus: Bus, cipherdir: Path) -> None:
    token = bus.plug(Authenticator(PIN, always_verifies=True))
    made_with(token, cipherdir)
    with Terminal((*VAULTUI, "unlock", "Work", "--save")) as terminal:
        terminal.wait_for(QUESTION)
        assert not terminal.echoes
        terminal.type("4321\n")
        terminal.wait_for("Tries left: 7.")
        terminal.wait_for(QUESTION, times=2)
        terminal.type(f"{PIN.decode()}\n")
        terminal.wait_for("Work is open")
        assert terminal.wait() == 0
        assert PIN.decode() not in terminal.shown
        assert "saved" not in terminal.shown


def test_two_wrong_pins_are_enough(bus: Bus, cipherdir: Path) -> None:
    token = bus.plug(Authenticator(PIN))
    made_with(token, cipherdir, "-fido2-assert-option", "pin=true")
    with Terminal((*VAULTUI, "unlock", "Work")) as terminal:
        for times in (1, 2):
            terminal.wait_for(QUESTION, times=times)
            terminal.type("4321\n")
        assert terminal.wait() == 31
    assert token.authenticator._tries == 6


def test_a_pin_can_come_from_where_a_password_does(
    bus: Bus, cipherdir: Path, tmp_path: Path
) -> None:
    made_with(bus.plug(Authenticator(PIN)), cipherdir, "-fido2-assert-option", "pin=true")
    (tmp_path / "pin").write_bytes(PIN + b"\n")
    options = ("--password-file", tmp_path / "pin")
    assert "is whole: 0 files" in vaultui("check", "Work", *options).check().text
    assert "key 1, FIDO2 token" in vaultui("slots", "Work", "verify", *options).check().text
    error = json.loads(vaultui("unlock", "Work", "--json").check(31).stdout)["error"]
    assert error["code"] == "fido2-pin-needed"


def test_a_launcher_opens_with_a_token_and_asks_for_a_pin_in_a_terminal(
    bus: Bus, cipherdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("xdg-open", "xdg-terminal-exec"):
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/started\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":99")
    started = tmp_path / "started"

    def launched() -> list[str]:
        started.unlink(missing_ok=True)
        vaultui("--launcher", "--unlock=Work").check()
        wait_until(lambda: started.exists() and started.read_text().endswith("\n"))
        return started.read_text().splitlines()

    token = bus.plug(Authenticator(PIN))
    made_with(token, cipherdir)
    assert launched()[0].endswith("/Vaults/Work")
    vaultui("lock", "Work").check()
    token.authenticator.always_verifies = True
    assert launched()[1:] == ["unlock", "Work", "--open"]


def test_what_a_token_can_not_open_is_told_before_anything_is_asked(
    bus: Bus, cipherdir: Path
) -> None:
    token = bus.plug()
    made_with(token, cipherdir)
    with Terminal((*VAULTUI, "passwd", "Work")) as terminal:
        assert terminal.wait() == 1
        assert "opened by a FIDO2 token" in terminal.shown
    token.unplug()
    assert "There is no FIDO2 token." in vaultui("unlock", "Work").check(31).text
