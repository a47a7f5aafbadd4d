"""Names and addresses that a container is told: servers to ask for names, and hosts beside them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from vaultui.model.errors import TaskOptionInvalid
from vaultui.model.language import N_

_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
"""As in RFC 1123, and with the underscore that many a network has in its names."""
_LONGEST_NAME: Final = 253


def dns_servers(given: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses, each in its shortest form; raises TaskOptionInvalid."""
    return tuple(_address("--dns", text, text) for text in given)


def search_domains(given: Iterable[str]) -> tuple[str, ...]:
    """Return the domains that short names are looked for in; raises TaskOptionInvalid.

    A single dot stands for none, as in resolv.conf(5).
    """
    domains = tuple(given)
    for domain in domains:
        if domain != ".":
            _check_name("--dns-search", domain.removesuffix("."), domain)
    return domains


def extra_hosts(given: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return name and address of each "name:address"; raises TaskOptionInvalid.

    The address may be one of IPv6, in square brackets or as it is.
    """
    return tuple(_extra_host(text) for text in given)


def host_name(given: str) -> str:
    """Return the name that a container is to have for itself; raises TaskOptionInvalid.

    Linux takes no longer one than 64 bytes: sethostname(2).
    """
    _check_name("--hostname", given, given, longest=64)
    return given


def _extra_host(text: str) -> tuple[str, str]:
    name, separator, address = text.partition(":")
    if not separator:
        reason = N_("it is a name and an address, with a colon between them")
        raise TaskOptionInvalid(option="--add-host", value=text, reason=reason)
    _check_name("--add-host", name, text)
    return name, _address("--add-host", address.removeprefix("[").removesuffix("]"), text)


def _address(option: str, address: str, text: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError as error:
        reason = N_("that is no address such as 192.0.2.1 or 2001:db8::1")
        raise TaskOptionInvalid(option=option, value=text, reason=reason) from error


def _check_name(option: str, name: str, text: str, longest: int = _LONGEST_NAME) -> None:
    if len(name) > longest or _HOST_NAME.fullmatch(name) is None:
        reason = N_("that is no name of a host")
        raise TaskOptionInvalid(option=option, value=text, reason=reason)
