"""Sockets with paths longer than an address are bound and reached; impossible ones are refused."""

import os
import socket
from pathlib import Path

import pytest

from vaultui.linux import unixsocket


@pytest.mark.parametrize("directories", [0, 2])
def test_server_and_client_meet_however_long_the_path_is(tmp_path: Path, directories: int) -> None:
    place = tmp_path.joinpath(*["d" * 120] * directories)
    place.mkdir(parents=True, exist_ok=True)
    path = place / "ctl.sock"
    before = os.listdir("/proc/self/fd")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with unixsocket.address(path) as address:
            server.bind(address)
        server.listen()
        assert path.is_socket()
        with unixsocket.address(path) as address:
            client.connect(address)
        accepted, _ = server.accept()
        with accepted:
            client.send(b"hello")
            assert accepted.recv(10) == b"hello"
    assert os.listdir("/proc/self/fd") == before


def test_a_name_that_does_not_fit_by_itself_is_refused_clearly(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="File name too long") as caught,
        unixsocket.address(tmp_path / ("s" * 150)),
    ):
        pass
    assert caught.value.filename == str(tmp_path / ("s" * 150))


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 120) / "ctl.sock"
    with pytest.raises(FileNotFoundError), unixsocket.address(path):
        pass
