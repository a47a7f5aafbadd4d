"""Which namespaces a container has for itself, out of what was asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from vaultui.model.errors import TaskOptionInvalid
from vaultui.model.language import N_, Phrase
from vaultui.tasks.containers.spec import ContainerNamespace, NamespaceKind

PRIVATE: Final = "private"
HOST: Final = "host"
NONE: Final = "none"
_OPTION: Final = "--namespace"
_NAMES: Final = ", ".join(kind.value for kind in NamespaceKind)


def chosen(
    asked: Sequence[str], network: str, hostname: str, *, of_users: bool
) -> tuple[ContainerNamespace, ...]:
    """Return the namespaces that are not the host's; raises TaskOptionInvalid.

    `asked` are "kind=private", "kind=host" or "kind=path"; a kind that is given twice counts as
    last given. `network` is "none" for a network of its own without a way out. All but the
    network are its own where nothing is said. `of_users`: it has a user namespace as well.
    """
    places = {
        kind: PRIVATE
        for kind in NamespaceKind
        if kind is not NamespaceKind.CGROUP or os.path.exists("/proc/self/ns/cgroup")
    }
    places[NamespaceKind.NETWORK] = _network(network)
    for text in asked:
        kind, place = _parsed(text)
        places[kind] = place
    # Who is root in a user namespace alone can't mount the /proc of the host's processes.
    if of_users and places[NamespaceKind.PID] == HOST:
        reason = N_("the container has a user namespace of its own, and needs its own processes")
        raise TaskOptionInvalid(option=_OPTION, value=f"pid={HOST}", reason=reason)
    if hostname and places[NamespaceKind.UTS] == HOST:
        reason = N_("that name would be the host's, too, where uts=host is asked for")
        raise TaskOptionInvalid(option="--hostname", value=hostname, reason=reason)
    return tuple(
        ContainerNamespace(kind, "" if place == PRIVATE else place)
        for kind, place in places.items()
        if place != HOST
    )


def _network(asked: str) -> str:
    if asked in ("", HOST):
        return HOST
    if asked == NONE:
        return PRIVATE
    reason = N_("the driver oci knows none and host; others are the engine's")
    raise TaskOptionInvalid(option="--network", value=asked, reason=reason)


def _parsed(text: str) -> tuple[NamespaceKind, str]:
    name, _, place = text.partition("=")
    try:
        kind = NamespaceKind(name)
    except ValueError as error:
        kinds = Phrase("it is one of {names}, then =private, =host or =PATH", names=_NAMES)
        raise TaskOptionInvalid(option=_OPTION, value=text, reason=kinds) from error
    if place in (PRIVATE, HOST):
        return kind, place
    if not os.path.isabs(place):
        reason = N_("behind the = comes private, host or an absolute path")
        raise TaskOptionInvalid(option=_OPTION, value=text, reason=reason)
    if not os.path.exists(place):
        reason = N_("there is nothing at that path")
        raise TaskOptionInvalid(option=_OPTION, value=text, reason=reason)
    return kind, place
