"""settings and order, as somebody types them."""

from __future__ import annotations

from pathlib import Path

from shelltwin import Shell

from vaultui.vaults.paths import default_paths


def test_settings_are_listed_changed_and_taken_out(shell: Shell, work: Path) -> None:
    file = default_paths().config_file
    file.write_text("# mine\n" + file.read_text())
    assert shell("settings", "set", "theme", "light").check().text == "theme is light now.\n"
    assert shell("settings", "get", "theme").check().text == "light\n"
    listed = shell.json("settings")
    assert listed["file"] == str(file)
    theme = next(row for row in listed["settings"] if row["key"] == "theme")
    assert (theme["value"], theme["given"]) == ("light", True)
    assert "* theme " in shell("settings").check().text
    assert not shell.json("settings", "unset", "theme")["given"]
    assert file.read_text().startswith("# mine\n")
    assert shell.error("settings", "set", "theme", "pink")["code"] == "setting-value-invalid"


def test_states_are_shown_in_plain_characters_where_the_settings_say_so(
    shell: Shell, work: Path
) -> None:
    assert not shell("status").check().text.isascii()
    shell("settings", "set", "ascii", "true").check()
    assert shell("status").check().text.isascii()


def test_settings_of_a_vault_take_effect_when_it_is_opened(shell: Shell, work: Path) -> None:
    done = shell("settings", "set", "--vault", "Work", "idle_timeout", "20m").check()
    assert "20m" in done.text
    shell.unlock()
    assert shell.status()["idle_timeout_s"] == 1200.0
    later = shell("settings", "set", "when_busy", "lazy", "--vault", "Work").check()
    assert b"until it is unlocked again" in later.stderr
    refused = shell.error("settings", "set", "name", "Office", "--vault", "Work")
    assert refused["code"] == "already-open"
    shell.json("lock", "Work")
    shell("settings", "set", "name", "Office", "--vault", "Work").check()
    assert shell.json("order", "Office", "1") == {"vaults": ["Office"]}
