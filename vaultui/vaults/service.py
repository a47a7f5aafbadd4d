"""The use cases: everything that the shell twin and the application can do with vaults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vaultui.model.errors import VaultuiError
from vaultui.model.secret import Secret
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.outcomes import (
    Created,
    Finding,
    KeyringState,
    LockMode,
    LockOutcome,
    PathAnswer,
    Unlocked,
    UnlockOptions,
)
from vaultui.vaults.paths import Paths, default_paths
from vaultui.vaults.status import VaultStatus
from vaultui.wire.control import Events
from vaultui.wire.handshake import Checked, CheckProgress, Damage, StepName, VolumeInfo

if TYPE_CHECKING:
    from vaultui.linux.holders import Holder
    from vaultui.vaults.watch import Watch

StepReport = Callable[[StepName, str], None]
"""Called with each step of an unlock and with the words that show it to a person."""


class Vaults:
    """The vaults of one user. Several of these, in several processes, may work at once.

    Methods raise `VaultuiError` and nothing else for what can go wrong outside. None of
    them touches a mount point in the calling thread, so none hangs on a hung mount.
    """

    settings_warning: VaultuiError | None = None
    """Set when the settings file has a typo: the last good copy is in use."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    @classmethod
    def open(cls, paths: Paths | None = None) -> Self:
        """Return the vaults of the current user, or those of `paths`."""
        return cls(paths or default_paths())

    # -- what is known --------------------------------------------------------------------

    def entries(self) -> list[VaultEntry]:
        """Return the known vaults in the order of the settings file, which is read anew."""
        raise NotImplementedError

    def entry(self, name: str) -> VaultEntry:
        """Return the vault called `name`; raises VaultUnknown with the names that are near."""
        raise NotImplementedError

    async def statuses(self) -> list[VaultStatus]:
        """Return the state of every vault, all looked at together; takes at most ~2 s."""
        raise NotImplementedError

    async def status(self, name: str) -> VaultStatus:
        """Return the state of one vault."""
        raise NotImplementedError

    def watch(self) -> Watch:
        """Return a watch whose descriptor becomes readable when the state may have changed."""
        raise NotImplementedError

    # -- open and close -------------------------------------------------------------------

    async def unlock(
        self,
        name: str,
        password: Secret,
        *,
        options: UnlockOptions | None = None,
        on_step: StepReport | None = None,
    ) -> Unlocked:
        """Open a vault; success too when it is open already, also through a second caller.

        The caller wipes `password`. Cancelling ends the backend that was starting. A broken
        mount of this vault is repaired first.
        """
        raise NotImplementedError

    async def lock(self, name: str, mode: LockMode = LockMode.POLITE) -> LockOutcome:
        """Close a vault; success too when it is locked already.

        Raises MountBusy with the holders in its details. Cancelling WAIT leaves it open.
        """
        raise NotImplementedError

    async def repair(self, name: str) -> VaultStatus:
        """Detach a dead mount, clear what its backend left behind, and return the new state."""
        raise NotImplementedError

    async def recover(self) -> list[VaultStatus]:
        """Detach every dead mount of ours and return the states found before that."""
        raise NotImplementedError

    async def extend(self, name: str, seconds: float) -> float | None:
        """Put the idle lock off by at least `seconds` and return the seconds left."""
        raise NotImplementedError

    async def pause(self, name: str, paused: bool) -> None:
        """Stop the idle clock of an open vault, or let it run again."""
        raise NotImplementedError

    async def events(self, name: str, since: int = 0) -> Events:
        """Return the events of an open vault's backend after number `since`."""
        raise NotImplementedError

    # -- who holds it ---------------------------------------------------------------------

    async def holders(self, name: str) -> list[Holder]:
        """Return the processes that use an open vault; empty when it is not mounted."""
        raise NotImplementedError

    async def signal_holder(self, holder: Holder, signal: int) -> None:
        """Send a signal to the very process that was listed, never to a reused pid."""
        raise NotImplementedError

    # -- passwords ------------------------------------------------------------------------

    async def keyring_state(self) -> KeyringState:
        """Return which keyring there is and whether it can be used."""
        raise NotImplementedError

    async def saved_password(self, name: str, timeout_s: float = 60.0) -> Secret | None:
        """Return the saved password, or None when none is saved; the caller wipes it.

        Raises KeyringUnavailable, KeyringLocked or KeyringTimeout.
        """
        raise NotImplementedError

    async def save_password(self, name: str, password: Secret) -> KeyringState:
        """Save a password, read it back, and return where it is kept."""
        raise NotImplementedError

    async def forget_password(self, name: str) -> bool:
        """Delete a saved password; False when there was none."""
        raise NotImplementedError

    # -- the registry ---------------------------------------------------------------------

    async def add(
        self,
        cipherdir: str,
        *,
        name: str | None = None,
        mountpoint: str | None = None,
        idle_timeout_s: float = 0.0,
        read_only: bool = False,
        config_path: str = "",
    ) -> VaultEntry:
        """Register an existing volume. Without a name, that of its directory is taken."""
        raise NotImplementedError

    async def create(
        self,
        cipherdir: str,
        password: Secret,
        *,
        name: str | None = None,
        mountpoint: str | None = None,
        idle_timeout_s: float = 0.0,
    ) -> Created:
        """Make a new volume in an empty or new directory and register it."""
        raise NotImplementedError

    async def forget(self, name: str) -> VaultEntry:
        """Take a locked vault out of the registry; its files stay. Raises AlreadyOpen.

        The saved password stays too: `forget_password` is a wish of its own.
        """
        raise NotImplementedError

    # -- the volume -----------------------------------------------------------------------

    async def path(self, name: str, path: str) -> PathAnswer:
        """Return both sides of a path of an open vault, tried as plaintext, then as ciphertext.

        An absolute path below the mount point or the cipher directory says its side itself.
        """
        raise NotImplementedError

    async def info(self, name: str) -> VolumeInfo:
        """Return what the volume config says; needs no password."""
        raise NotImplementedError

    async def check(
        self,
        name: str,
        password: Secret,
        on_message: Callable[[CheckProgress | Damage], None] | None = None,
    ) -> Checked:
        """Read the whole volume and return the counts; damage is reported as it is found."""
        raise NotImplementedError

    async def change_password(self, name: str, old: Secret, new: Secret) -> None:
        """Change the password of a volume; a saved password is replaced by the new one."""
        raise NotImplementedError

    # -- the machine ----------------------------------------------------------------------

    def log_path(self, name: str) -> Path:
        """Return where the log of a vault's backend is; it may not exist yet."""
        raise NotImplementedError

    async def log_tail(self, name: str, lines: int = 200) -> list[str]:
        """Return the last lines of a vault's log, oldest first."""
        raise NotImplementedError

    def locate(self, what: str) -> Path:
        """Return the path of "config", "log", "runtime" or "state"."""
        raise NotImplementedError

    def discover(self) -> list[Path]:
        """Return volumes on this machine that are not registered, in the likely places."""
        raise NotImplementedError

    async def doctor(self) -> list[Finding]:
        """Return what was looked at on this machine and how each finding is mended."""
        raise NotImplementedError

    async def open_folder(self, name: str) -> bool:
        """Show an open vault in the file manager; False when there is none."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what this object holds; open vaults stay open."""
