"""Volumes that lie around on this machine and are not registered yet."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from vaultui.linux.mountinfo import read_mounts, resolve_outside
from vaultui.vaults.entry import NAME_MAX

CONF = "gocryptfs.conf"
REVERSE_CONF = ".gocryptfs.reverse.conf"
DEPTH = 3
"""Folders below the home directory, and below each place where drives are mounted."""
TIME_S = 1.0
"""A hint for an empty screen, not a search."""

_PASSED_OVER = frozenset({"node_modules", "__pycache__", "lost+found"})


def discover(known: Iterable[str], roots: Iterable[Path] | None = None) -> list[Path]:
    """Return cipher directories below the likely places that are not in `known`, sorted.

    May miss some: it looks a few folders deep and for about a second.
    """
    # Open vaults are below the home too, and one that hangs must not hang the search.
    mounted = {mount.mountpoint for mount in read_mounts() if mount.is_fuse}
    seen = {resolve_outside(path, mounted) for path in known}
    deadline = time.monotonic() + TIME_S
    found: set[Path] = set()
    pending = [(root, 0) for root in (_likely_places() if roots is None else roots)]
    while pending and time.monotonic() < deadline:
        folder, depth = pending.pop(0)
        below, is_volume = _look_into(folder)
        if is_volume and os.path.realpath(folder) not in seen:
            found.add(folder)
        if depth < DEPTH:
            pending += [(path, depth + 1) for path in below if str(path) not in mounted]
    return sorted(found)


def is_reverse(directory: str) -> bool:
    """Tell whether a directory is a plain one that can be shown encrypted."""
    confs = (os.path.lexists(os.path.join(directory, name)) for name in (CONF, REVERSE_CONF))
    return tuple(confs) == (False, True)


def name_for(cipherdir: str, taken: Iterable[str], *, whole: bool = False) -> str:
    """Return a name for a vault after its directory, with a number where it is taken.

    With `whole` the name is not after a directory, and loses no ending.
    """
    base = "".join(c for c in Path(cipherdir).name if c.isprintable()).lstrip("-. ").strip()
    for suffix in () if whole else (".cipher", ".encrypted", ".enc", ".c"):
        base = base.removesuffix(suffix)
    base = base[: NAME_MAX - 4].strip() or "Vault"
    names, number = set(taken), 1
    name = base
    while name in names:
        number += 1
        name = f"{base} {number}"
    return name


def _look_into(folder: Path) -> tuple[list[Path], bool]:
    """Return the folders to look into next, and whether `folder` is a volume itself.

    A cipher directory holds nothing else; a plain one that is shown encrypted may.
    """
    below, is_volume = [], False
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == CONF:
                    return [], True
                is_volume = is_volume or entry.name == REVERSE_CONF
                # Links are not followed: a loop of them would take all of the time.
                if entry.name not in _PASSED_OVER and entry.is_dir(follow_symlinks=False):
                    below.append(Path(entry.path))
    except OSError:
        return [], False
    # Hidden folders last, they are many: Plasma Vault and SiriKali keep theirs in some.
    return sorted(below, key=lambda path: (path.name.startswith("."), path.name)), is_volume


def _likely_places() -> list[Path]:
    user = Path.home().name
    return [Path.home(), Path("/media") / user, Path("/run/media") / user]
