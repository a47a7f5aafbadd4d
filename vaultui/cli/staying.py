"""A vault that is open for as long as we run, as a service manager wants it."""

from __future__ import annotations

from vaultui.cli.describe import open_sentence
from vaultui.cli.output import place, shown
from vaultui.cli.session import Session
from vaultui.model.errors import HookFailed, MountBusy
from vaultui.model.language import _
from vaultui.vaults import LockMode, VaultStatus
from vaultui.vaults.servicemanager import tell


def wait_for_drive(session: Session, name: str) -> None:
    """Return when the cipher directory of a vault is there."""
    where = place(session.vaults.entry(name).cipherdir)
    waiting = _("Waiting for {path}…", path=where)
    session.output.step(shown(waiting))
    tell(f"STATUS={waiting}")
    session.run(session.vaults.until_there(name))
    session.output.clear_step()


def stay(session: Session, status: VaultStatus) -> int:
    """Say that a vault is ready, and return when it is locked; told to end, lock it."""
    name = status.entry.name
    try:
        tell("READY=1", f"STATUS={open_sentence(status, already=False)}")
        session.run(session.vaults.until_locked(name))
    except KeyboardInterrupt:
        tell("STOPPING=1")
        _lock(session, name)
    return 0


def _lock(session: Session, name: str) -> None:
    """Lock politely, or else out of sight: whoever told us to end does not wait for others."""
    try:
        session.run(session.vaults.lock(name))
    except (MountBusy, HookFailed) as error:
        session.output.error(error)
        session.run(session.vaults.lock(name, LockMode.LAZY, skip_hooks=True))
