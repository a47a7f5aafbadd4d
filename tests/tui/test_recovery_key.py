"""Proves that a recovery key is shown once, and proven to be readable where it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from driver import Driver, Running
from standin import StandIn
from standinkeys import RECOVERY_TEXT
from support import eventually

from vaultui.model.secret import Secret
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.veil import unveiled
from vaultui.tui.widgets.qrcode import QrCode
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.tui.widgets.secrettext import RecoveryKeyText

pytestmark = pytest.mark.anyio

GROUPS = RECOVERY_TEXT.split("-")
SIDE = 33
"""Modules of a QR code of this length, and the least of a small terminal."""


async def to_the_key(driver: Driver) -> None:
    """Have a recovery key made for Work, the first vault."""
    await driver.press("K")
    await driver.sees("Make a recovery key")
    await driver.press("r")
    await driver.comes_to("add-key")
    await driver.type("secret")
    await driver.press("enter")
    await driver.comes_to("recovery-key")


async def test_it_is_shown_in_numbered_groups_and_wiped_when_it_closes(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_key(driver)
        await driver.sees(f"1 {GROUPS[0]} 2 {GROUPS[1]}")
        await driver.sees(f"13 {GROUPS[12]}")
        secret = driver.app.screen.query_one(RecoveryKeyText)._secret
        modules = driver.app.screen._key.qr
        await driver.press("escape")
        await driver.hears("The recovery key was not checked.")
        await driver.comes_to("keys")
        await eventually(lambda: not secret and not modules)


async def test_a_screenshot_shows_dots_in_its_place_also_behind_another_dialog(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_key(driver)
        for key in ("", "q", "escape", "s"):
            if key:
                await driver.press(key)
            picture = unveiled(driver.app.export_screenshot()).decode()
            assert not [group for group in GROUPS if group in picture]
            assert "▀" not in picture
        assert GROUPS[0] not in repr(driver.app.screen_stack)


async def test_it_can_neither_be_selected_nor_copied(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_key(driver)
        shown = driver.app.screen.query_one(RecoveryKeyText)
        await driver.pilot.mouse_down(shown, (3, 1))
        await driver.pilot.hover(shown, (30, 2))
        await driver.pilot.mouse_up(shown, (30, 2))
        await driver.press("ctrl+c")
        assert driver.app.clipboard == ""


async def test_it_is_typed_back_out_of_sight_and_its_mistakes_are_mended(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_key(driver)
        await driver.press("t")
        await driver.comes_to("try-key")
        assert GROUPS[5] not in driver.text
        field = driver.app.screen.query_one(SecretInput)
        field._append(RECOVERY_TEXT[:-1].encode())
        await driver.press("X", "enter")
        await driver.sees("The recovery key has a mistake in group 13")
        await driver.press("backspace", RECOVERY_TEXT[-1], "enter")
        await driver.hears("The recovery key opens Work.")
        await driver.comes_to("keys")


async def test_the_password_in_its_place_proves_nothing(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_key(driver)
        await driver.press("t")
        await driver.comes_to("try-key")
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("Work is not opened by this recovery key.")
        await driver.press("escape")
        await driver.comes_to("recovery-key")
        await driver.sees(GROUPS[5])


async def test_the_qr_code_fits_into_80_by_24_and_needs_no_theme(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults, size=(80, 24)) as driver:
        await to_the_key(driver)
        await driver.press("q")
        await driver.comes_to("qr-code")
        code = driver.app.screen.query_one(QrCode)
        assert code.region.size == code.cells == (SIDE + 8, (SIDE + 9) // 2)
        assert driver.app.screen.region.contains_region(code.region)
        segments = [segment for strip in code.render_lines(code.region.reset_offset)
                    for segment in strip]  # fmt: skip
        colours = {(s.style.color.name, s.style.bgcolor.name) for s in segments}
        assert colours == {("#000000", "#ffffff")}
        await driver.press("escape")
        await driver.sees(GROUPS[0])


async def test_a_terminal_that_is_too_small_says_what_the_qr_code_needs(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults, size=(80, 20)) as driver:
        await to_the_key(driver)
        await driver.press("q")
        await driver.sees("needs a terminal of 43 columns and 23 rows; this one has 80 and 20.")
        await driver.pilot.resize_terminal(80, 23)
        await eventually(lambda: driver.app.screen.query_one(QrCode).display)
        await driver.loses("needs a terminal")


@pytest.mark.parametrize("ascii_only", [False, True], ids=["half-blocks", "ascii"])
def test_every_module_of_a_qr_code_is_drawn_where_it_belongs(ascii_only: bool) -> None:
    modules = bytearray((row * 7 + column * column) % 3 == 0 for row in range(SIDE)
                        for column in range(SIDE))  # fmt: skip
    code = QrCode(Glyphs(ascii_only), Secret(bytearray(modules)), id="qr")
    lines = [unveiled(code.render_line(y).text).decode() for y in range(code.cells.height)]
    dark = read_ascii(lines) if ascii_only else read_halves(lines)
    expected = {
        (row + 4, column + 4)
        for row in range(SIDE)
        for column in range(SIDE)
        if modules[row * SIDE + column]
    }
    assert dark == expected
    assert not any(letter in code.render_line(9).text for letter in " ▀▄█")


def read_halves(lines: list[str]) -> set[tuple[int, int]]:
    """Return rows and columns of the dark modules."""
    upper = {(2 * y, x) for y, line in enumerate(lines) for x, c in enumerate(line) if c in "▀█"}
    lower = {(2 * y + 1, x) for y, line in enumerate(lines)
             for x, c in enumerate(line) if c in "▄█"}  # fmt: skip
    return upper | lower


def read_ascii(lines: list[str]) -> set[tuple[int, int]]:
    dark = set()
    for row, line in enumerate(lines):
        cells = line.replace("\x1b[7m \x1b[27m", "#")
        assert set(cells) <= {" ", "#"}
        assert cells[::2] == cells[1::2]
        dark |= {(row, column) for column, cell in enumerate(cells[::2]) if cell == "#"}
    return dark


async def test_a_sheet_for_printing_is_for_its_owner_and_never_written_over(
    running: Running, vaults: StandIn, tmp_path: Path
) -> None:
    async with running(vaults) as driver:
        await to_the_key(driver)
        await driver.press("s")
        await driver.comes_to("sheet-form")
        sheet = tmp_path / "key.svg"
        field = driver.app.screen.query_one("#path")
        field.value = str(sheet)
        await driver.press("enter")
        await driver.hears(f"The sheet is {sheet}.")
        await driver.comes_to("recovery-key")
        assert sheet.stat().st_mode & 0o777 == 0o600
        assert GROUPS[0] in sheet.read_text()
        await driver.press("s")
        await driver.comes_to("sheet-form")
        driver.app.screen.query_one("#path").value = str(sheet)
        await driver.press("enter")
        await driver.sees("exists")
