"""From argv to an exit code: what is caught, what is told, and that crashes keep secrets."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from vaultui.cli import verbs
from vaultui.cli.main import run
from vaultui.cli.session import Session


def refuse_to_start(_ascii_only: bool) -> int:
    raise AssertionError("the application was started")


def test_without_a_verb_the_application_is_started() -> None:
    assert run([], lambda ascii_only: int(ascii_only)) == 0
    assert run(["--ascii"], lambda ascii_only: int(ascii_only)) == 1


def test_a_verb_does_not_start_the_application(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list"], refuse_to_start) == 0
    assert "No vaults yet" in capsys.readouterr().out


def test_a_crash_is_one_sentence_and_its_report_has_no_words_of_the_exception(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    def crash(session: Session) -> int:
        password = "hunter2"
        try:
            raise KeyError(password)
        except KeyError as error:
            raise RuntimeError(f"cannot use {password}") from error

    monkeypatch.setattr(verbs, "find", lambda _verb: crash)
    assert run(["list"], refuse_to_start) == 11
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert told.err.startswith("vaultui: This is a mistake in vaultui itself: RuntimeError in ")
    (report,) = (home / ".local/state/vaultui/crashes").iterdir()
    assert str(report) in told.err
    text = report.read_text()
    assert "in crash" in text
    assert "builtins.KeyError" in text
    assert "hunter2" not in text + told.err + told.out
    assert report.stat().st_mode & 0o777 == 0o600


def test_a_crash_that_cannot_be_reported_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    def crash(session: Session) -> int:
        raise RuntimeError

    (home / ".local/state/vaultui").touch()
    monkeypatch.setattr(verbs, "find", lambda _verb: crash)
    assert run(["list", "--json"], refuse_to_start) == 11
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "internal-error"
    assert "could not be written" in error["hint"]


def test_ctrl_c_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(session: Session) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "find", lambda _verb: interrupted)
    assert run(["lock", "Work"], refuse_to_start) == 15
    assert "`vaultui lock` was cancelled." in capsys.readouterr().err


def test_the_callers_signal_handlers_are_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    assert run(["list"], refuse_to_start) == 0
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before
