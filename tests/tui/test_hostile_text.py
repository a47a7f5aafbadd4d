"""Proves that no name, path or message from outside is taken for markup, or breaks the screen."""

from __future__ import annotations

import os

import pytest
from driver import Driver, Running
from standin import StandIn

from vaultui.model.errors import MountFailed
from vaultui.model.states import VaultState
from vaultui.tui.wording import shown
from vaultui.vaults import Event, EventKind, Holder, KeyringState, OpenFile

pytestmark = pytest.mark.anyio

MARKUP = "[red]x[/]"
NOT_UTF8 = os.fsdecode(b"caf\xe9 \x1b[31m")
WIDE = "金庫" * 40
TURNED = "photo\u202egpj.exe"
UNCLOSED = "[/nothing] [@click=app.quit]press[/] $primary"

# Short ones share a name: all of it is drawn, and each part would break something of its own.
NAMES = [MARKUP + NOT_UTF8, UNCLOSED, WIDE, "tab\tline\nfeed" + TURNED]


def hostile(name: str) -> StandIn:
    """Return vaults with `name` in every place that comes from outside."""
    vaults = StandIn()
    vaults.keyring.now = KeyringState(label=name, usable=True)
    vaults.put(
        name,
        state=VaultState.BUSY,
        cipherdir=f"/srv/{name}",
        mountpoint=f"/mnt/{name}",
        explanation=f"because of {name}",
        idle_timeout_s=60.0,
        open_files=(OpenFile(f"dir/{name}", 1, True),),
    )
    vaults.put(f"{name}2", state=VaultState.BROKEN, explanation=name, log_lines=(name,))
    vaults.put(f"{name}3", state=VaultState.LOCKED)
    vaults.busy[name] = [Holder(1, name, 0, "open", f"/mnt/{name}/{name}")]
    vaults.logs[name] = [f"log {name}"]
    vaults.tasks.put(name, name, name, argv=(name,))
    vaults.timeline[name] = [Event(1, 0.0, EventKind.CORRUPT_CONTENT, path=name, detail=name)]
    return vaults


async def everything(driver: Driver) -> None:
    """Open every pane and every dialog, and say every sentence that holds a name."""
    await driver.press("escape")
    for tab in "123456":
        driver.app.screen.query_one("#vaults").focus()
        await driver.press(tab)
    driver.app.screen.query_one("#vaults").focus()
    await driver.press("y", "l", "x", "escape", "z", "escape", "escape")
    await driver.press("j", "l", "R", "j", "u")
    await driver.press("escape", "d", "escape", "L", "escape", "a", "escape", "G")
    await driver.press("v", "escape", "V", "escape", "D", "escape", "space", "u", "escape")
    await driver.press("5", "x", "escape", "r", "escape", "escape")
    await driver.press("ctrl+p")
    await driver.type("lock")
    await driver.press("escape", "slash")
    await driver.type("[x")
    await driver.press("enter", "escape")
    driver.app.flows.using.explain(MountFailed(path=MARKUP, reason=NOT_UTF8, raw=UNCLOSED))
    await driver.pilot.pause()
    await driver.press("f2", "escape")


CASES = [(name, (120, 32)) for name in NAMES]
CASES += [(name, size) for name in (MARKUP + "a" * 300, WIDE) for size in ((60, 20), (80, 24))]


@pytest.mark.parametrize(("name", "size"), CASES, ids=range(len(CASES)))
async def test_every_pane_and_dialog_takes_any_text(
    running: Running, name: str, size: tuple[int, int]
) -> None:
    async with running(hostile(name), size) as driver:
        if size[0] < 80:
            await driver.press("6", "5", "4", "3", "2", "1", "escape", "u", "escape", "l", "escape")
        else:
            await everything(driver)
        assert driver.app.crash is None
        for line in driver.text.splitlines():
            line.encode()  # what cannot be written to the terminal would raise here


async def test_a_name_that_looks_like_markup_is_shown_as_it_is(running: Running) -> None:
    async with running(hostile(MARKUP), (140, 40)) as driver:
        await driver.sees(f"dir/{MARKUP}")
        assert driver.text.count(MARKUP) >= 8
        assert f"keyring: {MARKUP}" in driver.flat_text
        assert f"dir/{MARKUP}" in driver.text
        await driver.press("l")
        await driver.comes_to("busy")
        await driver.sees(f"{MARKUP} is in use")
        await driver.press("escape", "j", "j", "d")
        await driver.comes_to("forget")
        await driver.sees(f"Delete its password from {MARKUP}")
        await driver.press("escape")
        await driver.comes_to("home")
        await driver.press("y")
        await driver.hears(MARKUP)
        await driver.press("ctrl+p")
        await driver.type("unlock")
        await driver.sees(f"Unlock {MARKUP}3")


async def test_bytes_that_are_not_utf8_are_spelled_out(running: Running) -> None:
    async with running(hostile(NOT_UTF8)) as driver:
        await driver.sees("caf\\xe9 \\x1b[31m")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("Ü 金庫 é", "Ü 金庫 é"),
        (os.fsdecode(b"\xff"), "\\xff"),
        ("a\tb\n\x7f", "a\\x09b\\x0a\\x7f"),
        ("x\u202ey", "x\\u202ey"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_shown_is_spelled_out(text: str, expected: str) -> None:
    assert shown(text) == expected
