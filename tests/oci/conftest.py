"""A system to make containers of, and containers of each runtime, of root and of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from containertask import ContainerTask, make_crun, make_system


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_system(tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="session")
def crun(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_crun(tmp_path_factory.mktemp("crun"))


@pytest.fixture
def task(rootfs: Path, tmp_path: Path) -> ContainerTask:
    """A task of this user's with runc: enough where the runtime is not what matters."""
    return ContainerTask(rootfs, tmp_path)


@pytest.fixture(
    params=[
        pytest.param((runtime, who), id=f"{runtime}-{who}")
        for runtime in ("runc", "crun")
        for who in ("root", "user")
    ]
)
def any_task(request: pytest.FixtureRequest, rootfs: Path, tmp_path: Path) -> ContainerTask:
    """A task with each runtime, of root and of an ordinary user."""
    runtime, who = request.param
    if runtime == "crun":
        runtime = request.getfixturevalue("crun")
    return ContainerTask(rootfs, tmp_path, runtime, who == "user")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
