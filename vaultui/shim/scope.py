"""A unit of the user's systemd around backend and keeper, where there is one.

Processes of a login session end with it where logind is told to kill them, and die with it
when the session runs out of memory. In a unit of its own a mount does not. Without systemd,
the session of its own that every keeper has must do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def is_available(env: Mapping[str, str]) -> bool:
    """Return whether a systemd of this user has its socket where it always is."""
    runtime = env.get("XDG_RUNTIME_DIR", "")
    return bool(runtime) and (Path(runtime) / "systemd" / "private").is_socket()


def start_joining(vault_name: str, pids: tuple[int, ...], env: Mapping[str, str]) -> int | None:
    """Ask for the processes to be moved into a transient scope, without waiting for it.

    Returns the pid of the child that asks, which the caller reaps, or None when nobody can
    be asked. Nothing depends on the outcome.
    """
    if not is_available(env):
        return None
    # Imported here: most starts on a machine without systemd do not need it.
    from vaultui.linux import spawn

    try:
        child = spawn.start(_command(vault_name, pids), env=env)
    except OSError:  # no busctl
        return None
    child.close()
    return child.pid


def unit_name(pid: int) -> str:
    return f"vaultui-{pid}-{os.urandom(3).hex()}.scope"


def _command(vault_name: str, pids: tuple[int, ...]) -> list[str]:
    # The vault's name may hold anything, and a description is one line for people.
    description = f"vaultui vault {vault_name}".encode(errors="replace").decode()
    properties = [
        *("Description", "s", description),
        *("PIDs", "au", str(len(pids)), *map(str, pids)),
        *("Slice", "s", "app.slice"),
        *("CollectMode", "s", "inactive-or-failed"),
    ]
    return [
        *("busctl", "--user", "--quiet", "--timeout=5", "call"),
        *("org.freedesktop.systemd1", "/org/freedesktop/systemd1"),
        *("org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"),
        *(unit_name(pids[0]), "fail", "4", *properties, "0"),
    ]
