"""Tokens for programs: what they open as /dev/hidrawN is one of `authenticator.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from plugged import Bus


@pytest.fixture(scope="session")
def hidraw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that makes sockets look like hidraw devices."""
    library = tmp_path_factory.mktemp("hidraw") / "hidraw.so"
    source = Path(__file__).with_name("hidraw.c")
    options = ("-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    subprocess.run(("cc", *options, "-o", library, source), check=True)
    return library


@pytest.fixture
def bus(
    hidraw: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bus]:
    """Return where tokens are plugged in, for all programs that the test starts."""
    sockets = tmp_path_factory.mktemp("b")
    monkeypatch.setenv("LD_PRELOAD", str(hidraw))
    monkeypatch.setenv("HIDRAW_SOCKETS", str(sockets))
    bus = Bus(sockets)
    yield bus
    bus.clear()
