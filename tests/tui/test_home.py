"""Proves the home screen: what it shows, that it is live, its keys, layouts and empty state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from driver import Driver, Running
from standin import StandIn
from standinvolume import INFO
from support import eventually
from textual.command import CommandPalette
from textual.widgets import Input

from vaultui.model.errors import SettingsInvalid
from vaultui.model.states import VaultState
from vaultui.tui.screens.home import HomeScreen
from vaultui.tui.theme import THEME_WORDS, THEMES
from vaultui.tui.widgets.detail import Detail
from vaultui.tui.widgets.titlebar import TitleBar
from vaultui.vaults import ProgramSettings
from vaultui.vaults.setting import THEMES as SETTINGS_THEMES

pytestmark = pytest.mark.anyio


def row_of(driver: Driver, name: str) -> str:
    """Return the line of the list that names a vault."""
    return next(line for line in driver.text.splitlines() if f" {name} " in line[:54])


async def test_the_list_says_state_name_countdown_and_files(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        assert "● open       Work         ▓▓▓░░░░ 07:12" in row_of(driver, "Work")
        assert "○ locked     Taxes        —" in row_of(driver, "Taxes")
        assert "▲ busy       Photos       due, held" in row_of(driver, "Photos")
        assert "17 │" in row_of(driver, "Photos")


async def test_the_title_counts_vaults_and_names_the_keyring(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        assert (
            "vaultui 3 vaults · 2 open keyring: GNOME Keyring ✓ auto-lock: idle ✓ sleep ✓ screen ✓"
            in driver.flat_text
        )


async def test_the_overview_shows_places_countdown_files_and_memory(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        for fact in (
            "Mounted at ~/Vaults/Work (rw)",
            "Cipher dir ~/Sync/work.c",
            "AES-256-GCM",
            "password · scrypt, 64 MiB",
            "Names encrypted",
            "07:12 of 15:00",
            "Memory 44.0 MiB",
            "Open files 2 last activity 7 min 48 s ago",
            "w plans/2024 budget.ods",
        ):
            await driver.sees(fact)


async def test_a_change_that_the_watch_reports_shows_without_waiting_for_the_clock(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await eventually(lambda: vaults.the_watch is not None)
        await vaults.lock("Work")
        vaults.the_watch.notify()
        await driver.sees("○ locked Work")


async def test_counters_are_refreshed_by_the_clock(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        vaults.change("Work", idle_left_s=431.0)
        assert "07:12" in row_of(driver, "Work")
        driver.clock.now += 1.0
        await eventually(lambda: "07:11" in row_of(driver, "Work"))


async def test_a_terminal_in_the_background_is_refreshed_less_often(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        driver.app.app_focus = False
        vaults.change("Work", idle_left_s=431.0)
        driver.clock.now += 2.0
        await driver.app.live.tick(focused=False)
        assert "07:12" in row_of(driver, "Work")
        driver.clock.now += 3.0
        await driver.app.live.tick(focused=False)
        await eventually(lambda: "07:11" in row_of(driver, "Work"))


async def test_freezing_stops_the_refresh_and_says_so(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("f")
        await driver.sees("frozen, f goes on")
        vaults.change("Work", idle_left_s=431.0)
        driver.clock.now += 10.0
        await driver.app.live.tick(focused=True)
        await driver.pilot.pause()
        assert "07:12" in row_of(driver, "Work")
        await driver.press("f")
        await eventually(lambda: "07:11" in row_of(driver, "Work"))


async def test_an_idle_lock_is_announced_once_when_it_comes_near(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        for left in (60.0, 59.0, 58.0):
            vaults.change("Work", idle_left_s=left)
            await driver.app.live.refresh()
        await driver.hears("Work locks in 1 min; E puts it off.")
        vaults.change("Work", idle_left_s=900.0)
        await driver.app.live.refresh()
        vaults.change("Work", idle_left_s=30.0)
        await driver.app.live.refresh()
        await driver.hears("Work locks in 30 s; E puts it off.")
        assert sum("E puts it off" in toast for toast in driver.toasts) == 2


async def test_rates_are_drawn_from_the_backends_counters(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        driver.clock.now += 1.0
        vaults.change("Work", bytes_read=(412 << 20) + (3 << 20))
        await driver.app.live.refresh()
        await driver.sees("3.0 MiB/s")
        assert "█" in driver.text


async def test_a_key_that_does_not_apply_says_why(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("u")
        await driver.hears("Work is open already.")
        await driver.press("j", "l")
        await driver.hears("Taxes is locked already.")
        await driver.press("e")
        await driver.hears("Taxes is locked, not open.")
        await driver.press("p")
        await driver.pilot.pause()
        assert driver.app.screen.query_one(Detail).active.id == "overview-pane"
        assert driver.toasts.count("Taxes is locked, not open.") == 2


async def test_keys_that_do_not_apply_are_dim(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        hints = {hint.label: hint.applies for hint in driver.app.screen.query_one("KeyBar")._hints}
        assert (hints["Unlock"], hints["Lock"], hints["Extend"]) == (False, True, True)
        await driver.press("j")
        hints = {hint.label: hint.applies for hint in driver.app.screen.query_one("KeyBar")._hints}
        assert (hints["Unlock"], hints["Lock"], hints["Extend"]) == (True, False, False)


async def test_extend_and_pause_reach_the_backend(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("e")
        await driver.hears("Work locks in 15 min at the earliest.")
        await driver.press("z")
        await driver.hears("The idle lock of Work is paused: it stays open.")
        await driver.sees("paused")
        await driver.press("z")
        await driver.hears("The idle lock of Work runs again.")


async def test_the_path_is_copied_and_the_folder_opened(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("y")
        assert driver.app.clipboard == "/home/ada/Vaults/Work"
        await driver.press("o")
        await eventually(lambda: "folder Work" in vaults.calls)


async def test_the_filter_narrows_the_list_and_esc_clears_it(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("slash")
        await driver.type("tax")
        await driver.loses("Photos")
        await driver.press("enter")
        assert driver.app.screen.selected_status.entry.name == "Taxes"
        await driver.press("escape")
        await driver.sees("Photos")


async def test_the_cursor_stays_on_its_vault_when_the_list_changes(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("j", "j")
        await vaults.lock("Work")
        await vaults.removal.forget("Work")
        await driver.app.live.refresh()
        await driver.loses("● open Work")
        assert driver.app.screen.selected_status.entry.name == "Photos"


async def test_moving_with_letters_and_ends(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        names = []
        for key in ("j", "k", "G", "g", "down"):
            await driver.press(key)
            names.append(driver.app.screen.selected_status.entry.name)
        assert names == ["Taxes", "Work", "Photos", "Work", "Taxes"]


async def test_enter_goes_into_an_open_vault_and_unlocks_a_locked_one(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("enter")
        assert driver.app.screen.query_one(Detail).has_focus_within
        await driver.press("shift+tab", "shift+tab")
        driver.app.screen.query_one("#vaults").focus()
        await driver.press("j", "enter")
        await driver.comes_to("unlock")


async def test_a_broken_vault_explains_itself_and_r_repairs_it(running: Running) -> None:
    vaults = StandIn()
    vaults.put(
        "Work",
        state=VaultState.BROKEN,
        explanation="Its backend was killed; the mount is dead.",
        log_lines=("the last line",),
    )
    async with running(vaults) as driver:
        await driver.sees("✖ broken")
        await driver.sees("Its backend was killed")
        await driver.sees("the last line")
        await driver.press("l")
        await driver.hears("Work is broken: R repairs it.")
        await driver.press("R")
        await driver.comes_to("confirm")
        await driver.sees("The dead mount of Work is gone. Unlock it again?")
        await driver.press("escape")
        await driver.sees("○ locked")


async def test_a_repaired_vault_can_be_unlocked_at_once(running: Running) -> None:
    vaults = StandIn()
    vaults.put("Work", state=VaultState.BROKEN, explanation="Its backend was killed.")
    async with running(vaults) as driver:
        await driver.press("R")
        await driver.comes_to("confirm")
        await driver.press("enter")
        await driver.comes_to("unlock")
        await driver.sees("Unlock Work")


async def test_a_missing_cipher_directory_is_explained(running: Running) -> None:
    vaults = StandIn()
    vaults.put("Stick", state=VaultState.MISSING, explanation="/media/stick is not there.")
    async with running(vaults) as driver:
        await driver.sees("◌ missing")
        await driver.sees("/media/stick is not there.")
        await driver.press("u")
        await driver.hears("The cipher directory of Stick is not there.")


async def test_a_drive_that_comes_back_is_described_after_all(running: Running) -> None:
    vaults = StandIn()
    vaults.put("Stick", state=VaultState.MISSING, explanation="/media/stick is not there.")
    async with running(vaults) as driver:
        await driver.sees("/media/stick is not there.")
        vaults.change("Stick", state=VaultState.LOCKED, explanation="")
        await driver.app.live.refresh()
        await driver.sees("password · scrypt, 64 MiB")


async def test_a_typo_in_the_settings_is_said_and_stays_visible(
    running: Running, vaults: StandIn
) -> None:
    vaults.settings_warning = SettingsInvalid(path="c.toml", line=3, column=7, reason="a typo")
    async with running(vaults) as driver:
        await driver.hears("c.toml, line 3, column 7: a typo.")
        await driver.sees("settings: last good copy")


async def test_the_empty_state_teaches_the_keys_and_offers_what_was_found(
    running: Running,
) -> None:
    vaults = StandIn()
    vaults.found = [Path("/srv/found.c"), Path("/srv/[red]x[/]")]
    async with running(vaults) as driver:
        await driver.sees("No vaults yet")
        await driver.sees("create a new vault")
        await driver.sees("/srv/[red]x[/]")
        await driver.press("u")
        await driver.hears("There is no vault yet")
        await driver.press("enter")
        await driver.comes_to("add")
        await driver.sees("/srv/found.c")


async def test_under_80_columns_the_list_stands_alone_and_enter_opens_the_detail(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults, (60, 20)) as driver:
        assert "Overview" not in driver.text
        await driver.press("enter")
        await driver.sees("Mounted at")
        assert "Photos" not in driver.text
        await driver.press("escape")
        await driver.sees("Photos")


async def test_a_digit_opens_its_pane_also_where_the_list_stands_alone(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults, (60, 20)) as driver:
        await driver.press("6")
        await driver.sees("extended: 900 s")


async def test_a_change_of_the_size_loses_neither_the_place_nor_what_was_typed(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults, (60, 20)) as driver:
        await driver.press("4")
        await eventually(lambda: driver.app.focused is not None)
        await driver.type("letters")
        for size in ((120, 30), (200, 60), (60, 20), (100, 12), (60, 20)):
            await driver.pilot.resize_terminal(*size)
            await driver.sees("letters")
            assert driver.app.focused.id == "path-question"
        await driver.type("x")
        await driver.sees("lettersx")
        await driver.press("escape")
        await driver.sees("Photos")


async def test_a_low_terminal_has_no_title_line(running: Running, vaults: StandIn) -> None:
    async with running(vaults, (100, 14)) as driver:
        assert not driver.app.screen.query_one(TitleBar).display


async def test_at_80_columns_all_tabs_are_whole(running: Running, vaults: StandIn) -> None:
    async with running(vaults, (80, 24)) as driver:
        await driver.sees("Overview Procs Activity Paths Tasks Log")


@pytest.mark.parametrize("colours", [True, False], ids=["in colours", "without colours"])
async def test_the_ascii_set_draws_nothing_but_ascii(
    running: Running, vaults: StandIn, monkeypatch: pytest.MonkeyPatch, colours: bool
) -> None:
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    async with running(vaults, ascii_only=True) as driver:
        for keys in ((), ("j", "j"), ("l",)):
            await driver.press(*keys)
            await driver.pilot.pause()
            odd = {character for character in driver.text if not character.isascii()}
            assert not odd, odd


async def test_without_colours_none_are_sent_and_the_cursor_is_still_seen(
    running: Running, vaults: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(vaults) as driver:
        assert "▲ busy" in driver.text
        strips = driver.app.screen._compositor.render_strips()
        ground = driver.app.screen.background_colors[1]
        for color_filter in driver.app._filters:
            if color_filter.enabled:
                strips = [strip.apply_filter(color_filter, ground) for strip in strips]
        segments = [segment for strip in strips for segment in strip]
        styles = [segment.style for segment in segments if segment.style]
        colours = {colour for style in styles for colour in (style.color, style.bgcolor) if colour}
        assert all(colour.is_default for colour in colours)
        reversed_text = "".join(
            segment.text for segment in segments if segment.style and segment.style.reverse
        )
        assert "Work" in reversed_text
        assert "Taxes" not in reversed_text


async def test_keys_can_be_remapped_by_their_ids(running: Running, vaults: StandIn) -> None:
    vaults.settings.program = ProgramSettings(keys={"vault.lock": "ctrl+l"})
    async with running(vaults) as driver:
        assert "ctrl+l Lock" in driver.flat_text
        await driver.press("ctrl+l")
        await driver.hears("Work is locked.")


async def test_keys_of_the_settings_may_be_written_as_they_are_typed(
    running: Running, vaults: StandIn
) -> None:
    keys = {"vault.processes": "ctrl+p, %", "vault.unknown": "x"}
    vaults.settings.program = ProgramSettings(keys=keys)
    async with running(vaults) as driver:
        await driver.hears("The settings give vault.unknown a key: no action is called so.")
        await driver.press("percent_sign")
        await eventually(lambda: driver.app.screen.query_one(Detail).active.id == "processes-pane")


async def test_a_change_of_the_settings_shows_at_once(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await eventually(lambda: vaults.the_watch is not None)
        vaults.settings.program = ProgramSettings(theme="light", keys={"vault.lock": "X"})
        vaults.the_watch.notify()
        await driver.sees("X Lock")
        assert driver.app.theme == "light"


async def test_letters_move_through_lists_in_dialogs_as_well(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("j", "j", "l")
        await driver.comes_to("busy")
        await eventually(lambda: driver.app.focused is not None)
        choices = driver.app.screen.query_one("#choices")
        await driver.press("G")
        last = choices.highlighted
        await driver.press("k")
        assert choices.highlighted == last - 1
        await driver.press("g")
        assert choices.highlighted == 0


async def test_between_two_looks_only_backends_are_asked(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        looks = vaults.looks
        driver.clock.now += 1.0
        await driver.app.live.tick(focused=True)
        assert (vaults.looks, vaults.counted_times) == (looks, 1)
        driver.clock.now += 5.0
        await driver.app.live.tick(focused=True)
        assert vaults.looks == looks + 1


async def test_a_vault_that_changed_by_the_way_is_looked_at_at_once(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await vaults.lock("Work")
        driver.clock.now += 1.0
        await driver.app.live.tick(focused=True)
        await driver.sees("○ locked Work")


async def test_quitting_leaves_open_vaults_open(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("q")
        await eventually(lambda: not driver.app.is_running)
    assert vaults.calls == []
    assert (await vaults.status("Work")).mounted


async def test_several_open_vaults_are_kept_apart_in_the_panes(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("6")
        await driver.sees("extended: 900 s")
        assert isinstance(driver.app.screen, HomeScreen)
        driver.app.screen.query_one("#vaults").focus()
        await driver.press("j", "j")
        await driver.sees("nothing logged yet")


async def test_the_overview_says_what_a_volume_is_made_of(running: Running) -> None:
    vaults = StandIn()
    vaults.put("Shared")
    vaults.volume.infos["Shared"] = replace(INFO, content="XChaCha20-Poly1305", names="plaintext")
    async with running(vaults) as driver:
        await driver.sees("Content XChaCha20-Poly1305")
        await driver.sees("Names in the clear")


async def test_an_encrypted_view_is_told_from_a_vault(running: Running) -> None:
    vaults = StandIn()
    vaults.put("View", cipherdir="/srv/documents", reverse=True, state=VaultState.OPEN)
    vaults.volume.infos["View"] = replace(INFO, content="AES-SIV-512")
    async with running(vaults) as driver:
        await driver.sees("Plain dir /srv/documents shown encrypted")
        await driver.sees("(ro)")


async def test_the_time_line_is_kept_when_the_vault_is_locked(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("3")
        await driver.sees("could not unlock Password incorrect.")
        await driver.sees("unlocked with the password of the keyring")
        await driver.sees("damaged content letters/to the bank.odt block 3")
        await driver.sees("idle lock put off 15 min")
        await vaults.lock("Work")
        vaults.logs["Work"].append("2023-11-14 22:13:20,000 INFO    locked: idle")
        await driver.app.live.refresh()
        await driver.sees("22:13:20 locked because nobody used it")
        await driver.sees("could not unlock Password incorrect.")


async def test_the_log_is_searched_and_saved(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("6")
        await driver.sees("extended: 900 s")
        await driver.press("slash")
        await driver.type("keeper")
        await driver.sees("2 of 9 lines")
        await driver.loses("extended: 900 s")
        await driver.press("enter", "w")
        await driver.hears("The log is saved as ~/vaultui-Work.log.")
        await driver.press("escape")
        await driver.sees("extended: 900 s")


async def test_a_paused_log_stands_still(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("6")
        await driver.sees("extended: 900 s")
        await driver.press("space")
        await driver.sees("paused, Space follows")
        vaults.logs["Work"].append("2023-11-14 22:13:20,000 INFO    locked: idle")
        await driver.app.live.refresh()
        await driver.pilot.pause()
        assert "22:13:20" not in driver.text
        await driver.press("space")
        await driver.sees("22:13:20,000 INFO locked: idle")


async def test_the_help_begins_with_the_keys_of_the_pane_that_one_is_in(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("6")
        await driver.sees("extended: 900 s")
        await driver.press("question_mark")
        await driver.sees("Log Space pause, or follow the end again")


async def test_the_palette_finds_a_vault_and_what_can_be_done_with_it(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("colon")
        await driver.sees("Lock Work")
        assert "Unlock Taxes" not in driver.flat_text
        await driver.type("unltax")
        await driver.sees("Unlock Taxes")
        await driver.press("enter")
        await driver.comes_to("unlock")
        await driver.sees("Unlock Taxes")


async def test_hundreds_of_vaults_are_scrolled_filtered_and_found(running: Running) -> None:
    vaults = StandIn()
    for number in range(300):
        vaults.put(f"Vault {number:03}")
    async with running(vaults) as driver:
        await driver.press("G")
        assert driver.app.screen.selected_status.entry.name == "Vault 299"
        assert "Vault 299" in driver.text
        assert "Vault 000" not in driver.text
        await driver.press("k", "pageup", "g", "slash")
        await driver.type("04")
        await driver.sees("Vault 204")
        await driver.press("enter", "G")
        assert driver.app.screen.selected_status.entry.name == "Vault 204"


async def test_colours_that_are_chosen_in_the_palette_are_kept_in_the_settings(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("colon")
        await driver.type("colours light")
        await driver.sees("Colours: Light")
        await driver.press("enter")
        await eventually(lambda: driver.app.theme == "light")
        assert vaults.settings.program.theme == "light"


def test_each_theme_of_the_settings_is_one_of_the_application() -> None:
    names = [theme.name for theme in THEMES]
    assert names == list(THEME_WORDS) == list(SETTINGS_THEMES)


async def test_keys_that_are_typed_fast_mean_the_vault_that_the_cursor_has_come_to(
    running: Running, vaults: StandIn
) -> None:
    vaults.put("Letters", state=VaultState.OPEN)
    async with running(vaults) as driver:
        for key in "Gkjl":
            driver.app.simulate_key(key)
        await driver.hears("Letters is locked.")
        assert vaults.calls == ["lock Letters polite"]


@pytest.mark.parametrize("before", ["", "6"], ids=["in the list", "in the log"])
async def test_what_is_typed_right_after_a_slash_locks_no_vault(
    running: Running, vaults: StandIn, before: str
) -> None:
    async with running(vaults) as driver:
        await driver.press(*before)
        for key in ("slash", "l", "k"):
            driver.app.simulate_key(key)
        field = driver.app.screen.query_one("#log-search" if before else "#filter", Input)
        await eventually(lambda: field.value == "lk")
        assert vaults.calls == []


async def test_what_is_typed_right_after_a_colon_locks_no_vault(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        for key in ("colon", "l"):
            driver.app.simulate_key(key)
        await eventually(lambda: isinstance(driver.app.screen, CommandPalette))
        await driver.pilot.pause()
        assert vaults.calls == []


@pytest.mark.parametrize(("pane", "field"), [("4", "#path-question"), ("6", "#log-search")])
async def test_a_slash_or_a_colon_in_a_field_of_a_pane_is_a_letter_like_others(
    running: Running, vaults: StandIn, pane: str, field: str
) -> None:
    async with running(vaults) as driver:
        await driver.press(pane)
        if pane == "6":
            await driver.press("slash")
        await eventually(lambda: f"#{getattr(driver.app.focused, 'id', '')}" == field)
        await driver.press("a", "slash", "b", "colon", "c")
        assert driver.app.screen.query_one(field, Input).value == "a/b:c"
