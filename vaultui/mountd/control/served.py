"""What is known about the mount that this process serves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vaultui.cipherfs.tree import Tree
from vaultui.mountd.activity import Activity
from vaultui.mountd.control.guards import Guards
from vaultui.mountd.control.idle import Clock
from vaultui.mountd.eventring import EventRing
from vaultui.wire.control import Hold
from vaultui.wire.handshake import MountSpec


@dataclass
class Served:
    """One mount and everything that is known about it."""

    spec: MountSpec
    root: str
    """The mount point as the mount table spells it: without symbolic links. Of a descriptor
    that was handed over, its path: where it is mounted nobody told us."""
    filesystem: Tree
    activity: Activity
    events: EventRing
    clock: Clock
    guards: Guards
    idle_warning_s: float = 0.0
    """So long before the idle lock it is announced; 0 for not at all."""
    features: tuple[str, ...] = ()
    derivation_s: float = 0.0
    """What deriving the key took, in seconds."""
    mount_id: int = 0
    opened_at: float = field(default_factory=time.time)
    busy_reason: str = ""
    """Who held it when the idle lock was due, until nobody does."""
    waits_to_lock: list[str] = field(default_factory=list)
    """Why it is locked as soon as nobody uses it, the oldest reason first."""
    holds: list[Hold] = field(default_factory=list)
    """The processes that it is kept open for, the oldest first. `Holds` alone changes it."""
    deadline: float = 0.0
    """When it is locked whoever uses it, on CLOCK_BOOTTIME; 0 for never."""
    umask: int = 0o077
    """The file mode mask that this process had before it served."""
    temporary: bool = False
    """It locks itself when the last of them has ended."""

    @property
    def name(self) -> str:
        """What people call it: the vault, or without one the mount point."""
        return self.spec.vault_name or self.spec.mountpoint
