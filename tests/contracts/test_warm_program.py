"""The program that is forked and not started: whoever runs it must not see a difference."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import program, run_program
from warmprogram import Warm


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm(program("vaultui")) as running:
        yield running


@pytest.mark.parametrize(
    "words", [("status", "--json"), ("status", "Work"), ("nonsense",), ("settings", "--help")]
)
def test_it_says_and_returns_what_a_started_one_does(warm: Warm, words: tuple[str, ...]) -> None:
    started = run_program((program("vaultui"), *words))
    for _again in range(2):
        assert warm.run(words, 30) == started


def test_it_lives_where_and_with_what_it_is_asked(
    warm: Warm, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.c").mkdir()
    (tmp_path / "work.c" / "gocryptfs.conf").touch()
    done = warm.run(("add", "work.c", "--name", "Work"), 30)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    assert run_program((program("vaultui"), "add", "work.c", "--name", "Work")) == done
    written = [sorted(path.name for path in top.rglob("*")) for top in (config, tmp_path / "other")]
    assert written[0] == written[1]


def test_one_that_does_not_end_is_killed_with_all_that_it_started(
    warm: Warm, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "password")
    words = ("create", str(tmp_path / "new.c"), "--password-file", str(tmp_path / "password"))
    with pytest.raises(AssertionError, match=r"did not end within 0\.5 seconds"):
        warm.run(words, 0.5)
    assert warm.run(("status",), 30).returncode == 0


def test_what_is_read_before_the_first_line_asks_for_a_start(
    warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warm.fits()
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert not warm.fits()
