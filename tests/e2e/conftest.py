"""The installed programs, used as a person uses them, on a volume of the real gocryptfs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from support import Gocryptfs

sys.path.insert(0, os.path.dirname(__file__))

from installed import vaultui
from tmuxterminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Return a terminal in which nothing runs yet."""
    with Terminal(tmp_path) as terminal:
        yield terminal


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Gocryptfs]:
    """Return a volume that the real gocryptfs made and filled; vaults on it are locked later."""
    with Gocryptfs(tmp_path, cipherdir=tmp_path / "Work") as volume:
        (volume.mountpoint / "report.txt").write_bytes(b"quarterly figures\n")
        (volume.mountpoint / "folder").mkdir()
        (volume.mountpoint / "folder" / ("long name " * 20)).write_bytes(b"long")
    yield volume
    vaultui("lock", "--all", "--kill")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here mounts, and the volumes are gocryptfs's."""
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker(needs("fuse", "gocryptfs", "tmux"))
