"""Another machine works in the volume, and a sync client brings that in under a live mount.

Here some of the files are open meanwhile, some were read and are in the kernel's cache, some
names were asked for and not there. When the promised time has passed, the mount shows what the
other machine left, whole: no old content, no mixture of two versions, no name that is gone, no
name that is missing. Who has a file open keeps the file that was opened.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from mounting import MountedVolume
from openvolume import OpenVolume

from tests.drills.harness import Drill, Row, Session
from tests.drills.syncing import SyncClient, scan

PROMISED_S = 1.0
"""How long names and attributes are believed; nothing is with -sharedstorage, which every other
episode has."""
_SLACK_S = 0.25
_EPISODES = 12
_ROUNDS = 8
"""In one volume under one mount."""
_CHANGES = 8
_LONG = "n" * 190
_STALE = "stale"
_SPLICED = "spliced"
_ERROR = "error"

Tree = dict[str, bytes | None]
"""Content of files and targets of links by path; None for directories."""


def run(session: Session) -> Sequence[Row]:
    counts: dict[type[MountedVolume], Counter[str]] = {}
    for number, peer in enumerate(session.peers):
        counts[peer] = Counter()
        for seed in session.seeds(_EPISODES, share=(number + 1) / len(session.peers)):
            counts[peer] += _episode(session, peer, seed)
    return list(_rows(counts))


def _episode(session: Session, peer: type[MountedVolume], seed: int) -> Counter[str]:
    """Do some rounds in a new volume; return what there is to count."""
    base = session.base / f"{peer.argv0}-{seed}"
    base.mkdir()
    is_shared = bool(seed % 2)
    volume = peer(base, mount_options=("-sharedstorage",) if is_shared else ())
    machine = _Machine(session, volume, peer, seed, 0.0 if is_shared else PROMISED_S)
    try:
        with volume:
            machine.begin()
            chance = Random(seed)
            for _ in range(_ROUNDS):
                machine.round(chance)
    except subprocess.TimeoutExpired:
        session.found(peer, "it did not end when it was unmounted", seed)
    for line in volume.log.splitlines():
        if _is_alarming(line):
            session.found(peer, f"in its log: {line}", seed)
    shutil.rmtree(base)
    return machine.counts


def _is_alarming(line: str) -> bool:
    return any(word in line.lower() for word in ("internal", "traceback", "panic"))


class _Machine:
    """The mount under test, the other machine, and the sync client between them."""

    def __init__(
        self,
        session: Session,
        volume: MountedVolume,
        peer: type[MountedVolume],
        seed: int,
        promised_s: float,
    ) -> None:
        self._session = session
        self._volume = volume
        self._peer = peer
        self._seed = seed
        self._promised_s = promised_s
        self._root = volume.mountpoint
        self._elsewhere = volume.base / "elsewhere"
        self.counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Give the other machine its copy of the volume, which is there by now."""
        shutil.copytree(self._volume.cipherdir, self._elsewhere, symlinks=True)

    def round(self, chance: Random) -> None:
        """Change things elsewhere, bring them over, and look at the mount."""
        self._change_here(chance)
        client = SyncClient(self._elsewhere, self._volume.cipherdir, chance)
        client.pull()
        other = OpenVolume(self._elsewhere, coherence_s=0.0)
        try:
            before = _plain(other)
            held = self._warm(before, chance)
            for _ in range(_CHANGES):
                _change(other, chance)
            after = _plain(other)
        finally:
            other.close()
        client.push()
        done = time.monotonic()
        self._look_at_once(before, after, client, chance)
        time.sleep(max(done + self._promised_s + _SLACK_S - time.monotonic(), 0))
        self._look_at_last(after)
        self._look_at_held(held, before)
        self.counts["rounds"] += 1
        self.counts["changes"] += len(client.methods)

    # Before.

    def _change_here(self, chance: Random) -> None:
        """Write, rename and remove a little through the mount: what is cached is not all old."""
        for _ in range(3):
            path = self._root / f"here-{chance.randrange(6)}"
            try:
                match chance.randrange(4):
                    case 0:
                        path.unlink(missing_ok=True)
                    case 1 if path.exists():
                        path.rename(self._root / f"here-{chance.randrange(6)}")
                    case _:
                        path.write_bytes(_content(chance))
            except OSError as error:
                self._found(f"{_ERROR} when working in the mount: {error}")

    def _warm(self, before: Tree, chance: Random) -> list[tuple[str, int]]:
        """Fill caches: read, list, ask for what is not there; keep some files open.

        Returns path and descriptor of those.
        """
        held = []
        for path, content in before.items():
            place = self._root / path
            try:
                if content is None:
                    os.listdir(place)
                elif not place.is_symlink() and chance.random() < 0.7:
                    place.read_bytes()
                    if chance.random() < 0.4:
                        flags = chance.choice([os.O_RDONLY, os.O_RDWR | os.O_APPEND])
                        held.append((path, os.open(place, flags)))
            except OSError as error:
                self._found(f"{_ERROR} before anything was changed: {error.strerror}")
                break
        for name in _names(chance):
            os.path.lexists(self._root / name)
        return held

    # After.

    def _look_at_once(self, before: Tree, after: Tree, client: SyncClient, chance: Random) -> None:
        """Read while the kernel may still believe old names: old or new, and each of them whole."""
        for path in chance.sample(sorted(before), min(6, len(before))):
            if before[path] is None:
                continue
            # Of a directory that was moved the old name still leads to it, and to what it
            # holds by now.
            allowed = {before[path], *after.values()}
            try:
                place = self._root / path
                content = os.fsencode(os.readlink(place)) if place.is_symlink() else _read(place)
            except FileNotFoundError:
                continue
            except OSError as error:
                self.counts["errors within the promised time"] += 1
                self._session.say(f"seed {self._seed}: at once, {_short(path)}: {error.strerror}")
                continue
            if content not in allowed and not _was_in_place(client):
                self._found(f"{_SPLICED} content of {_short(path)} at once")

    def _look_at_last(self, after: Tree) -> None:
        try:
            now = _plain_mount(self._root)
        except OSError as error:
            self._found(f"{_ERROR} after the promised time: {error.strerror}")
            return
        for path in sorted(after.keys() | now.keys()):
            if path not in now:
                self._found(f"{_STALE}: {_short(path)} is missing")
            elif path not in after:
                self._found(f"{_STALE}: {_short(path)} is still there")
            elif now[path] != after[path]:
                self._found(f"{_STALE} or {_SPLICED} content of {_short(path)}")

    def _look_at_held(self, held: list[tuple[str, int]], before: Tree) -> None:
        """Read what is open: as the file is by now, wherever it lies, or as it was at its end.

        What is appended to it lands behind that, and nowhere else.
        """
        places = {entry.inode: path for path, entry in scan(self._volume.cipherdir).items()}
        here = OpenVolume(self._volume.cipherdir, coherence_s=0.0)
        for path, fd in held:
            self.counts["open files"] += 1
            expected = before[path]
            if place := places.get(os.fstat(fd).st_ino):
                place = os.fsdecode(here.fs.decrypt_path(os.fsencode(place)))
                expected = here.read(place)
            assert expected is not None
            try:
                if _read_all(fd) != expected:
                    self._found(f"{_SPLICED} content of the open file {_short(path)}")
                if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND:
                    os.write(fd, b"appended here\n")
                    expected += b"appended here\n"
                    if _read_all(fd) != expected or (place and here.read(place) != expected):
                        self._found(f"{_SPLICED} content of {_short(path)} that was appended to")
            except OSError as error:
                self._found(f"{_ERROR} with the open file {_short(path)}: {error.strerror}")
            os.close(fd)
        here.close()

    def _found(self, sentence: str) -> None:
        self.counts[sentence.partition(" ")[0].rstrip(":")] += 1
        self._session.found(self._peer, sentence, self._seed)
        if self._peer is self._session.peers.ours:
            self._session.say(f"its log ends: {self._volume.log.splitlines()[-3:]}")


