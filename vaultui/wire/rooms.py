"""A room: namespaces of a task's own, and what is in them before the task begins.

The warden makes the room. Its first process is the init of a pid namespace, so that whatever
ends it ends all that is in the room, and with the last of it the mounts of the room are gone.

    warden                    init of the room              mount backend        task
       │ ── fork ──▶             │                              │                  │
       │   maps of users ──▶     │  mount namespace, view       │                  │
       │                         │ ── fork, exec ──▶            │  MountSpec on 4  │
       │   (front end)  ◀── Starting, Step, Ready on notify ─── │                  │
       │   GO ──────────────────▶│ ── fork ─────────────────────────────────────▶  │
       │ ◀── how it ended ───────│  ends all the others, the backend last, and itself
"""

from __future__ import annotations

from dataclasses import dataclass

from vaultui.wire.attributes import IdRange, Namespace


@dataclass(frozen=True)
class Bind:
    """Part of one tree shown in another place. One that is missing is told and left out."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class View:
    """A root directory of the room's own. Nothing of the old one can be reached from it."""

    root: str = ""
    """A directory with a system, seen read-only; empty for the one that we run on."""
    binds: tuple[Bind, ...] = ()
    """In their order; the first for a target wins."""
    hidden: tuple[str, ...] = ()
    """Directories that are shown empty: homes, and the runtime directories of users."""


@dataclass(frozen=True)
class RoomBackend:
    """A mount backend that lives in the room alone; its MountSpec is the payload of the shim."""

    argv: tuple[str, ...]
    env: dict[str, str]
    mountpoint: str
    grace_s: float = 5.0
    """What it gets to unmount when the task has ended."""


@dataclass(frozen=True)
class RoomSpec:
    namespaces: tuple[Namespace, ...]
    uid_maps: tuple[IdRange, ...] = ()
    """Of a user namespace, for whoever is not root."""
    gid_maps: tuple[IdRange, ...] = ()
    backend: RoomBackend | None = None
    """None: the vault is open already."""
    view: View | None = None
    """None: the system as it is, with the private mount in it."""
