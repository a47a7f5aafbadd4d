"""Features that a Spec asks for: what is agreed on with the kernel, and who answers it."""

from __future__ import annotations

import logging
import os
import socket
import struct
from typing import Any

import pyfuse3
import pytest
import trio

from vaultui.cipherfs.tree import Opened
from vaultui.linux import credentials, fusehello
from vaultui.model.ids import Handle
from vaultui.mountd.activity import Activity
from vaultui.mountd.data import plane
from vaultui.mountd.data.calleroperations import CallerOperations
from vaultui.mountd.data.operations import VaultOperations
from vaultui.mountd.data.requestloop import RequestLoop
from vaultui.mountd.eventring import EventRing
from vaultui.wire.handshake import MountSpec

EVERYTHING = 0xFFFFFFFF & ~(fusehello.POSIX_ACL | fusehello.DONT_MASK)
"""What a library asks for that knows no lists."""


def spec(**fields: Any) -> MountSpec:
    return MountSpec("", "", "/cipher", "/plain", "", **fields)


def agreed(asked: MountSpec) -> int:
    """Return the features that the kernel is told, of all that it offers."""
    kernel, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernel, device:
        hello = plane.hello_for(device.fileno(), asked)
        request = struct.pack("=IIQQIIII", 104, 26, 2, 0, 0, 0, 0, 0)
        kernel.send(request + struct.pack("=IIII48x", 7, 45, 1 << 17, 0xFFFFFFFF))
        hello.begin()
        answer = struct.pack("=IiQ", 80, 0, 2)
        device.recv(1 << 16)
        device.send(answer + struct.pack("=IIII48x", 7, 38, 1 << 17, EVERYTHING))
        hello.end()
        flags: int = struct.unpack_from("=I", kernel.recv(1 << 16), 28)[0]
        return flags


@pytest.mark.parametrize(
    ("fields", "added", "dropped"),
    [
        ({}, 0, 0),
        ({"acl": True}, fusehello.POSIX_ACL | fusehello.DONT_MASK, 0),
        ({"serialize_reads": True}, 0, fusehello.ASYNC_READ),
        ({"shared_storage": True, "kernel_cache": True, "read_only": True}, 0, 0),
    ],
)
def test_the_kernel_hears_of_the_features_that_were_asked_for(
    fields: dict[str, Any], added: int, dropped: int
) -> None:
    assert agreed(spec(**fields)) == EVERYTHING & ~dropped | added


@pytest.mark.parametrize(("uid", "dropped"), [(0, True), (1000, False)])
def test_where_root_shares_a_mount_the_kernel_takes_set_uid_bits_away(
    uid: int, dropped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    flags = fusehello.HANDLE_KILLPRIV | fusehello.ATOMIC_O_TRUNC
    assert agreed(spec(allow_other=True)) == EVERYTHING & ~(flags if dropped else 0)


def operations(asked: MountSpec, tree: Any = None) -> VaultOperations:
    return plane.operations_for(tree, RequestLoop(), asked, Activity(), EventRing(), lambda: None)


@pytest.mark.parametrize(
    ("uid", "fields", "preserves"),
    [
        (0, {"allow_other": True}, True),
        (0, {"allow_other": True, "acl": True}, True),
        (0, {"allow_other": True, "force_owner": (1, 2)}, False),
        (0, {"acl": True}, False),
        (1000, {"allow_other": True}, False),
        (1000, {"acl": True}, False),
    ],
)
def test_new_files_belong_to_callers_only_where_root_shares_real_owners(
    uid: int, fields: dict[str, Any], preserves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(credentials, "may_act", lambda: True)
    chosen = operations(spec(**fields))
    assert isinstance(chosen, CallerOperations)
    assert chosen._preserve_owner is preserves


@pytest.mark.parametrize("fields", [{}, {"read_only": True}, {"shared_storage": True}])
def test_a_mount_of_one_user_asks_nobody_who_calls(fields: dict[str, Any]) -> None:
    assert type(operations(spec(**fields))) is VaultOperations


class _Tree:
    """Finds nothing, opens everything, and has the same four bytes in each file."""

    def lookup(self, _parent: int, _name: bytes) -> None:
        raise FileNotFoundError(2, "x")

    def open(self, _ino: int, _flags: int) -> Opened:
        return Opened(Handle(5), keep_cache=False)

    def read(self, _handle: int, _offset: int, _size: int) -> bytes:
        return b"hush"

    def write(self, _handle: int, _offset: int, data: bytes) -> int:
        return len(data)


def answer(asked: MountSpec, request: str, *arguments: Any) -> Any:
    """Return what the handler of `request` answers."""
    method = getattr(operations(asked, _Tree()), request)

    async def run() -> Any:
        return await method(*arguments)

    return trio.run(run)


@pytest.mark.parametrize("keep", [False, True])
def test_the_kernel_keeps_pages_over_an_open_where_that_was_asked_for(keep: bool) -> None:
    opened = answer(spec(kernel_cache=keep), "open", 2, os.O_RDONLY, None)
    assert (opened.fh, bool(opened.keep_cache)) == (5, keep)


@pytest.mark.parametrize(("shared", "cached_s"), [(False, 1.0), (True, 0.0)])
def test_on_shared_storage_not_even_a_missing_name_is_remembered(
    shared: bool, cached_s: float
) -> None:
    entry = answer(spec(shared_storage=shared), "lookup", 1, b"x", None)
    assert (entry.st_ino, entry.entry_timeout) == (0, cached_s)


def test_traced_requests_are_in_the_log_with_names_and_without_content(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("vaultfs"), "level", logging.WARNING)
    traced = spec(fuse_debug=True)
    assert answer(traced, "read", 5, 0, 4096) == b"hush"
    answer(traced, "write", 5, 0, b"be still")
    answer(traced, "lookup", 1, b"a name", None)
    with pytest.raises(pyfuse3.FUSEError):
        answer(traced, "getattr", 2, None)
    lines = [record.getMessage() for record in caplog.records if record.name == "vaultfs.fuse"]
    assert lines[:4] == ["rx 1: READ 5 0 4096", "tx 1: OK 4b", "rx 1: WRITE 5 0 8b", "tx 1: OK 8"]
    assert lines[4] == "rx 1: LOOKUP 1 b'a name' -"
    assert lines[-2:] == ["rx 1: GETATTR 2 -", "tx 1: EIO"]


def test_nothing_is_traced_unless_asked(caplog: pytest.LogCaptureFixture) -> None:
    answer(spec(), "read", 5, 0, 4096)
    assert not [record for record in caplog.records if record.name == "vaultfs.fuse"]
