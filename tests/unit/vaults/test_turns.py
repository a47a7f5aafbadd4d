"""Turns at a vault: one holder at a time, shown to others, given back when its process dies."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from capabilities import needs
from ownnamespace import run_in_namespace
from support import wait_until

from vaultui.linux import mounting
from vaultui.model.errors import TimedOut
from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.vaults.paths import Paths, default_paths
from vaultui.vaults.turns import doing_now, turn

VAULT = VaultId("0" * 16)


@pytest.fixture
def paths() -> Paths:
    found = default_paths()
    found.ensure_runtime_dir()
    return found


def test_nobody_does_anything_before_the_first_turn(paths: Paths) -> None:
    assert doing_now(paths, VAULT) is None


def test_others_see_what_the_holder_does(paths: Paths) -> None:
    async def hold() -> VaultState | None:
        async with turn(paths, VAULT, VaultState.UNLOCKING):
            return doing_now(paths, VAULT)

    assert asyncio.run(hold()) is VaultState.UNLOCKING
    assert doing_now(paths, VAULT) is None


@needs("user-namespaces")
def test_a_vault_can_have_its_turn_where_there_is_no_room_left(paths: Paths) -> None:
    """A task that fills the runtime directory must not keep its vault from being locked."""

    async def hold() -> None:
        async with turn(paths, VAULT, VaultState.LOCKING):
            assert doing_now(paths, VAULT) is None

    def work() -> None:
        mounting.mount_tmpfs(str(paths.runtime_dir), 0o700, size="64k")
        with pytest.raises(OSError, match="No space left"):
            (paths.runtime_dir / "fill").write_bytes(bytes(1 << 20))
        asyncio.run(hold())

    run_in_namespace(work)


def test_two_turns_do_not_overlap(paths: Paths) -> None:
    inside: list[int] = []
    most = 0

    async def one() -> None:
        nonlocal most
        async with turn(paths, VAULT, VaultState.LOCKING):
            inside.append(1)
            most = max(most, len(inside))
            await asyncio.sleep(0)
            inside.pop()

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(5)))

    asyncio.run(all_of_them())
    assert most == 1


def test_turns_of_two_vaults_do_not_wait_for_each_other(paths: Paths) -> None:
    async def both() -> None:
        async with (
            turn(paths, VAULT, VaultState.LOCKING),
            turn(paths, VaultId("1" * 16), VaultState.LOCKING, wait_s=0),
        ):
            pass

    asyncio.run(both())


def test_waiting_for_a_turn_ends(paths: Paths) -> None:
    async def late() -> None:
        async with (
            turn(paths, VAULT, VaultState.LOCKING),
            turn(paths, VAULT, VaultState.LOCKING, wait_s=0.1),
        ):
            raise AssertionError("two turns at once")

    with pytest.raises(TimedOut):
        asyncio.run(late())


def test_a_failure_inside_gives_the_turn_back(paths: Paths) -> None:
    async def fail() -> None:
        async with turn(paths, VAULT, VaultState.LOCKING):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(fail())
    assert doing_now(paths, VAULT) is None


def test_the_kernel_gives_back_the_turn_of_a_killed_process(paths: Paths) -> None:
    script = (
        "import asyncio\n"
        "from vaultui.model.states import VaultState\n"
        "from vaultui.vaults.paths import default_paths\n"
        "from vaultui.vaults.turns import turn\n"
        "async def hold():\n"
        f"    async with turn(default_paths(), {VAULT!r}, VaultState.UNLOCKING):\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(hold())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], env=os.environ.copy()) as holder:
        wait_until(
            lambda: doing_now(paths, VAULT) is VaultState.UNLOCKING, what="it holds the turn"
        )
        holder.kill()
    assert doing_now(paths, VAULT) is None
