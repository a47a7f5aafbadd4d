"""What the tests of the verbs share: a volume that the real gocryptfs made, and the program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from secretservice import session_bus
from shelltwin import PASSWORD, RealVolume, Shell
from support import CHEAP_SCRYPT, detach, run_program


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    made = tmp_path / "password"
    made.write_text(PASSWORD + "\n")
    return made


@pytest.fixture
def shell(home: Path, password_file: Path, tmp_path: Path) -> Iterator[Shell]:
    """Yield the program; what is still open at the end is locked or, if need be, detached."""
    shell = Shell(home, password_file)
    yield shell
    shell("lock", "--all", "--kill")
    detach(home)
    detach(tmp_path)


@pytest.fixture
def volume(tmp_path: Path, password_file: Path) -> RealVolume:
    cipherdir = tmp_path / "work.c"
    cipherdir.mkdir()
    words = ("gocryptfs", "-init", "-q", *CHEAP_SCRYPT, "-passfile", password_file, cipherdir)
    run_program(words).check()
    return RealVolume(cipherdir, password_file)


@pytest.fixture
def work(shell: Shell, volume: RealVolume) -> Path:
    """Register the volume as Work; return its default mount point."""
    shell("add", volume.cipherdir, "--name", "Work").check()
    return shell.home / "Vaults" / "Work"


@pytest.fixture
def bus(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a D-Bus session of the test's own into its environment."""
    with session_bus(home) as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield
