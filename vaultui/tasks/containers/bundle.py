"""The configuration of a container, config.json, by the OCI runtime specification 1.0.2."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from vaultui.linux import cgroup, controlgroup
from vaultui.linux.durable import write_durably
from vaultui.tasks.containers import seccomp
from vaultui.tasks.containers.spec import CONFIG_FILE, ContainerSpec

_CAPABILITIES: Final = tuple(
    f"CAP_{name}"
    for name in (
        *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
"""What root in a container may do: be other users there, and serve a port below 1024."""

_MASKED: Final = (
    *("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys"),
    *("/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list"),
    *("/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware"),
)
"""What tells of the machine, or of other users on it."""
_READ_ONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
"""What changes the machine."""


def write_bundle(spec: ContainerSpec, rootfs: str, mounts: Sequence[dict[str, Any]]) -> None:
    """Write config.json of the bundle: whole or not at all, and for our eyes only."""
    config = configuration(spec, rootfs, mounts)
    write_durably(Path(spec.bundle, CONFIG_FILE), json.dumps(config).encode())


def configuration(
    spec: ContainerSpec, rootfs: str, mounts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return what config.json says; `mounts` are those of `containers.mounts`."""
    config: dict[str, Any] = {
        "ociVersion": "1.0.2",
        "process": _process(spec),
        "root": {"path": rootfs, "readonly": False},
        "mounts": list(mounts),
        "linux": {
            "namespaces": _namespaces(spec),
            "maskedPaths": list(_MASKED),
            "readonlyPaths": list(_READ_ONLY),
        },
    }
    if spec.hostname:
        config["hostname"] = spec.hostname
    if (group := _own_group()) is not None:
        config["linux"]["cgroupsPath"] = os.path.join(group, spec.container_id)
    profile = seccomp.profile_of(spec.seccomp, spec.seccomp_profile)
    if profile is not None:
        config["linux"]["seccomp"] = profile
    return config


def _process(spec: ContainerSpec) -> dict[str, Any]:
    user: dict[str, Any] = {"uid": spec.user.uid, "gid": spec.user.gid}
    if spec.user.groups:
        user["additionalGids"] = list(spec.user.groups)
    # Another user than root has the use of none: only files that are set-uid could give it some,
    # and those mean nothing where no privileges can be gained.
    capabilities = list(_CAPABILITIES)
    held = capabilities if spec.user.uid == 0 else []
    return {
        "terminal": spec.terminal,
        "user": user,
        "args": list(spec.command),
        "env": [f"{name}={value}" for name, value in spec.env.items()],
        "cwd": spec.workdir,
        "capabilities": {"bounding": capabilities, "effective": held, "permitted": held},
        "rlimits": [
            {"type": f"RLIMIT_{one.name.upper()}", **_bounds(one.soft, one.hard)}
            for one in spec.rlimits
        ],
        "noNewPrivileges": True,
    }


def _bounds(soft: int, hard: int) -> dict[str, int]:
    """Return both limits; the specification has no word for none but the largest number."""
    unlimited = (1 << 64) - 1
    return {"soft": unlimited if soft < 0 else soft, "hard": unlimited if hard < 0 else hard}


def _namespaces(spec: ContainerSpec) -> list[dict[str, str]]:
    return [
        {"type": "mount"},
        *(
            {"type": own.kind.value, **({"path": own.path} if own.path else {})}
            for own in spec.namespaces
        ),
    ]


def _own_group() -> str | None:
    """Return our control group where there is one tree of them, version 2, and it is ours.

    A runtime makes the group of a container below it then, where the limits of the task hold. In
    trees of version 1 it does so by itself, in each below the group that we have there. Where it
    may make none it goes on without, but not when it was told which.
    """
    top = controlgroup.unified_top()
    if not (top / "cgroup.controllers").exists() or top != cgroup.ROOT:
        return None
    own = controlgroup.own_groups()[""]
    if not os.access(own, os.W_OK):
        return None
    return os.path.normpath(f"/{own.relative_to(top)}")
