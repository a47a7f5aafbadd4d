"""Ports as people write them."""

from __future__ import annotations

import pytest

from vaultui.model.errors import TaskOptionInvalid
from vaultui.tasks.engines.ports import Port, published


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("80", Port(80)),
        ("8080:80", Port(80, outside=8080)),
        ("127.0.0.1:8080:80/udp", Port(80, "udp", 8080, "127.0.0.1")),
        ("127.0.0.1::80", Port(80, address="127.0.0.1")),
        ("[::1]:8080:80", Port(80, outside=8080, address="::1")),
    ],
)
def test_a_port_is_read(text: str, port: Port) -> None:
    assert published([text]) == (port,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is a port"),
        ("http", "it is a port"),
        ("8080-8090:80", "it is a port"),
        ("0", "65535"),
        ("80:70000", "65535"),
        ("80/icmp", "tcp, udp and sctp"),
        ("host:8080:80", "no address"),
        ("[::x]:8080:80", "no address"),
    ],
)
def test_what_is_no_port_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(TaskOptionInvalid) as refused:
        published([text])
    assert reason in refused.value.summary
    assert "--publish" in refused.value.summary
