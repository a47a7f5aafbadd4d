"""Volumes for tests of the mount backend itself: made once, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desktopbus import Desktop, desktop
from mounting import Vaultfs


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty volume that nobody changes."""
    volume = Vaultfs(tmp_path_factory.mktemp("pristine"))
    volume.create()
    return volume.cipherdir


@pytest.fixture
def volume(tmp_path: Path, pristine: Path) -> Vaultfs:
    """Return a volume of the test's own with an empty mount point, not mounted."""
    own = Vaultfs(tmp_path)
    shutil.copytree(pristine, own.cipherdir)
    own.mountpoint.mkdir()
    return own


@pytest.fixture
def mounted(volume: Vaultfs) -> Iterator[Vaultfs]:
    """Return the same, mounted, with a control socket at `base/ctl`."""
    volume.mount_options = ("-ctlsock", str(volume.base / "ctl"))
    with volume:
        yield volume


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desktop]:
    """Return two buses for all tests, with somebody logged in."""
    with desktop(tmp_path_factory.mktemp("desktop")) as made:
        yield made


@pytest.fixture
def at(machine: Desktop, monkeypatch: pytest.MonkeyPatch) -> Desktop:
    """Return the desktop that a backend of this test finds."""
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    machine.forget()
    return machine
