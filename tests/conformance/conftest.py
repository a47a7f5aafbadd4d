"""Each check of this folder runs on three file systems: the machine's own, gocryptfs, ours.

The first says what the check means, the second what people are used to, and the third is
what is tested. One mount serves a whole run; each check works in a directory of its own. Some
checks run on further volumes of ours, where another flavour may answer otherwise.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support import Gocryptfs, MountedVolume, Vaultfs

sys.path.insert(0, os.path.dirname(__file__))

from differences import GOCRYPTFS, OURS
from places import Place


class _Backend(NamedTuple):
    kind: type[MountedVolume] | None = None
    needs: tuple[str, ...] = ()
    init_options: tuple[str, ...] = ()
    only_for: tuple[str, ...] = ()
    """The modules whose checks run on it; empty for all that don't name their BACKENDS."""
    mount_options: tuple[str, ...] = ()


_BACKENDS = {
    "native": _Backend(),
    "gocryptfs": _Backend(Gocryptfs, ("fuse", "gocryptfs")),
    "vaultfs": _Backend(Vaultfs, ("fuse",)),
    "siv-plaintextnames": _Backend(
        Vaultfs, ("fuse",), ("-aessiv", "-plaintextnames"), ("test_names",)
    ),
    "xchacha-deterministic": _Backend(
        Vaultfs,
        ("fuse",),
        ("-xchacha", "-deterministic-names", "-longnamemax=100"),
        ("test_names", "test_truncation"),
    ),
    "gocryptfs-shared": _Backend(
        Gocryptfs, ("fuse", "gocryptfs"), (), ("test_permissions",), ("-allow_other",)
    ),
    "vaultfs-shared": _Backend(Vaultfs, ("fuse",), (), ("test_permissions",), ("-allow_other",)),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each check on the backends that it is for."""
    if "served" in metafunc.fixturenames:
        module = metafunc.module.__name__.rpartition(".")[2]
        names = getattr(metafunc.module, "BACKENDS", None) or [
            name
            for name, backend in _BACKENDS.items()
            if not backend.only_for or module in backend.only_for
        ]
        metafunc.parametrize("served", names, indirect=True, scope="session")


@pytest.fixture(scope="session", autouse=True)
def umask() -> Iterator[None]:
    """Let files get the permissions that the checks expect, whoever calls them."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, MountedVolume | None]]:
    """Return the name, the top and the volume of one file system under test."""
    name: str = request.param
    backend = _BACKENDS[name]
    base = tmp_path_factory.mktemp(name)
    if backend.kind is None:
        yield name, base, None
        return
    options = backend.mount_options
    with backend.kind(base, init_options=backend.init_options, mount_options=options) as volume:
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
        if capabilities := _BACKENDS[backend].needs:
            item.add_marker(pytest.mark.needs(*capabilities))
        if reason := OURS.get(item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        if reason := GOCRYPTFS.get(item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=False))
