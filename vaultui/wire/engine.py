"""What the runner of a container is told that a container engine makes: Docker, or Podman.

engine.json in the directory of the task, an EngineSpec, mode 0600
engine.asked beside it, from before the engine is asked until the container is gone again
"""

from __future__ import annotations

from typing import Any

from vaultui.model.records import record

ENGINE_FILE = "engine.json"
ASKED_FILE = "engine.asked"
"""Whoever finds it has a container to remove, or one that is just being made."""


@record(frozen=True)
class EngineSpec:
    address: str
    """Path of the Unix socket that the engine listens on."""
    api_version: str
    name: str
    """Of the container. It is known before the container is there, so that one can't be lost."""
    vault_name: str
    vault: str
    """Its mount point, the source of the first mount in `config`."""
    config: dict[str, Any]
    """What the Docker Engine API takes to create a container (its version 1.41)."""
    terminal: bool = False
    interactive: bool = False
    root_alone: bool = False
    """The vault lets nobody in but the container's root."""
    left_out: tuple[str, ...] = ()
    """Sources of binds that are not there."""
