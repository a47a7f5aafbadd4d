"""Settings looked at and changed, over a real file in a home of the test's own."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from vaultui.model.errors import (
    SettingsUnsaved,
    SettingUnknown,
    SettingValueInvalid,
    VaultExists,
    VaultUnknown,
)
from vaultui.model.ids import VaultId
from vaultui.vaults import AutoLock, SettingKind, SettingRow, VaultEntry, Vaults, editor
from vaultui.vaults.desktop import terminal_command
from vaultui.vaults.desktopentries import entry_name
from vaultui.vaults.paths import default_paths
from vaultui.vaults.registry import Registry
from vaultui.vaults.setting import PROGRAM, VAULT
from vaultui.wire.autolock import LockOn, WhenBusy


@pytest.fixture
def vaults(home: Path) -> Vaults:
    registry = Registry(default_paths())
    for number, name in enumerate(("Work", "Photos")):
        cipherdir = home / f"{name}.c"
        cipherdir.mkdir()
        place = str(home / "Vaults" / name)
        registry.add(VaultEntry(VaultId(f"{number:016x}"), name, str(cipherdir), place))
    return Vaults.open()


def change(vaults: Vaults, key: str, value: str, name: str | None = None) -> SettingRow:
    return asyncio.run(vaults.settings.set(key, value, name))


def config() -> str:
    return default_paths().config_file.read_text()


def test_without_a_file_everything_is_as_the_manual_says() -> None:
    rows = Vaults.open().settings.rows()
    assert {row.key for row in rows} == set(PROGRAM)
    assert not any(row.given for row in rows)
    assert {row.key: row.text for row in rows if row.text} == {
        "theme": "dark",
        "ascii": "false",
        "refresh": "1s",
        "idle_timeout": "never",
        "open_for": "never",
        "lock_on": "sleep, screen, logout",
        "when_busy": "retry",
        "notify": "true",
        "vaults_dir": "~/Vaults",
        "privileged_containers": "false",
    }


def test_every_setting_has_a_sentence_and_a_default_that_is_right() -> None:
    for setting in (*PROGRAM.values(), *VAULT.values()):
        assert setting.sentence
        if setting.default != "":
            setting.meaning(setting.default)


@pytest.mark.parametrize(
    ("key", "typed", "text"),
    [
        ("theme", "light", "light"),
        ("ascii", "Yes", "true"),
        ("refresh", "2s", "2s"),
        ("idle_timeout", "90m", "1h30m"),
        ("lock_on", "screen, sleep", "screen, sleep"),
        ("lock_on", "none", ""),
        ("when_busy", "lazy", "lazy"),
        ("vaults_dir", "~/Offen", "~/Offen"),
        ("keys.vault.lock", "x,f4", "x,f4"),
    ],
)
def test_what_is_typed_is_understood_and_stands_in_the_file(
    vaults: Vaults, key: str, typed: str, text: str
) -> None:
    row = change(vaults, key, typed)
    assert (row.text, row.given) == (text, True)
    assert Vaults.open().settings.row(key) == row
    default = asyncio.run(vaults.settings.unset(key))
    assert not default.given
    assert "\n" + key.removeprefix("keys.") not in config()


@pytest.mark.parametrize(
    ("key", "typed", "reason"),
    [
        ("theme", "pink", "one of dark, light"),
        ("ascii", "perhaps", "true or false"),
        ("idle_timeout", "15", "which unit"),
        ("lock_on", "sleep,lunch", "no lunch"),
        ("language", "xx", "the languages are en, de"),
    ],
)
def test_what_a_setting_cannot_be_is_refused_with_the_reason(
    vaults: Vaults, key: str, typed: str, reason: str
) -> None:
    before = config()
    with pytest.raises(SettingValueInvalid) as invalid:
        change(vaults, key, typed)
    assert reason in invalid.value.summary
    assert config() == before


def test_a_vault_goes_by_the_program_until_it_has_its_own(vaults: Vaults) -> None:
    change(vaults, "when_busy", "kill")
    change(vaults, "lock_on", "sleep")
    row = vaults.settings.row("when_busy", "Work")
    assert (row.text, row.given, row.setting.inherited) == ("kill", False, True)
    assert vaults.entry("Work").autolock == AutoLock((LockOn.SLEEP,), WhenBusy.KILL)
    change(vaults, "when_busy", "leave", "Work")
    assert vaults.entry("Work").autolock.when_busy is WhenBusy.LEAVE
    assert vaults.entry("Photos").autolock.when_busy is WhenBusy.KILL


def test_hooks_are_commands_of_a_vault_whatever_commas_they_have(vaults: Vaults) -> None:
    row = change(vaults, "before_lock", "sync -a a,b ;; notify 'done, now'", "Work")
    assert row.text == "sync -a a,b ;; notify 'done, now'"
    assert 'before_lock = ["sync -a a,b", "notify \'done, now\'"]' in config()
    assert Vaults.open().entry("Work").hooks.before_lock == ("sync -a a,b", "notify 'done, now'")
    assert vaults.entry("Photos").hooks.before_lock == ()
    assert row.setting.at_unlock
    change(vaults, "before_lock", "none", "Work")
    assert vaults.entry("Work").hooks.before_lock == ()


def test_how_long_vaults_are_open_at_most_is_as_the_program_has_it_or_a_vaults_own(
    vaults: Vaults,
) -> None:
    change(vaults, "open_for", "2h")
    change(vaults, "open_for", "30m", "Photos")
    assert vaults.entry("Work").open_for_s == 7200
    assert vaults.entry("Photos").open_for_s == 1800
    change(vaults, "open_for", "never", "Photos")
    assert vaults.entry("Photos").open_for_s == 0


def test_a_name_that_is_not_known_is_told_with_those_that_are_near(vaults: Vaults) -> None:
    with pytest.raises(SettingUnknown) as unknown:
        change(vaults, "them", "light")
    assert "theme" in unknown.value.hint
    with pytest.raises(SettingUnknown):
        change(vaults, "theme", "light", "Work")
    with pytest.raises(VaultUnknown):
        vaults.settings.rows("Nothing")


def test_renaming_a_vault_takes_its_mount_point_and_its_menu_entry_along(
    vaults: Vaults, home: Path
) -> None:
    (entry_file,) = [
        file
        for file in vaults.machine.install_desktop("Work")
        if file.name == entry_name(vaults.entry("Work").id)
    ]
    change(vaults, "name", "Office", "Work")
    assert vaults.entry("Office").mountpoint == str(home / "Vaults" / "Office")
    assert "Unlock Office" in entry_file.read_text()
    with pytest.raises(SettingValueInvalid):
        change(vaults, "name", "Photos", "Office")


def test_a_mount_point_of_another_vault_or_over_the_ciphertext_is_refused(
    vaults: Vaults, home: Path
) -> None:
    before = config()
    with pytest.raises(VaultExists):
        change(vaults, "mountpoint", str(home / "Vaults" / "Photos"), "Work")
    with pytest.raises(Exception, match="cipher directory"):
        change(vaults, "mountpoint", str(home), "Work")
    assert config() == before


def test_what_a_vault_needs_stays(vaults: Vaults) -> None:
    with pytest.raises(SettingValueInvalid):
        asyncio.run(vaults.settings.unset("cipherdir", "Work"))
    with pytest.raises(SettingValueInvalid):
        change(vaults, "name", "", "Work")


def test_an_empty_text_takes_a_setting_out(vaults: Vaults) -> None:
    change(vaults, "key_file", "/media/stick/key", "Work")
    assert vaults.entry("Work").key_file == "/media/stick/key"
    assert not change(vaults, "key_file", "", "Work").given
    assert vaults.entry("Work").key_file == ""


def test_nothing_is_written_over_a_file_with_a_typo(vaults: Vaults) -> None:
    file = default_paths().config_file
    file.write_text(config() + "\n[[vault]\n")
    with pytest.raises(SettingsUnsaved):
        change(vaults, "theme", "light")
    assert vaults.settings.program.theme == "dark"
    assert vaults.settings.check() is not None


def test_a_typo_made_in_the_editor_is_told(
    vaults: Vaults, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = home / "editor"
    editor.write_text('#!/bin/sh\necho "theme = light" > "$2"\ntest "$1" = -w\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", f"{editor} -w")
    error = asyncio.run(vaults.settings.edit())
    assert error is not None
    assert os.fspath(default_paths().config_file) in error.summary
    assert [entry.name for entry in vaults.entries()] == ["Work", "Photos"]


def test_an_editor_or_a_terminal_with_an_open_quotation_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VISUAL", 'vi "x')
    monkeypatch.setenv("EDITOR", "cat -A")
    assert editor.editor() == ["cat", "-A"]
    assert terminal_command("foot 'x") == terminal_command("no such program")


def test_order_and_favourites_stand_in_the_file(vaults: Vaults) -> None:
    vaults.listing.move("Photos", 0)
    assert [entry.name for entry in Vaults.open().entries()] == ["Photos", "Work"]
    vaults.listing.favour("Work", True)
    assert Vaults.open().entry("Work").favourite
    assert [entry.name for entry in Vaults.open().entries()] == ["Work", "Photos"]
    assert config().index('\nname = "Photos"') < config().index('\nname = "Work"')
    vaults.listing.favour("Work", False)
    vaults.listing.move("Photos", 99)
    assert [entry.name for entry in vaults.entries()] == ["Work", "Photos"]
    assert "favourite" not in config()


def test_mount_points_that_move_are_guarded_at_their_new_place_and_given_back_at_the_old(
    vaults: Vaults, home: Path
) -> None:
    old, new = home / "Vaults" / "Work", home / "Offen" / "Work"
    for folder in (old, new):
        folder.mkdir(parents=True, mode=0o700)
    vaults.settings._guard.protect(str(old))
    change(vaults, "vaults_dir", str(home / "Offen"))
    assert (old.stat().st_mode & 0o777, new.stat().st_mode & 0o777) == (0o700, 0o500)


def test_new_vaults_are_as_the_program_has_it(vaults: Vaults, home: Path) -> None:
    change(vaults, "vaults_dir", str(home / "Offen"))
    change(vaults, "idle_timeout", "15m")
    assert vaults.entry("Work").mountpoint == str(home / "Offen" / "Work")
    assert vaults.entry("Work").idle_timeout_s == 900.0
    assert vaults.settings.row("idle_timeout", "Work").setting.kind is SettingKind.TIME
