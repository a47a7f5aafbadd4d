"""The shell twin in another language: people read it, programs do not."""

from __future__ import annotations

import pytest
from shelltwin import Shell

GERMAN = {"LC_ALL": "de_DE.UTF-8"}


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GERMAN.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("german")
def test_people_are_told_in_german_and_programs_in_english(shell: Shell) -> None:
    told = shell("unlock", "Steuer")
    assert told.check(41).text.startswith("vaultui: Einen Tresor namens Steuer gibt es nicht.")
    assert shell.error("unlock", "Steuer")["summary"] == "There is no vault called Steuer."


@pytest.mark.usefixtures("german")
def test_help_and_mistakes_on_the_command_line_are_told_in_german(shell: Shell) -> None:
    told = shell("lock", "--help").check().text
    assert "Aufruf: vaultui lock" in told
    assert "diese Hilfe zeigen" in told
    assert "Diese Argumente fehlen: NAME." in shell("unlock").check(1).text
    assert "The following arguments are required" in shell.error("unlock")["summary"]


def test_the_language_of_the_settings_comes_before_the_locale(shell: Shell) -> None:
    shell("settings", "set", "language", "de").check()
    assert "gibt es nicht" in shell("lock", "Steuer").text
    shell("settings", "unset", "language").check()
    assert "There is no vault" in shell("lock", "Steuer").text
