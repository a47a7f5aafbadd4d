"""The doctor tells which tasks this machine can run, and what the others need."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from vaultui.linux import controlgroup
from vaultui.linux.usernamespaces import Barrier
from vaultui.tasks import rooms
from vaultui.tasks.containers import runtime
from vaultui.vaults import doctortasks


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the environment name an engine that is not there; return where it would listen."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    return tmp_path / "docker.sock"


def test_each_finding_says_something_and_none_of_them_is_required(no_engine: Path) -> None:
    found = doctortasks.findings()
    assert [finding.name for finding in found] == ["namespaces", "cgroups", "oci-runtime", "engine"]
    for finding in found:
        assert finding.text
        assert bool(finding.cure) is not finding.ok
        assert not finding.required


def test_the_group_that_was_tried_is_gone_again() -> None:
    doctortasks.control_groups()
    name = f"vaultui-doctor-{os.getpid()}"
    for group in controlgroup.own_groups().values():
        assert not list(group.parent.glob(f"*/{name}"))
        assert not (group / name).exists()


def test_forbidden_namespaces_are_told_with_the_setting_that_allows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(rooms, "known_barrier", lambda: Barrier.COUNT)
    finding = doctortasks.namespaces()
    assert not finding.ok
    assert "the system allows no more of them" in finding.text
    assert "sysctl user.max_user_namespaces" in finding.cure


def test_a_missing_runtime_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(runtime, "_OF_ROOT", str(tmp_path))
    finding = doctortasks.oci_runtime()
    assert (finding.ok, "install runc" in finding.cure) == (False, True)


def test_an_engine_is_found_where_the_environment_names_it(no_engine: Path) -> None:
    assert not doctortasks.container_engine().ok
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(no_engine))
        listening.listen()
        answering = threading.Thread(target=_answer, args=(listening,))
        answering.start()
        finding = doctortasks.container_engine()
        answering.join()
    assert (finding.ok, finding.text) == (True, f"Docker answers at {no_engine}")


def _answer(listening: socket.socket) -> None:
    """Say to one ping what Docker says."""
    connection, _address = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n")


def test_an_engine_of_the_network_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert "tcp://192.0.2.1:2375 may be on another machine" in doctortasks.container_engine().text
