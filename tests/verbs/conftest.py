"""What the tests of the verbs share: a volume that the real gocryptfs made, and the program."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import leftovers
import pytest
from secretservice import session_bus
from shelltwin import PASSWORD, RealVolume, Shell
from support import Gocryptfs, detach, program
from warmprogram import Warm

from vaultui.vaults.adding import new_entry
from vaultui.vaults.paths import default_paths
from vaultui.vaults.registry import Registry


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    made = tmp_path / "password"
    made.write_text(PASSWORD + "\n")
    return made


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    with Warm(program("vaultui")) as running:
        yield running


@pytest.fixture
def shell(home: Path, password_file: Path, tmp_path: Path, warm: Warm) -> Iterator[Shell]:
    """Yield the program; what is still open at the end is locked or, if need be, detached."""
    shell = Shell(home, password_file, warm)
    yield shell
    if leftovers.describe(home, tmp_path):
        shell("lock", "--all", "--kill")
        detach(home)
        detach(tmp_path)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty volume that nobody changes."""
    volume = Gocryptfs(tmp_path_factory.mktemp("pristine"), password=PASSWORD.encode())
    volume.create()
    return volume.cipherdir


@pytest.fixture
def volume(tmp_path: Path, password_file: Path, pristine: Path) -> RealVolume:
    """Return a volume of the test's own."""
    shutil.copytree(pristine, tmp_path / "work.c")
    return RealVolume(tmp_path / "work.c", password_file)


@pytest.fixture
def work(shell: Shell, volume: RealVolume) -> Path:
    """Register the volume as Work; return its default mount point."""
    paths = default_paths()
    Registry(paths).add(new_entry(paths, [], str(volume.cipherdir), name="Work"))
    return shell.home / "Vaults" / "Work"


@pytest.fixture
def bus(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a D-Bus session of the test's own into its environment."""
    with session_bus(home) as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield
