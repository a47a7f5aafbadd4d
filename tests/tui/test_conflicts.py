"""Proves how conflict copies are listed in the application."""

from __future__ import annotations

import pytest
from driver import Running
from standin import StandIn

from vaultui.vaults import ConflictCopy

pytestmark = pytest.mark.anyio

COPY = ConflictCopy(
    "Letters/ada (conflicted copy 2026-01-31 120000).odt", "Letters/ada.odt", "C1/C2 (conflicted)"
)
OWN = ConflictCopy("Letters/gocryptfs (conflicted).diriv", "", "C1/gocryptfs (conflicted).diriv")


async def test_copies_are_listed_with_their_originals_and_their_paths_copied(
    running: Running, vaults: StandIn
) -> None:
    vaults.volume.conflict_copies["Work"] = (COPY, OWN)
    async with running(vaults) as driver:
        await driver.press("C")
        await driver.comes_to("conflicts")
        await driver.sees("2 conflict copies. Each lies beside its original.")
        await driver.sees(f"{COPY.path} of Letters/ada.odt")
        await driver.sees(f"{OWN.path} of a file of the volume's own")
        await driver.press("enter")
        status = await vaults.status("Work")
        await driver.hears(f"Copied: {status.mountpoint}/{COPY.path}")
        await driver.press("down", "enter")
        await driver.hears(f"Copied: {status.entry.cipherdir}/{OWN.cipher_path}")


async def test_a_vault_without_copies_says_so(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("C")
        await driver.comes_to("conflicts")
        await driver.sees("There are no conflict copies")
        await driver.press("escape")
        await driver.comes_to("home")


async def test_a_locked_vault_is_not_searched(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("j", "C")
        await driver.hears("Taxes is locked, not open.")
