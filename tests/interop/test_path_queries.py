"""The control socket answers each request as that of the real gocryptfs does, in every flavour."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Gocryptfs, MountedVolume, Vaultfs

LONG = "L" * 200
PLAIN = (
    *("dir", "dir/file", f"dir/{LONG}", LONG, "file", "link", "new", "dir/new", "new/below"),
    *("file/below", "dir/", "/dir", "//dir//file", "./dir", "dir/.", "dir/./new", "dir/x/../y"),
    *("", "/", "//", ".", "..", "/..", "../x", "/../x", "dir/..", "x/../../y", "...", " ", "dir/ "),
    *("gocryptfs.conf", "gocryptfs.diriv", "dir/gocryptfs.conf", "gocryptfs.longname.x"),
    *("x" * 175, "x" * 176, "x" * 255, "caf\u00e9", "a\nb", "\\", "\u2028<>&", "\U0001f600"),
)
CIPHER = (
    *("$dir", "$dir/$file", "/$dir", "$dir/", "$dir/./$file", "$long", "$dir/$long", "$link"),
    *("$dir/$dir", "$dir/nope", "nope", "nope!", "no pe", "$dir!", "$dir=", "$dir$dir", "$file/x"),
    *("AAAA", "A", "AAAAA", "A" * 22, "A" * 22 + "==", "A" * 22 + "/x", "A" * 22 + "/x!", "x!/A"),
    *("gocryptfs.conf", "gocryptfs.diriv", "$dir/gocryptfs.diriv", "gocryptfs.conf/x"),
    *("gocryptfs.longname.x", "gocryptfs.longname.x/y", "", "..", "/", "$dir/..", "\u00fc"),
)
ONLY_ENCRYPTED = ("\0", "a\0b", "dir/" + "x" * 256)
"""What reverse mounts answer with another error number, which theirs has no text of its own for."""
RAW = (
    *(b"nonsense", b"{", b"[]", b"5", b"null", b"{}", b" ", b'{"EncryptPath":5}', b'{"a":1}'),
    b'{"EncryptPath":"file"}{"EncryptPath":"dir"}',
    b'{"ENCRYPTPATH":"file","DecryptPath":""}\n',
    b'{"EncryptPath":"file","DecryptPath":"file"}',
    b'{"EncryptPath":"a","encryptpath":"file"}',
    b'{"EncryptPath":"\\u0066ile"}',
    b'{"EncryptPath":"' + b"x/" * 2490 + b'x"}',
)
FLAVOURS = {
    "default": (),
    "deterministic names": ("-deterministic-names",),
    "plaintext names": ("-plaintextnames",),
    "short long names": ("-longnamemax", "63"),
    "reverse": ("-reverse",),
}


@pytest.mark.parametrize("options", FLAVOURS.values(), ids=FLAVOURS)
def test_requests_are_answered_as_by_gocryptfs(options: tuple[str, ...], tmp_path: Path) -> None:
    is_reverse = "-reverse" in options
    mount_options = ("-ctlsock", str(tmp_path / "socket"), *(options if is_reverse else ()))
    theirs = Gocryptfs(tmp_path, init_options=options, mount_options=mount_options)
    theirs.create()
    if is_reverse:
        populate(theirs.cipherdir)
    with socket_of(theirs) as connection:
        if not is_reverse:
            populate(theirs.mountpoint)
        places = {
            f"${name}": json.loads(ask_path(connection, "EncryptPath", path))["Result"].rpartition(
                "/"
            )[2]
            for name, path in (
                ("dir", "dir"),
                ("file", "dir/file"),
                ("long", f"dir/{LONG}"),
                ("link", "link"),
            )
        }
        expected = answers(connection, places, is_reverse=is_reverse)
    with socket_of(theirs.by(Vaultfs, mount_options=mount_options)) as connection:
        found = answers(connection, places, is_reverse=is_reverse)
    assert len(expected) > 90
    assert {request: reply for request, reply in found.items() if reply != expected[request]} == {}


def populate(root: Path) -> None:
    (root / "dir").mkdir()
    for name in ("file", "dir/file", f"dir/{LONG}"):
        (root / name).write_bytes(b"")
    (root / "link").symlink_to("target")


@contextlib.contextmanager
def socket_of(volume: MountedVolume) -> Iterator[socket.socket]:
    """Mount, and return a connection to the control socket."""
    volume.mount()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(volume.base / "socket"))
            yield connection
        volume.unmount()
    finally:
        volume.kill()


def answers(
    connection: socket.socket, places: dict[str, str], *, is_reverse: bool
) -> dict[str, str]:
    """Return the reply to each request in the tables, all through one connection."""
    plain = PLAIN if is_reverse else (*PLAIN, *ONLY_ENCRYPTED)
    found = {f"encrypt {path!r}": ask_path(connection, "EncryptPath", path) for path in plain}
    for path in CIPHER:
        on_disk = path
        for name, place in places.items():
            on_disk = on_disk.replace(name, place)
        found[f"decrypt {path!r}"] = ask_path(connection, "DecryptPath", on_disk)
    return found | {repr(data): ask(connection, data) for data in RAW}


def ask_path(connection: socket.socket, field: str, path: str) -> str:
    return ask(connection, json.dumps({field: path}).encode())


def ask(connection: socket.socket, data: bytes) -> str:
    """Return the line that is the reply, with the error in lower case, as since gocryptfs 2.6."""
    connection.sendall(data)
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(65536)
        assert piece, "the connection was closed"
        line += piece
    return re.sub(
        r'"ErrText":"\w', lambda start: start[0][:-1] + start[0][-1].lower(), line.decode()
    )
