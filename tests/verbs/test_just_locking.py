"""A vault that was open for a task and locks itself while somebody wants it: it is opened anew."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import PASSWORD, Shell
from support import eventually, mountpoints_below

from vaultui.linux import process
from vaultui.model.secret import Secret
from vaultui.model.states import VaultState
from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults import Key, UnlockOptions, Vaults
from vaultui.wire.control import Held, Hold

pytestmark = needs("fuse", "gocryptfs")


def key() -> Key:
    return Key(Secret(bytearray(PASSWORD.encode())))


def test_an_unlock_for_a_task_meets_a_vault_that_locks_itself_and_opens_it(
    shell: Shell, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(["sleep", "60"]) as first, subprocess.Popen(["sleep", "60"]) as second:
        ask = ControlClient.hold

        async def ask_too_late(client: ControlClient, hold: Hold) -> Held:
            """Ask when the last hold has just ended, which the status did not know of yet."""
            first.kill()
            await eventually(lambda: not mountpoints_below(work), 20, "it has locked itself")
            return await ask(client, hold)

        async def both() -> None:
            vaults = Vaults.open()
            with key() as opens:
                await vaults.unlock("Work", opens, options=_for(first))
            monkeypatch.setattr(ControlClient, "hold", ask_too_late)
            with key() as opens:
                unlocked = await vaults.unlock("Work", opens, options=_for(second))
            assert (unlocked.already, unlocked.status.state) == (False, VaultState.OPEN)
            second.kill()
            await eventually(lambda: not mountpoints_below(work), 20, "it has locked itself")

        asyncio.run(both())


def _for(holder: subprocess.Popen[bytes]) -> UnlockOptions:
    start = process.start_time(holder.pid)
    return UnlockOptions(hold=Hold(holder.pid, start, "sleep"))
