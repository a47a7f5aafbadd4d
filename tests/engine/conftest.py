"""A real engine for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from enginetask import EngineTask
from podmanservice import PodmanService


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanService]:
    with PodmanService(tmp_path_factory.mktemp("podman")) as running:
        yield running


@pytest.fixture
def task(
    service: PodmanService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EngineTask]:
    monkeypatch.setenv("DOCKER_HOST", service.address)
    task_dir, vault = tmp_path / "task", tmp_path / "vault"
    (task_dir / "scratch").mkdir(parents=True)
    vault.mkdir()
    yield EngineTask(service, task_dir, vault)
    left = service.containers()
    service.podman("rm", "--all", "--force", "--time=0")
    assert left == []
