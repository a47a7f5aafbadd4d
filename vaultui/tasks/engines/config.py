"""A container in the words of the Docker Engine API, made of what somebody asks for.

Everything is checked in here that would else be told late, or not at all. The words are those of
POST /containers/create in version 1.41 of the API, which both Docker and Podman speak.
"""

from __future__ import annotations

import json
import os
import posixpath
import resource
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import TaskOptionInvalid
from vaultui.model.language import N_, Phrase
from vaultui.tasks.addresses import dns_servers, extra_hosts, host_name, search_domains
from vaultui.tasks.command import rlimits_of
from vaultui.tasks.engines.address import EngineAddress
from vaultui.tasks.engines.ports import published
from vaultui.tasks.interpolation import filled_in
from vaultui.tasks.request import BindRequest, Surroundings, TaskRequest
from vaultui.wire.attributes import Rlimit

NETWORKS: Final = ("none", "host", "bridge", "slirp4netns", "pasta")
"""The engine's own, and those without a network of a container's own."""
_WITHOUT_PORTS: Final = ("none", "host")

_TASK_LABEL: Final = "io.vaultui.task"
_SHARES_OF_A_CPU: Final = 1024
_FEWEST_SHARES, _MOST_SHARES = 2, 1 << 18
"""What the kernel takes: cpu.shares of cgroup v1."""
_IN_MEMORY: Final = "mode=1777,exec"


def container_config(
    request: TaskRequest,
    engine: EngineAddress,
    command: tuple[str, ...],
    env: Mapping[str, str],
    *,
    task_id: str,
    vault: BindRequest,
    in_memory: Iterable[str],
) -> dict[str, Any]:
    """Return the whole configuration; raises TaskOptionInvalid.

    `vault` is the first of the binds. `in_memory` are directories that never reach a disk.
    """
    around = request.around
    interactive = request.interactive or request.terminal
    ports = _port_bindings(around)
    binds = [vault, *_others(around.binds, vault)]
    targets = {posixpath.normpath(bind.target) for bind in binds}
    return {
        "Image": around.image,
        "Cmd": list(command),
        "Env": [f"{name}={value}" for name, value in env.items()],
        "WorkingDir": filled_in(request.workdir, env) or vault.target,
        "User": around.user,
        "Hostname": host_name(around.hostname) if around.hostname else "",
        "Labels": {**around.labels, _TASK_LABEL: task_id},
        "Tty": request.terminal,
        "OpenStdin": interactive,
        "StdinOnce": interactive,
        "AttachStdin": interactive,
        "AttachStdout": True,
        "AttachStderr": True,
        "ExposedPorts": {name: {} for name in ports},
        "HostConfig": {
            **_limits(request),
            **_network(around),
            "PortBindings": ports,
            "Mounts": [_mount(bind) for bind in binds],
            "Tmpfs": {path: _IN_MEMORY for path in in_memory if path not in targets},
            "Privileged": around.privileged,
            "SecurityOpt": _seccomp(around.seccomp, engine),
            # An engine keeps what a container writes in files on its disk, else.
            "LogConfig": {"Type": "none"},
        },
    }


def _others(binds: Iterable[BindRequest], vault: BindRequest) -> Iterator[BindRequest]:
    """Yield those that are there, in their order; the first for a target wins.

    The vault is before all of them, and may be locked yet.
    """
    taken = {posixpath.normpath(vault.target)}
    for bind in binds:
        target = posixpath.normpath(bind.target)
        if target not in taken and os.path.lexists(bind.source):
            taken.add(target)
            yield bind


def _mount(bind: BindRequest) -> dict[str, Any]:
    # Not as one of "Binds": for those an engine makes the directory that is missing, as root.
    return {
        "Type": "bind",
        "Source": bind.source,
        "Target": bind.target,
        "ReadOnly": bind.read_only,
        "BindOptions": {"Propagation": bind.propagation or "rprivate"},
    }


def _limits(request: TaskRequest) -> dict[str, Any]:
    limits = request.limits
    found: dict[str, Any] = {
        "Ulimits": [
            {"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard}
            for limit in {one.name: one for one in (*_own(), *rlimits_of(request))}.values()
        ]
    }
    if limits.memory_bytes:
        # The second is memory and swap together.
        found |= {"Memory": limits.memory_bytes, "MemorySwap": limits.memory_bytes}
    if limits.cpus:
        shares = round(limits.cpus * _SHARES_OF_A_CPU)
        found["NanoCpus"] = round(limits.cpus * 1e9)
        found["CpuShares"] = min(max(shares, _FEWEST_SHARES), _MOST_SHARES)
    if limits.pids:
        found["PidsLimit"] = limits.pids
    return found


def _own() -> Iterator[Rlimit]:
    """Yield the limits of each process that an engine would raise to its own defaults.

    That fails where it lacks the right to do so: in a container itself, for one. Ours do as well.
    """
    # Podman gives up what is above the number of processes that there can be at all.
    most = int(Path("/proc/sys/kernel/pid_max").read_text())
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    for name, (low, high) in {"nofile": files, "nproc": (min(soft, most), min(hard, most))}.items():
        if resource.RLIM_INFINITY not in (low, high):
            yield Rlimit(name, low, high)


def _network(around: Surroundings) -> dict[str, Any]:
    if around.network and around.network not in NETWORKS:
        reason = Phrase("those that are known are {known}", known=", ".join(NETWORKS))
        raise TaskOptionInvalid(option="--network", value=around.network, reason=reason)
    found: dict[str, Any] = {
        "Dns": list(dns_servers(around.dns)),
        "DnsSearch": list(search_domains(around.dns_search)),
        "ExtraHosts": [f"{name}:{address}" for name, address in extra_hosts(around.add_hosts)],
    }
    if around.network:
        found["NetworkMode"] = around.network
    return found


def _seccomp(profile: str, engine: EngineAddress) -> list[str]:
    if profile in ("", "default"):
        return []
    if profile == "none":
        return ["seccomp=unconfined"]
    try:
        text = Path(profile).read_text(encoding="utf-8")
        json.loads(text)
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else N_("it is not JSON")
        raise TaskOptionInvalid(option="--seccomp", value=profile, reason=reason) from error
    # Podman wants the path of it, and Docker what is in it.
    return [f"seccomp={os.path.abspath(profile) if engine.is_podman else text}"]


def _port_bindings(around: Surroundings) -> dict[str, list[dict[str, str]]]:
    """Return where each port of the container is reached, by "port/protocol"."""
    ports = published(around.publish)
    if ports and around.network in _WITHOUT_PORTS:
        reason = Phrase("with the network {network} it has no ports", network=around.network)
        raise TaskOptionInvalid(option="--publish", value=around.publish[0], reason=reason)
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        place = {"HostIp": port.address, "HostPort": str(port.outside or "")}
        bindings.setdefault(f"{port.inside}/{port.protocol}", []).append(place)
    return bindings
