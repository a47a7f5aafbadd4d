"""Volumes that lie around on this machine and are not registered yet."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.linux.mountinfo import read_mounts, resolve_outside
from vaultui.vaults.entry import NAME_MAX

CONF = "gocryptfs.conf"
REVERSE_CONF = ".gocryptfs.reverse.conf"
HINT_DEPTH: Final = 3
"""Folders below the home directory, and below each place where drives are mounted."""
HINT_S: Final = 1.0
"""For a hint on an empty screen, which is not a search."""
SCAN_DEPTH: Final = 12
SCAN_S: Final = 60.0
_TELL_S: Final = 0.1
"""Between two reports of a scan: as often as a person can follow."""

_PASSED_OVER = frozenset({"node_modules", "__pycache__", "lost+found", ".git"})
_ELSEWHERE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "autofs"})
"""File systems on other machines: a scan of one takes long, and may hang."""


@dataclass(frozen=True)
class Scanned:
    """How far a scan is."""

    folders: int
    """Looked into so far."""
    at: Path
    """The folder that was the last."""
    found: Path | None = None
    """A cipher directory, where that is the news."""


def discover(known: Iterable[str], roots: Iterable[Path] | None = None) -> list[Path]:
    """Return cipher directories below the likely places that are not in `known`, sorted.

    May miss some: it looks a few folders deep and for about a second.
    """
    deadline = time.monotonic() + HINT_S
    found: list[Path] = []
    for step in _walk(known, roots, HINT_DEPTH):
        if step.found is not None:
            found.append(step.found)
        if time.monotonic() > deadline:
            break
    return sorted(found)


async def scan(
    known: Iterable[str], roots: Iterable[Path] | None = None, *, time_s: float = SCAN_S
) -> AsyncGenerator[Scanned, None]:
    """Yield how far a search of the likely places is, and each cipher directory as it is found.

    Ends after `time_s` seconds, and when the iterator is closed or its task cancelled. A folder
    that does not answer ends it as well: nothing comes any more, and the time is up.
    """
    loop = asyncio.get_running_loop()
    steps: asyncio.Queue[Scanned | None] = asyncio.Queue()
    given_up = threading.Event()

    def tell(step: Scanned | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(steps.put_nowait, step)

    def work() -> None:
        told = 0.0
        for step in _walk(known, roots, SCAN_DEPTH):
            if given_up.is_set():
                return
            if step.found is not None or time.monotonic() - told > _TELL_S:
                told = time.monotonic()
                tell(step)
        tell(None)

    # A daemon, as everything that may hang on a drive: the program's end does not wait for it.
    threading.Thread(target=work, daemon=True, name="scan").start()
    deadline = loop.time() + time_s
    try:
        # Not one time limit around it all: that would strike whoever works on a step.
        while (left := deadline - loop.time()) > 0:
            try:
                step = await asyncio.wait_for(steps.get(), left)
            except TimeoutError:
                return
            if step is None:
                return
            yield step
    finally:
        given_up.set()


def _walk(known: Iterable[str], roots: Iterable[Path] | None, depth: int) -> Iterator[Scanned]:
    """Yield a step for each folder, those near the roots first."""
    mounts = read_mounts()
    # Open vaults are below the home too, and one that hangs must not hang the search.
    barred = {m.mountpoint for m in mounts if m.is_fuse or m.fstype in _ELSEWHERE}
    seen = {resolve_outside(path, barred) for path in known}
    pending = deque((root, 0) for root in (_likely_places() if roots is None else roots))
    folders = 0
    while pending:
        folder, level = pending.popleft()
        folders += 1
        below, is_volume = _look_into(folder)
        real = os.path.realpath(folder) if is_volume else ""
        is_new = is_volume and real not in seen
        seen.add(real)
        yield Scanned(folders, folder, folder if is_new else None)
        if level < depth:
            pending += [(path, level + 1) for path in below if str(path) not in barred]


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
