"""What gocryptfs's check finds in a damaged volume of any flavour, ours finds, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from corruptions import CORRUPTIONS, Flavour, find_victim, populate
from support import Completed, Gocryptfs, Vaultfs, difference, tree_digest

FLAVOURS = {
    "default": Flavour(),
    "aessiv": Flavour(("-aessiv",)),
    "xchacha": Flavour(("-xchacha",), block=4096 + 40),
    "deterministic names": Flavour(("-deterministic-names",), dir_ivs=False),
    "plaintext names": Flavour(("-plaintextnames",), encrypted_names=False, dir_ivs=False),
    "short long names": Flavour(("-longnamemax", "100")),
}


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
def test_what_gocryptfs_finds_is_found(flavour: Flavour, tmp_path: Path) -> None:
    chosen = {
        name: corruption for name, corruption in CORRUPTIONS.items() if corruption.of(flavour)
    }
    with Gocryptfs(tmp_path, init_options=flavour.init_options) as volume:
        for name in chosen:
            populate(volume.mountpoint / name)
        find = find_victim(volume.mountpoint, volume.cipherdir, flavour)
    for name, corruption in chosen.items():
        corruption.apply(find(name))

    before = tree_digest(volume.cipherdir)
    theirs = _named(volume.fsck().check(26), chosen)
    ours = volume.by(Vaultfs).fsck().check(26)
    assert difference(tree_digest(volume.cipherdir), before) == []

    assert theirs - _named(ours, chosen) == set()
    assert _named(ours, chosen) == {name for name, corruption in chosen.items() if corruption.found}


def _named(checked: Completed, names: dict[str, object]) -> set[str]:
    """Return which of the top directories the lines of a check name."""
    lines = [line for line in checked.stdout.decode().splitlines() if line.startswith("fsck: ")]
    return {
        name for name in names if any(f'"{name}/' in line or f'"{name}"' in line for line in lines)
    }
