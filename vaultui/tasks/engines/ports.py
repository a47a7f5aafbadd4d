"""Ports of a container that are reached from outside, as `--publish` has them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vaultui.model.errors import TaskOptionInvalid
from vaultui.model.language import N_

_PROTOCOLS: Final = ("tcp", "udp", "sctp")
_FORM: Final = re.compile(
    r"(?:(?:(?P<address>\[[^]]*\]|[^][:]*):)?(?P<outside>\d*):)?"
    r"(?P<inside>\d+)(?:/(?P<protocol>[a-z]+))?"
)


@dataclass(frozen=True)
class Port:
    inside: int
    protocol: str = "tcp"
    outside: int = 0
    """0 for one that the engine chooses."""
    address: str = ""
    """Of this machine, that alone takes connections; empty for all that it has."""


def published(given: Iterable[str]) -> tuple[Port, ...]:
    """Return the port of each "[[address:]port:]port[/protocol]"; raises TaskOptionInvalid."""
    return tuple(_port(text) for text in given)


def _port(text: str) -> Port:
    found = _FORM.fullmatch(text)
    if found is None:
        reason = N_("it is a port, or an address, a port and a port, with colons between them")
        raise TaskOptionInvalid(option="--publish", value=text, reason=reason)
    protocol = found["protocol"] or "tcp"
    if protocol not in _PROTOCOLS:
        reason = N_("the protocols are tcp, udp and sctp")
        raise TaskOptionInvalid(option="--publish", value=text, reason=reason)
    return Port(
        _number(found["inside"], text, least=1),
        protocol,
        _number(found["outside"] or "0", text, least=0),
        _address(found["address"] or "", text),
    )


def _number(digits: str, text: str, *, least: int) -> int:
    number = int(digits)
    if not least <= number <= 0xFFFF:
        reason = N_("the numbers of ports end at 65535")
        raise TaskOptionInvalid(option="--publish", value=text, reason=reason)
    return number


def _address(address: str, text: str) -> str:
    if not address:
        return ""
    try:
        return str(ipaddress.ip_address(address.removeprefix("[").removesuffix("]")))
    except ValueError as error:
        reason = N_("that is no address such as 192.0.2.1 or [2001:db8::1]")
        raise TaskOptionInvalid(option="--publish", value=text, reason=reason) from error
