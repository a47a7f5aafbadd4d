"""What the tests of the application share: running it without a terminal, on a still clock."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support import eventually

from vaultui.tui.app import VaultuiApp

sys.path.insert(0, str(Path(__file__).parent))

from driver import Clock, Driver, Running
from standin import EPOCH, StandIn, demo
from stillness import still_pilot


@pytest.fixture
def anyio_backend() -> str:
    """Textual runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def fixed_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """One time zone and no wish about colours, whatever the machine has."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()


@pytest.fixture(autouse=True)
def stillness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are pressed one after the other as soon as the application has done with each."""
    still_pilot(monkeypatch)


@pytest.fixture
def vaults(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return the three vaults of the pictures: one open, one locked, one held."""
    monkeypatch.setenv("HOME", "/home/ada")
    return demo()


@pytest.fixture
def running() -> Running:
    """Return what starts the application on vaults and waits for its first states."""

    @asynccontextmanager
    async def start(
        vaults: object, size: tuple[int, int] = (120, 32), *, real_clock: bool = False, **options
    ) -> AsyncIterator[Driver]:
        clock = Clock()
        app = VaultuiApp(
            vaults,
            clock=time.monotonic if real_clock else clock,
            wall_clock=time.time if real_clock else lambda: EPOCH,
            **options,
        )
        app.animation_level = "none"  # nobody watches, and each key waits for what still moves
        driver = Driver(app, clock)
        async with app.run_test(size=size) as driver.pilot:
            await eventually(lambda: app.live.loaded and app.keyring is not None)
            await driver.pilot.pause()
            yield driver

    return start
