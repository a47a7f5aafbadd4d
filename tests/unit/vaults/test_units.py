"""Names and words of units, held against the tools of systemd itself."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from capabilities import needs
from hypothesis import example, given
from hypothesis import strategies as st
from programs import run_program

from vaultui.vaults import units
from vaultui.vaults.units import Units

NAMES = ["Work", "a b", "a-b", ".hidden", "a.b_c:d", "100%", "Bücher", "\\x41", "日記", '"q"']


@needs("systemd-analyze")
def test_names_are_escaped_as_systemd_does() -> None:
    done = run_program(("systemd-escape", "--", *NAMES)).check()
    assert [units.escaped(name) for name in NAMES] == shlex.split(
        done.stdout.decode().replace("\\", "\\\\")
    )


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"])))
@example(".")
@example("-")
def test_a_name_comes_back_as_it_was(name: str) -> None:
    escaped = units.escaped(name)
    assert units.unescaped(escaped) == name
    assert "/" not in escaped
    assert "-" not in escaped


@pytest.mark.parametrize(
    ("word", "written"),
    [("Work", '"Work"'), ('a "b"', '"a \\"b\\""'), ("50%", '"50%%"'), ("a\\b", '"a\\\\b"')],
)
def test_words_of_a_command_are_what_systemd_makes_of_them(word: str, written: str) -> None:
    line = units.command("run", word)
    assert line.startswith(':"')
    assert line.endswith(f' "run" {written}')


def test_units_go_with_the_links_to_them_and_others_stay(tmp_path: Path) -> None:
    own = Units(tmp_path / "user")
    (tmp_path / "user" / "timers.target.wants").mkdir(parents=True)
    stranger = tmp_path / "user" / "timers.target.wants" / "backup.timer"
    stranger.symlink_to("/dev/null")
    own.write("vaultui-a.timer", ["[Timer]"])
    own.enable("vaultui-a.timer", "timers.target", "vaultui-a.timer")
    own.enable("vaultui-a.timer", "timers.target", "vaultui-a.timer")
    assert own.is_enabled("vaultui-a.timer", "timers.target")
    assert own.lines("vaultui-*.timer") == {"vaultui-a.timer": ["[Timer]"]}
    removed = own.remove("vaultui-*")
    assert sorted(path.name for path in removed) == ["vaultui-a.timer"] * 2
    assert stranger.is_symlink()
    assert own.remove("vaultui-*") == []


def test_places_that_were_moved_are_told_to_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/srv/50% conf")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert units.environment() == ['Environment="XDG_CONFIG_HOME=/srv/50%% conf"']
    assert Units().directory == Path("/srv/50% conf/systemd/user")
