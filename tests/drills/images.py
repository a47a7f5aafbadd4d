"""Disks that are files: made, mounted, and copied for one round after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from programs import run_program


def make(image: Path, size: int, command: Sequence[str]) -> None:
    """Make an image of `size` bytes, with the file system that `command` makes."""
    with image.open("wb") as file:
        file.truncate(size)
    run_program((*command, image)).check()


def copy(image: Path, to: Path) -> None:
    """Copy an image, without writing what nobody ever wrote."""
    run_program(("cp", "--sparse=always", image, to)).check()


@contextmanager
def mounted(image: Path, mountpoint: Path) -> Iterator[Path]:
    """Mount an image at a directory, which is made if it is not there."""
    mountpoint.mkdir(exist_ok=True)
    run_program(("mount", "-o", "loop", image, mountpoint)).check()
    try:
        yield mountpoint
    finally:
        run_program(("umount", mountpoint)).check()
