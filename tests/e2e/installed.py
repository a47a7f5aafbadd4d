"""The verbs of vaultui as a test uses them, and what it asks most."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from support import Completed, program, run_program, wait_until


def vaultui(*words: str | os.PathLike[str], input: bytes = b"") -> Completed:  # noqa: A002
    """Run a verb to its end."""
    return run_program((program("vaultui"), *words), input, timeout=60)


def status(name: str) -> dict[str, Any]:
    """Return what `status --json` says of one vault."""
    vaults = json.loads(vaultui("status", "--json").check().stdout)["vaults"]
    (found,) = (vault for vault in vaults if vault["name"] == name)
    result: dict[str, Any] = found
    return result


def becomes(name: str, state: str) -> dict[str, Any]:
    """Wait until a vault is in a state; return its status."""

    def reached() -> dict[str, Any] | None:
        found = status(name)
        return found if found["state"] == state else None

    found = wait_until(reached, 20, f"{name} is {state}")
    assert found is not None
    return found


def password_file(base: Path, password: bytes) -> Path:
    """Write a password for --password-file."""
    path = base / "password"
    path.write_bytes(password + b"\n")
    path.chmod(0o600)
    return path
