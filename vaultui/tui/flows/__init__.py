"""What each action does: the dialogs it opens, the use case it calls, what it says at the end.

Called by the application with the state of the vault it applies to; whether it applies has
been decided by `actions`. Nothing here decides what a vault may do: `vaults` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from vaultui.model.errors import VaultuiError
from vaultui.tui.flows.idling import Idling
from vaultui.tui.flows.keys import KeyFlows
from vaultui.tui.flows.lending import Lending
from vaultui.tui.flows.listing import Listing
from vaultui.tui.flows.locking import Locking
from vaultui.tui.flows.noticing import Noticing
from vaultui.tui.flows.running import Running
from vaultui.tui.flows.settings import SettingsFlows
from vaultui.tui.flows.unlocking import Unlocking
from vaultui.tui.flows.using import Using
from vaultui.tui.flows.volume import VolumeFlows
from vaultui.vaults import VaultStatus

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp


class Flows:
    """One for an application: its flows by what they are about, and by the id of their action."""

    def __init__(self, app: VaultuiApp) -> None:
        self.unlocking = Unlocking(app)
        self.locking = Locking(app)
        self.idling = Idling(app)
        self.lending = Lending(app)
        self.using = Using(app)
        self.running = Running(app)
        self.listing = Listing(app)
        self.keys = KeyFlows(app)
        self.volume = VolumeFlows(app)
        self.settings = SettingsFlows(app)
        self.noticing = Noticing(app)
        self._with_vault: Mapping[str, Callable[[VaultStatus], None]] = {
            "vault.unlock": self.unlocking.ask,
            "vault.lock": self.locking.lock,
            "vault.shell": self.using.shell,
            "vault.private-shell": self.using.private_shell,
            "vault.run": self.running.ask,
            "vault.folder": self.using.folder,
            "vault.copy-path": self.using.copy_path,
            "vault.extend": self.idling.extend,
            "vault.pause": self.idling.pause,
            "vault.keys": self.keys.show,
            "vault.password": self.keys.change_password,
            "vault.forget-password": self.keys.forget_password,
            "vault.info": self.volume.info,
            "vault.check": self.volume.check,
            "vault.conflicts": self.using.conflicts,
            "vault.settings": self.settings.of_vault,
            "vault.favourite": self.listing.favour,
            "vault.up": self.listing.move_up,
            "vault.down": self.listing.move_down,
            "vault.forget": self.listing.forget,
            "vault.delete": self.listing.delete,
        }
        self._without: Mapping[str, Callable[[], None]] = {
            "vaults.add": self.listing.add,
            "vaults.create": self.listing.create,
            "vaults.import": self.listing.import_lists,
            "app.settings": self.settings.of_program,
            "vaults.lock-all": self.locking.lock_all,
            "vaults.panic": self.locking.panic,
            "vaults.extend": self.idling.extend_all,
        }
        self._repair = self.unlocking.repair

    def perform(self, action_id: str, status: VaultStatus | None) -> None:
        """Do an action, with the vault that is selected if it needs one."""
        if action_id == "vault.repair":
            self._repair(status)
        elif status is not None and action_id in self._with_vault:
            self._with_vault[action_id](status)
        else:
            self._without[action_id]()

    def explain(self, error: VaultuiError) -> None:
        """Show a failure with its cure, and its raw text under Details."""
        self.using.explain(error)

    async def close(self) -> None:
        """End what they began and the application does not outlive; open vaults stay open."""
        await self.volume.close()
        await self.locking.close()
