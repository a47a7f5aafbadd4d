"""Whoever started a mount backend, as serving a mount sees it."""

from __future__ import annotations

from typing import Protocol

from vaultui.format.volumeconf import VolumeConf
from vaultui.model.secret import Secret
from vaultui.wire.handshake import StepName


class Front(Protocol):
    """Whoever started us: a person at a command line, or the front end on its pipes."""

    has_token: bool
    """There is a FIDO2 token, for a volume that takes no password."""

    def secret(self, conf: VolumeConf | None) -> Secret:
        """Return what opens a volume with this config, or without one; asked for now."""

    def step(self, name: StepName) -> None:
        """Something that takes a while begins."""

    def ready(self, mountpoint: str, mount_id: int, derivation_s: float) -> None:
        """The mount answers. Called in the main thread, once."""
