"""Finding a container engine: what the environment names comes before the usual sockets."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vaultui.model.errors import EngineElsewhere, EngineUnreachable
from vaultui.tasks.engines.address import find_engine

DOCKER = b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Length: 2\r\n\r\nOK"
PODMAN = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\n\r\n"


@contextlib.contextmanager
def listening(path: Path, answer: bytes) -> Iterator[Path]:
    """Answer one request at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(1 << 12)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_the_engine_that_the_environment_names_is_asked_who_it_is(tmp_path: Path) -> None:
    with listening(tmp_path / "named", DOCKER) as path:
        found = find_engine("Work", {"DOCKER_HOST": f"unix://{path}"})
    assert (found.path, found.uid) == (str(path), os.geteuid())
    assert (found.api_version, found.is_podman) == ("1.45", False)


def test_podman_is_found_in_the_runtime_directory_before_docker(tmp_path: Path) -> None:
    with (
        listening(tmp_path / "podman/podman.sock", PODMAN) as path,
        listening(tmp_path / "docker.sock", DOCKER),
    ):
        found = find_engine("Work", {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert (found.path, found.is_podman) == (str(path), True)


def test_a_socket_that_nobody_listens_at_any_more_is_passed_over(tmp_path: Path) -> None:
    with listening(tmp_path / "podman/podman.sock", PODMAN):
        pass
    with listening(tmp_path / "docker.sock", DOCKER) as path:
        assert find_engine("Work", {"XDG_RUNTIME_DIR": str(tmp_path)}).path == str(path)


def test_without_an_engine_the_places_that_were_looked_at_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaultui.tasks.engines.address._OF_THE_MACHINE", ())
    with pytest.raises(EngineUnreachable) as missing:
        find_engine("Work", {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert f"{tmp_path}/podman/podman.sock" in missing.value.summary
    assert "DOCKER_HOST" in missing.value.hint


@pytest.mark.parametrize("variable", ["DOCKER_HOST", "CONTAINER_HOST"])
def test_a_named_engine_that_is_not_there_is_unreachable(tmp_path: Path, variable: str) -> None:
    with pytest.raises(EngineUnreachable) as missing:
        find_engine("Work", {variable: f"unix://{tmp_path}/none"})
    assert "No such file or directory" in missing.value.summary


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:2375", "ssh://me@example.org", "http://x"])
def test_an_engine_of_a_network_is_refused(address: str) -> None:
    with pytest.raises(EngineElsewhere) as refused:
        find_engine("Work", {"DOCKER_HOST": address})
    assert address in refused.value.summary


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"+OK what do you want\r\n", b""]
)
def test_what_is_no_engine_is_not_taken_for_one(tmp_path: Path, answer: bytes) -> None:
    with (
        listening(tmp_path / "named", answer) as path,
        pytest.raises(EngineUnreachable) as refused,
    ):
        find_engine("Work", {"DOCKER_HOST": f"unix://{path}"})
    assert "no container engine" in refused.value.summary
