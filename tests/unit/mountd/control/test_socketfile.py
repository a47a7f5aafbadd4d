"""The control socket as a file: private, replaced when abandoned, removed at the end."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from vaultui.linux import unixsocket
from vaultui.model.errors import CtlsockUnavailable
from vaultui.mountd.control.socketfile import ControlSocket


def test_it_is_private_whatever_the_umask_and_gone_when_closed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    before = os.umask(0)
    try:
        with ControlSocket(str(path)):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert not path.exists()


def test_a_socket_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(path))
    with (
        ControlSocket(str(path)),
        socket.socket(socket.AF_UNIX) as client,
    ):
        client.connect(str(path))


def test_a_socket_that_somebody_serves_is_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with ControlSocket(path):
        with pytest.raises(CtlsockUnavailable) as failure:
            ControlSocket(path)
        assert failure.value.exit_code == 20
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(CtlsockUnavailable, match="in use"):
        ControlSocket(str(path))
    assert path.read_text() == "precious"


def test_a_file_that_took_its_place_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with ControlSocket(str(path)):
        path.unlink()
        path.write_text("somebody else's")
    assert path.read_text() == "somebody else's"


def test_a_path_longer_than_an_address_works_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 150) / "s"
    path.parent.mkdir()
    for _ in range(2):
        with ControlSocket(str(path)), unixsocket.address(path) as address:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(address)
            with pytest.raises(CtlsockUnavailable):
                ControlSocket(str(path))
        assert not path.exists()
        with socket.socket(socket.AF_UNIX) as abandoned, unixsocket.address(path) as address:
            abandoned.bind(address)


@pytest.mark.parametrize("name", ["x" * unixsocket.MAX_ADDRESS, "no/such/directory"])
def test_a_path_that_cannot_be_bound_is_told_with_its_reason(tmp_path: Path, name: str) -> None:
    with pytest.raises(CtlsockUnavailable) as failure:
        ControlSocket(str(tmp_path / name))
    assert str(tmp_path) in failure.value.summary
