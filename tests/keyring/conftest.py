"""A D-Bus session of the test's own, in its environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from secretservice import session_bus


@pytest.fixture
def bus(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with session_bus(home) as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield
