"""The application in German: it is said, and the longer words have their room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from driver import Driver, Running
from rich.cells import cell_len
from standin import StandIn
from support import eventually
from textual.content import Content
from textual.widgets import Static

from vaultui.model import language

pytestmark = pytest.mark.anyio

NARROW = (60, 20)
_BORDER_CELLS = 6


@pytest.fixture(autouse=True)
def german(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    yield
    language.speak()


async def test_the_home_screen_is_in_german(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        for words in (
            "3 Tresore · 2 offen",
            "● offen",
            "○ gesperrt",
            "▲ belegt",
            "Übersicht Prozesse Verlauf Pfade Aufgaben Log",
            "u Entsperren l Sperren",
        ):
            await driver.sees(words)
        await driver.press("j", "e")
        await driver.hears("Taxes ist nicht offen, sondern gesperrt.")


async def test_a_change_of_the_language_needs_no_new_start(
    running: Running, vaults: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(vaults) as driver:
        await driver.press("question_mark")
        await driver.sees("Den Tresor sperren")
        await driver.press("escape")
        monkeypatch.setenv("LC_ALL", "C.UTF-8")
        driver.app.settings_changed()
        await driver.press("question_mark")
        await driver.sees("Lock the vault")


@pytest.mark.parametrize(
    "keys",
    [
        ["j", "u"],
        ["n"],
        ["a"],
        ["P"],
        ["K"],
        ["K", "a"],
        ["L"],
        ["exclamation_mark"],
        ["r"],
        ["j", "A"],
    ],
    ids="".join,
)
async def test_no_word_of_a_dialog_is_cut_off_in_a_narrow_terminal(
    running: Running, vaults: StandIn, keys: list[str]
) -> None:
    async with running(vaults, NARROW) as driver:
        await driver.press(*keys)
        await eventually(lambda: driver.app.screen.query(".dialog"), what="the dialog")
        assert _cut_off(driver) == []


async def test_no_head_of_the_list_is_cut_off(running: Running, vaults: StandIn) -> None:
    for size in (NARROW, (80, 24), (120, 40)):
        async with running(vaults, size) as driver:
            await driver.sees("Zustand Name Leerlauf")
            head = next(line for line in driver.text.splitlines() if "Zustand" in line)
            assert "…" not in head.partition("╮")[0], head


def _cut_off(driver: Driver) -> list[str]:
    """Return the labels, titles and lines of keys that have not all of their room."""
    screen = driver.app.screen
    box = screen.query_one(".dialog")
    titles = [
        Content.from_markup(str(title)).plain for title in (box.border_title, box.border_subtitle)
    ]
    labels = [label for label in screen.query(".label").results(Static) if label.region.width]
    return [
        *(text for text in titles if cell_len(text) > box.region.width - _BORDER_CELLS),
        *(
            str(label.content)
            for label in labels
            if cell_len(str(label.content)) > label.content_size.width
        ),
    ]
