"""A container's own /etc/hosts and /etc/resolv.conf: the host's, with what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vaultui.tasks.containers.mounts import HOSTS, RESOLV_CONF
from vaultui.tasks.containers.spec import ContainerSpec, NamespaceKind

_ALONE: Final = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def hosts_of(spec: ContainerSpec) -> str:
    """Return the names that need nobody to be asked: those that were asked for come last.

    The host's own are left out where the container has a network of its own.
    """
    text = _ALONE if spec.has_own(NamespaceKind.NETWORK) else _read(HOSTS) or _ALONE
    added = [f"127.0.0.1\t{spec.hostname}"] if spec.hostname else []
    added += [f"{address}\t{name}" for name, address in spec.extra_hosts]
    return _with_lines(text, added)


def resolv_conf_of(spec: ContainerSpec) -> str:
    """Return whom to ask for all other names, in the words of resolv.conf(5)."""
    replaced = {
        *(("nameserver",) if spec.dns else ()),
        *(("search", "domain") if spec.dns_search else ()),
    }
    kept = [
        line
        for line in _read(RESOLV_CONF).splitlines(keepends=True)
        if not replaced.intersection(line.split(None, 1)[:1])
    ]
    added = [f"nameserver {address}" for address in spec.dns]
    domains = [domain for domain in spec.dns_search if domain != "."]
    if domains:
        added.append(f"search {' '.join(domains)}")
    return _with_lines("".join(kept), added)


def _with_lines(text: str, lines: list[str]) -> str:
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "".join(f"{line}\n" for line in lines)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="surrogateescape")
    except OSError:
        return ""
