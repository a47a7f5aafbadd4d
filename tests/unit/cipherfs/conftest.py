"""Volumes for these tests, on a disk and in memory: the two differ in what they can do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from openvolume import OpenVolume, create
from volumemaking import OLD, secret

from vaultui.cipherfs import volume


@pytest.fixture(autouse=True)
def no_umask() -> Iterator[None]:
    """What the mount backend runs with: modes arrive from the kernel with it applied."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(params=["disk", "memory"])
def cipherdir(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Return the directory of a new volume."""
    if request.param == "disk":
        create(tmp_path / "cipher")
        yield tmp_path / "cipher"
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        create(Path(directory, "cipher"))
        yield Path(directory, "cipher")


@pytest.fixture
def vault(cipherdir: Path) -> Iterator[OpenVolume]:
    """Return a new volume, opened."""
    opened = OpenVolume(cipherdir)
    yield opened
    opened.close()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Return an empty directory."""
    cipherdir = tmp_path / "cipher"
    cipherdir.mkdir()
    return cipherdir


@pytest.fixture
def made(empty: Path) -> Path:
    """Return the directory of a volume that has the password OLD."""
    volume.create(empty, secret(OLD), 10).wipe()
    return empty
