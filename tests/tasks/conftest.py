"""Real tasks, with their keepers and wardens, and records of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from taskstarting import TaskPlace


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[TaskPlace]:
    tasks = TaskPlace(tmp_path)
    yield tasks
    await tasks.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