def _was_in_place(client: SyncClient) -> bool:
    """Tell whether anything was written over: attributes of it may still be the old ones."""
    return any(method in ("rewritten", "patched") for method in client.methods.values())


def _content(chance: Random) -> bytes:
    """Return text of which every piece tells its version."""
    version = chance.randbytes(6).hex().encode()
    return (version + b"\n") * chance.choice([0, 1, 20, 315, 630, 1500])


def _names(chance: Random) -> Iterator[str]:
    """Yield a few of the names that the other machine works with."""
    for number in chance.sample(range(12), 4):
        yield f"file-{number}"
        yield f"{_LONG}-{number}"
        yield f"dir-{number % 4}/file-{number}"


def _change(other: OpenVolume, chance: Random) -> None:
    """Do something on the other machine; nothing where it would not go."""
    tree = _plain(other)
    files = [path for path, content in tree.items() if content is not None]
    folders = ["", *(path for path, content in tree.items() if content is None)]
    name = chance.choice(["file", _LONG]) + f"-{chance.randrange(12)}"
    path = f"{chance.choice(folders)}/{name}".lstrip("/")
    links = {path for path in files if other.attributes(path).mode & 0o170000 == 0o120000}
    plain = [path for path in files if path not in links]
    match chance.randrange(9):
        case 0 | 1 if path not in tree:
            other.write(path, _content(chance))
        case 2 | 3 if plain:
            victim = chance.choice(plain)
            other.truncate(victim, 0)
            other.write(victim, _content(chance))
        case 4 if plain:
            victim = chance.choice(plain)
            other.write(
                victim, _content(chance)[:500], chance.randrange(len(tree[victim] or b"") + 1)
            )
        case 5 if files and path not in folders:
            other.rename(chance.choice(files), path)
        case 6 if files:
            other.unlink(chance.choice(files))
        case 7:
            _change_directory(other, tree, folders, chance)
        case _ if path not in tree:
            other.symlink(chance.randbytes(5).hex().encode(), path)


