"""What a vault is in at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from vaultui.model.states import VaultState
from vaultui.vaults.entry import VaultEntry
from vaultui.wire.control import Status
from vaultui.wire.runrecords import ExitState


@dataclass(frozen=True)
class VaultStatus:
    """One vault's state with everything that explains it."""

    entry: VaultEntry
    state: VaultState
    mounted: bool = False
    """The mount table lists it, dead or alive. A broken vault's mount may be gone already."""
    mountpoint: str = ""
    """Where it is open now, which a single unlock may have chosen; else the entry's."""
    read_only: bool = False
    """As it is open now; else the entry's."""
    backend_pid: int | None = None
    keeper_pid: int | None = None
    keeper_alive: bool = False
    opened_at: float | None = None
    """Seconds since the epoch."""
    idle_timeout_s: float = 0.0
    idle_left_s: float | None = None
    """None without an idle lock, while paused, and while open files keep the vault active."""
    idle_paused: bool = False
    last_activity_s: float | None = None
    """Seconds since the last one."""
    open_files: int | None = None
    """None when it is not known: nothing is open, or the backend does not answer."""
    bytes_read: int = 0
    bytes_written: int = 0
    rss_bytes: int | None = None
    explanation: str = ""
    """One sentence on why it is broken, missing, hung or busy; empty otherwise."""
    exit: ExitState | None = None
    """How the last backend ended, where its keeper could tell."""
    log_lines: tuple[str, ...] = ()
    """The last lines of the log, when the vault is broken."""
    detail: Status | None = None
    """The backend's own words, while it answers."""
