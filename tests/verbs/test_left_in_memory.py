"""Nothing that opens a vault stays where it was used: not in memory, files, or on the terminal.

The drill `secrets` does the same in every way to open, make and break a vault.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs
from programs import program
from secrethunt import Hunt, locked_bytes
from shelltwin import Shell
from support import Gocryptfs, mountpoints_below
from terminal import Terminal
from tracing import Traced
from volumekeys import volume_keys

from vaultui.vaults.adding import new_entry
from vaultui.vaults.paths import default_paths
from vaultui.vaults.registry import Registry

pytestmark = needs("fuse", "gocryptfs", "ptrace")

KEYS_OF_AN_OPEN_VAULT = {"content_key", "names_key"}


@pytest.fixture
def password() -> str:
    return secrets.token_urlsafe(24)


@pytest.fixture
def volume(home: Path, password: str) -> Gocryptfs:
    """Return a volume that is registered as Work."""
    made = Gocryptfs(home, password=password.encode(), cipherdir=home / "work.c")
    made.create()
    paths = default_paths()
    Registry(paths).add(new_entry(paths, [], str(made.cipherdir), name="Work"))
    return made


@pytest.fixture
def work(home: Path) -> Path:
    return home / "Vaults" / "Work"


def test_what_was_typed_and_pasted_is_gone_from_the_application(
    shell: Shell, home: Path, volume: Gocryptfs, password: str
) -> None:
    typed = secrets.token_urlsafe(24)
    hunt = Hunt(typed=typed.encode(), pasted=volume.password)
    with Terminal((program("vaultui"),), size=(120, 36)) as terminal:
        terminal.wait_for("locked")
        terminal.type("u")
        terminal.wait_for("Cancel")
        terminal.type(f"{typed}\r")
        terminal.wait_for("Password incorrect")
        terminal.paste(password)
        terminal.type("\r")
        terminal.wait_for("is open at")
        assert_only_open_keys_are_there(volume, shell.status(), typed.encode())
        shell("lock", "Work").check()
        assert hunt.in_process(terminal.process.pid) == []
        terminal.process.terminate()
        assert terminal.wait() == 0
        assert hunt.search(terminal.shown.encode(), "the terminal") == []
    assert hunt.in_files(home.parent) == []


def test_no_process_of_an_unlock_ends_with_the_password_in_its_memory(
    shell: Shell, home: Path, volume: Gocryptfs, work: Path
) -> None:
    shell.password_file.write_bytes(volume.password + b"\n")
    keys = volume_keys(volume.cipherdir, volume.password)
    hunt = Hunt(password=volume.password, master_key=keys["master_key"])
    finds = []
    unlock = Traced(
        (program("vaultui"), "unlock", "Work", "--password-file", shell.password_file),
        at_end=lambda pid: finds.extend(hunt.in_process(pid)),
    )
    unlock.run(until=lambda: unlock.process.returncode is not None)
    unlock.let_go()
    assert mountpoints_below(work) == [str(work)]
    assert finds == []
    shell("lock", "Work").check()


def assert_only_open_keys_are_there(volume: Gocryptfs, status: Any, typed: bytes) -> None:
    """Look into backend and keeper of an open vault."""
    keys = volume_keys(volume.cipherdir, volume.password)
    hunt = Hunt(typed=typed, pasted=volume.password, **keys)
    backend = status["backend_pid"]
    assert {find.secret for find in hunt.in_process(backend)} == KEYS_OF_AN_OPEN_VAULT
    assert locked_bytes(backend) > 20 << 20, "keys can go to swap"
    assert hunt.in_process(status["keeper_pid"]) == []
