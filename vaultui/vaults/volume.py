"""The use cases about a volume: described, measured, copied from, checked, and looked into.

A key goes to a backend, or to a one-shot command of it; none is derived here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from vaultui.model.secret import Secret
from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults import configcopy, sides, volumecommands
from vaultui.vaults.drill import Drilled, DrillStep, drill
from vaultui.vaults.extent import Extent, extent_of
from vaultui.vaults.key import Key
from vaultui.vaults.outcomes import PathAnswer
from vaultui.wire.control import Conflicts
from vaultui.wire.oneshot import Checked, CheckMessage, VolumeInfo

if TYPE_CHECKING:
    from vaultui.vaults.service import Vaults


class Volume:
    """What lies in the cipher directory of a vault."""

    def __init__(self, vaults: Vaults, control: Callable[[str], Awaitable[ControlClient]]) -> None:
        """Take how a client of an open vault's backend is had; that raises NotOpen."""
        self._vaults = vaults
        self._control = control

    async def path(self, name: str, path: str) -> PathAnswer:
        """Return both sides of a path of an open vault, tried as plaintext, then as ciphertext.

        An absolute path below the mount point or the cipher directory says its side itself.
        """
        client = await self._control(name)
        return await sides.both_sides(client, await self._vaults.status(name), path)

    async def conflicts(self, name: str) -> Conflicts:
        """Return the conflict copies of sync clients in an open vault."""
        return await (await self._control(name)).conflicts()

    async def info(self, name: str) -> VolumeInfo:
        """Return what the volume config says; needs no password."""
        return await volumecommands.info(self._vaults.entry(name))

    async def extent(self, name: str) -> Extent:
        """Return how much there is in a cipher directory; takes as long as listing all of it."""
        return await extent_of(self._vaults.entry(name).cipherdir)

    async def export_config(self, name: str, path: str) -> str:
        """Copy a volume config to a new file and return its path; raises FileNotMade."""
        return await configcopy.export(self._vaults.entry(name), path)

    async def check(
        self,
        name: str,
        key: Key,
        on_message: Callable[[CheckMessage], None] | None = None,
    ) -> Checked:
        """Read the whole volume and return the counts; damage is reported as it is found."""
        return await volumecommands.check(self._vaults.entry(name), key, on_message)

    async def drill(
        self,
        name: str,
        recovery_key: Secret,
        on_step: Callable[[DrillStep], None] = lambda _step: None,
    ) -> Drilled:
        """Open a vault by its recovery key alone, read some of it, and lock it again.

        Where it is open already the key is verified, and nothing else is done. Raises as
        `Keys.verify_recovery` and `Vaults.unlock`.
        """
        return await drill(self._vaults, name, recovery_key, on_step)
