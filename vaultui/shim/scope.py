"""A unit of the user's systemd around a keeper and what it keeps, where there is one.

Processes of a login session end with it where logind is told to kill them, and die with it
when the session runs out of memory. In a unit of its own a mount does not. Without systemd,
the session of its own that every keeper has must do.

To a unit that asks for it systemd leaves the control groups below: so an ordinary user gets some.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PATIENCE_S: Final = 5.0
_PAUSE_MS: Final = 5


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
        child = spawn.start(_command(unit_name(pids[0]), vault_name, pids), env=env)
    except OSError:  # no busctl
        return None
    child.close()
    return child.pid


def join_with_groups(vault_name: str, env: Mapping[str, str], status: int) -> bool:
    """Move this process, which has no others below it, into a unit that may have groups in it.

    Returns whether it is there: in a group of the unit's own, so that the unit itself has none and
    can pass its controllers on (cgroups(7), no internal processes). `status` is the status pipe.
    """
    if not is_available(env):
        return False
    from vaultui.linux import controlgroup, spawn

    unit = unit_name(os.getpid())
    command = _command(unit, vault_name, (os.getpid(),), delegate=True)
    try:
        if spawn.run(command, env=env, timeout=_PATIENCE_S).returncode:
            return False
        # Its answer is that there will be such a unit.
        answer = select.poll()
        answer.register(status, 0)
        deadline = time.monotonic() + _PATIENCE_S
        while (group := controlgroup.own_groups().get("")) is None or group.name != unit:
            if time.monotonic() > deadline:
                return False
            # Nothing tells of it; the end of whoever has asked for the task would be an answer.
            answer.poll(_PAUSE_MS)
        controlgroup.retreat(group)
    except (OSError, TimeoutError):
        return False
    return True


def unit_name(pid: int) -> str:
    return f"vaultui-{pid}-{os.urandom(3).hex()}.scope"


def _command(
    unit: str, vault_name: str, pids: tuple[int, ...], *, delegate: bool = False
) -> list[str]:
    # The vault's name may hold anything, and a description is one line for people.
    description = f"vaultui vault {vault_name}".encode(errors="replace").decode()
    properties = [
        *("Description", "s", description),
        *("PIDs", "au", str(len(pids)), *map(str, pids)),
        *("Slice", "s", "app.slice"),
        *("CollectMode", "s", "inactive-or-failed"),
    ]
    count = 4
    if delegate:
        properties += ["Delegate", "b", "true"]
        count += 1
    return [
        *("busctl", "--user", "--quiet", "--timeout=5", "call"),
        *("org.freedesktop.systemd1", "/org/freedesktop/systemd1"),
        *("org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"),
        *(unit, "fail", str(count), *properties, "0"),
    ]
