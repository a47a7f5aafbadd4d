"""What tasks may need of this machine beyond their command: namespaces, groups, containers."""

from __future__ import annotations

import os
from typing import Final

from vaultui.linux import controlgroup, spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import (
    EngineElsewhere,
    EngineUnreachable,
    NamespacesForbidden,
    RuntimeMissing,
)
from vaultui.model.language import N_, Phrase
from vaultui.tasks import rooms
from vaultui.tasks.containers import runtime
from vaultui.tasks.engines import address
from vaultui.vaults.outcomes import Finding

_UNSHARE_S: Final = 10.0
_LIMITS: Final = controlgroup.GroupLimits(memory_bytes=64 << 20, cpus=1.0, pids=10)


def findings() -> list[Finding]:
    """Return what was found. It may take a moment: each thing is tried."""
    return [namespaces(), control_groups(), oci_runtime(), container_engine()]


def namespaces() -> Finding:
    """Have a mount namespace for a moment, as a private task has one."""
    try:
        rooms.own_room()
        kinds = ("--mount",) if os.geteuid() == 0 else ("--user", "--mount")
        said = spawn.run(("unshare", *kinds, "true"), timeout=_UNSHARE_S)
        if said.returncode:
            raise rooms.refused(PermissionError(1, os.strerror(1)))
    except NamespacesForbidden as error:
        text = Phrase(
            "tasks cannot have a view of their own: {reason}", reason=error.details["reason"]
        )
        cure = Phrase(error.cure, **error.details)
        return Finding("namespaces", False, text, cure, required=False)
    except (OSError, TimeoutError):
        text = Phrase("nothing is known to keep tasks from a view of their own")
        return Finding("namespaces", True, text, required=False)
    text = Phrase("tasks can have a view of their own: --private, --driver isolated")
    return Finding("namespaces", True, text, required=False)


def control_groups() -> Finding:
    """Make a group with limits, and remove it."""
    try:
        controlgroup.make(f"vaultui-doctor-{os.getpid()}", _LIMITS).remove()
    except OSError as error:
        text = Phrase(
            "memory, CPU and processes of tasks cannot be limited: {reason}",
            reason=reason_of(error),
        )
        cure = N_("log in to a session of systemd, which lends its control groups to users")
        return Finding("cgroups", False, text, cure, required=False)
    text = Phrase("memory, CPU and processes of tasks can be limited")
    return Finding("cgroups", True, text, required=False)


def oci_runtime() -> Finding:
    """Look for what makes containers out of a directory."""
    try:
        path = runtime.found("")[0]
    except RuntimeMissing:
        text = N_("there is no runc and no crun: no tasks in containers of a directory")
        cure = N_("install runc or crun, if you want --driver oci")
        return Finding("oci-runtime", False, text, cure, required=False)
    return Finding("oci-runtime", True, Phrase("{path} is there", path=path), required=False)


def container_engine() -> Finding:
    """Look who makes containers out of images."""
    try:
        engine = address.find_engine("")
    except EngineElsewhere as error:
        text = Phrase("the engine at {where} may be on another machine", **error.details)
    except EngineUnreachable:
        text = Phrase("no container engine answers: no tasks in containers of an image")
    else:
        name = "Podman" if engine.is_podman else "Docker"
        text = Phrase("{engine} answers at {path}", engine=name, path=engine.path)
        return Finding("engine", True, text, required=False)
    cure = N_("systemctl --user start podman.socket, if you want --driver engine")
    return Finding("engine", False, text, cure, required=False)
