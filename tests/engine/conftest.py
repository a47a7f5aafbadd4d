"""A real engine for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import leftovers
import pytest
from enginetask import EngineTask
from mounting import Vaultfs, detach
from podmanservice import PodmanService
from programs import program, run_program
from shelltwin import PASSWORD, Shell
from warmprogram import Warm


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
    # The runner takes nothing for a vault that is not mounted.
    run_program(("mount", "--bind", vault, vault)).check()
    yield EngineTask(service, task_dir, vault)
    left = service.containers()
    service.podman("rm", "--all", "--force", "--time=0")
    detach(vault)
    assert left == []


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    with Warm(program("vaultui")) as running:
        yield running


@pytest.fixture
def shell(
    service: PodmanService, home: Path, tmp_path: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    """Yield the program, with a vault called Work that is locked, and the engine."""
    monkeypatch.setenv("DOCKER_HOST", service.address)
    volume = Vaultfs(tmp_path, password=PASSWORD.encode())
    volume.create()
    password_file = tmp_path / "password"
    password_file.write_text(PASSWORD + "\n")
    shell = Shell(home, password_file, warm)
    shell("add", volume.cipherdir, "--name", "Work").check()
    yield shell
    left = service.containers()
    service.podman("rm", "--all", "--force", "--time=0")
    if leftovers.describe(home, tmp_path):
        shell("lock", "--all", "--kill")
    assert left == []
