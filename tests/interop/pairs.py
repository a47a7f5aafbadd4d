"""Two programs that meet over one volume."""

from __future__ import annotations

from dataclasses import dataclass

from support import MountedVolume


@dataclass(frozen=True)
class Pair:
    """Who makes the volume, and who comes second."""

    maker: type[MountedVolume]
    other: type[MountedVolume]
