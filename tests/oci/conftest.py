"""A system to make containers of, and containers of each runtime, of root and of others."""

from __future__ import annotations

from collections.abc import Iterator
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
def task(rootfs: Path, tmp_path: Path) -> Iterator[ContainerTask]:
    """A task of this user's with runc: enough where the runtime is not what matters."""
    with ContainerTask(rootfs, tmp_path) as task:
        yield task


@pytest.fixture
def task_of_user(rootfs: Path, tmp_path: Path) -> Iterator[ContainerTask]:
    with ContainerTask(rootfs, tmp_path, of_user=True) as task:
        yield task


@pytest.fixture(params=["runc of root", "runc of a user", "crun of root", "crun of a user"])
def any_task(
    request: pytest.FixtureRequest, rootfs: Path, tmp_path: Path
) -> Iterator[ContainerTask]:
    """A task with each runtime, of root and of an ordinary user."""
    yield from _task(request, rootfs, tmp_path)


@pytest.fixture(params=["runc of root", "crun of a user"])
def either_task(
    request: pytest.FixtureRequest, rootfs: Path, tmp_path: Path
) -> Iterator[ContainerTask]:
    """A task of each kind, where it would be a wonder if one of the others alone failed."""
    yield from _task(request, rootfs, tmp_path)


def _task(request: pytest.FixtureRequest, rootfs: Path, tmp_path: Path) -> Iterator[ContainerTask]:
    runtime, _, who = request.param.partition(" of ")
    if runtime == "crun":
        runtime = request.getfixturevalue("crun")
    with ContainerTask(rootfs, tmp_path, runtime, who == "a user") as task:
        yield task


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
