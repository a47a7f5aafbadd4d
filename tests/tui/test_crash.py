"""Proves what is left of the application when something happens that nobody expected."""

from __future__ import annotations

import traceback
from contextlib import AbstractAsyncContextManager

import pytest
from driver import Driver, Running
from standin import StandIn
from support import eventually
from textual.worker import WorkerFailed

from vaultui.tui.app import VaultuiApp

pytestmark = pytest.mark.anyio


async def _fails() -> None:
    raise ZeroDivisionError


async def test_a_crash_beside_the_keys_is_reported_as_what_happened_there(
    running: Running, vaults: StandIn
) -> None:
    app = await _crashed(running(vaults))
    assert isinstance(app.crash, ZeroDivisionError)
    assert traceback.extract_tb(app.crash.__traceback__)[-1].name == "_fails"


async def _crashed(running: AbstractAsyncContextManager[Driver]) -> VaultuiApp:
    """Run the application until a worker of its own fails."""
    try:
        async with running as driver:
            driver.app.background(_fails, group="crash")
            await eventually(lambda: driver.app.crash is not None)
    except WorkerFailed:  # by Textual's harness, which raises what ended the application
        return driver.app
    raise AssertionError("it did not crash")
