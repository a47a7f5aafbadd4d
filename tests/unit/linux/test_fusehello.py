"""The exchange of features on a FUSE descriptor, with a socket pair in the kernel's place.

That a real kernel and the real library agree through it, tests/mount/test_set_id.py shows.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from programs import run_program

from vaultui.linux.fusehello import HANDLE_KILLPRIV, HANDLE_KILLPRIV_V2, POSIX_ACL, Hello
from vaultui.linux.fusemount import FuseMount, mount

OTHER = 1 << 3
FLAGS_AT = 28


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return the kernel's end and that of whoever serves."""
    kernel, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernel, device:
        kernel.settimeout(5)
        device.setblocking(False)
        yield kernel, device


def request(flags: int) -> bytes:
    return struct.pack("=IIQQIIII", 104, 26, 2, 0, 0, 0, 0, 0) + struct.pack(
        "=IIII48x", 7, 45, 1 << 17, flags
    )


def answer(flags: int, error: int = 0) -> bytes:
    return struct.pack("=IiQ", 80, error, 2) + struct.pack("=IIII48x", 7, 38, 1 << 17, flags)


def exchange(
    pair: tuple[socket.socket, socket.socket], hello: Hello, offered: int, wanted: bytes
) -> bytes:
    """Return what the kernel gets for the library's answer `wanted`."""
    kernel, device = pair
    kernel.send(request(offered))
    hello.begin()
    assert os.read(device.fileno(), 1 << 16) == request(offered)
    os.write(device.fileno(), wanted)
    hello.end()
    return kernel.recv(1 << 16)


def test_a_flag_is_added_where_the_kernel_offers_it(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    hello = Hello(pair[1].fileno(), add=HANDLE_KILLPRIV_V2)
    got = exchange(pair, hello, OTHER | HANDLE_KILLPRIV_V2, answer(OTHER))
    assert got == answer(OTHER | HANDLE_KILLPRIV_V2)


def test_a_flag_that_the_kernel_does_not_offer_stays_out(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    hello = Hello(pair[1].fileno(), add=HANDLE_KILLPRIV_V2)
    assert exchange(pair, hello, OTHER, answer(OTHER)) == answer(OTHER)


def test_a_flag_that_is_needed_is_added_or_nothing_is_served(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    kernel, device = pair
    hello = Hello(device.fileno(), need=POSIX_ACL)
    assert exchange(pair, hello, OTHER | POSIX_ACL, answer(OTHER)) == answer(OTHER | POSIX_ACL)
    kernel.send(request(OTHER))
    with pytest.raises(OSError, match="0x100000") as caught:
        Hello(device.fileno(), need=POSIX_ACL).begin()
    assert caught.value.errno == errno.EOPNOTSUPP


def test_a_flag_that_the_library_asks_for_is_refused(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    hello = Hello(pair[1].fileno(), drop=HANDLE_KILLPRIV)
    offered = OTHER | HANDLE_KILLPRIV
    assert exchange(pair, hello, offered, answer(offered)) == answer(OTHER)


def test_a_refusal_of_the_library_is_handed_on_as_it_is(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    refusal = struct.pack("=IiQ", 16, -71, 2)
    hello = Hello(pair[1].fileno(), add=HANDLE_KILLPRIV_V2)
    assert exchange(pair, hello, HANDLE_KILLPRIV_V2, refusal) == refusal


def test_afterwards_the_descriptor_is_the_kernels_again_and_not_inherited(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    kernel, device = pair
    before = set(os.listdir("/proc/self/fd"))
    exchange(pair, Hello(device.fileno(), add=HANDLE_KILLPRIV_V2), 0, answer(0))
    assert set(os.listdir("/proc/self/fd")) == before
    kernel.send(b"the next request")
    assert os.read(device.fileno(), 1 << 16) == b"the next request"
    assert not os.get_inheritable(device.fileno())


@needs("fuse")
def test_a_mount_that_was_unmounted_before_the_answer_is_at_its_end_and_no_failure(
    tmp_path: Path,
) -> None:
    fd = mount(FuseMount(str(tmp_path), source="here", subtype="test"))
    try:
        hello = Hello(fd, add=HANDLE_KILLPRIV_V2)
        hello.begin()
        asked = os.read(fd, 1 << 16)
        os.write(fd, answer(0)[:8] + asked[8:16] + answer(0)[16:])
        unmounted = run_program(("fusermount3", "-u", tmp_path))
        assert unmounted.returncode == 0, unmounted.text
        hello.end()
        with pytest.raises(OSError, match="No such device") as caught:
            os.read(fd, 1 << 16)
        assert caught.value.errno == errno.ENODEV
    finally:
        os.close(fd)
