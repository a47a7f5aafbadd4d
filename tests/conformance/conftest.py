"""Each check of this folder runs on three file systems: the machine's own, gocryptfs, ours.

The first says what the check means, the second what people are used to, and the third is
what is tested. One mount serves a whole run; each check works in a directory of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Gocryptfs, MountedVolume, Vaultfs

sys.path.insert(0, os.path.dirname(__file__))

from differences import GOCRYPTFS, OURS
from places import Place

_BACKENDS: dict[str, tuple[type[MountedVolume] | None, tuple[str, ...]]] = {
    "native": (None, ()),
    "gocryptfs": (Gocryptfs, ("fuse", "gocryptfs")),
    "vaultfs": (Vaultfs, ("fuse",)),
}


@pytest.fixture(scope="session", params=list(_BACKENDS))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, MountedVolume | None]]:
    """Return the name, the top and the volume of one file system under test."""
    name: str = request.param
    kind, _ = _BACKENDS[name]
    base = tmp_path_factory.mktemp(name)
    if kind is None:
        yield name, base, None
        return
    with kind(base) as volume:
        yield name, volume.mountpoint, volume


@pytest.fixture
def place(served: tuple[str, Path, MountedVolume | None], request: pytest.FixtureRequest) -> Place:
    """Return an empty directory on each file system in turn."""
    name, top, volume = served
    if volume is not None and (volume.process is None or volume.process.poll() is not None):
        pytest.fail(f"{name} ended during an earlier check:\n{volume.log}", pytrace=False)
    count = sum(1 for _ in os.scandir(top))
    root = top / str(count)
    root.mkdir(mode=0o755)
    return Place(name, root, volume)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask for what a backend needs, and mark the differences that are known."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        backend = callspec.params.get("served") if callspec else None
        if backend not in _BACKENDS:
            continue
        if capabilities := _BACKENDS[backend][1]:
            item.add_marker(pytest.mark.needs(*capabilities))
        if reason := OURS.get(item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        if reason := GOCRYPTFS.get(item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=False))