def _change_directory(other: OpenVolume, tree: Tree, folders: list[str], chance: Random) -> None:
    path = f"dir-{chance.randrange(4)}"
    if path not in folders:
        other.mkdir(path)
        other.mkdir(f"{path}/below")
        for number in range(3):
            other.write(f"{path}/file-{number}", _content(chance))
            other.write(f"{path}/below/file-{number}", _content(chance))
        return
    target = f"dir-{chance.randrange(4)}"
    if target not in folders and chance.random() < 0.5:
        other.rename(path, target)
        return
    for inner in sorted((p for p in tree if p.startswith(f"{path}/")), reverse=True):
        (other.rmdir if tree[inner] is None else other.unlink)(inner)
    other.rmdir(path)
    if chance.random() < 0.6:
        other.mkdir(path)
        other.write(f"{path}/file-{chance.randrange(12)}", _content(chance))


def _plain(volume: OpenVolume, path: str = "") -> Tree:
    tree: Tree = {}
    for name in volume.list(path):
        inner = f"{path}/{name}".lstrip("/")
        kind = volume.attributes(inner).mode & 0o170000
        if kind == 0o040000:
            tree[inner] = None
            tree |= _plain(volume, inner)
        elif kind == 0o120000:
            tree[inner] = volume.fs.readlink(volume.ino(inner))
        else:
            tree[inner] = volume.read(inner)
    return tree


def _plain_mount(root: Path, path: str = "") -> Tree:
    tree: Tree = {}
    for name in os.listdir(root / path):
        inner = f"{path}/{name}".lstrip("/")
        place = root / inner
        if place.is_symlink():
            tree[inner] = os.fsencode(os.readlink(place))
        elif place.is_dir():
            tree[inner] = None
            tree |= _plain_mount(root, inner)
        else:
            tree[inner] = _read(place)
    return tree


def _read(place: Path) -> bytes:
    fd = os.open(place, os.O_RDONLY)
    try:
        return _read_all(fd)
    finally:
        os.close(fd)


def _read_all(fd: int) -> bytes:
    pieces = []
    at = 0
    while piece := os.pread(fd, 1 << 17, at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def _short(path: str) -> str:
    return "/".join(
        f"{part[:3]}…{part[-3:]}" if len(part) > 40 else part for part in path.split("/")
    )


def _rows(counts: dict[type[MountedVolume], Counter[str]]) -> Iterator[Row]:
    for what, key, remark in (
        ("rounds", "rounds", "half of them with -sharedstorage"),
        ("files and directories changed underneath", "changes", ""),
        ("files open meanwhile", "open files", "each keeps the file that was opened"),
        (
            "errors within the first second",
            "errors within the promised time",
            "looked at again, they go",
        ),
        ("**old or missing names, old content after the promised time**", _STALE, "must be 0"),
        ("**two versions mixed**", _SPLICED, "must be 0"),
        ("**errors after the promised time**", _ERROR, "must be 0"),
    ):
        yield Row(what, *(str(count[key]) for count in counts.values()), remark)


DRILL = Drill("coexistence", "Coexistence: a sync client under a live mount", run, minutes=3.0)
