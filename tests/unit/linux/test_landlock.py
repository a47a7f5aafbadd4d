"""Abstract sockets, which whoever is kept to its own reaches no more."""

import os
import socket

import pytest
from ordinaryuser import run_as_user

from vaultui.linux import landlock, prctl


def test_whoever_is_kept_to_its_own_abstract_sockets_reaches_no_other() -> None:
    with _listening("others") as others:

        def stay() -> None:
            prctl.set_no_new_privileges()
            _reach(others)
            if not landlock.keep_to_own_abstract_sockets():
                return  # the kernel is too old, and nothing has changed
            with pytest.raises(PermissionError):
                _reach(others)
            with _listening("own") as own:
                _reach(own)

        run_as_user(stay)


def _listening(name: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"\0vaultui-test-{os.getpid()}-{name}")
    listening.listen()
    return listening


def _reach(listening: socket.socket) -> None:
    with socket.socket(socket.AF_UNIX) as calling:
        calling.connect(listening.getsockname())
