"""A reverse mount as the command line makes it, asked by the kernel and by the control socket."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from support import CHEAP_SCRYPT, Vaultfs, run_program

pytestmark = needs("fuse")


class View(Vaultfs):
    """The mount, with its control socket."""

    def ask(self, **request: str) -> dict[str, object]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(os.fspath(self.base / "ctl"))
            client.send(json.dumps(request).encode())
            reply: dict[str, object] = json.loads(client.recv(5000))
        return reply

    def shown(self, path: str) -> Path:
        return self.mountpoint / str(self.ask(EncryptPath=path)["Result"])


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """Return a view of a tree that leaves out some of it."""
    base = tmp_path_factory.mktemp("reverse")
    plain = base / "tree"
    for path in ("kept/file", "kept/" + "l" * 200, "Music/song", "kept/x.tmp", "kept/x.bak"):
        (plain / path).parent.mkdir(parents=True, exist_ok=True)
        (plain / path).write_bytes(b"content")
    (base / "patterns").write_bytes(b"# what is not worth a backup\r\n*.bak\r\n")
    view = View(
        base,
        cipherdir=plain,
        mount_options=(
            *("-reverse", "-ctlsock", os.fspath(base / "ctl"), "-exclude", "Music"),
            *("-exclude-wildcard", "*.tmp", "-exclude-from", os.fspath(base / "patterns")),
        ),
    )
    run_program(
        (view.command(), "-init", "-reverse", "-q", *CHEAP_SCRYPT, plain), view.password + b"\n"
    ).check()
    view.mount()
    yield view
    view.unmount()


def test_what_is_excluded_in_any_of_three_ways_is_left_out(view: View) -> None:
    names = os.listdir(view.mountpoint)
    assert sorted(names) == sorted([view.shown("kept").name, "gocryptfs.conf", "gocryptfs.diriv"])
    long = view.shown("kept/" + "l" * 200).name
    assert sorted(os.listdir(view.shown("kept"))) == sorted(
        [view.shown("kept/file").name, long, f"{long}.name", "gocryptfs.diriv"]
    )
    for path in ("Music", "Music/song", "kept/x.tmp", "kept/x.bak"):
        with pytest.raises(PermissionError) as caught:
            os.lstat(view.shown(path))
        assert caught.value.errno == errno.EPERM


def test_the_control_socket_translates_paths(view: View) -> None:
    path = "kept/" + "l" * 200
    shown = view.ask(EncryptPath=path)["Result"]
    assert os.path.lexists(view.mountpoint / str(shown))
    assert view.ask(DecryptPath=str(shown)) == {
        "Result": path, "ErrNo": 0, "ErrText": "", "WarnText": ""
    }  # fmt: skip
    assert view.ask(DecryptPath="AAAA")["ErrNo"] == errno.ENOENT


def test_nothing_can_be_written(view: View) -> None:
    with pytest.raises(OSError, match="Read-only"):
        (view.mountpoint / "new").write_bytes(b"")
    with pytest.raises(OSError, match="Read-only"):
        view.shown("kept/file").open("r+b")
    with pytest.raises(OSError, match="Read-only"):
        (view.mountpoint / "gocryptfs.conf").unlink()


def test_virtual_files_are_read_like_others(view: View) -> None:
    diriv = view.mountpoint / "gocryptfs.diriv"
    assert len(diriv.read_bytes()) == diriv.stat().st_size == 16
    conf = view.mountpoint / "gocryptfs.conf"
    assert conf.read_bytes() == (view.cipherdir / ".gocryptfs.reverse.conf").read_bytes()
    with diriv.open("rb") as file:
        assert (os.pread(file.fileno(), 4, 14), os.pread(file.fileno(), 4, 99)) == (
            diriv.read_bytes()[14:],
            b"",
        )
