"""Every flavour of volume, made by one program, goes to and fro between both without a loss.

Flavours join one way to encrypt content with one way to encrypt names, so that each way is met
once or twice. Those of old versions can't be made any more: they are written with a key of zeros
and without a config, by options that say what the config would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sampletree
from support import Entry, Gocryptfs, MountedVolume, Vaultfs, difference, tree_digest


@dataclass(frozen=True)
class Flavour:
    """The options that make a volume, or, where it is `bare` of a config, that open it."""

    options: tuple[str, ...]
    bare: bool = False


FLAVOURS = {
    "siv-names-62": Flavour(("-aessiv", "-longnamemax=62")),
    "siv-plaintextnames": Flavour(("-aessiv", "-plaintextnames")),
    "xchacha-deterministic": Flavour(("-xchacha", "-deterministic-names")),
    "gcm-plaintextnames": Flavour(("-plaintextnames",)),
    "gcm-deterministic-100": Flavour(("-deterministic-names", "-longnamemax=100")),
    "0.7": Flavour(("-zerokey", "-hkdf=false", "-raw64=false"), bare=True),
    "1.2": Flavour(("-zerokey", "-hkdf=false"), bare=True),
    # Attributes are padded where names are plain. gocryptfs has to be told, without a config.
    "1.2-siv-plaintextnames": Flavour(
        ("-zerokey", "-hkdf=false", "-aessiv", "-plaintextnames", "-raw64=false"), bare=True
    ),
    "padded-siv-names-62": Flavour(
        ("-zerokey", "-raw64=false", "-aessiv", "-longnamemax=62"), bare=True
    ),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[bytes, Entry]:
    """Return the sample tree as it is on a plain file system."""
    return _reference(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[bytes, Entry]:
    """Return the sample tree after the changes, on a plain file system."""
    return _reference(tmp_path_factory.mktemp("changed"), change=True)


def _reference(base: Path, *, change: bool = False) -> dict[bytes, Entry]:
    top = base / "tree"
    top.mkdir()
    _build(top)
    if change:
        sampletree.change(top)
    return tree_digest(top)


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS.keys())
def test_both_programs_read_and_change_what_the_other_wrote(
    flavour: Flavour,
    built: dict[bytes, Entry],
    changed: dict[bytes, Entry],
    tmp_path: Path,
) -> None:
    theirs, ours = _programs(flavour, tmp_path)
    with mounted(theirs) as top:
        (top / "theirs").mkdir()
        _build(top / "theirs")
    with mounted(ours) as top:
        assert difference(built, tree_digest(top / "theirs")) == []
        sampletree.change(top / "theirs")
        (top / "ours").mkdir()
        _build(top / "ours")
    with mounted(theirs) as top:
        assert difference(changed, tree_digest(top / "theirs")) == []
        assert difference(built, tree_digest(top / "ours")) == []
        sampletree.change(top / "ours")
    with mounted(ours) as top:
        assert difference(changed, tree_digest(top / "ours")) == []
    for program in (theirs, ours):
        options = flavour.options if flavour.bare else ()
        done = program.run("-fsck", *options, program.cipherdir).check()
        assert b"no problems found" in done.stdout


def _programs(flavour: Flavour, base: Path) -> tuple[MountedVolume, MountedVolume]:
    """Return both programs over one new volume of that flavour."""
    if flavour.bare:
        theirs = Gocryptfs(base, mount_options=flavour.options)
        theirs.cipherdir.mkdir()
        if "-plaintextnames" not in flavour.options:
            (theirs.cipherdir / "gocryptfs.diriv").write_bytes(os.urandom(16))
    else:
        theirs = Gocryptfs(base, init_options=flavour.options)
        theirs.create()
    return theirs, theirs.by(Vaultfs, mount_options=theirs.mount_options)


@contextmanager
def mounted(volume: MountedVolume) -> Iterator[Path]:
    """Mount a volume that may have no config, and yield its root."""
    volume.mount()
    try:
        yield volume.mountpoint
        volume.unmount()
    finally:
        volume.kill()


def _build(top: Path) -> None:
    """Make the sample tree, and names around each multiple of a cipher block."""
    lengths = top / "lengths"
    lengths.mkdir()
    for block in range(16, 256, 16):
        for length in (block - 1, block):
            (lengths / ("n" * length)).touch()
    sampletree.build(top)
