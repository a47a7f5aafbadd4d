"""The config of a volume and the IV of its root, damaged by chance.

Whoever damages these damages everything: the mount is refused, or shows what was written, or shows
less of it. It never shows anything else, with one exception that the format leaves: nothing
authenticates the features, so a config that is edited to say that names are plain shows them
as they lie on disk.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from mounting import MountedVolume

from tests.drills.corruption import Tree, populate, read_tree, wrong_in
from tests.drills.harness import Drill, Row, Session

_ROUNDS = 60
_FLAGS = ("HKDF", "GCMIV128", "DirIV", "EMENames", "LongNames", "Raw64", "PlaintextNames", "AESSIV")

Change = Callable[[Path, Random], None]


def run(session: Session) -> Sequence[Row]:
    base = session.base / "volume"
    base.mkdir()
    with session.peers.gocryptfs(base) as volume:
        populate(volume.mountpoint / "dir", Random("configs"))
        before = read_tree(volume.mountpoint)
    other = session.peers.gocryptfs(session.base / "other")
    other.create()
    counts: dict[type[MountedVolume], Counter[str]] = {peer: Counter() for peer in session.peers}
    for seed in session.seeds(_ROUNDS):
        chance = Random(seed)
        damaged = session.base / "damaged"
        shutil.copytree(volume.cipherdir, damaged, symlinks=True)
        change = chance.choice(_CHANGES)
        if change is _replace_config:
            _rewrite(damaged / "gocryptfs.conf", (other.cipherdir / "gocryptfs.conf").read_bytes())
        else:
            change(damaged, chance)
        for peer in session.peers:
            outcome = _try(session, peer, damaged, before)
            counts[peer][outcome] += 1
            if outcome == _WRONG:
                session.found(peer, f"{change.__name__}: {_WRONG}", seed)
        shutil.rmtree(damaged)
    return list(_rows(counts))


_REFUSED = "the mount is refused"
_WHOLE = "mounted, and everything reads back"
_LESS = "mounted, with errors or less to see"
_OTHER_NAMES = "mounted, with names that nobody gave"
_WRONG = "mounted, with wrong content"


def _try(session: Session, peer: type[MountedVolume], cipherdir: Path, before: Tree) -> str:
    served = peer(session.base / "volume", cipherdir=cipherdir, mount_options=("-ro",))
    try:
        served.mount()
    except AssertionError:
        return _REFUSED
    try:
        after = read_tree(served.mountpoint)
    finally:
        served.unmount()
    if any(wrong_in(before, after)):
        return _WRONG
    if after.keys() - before.keys():
        return _OTHER_NAMES
    return _WHOLE if after == before else _LESS


def _rewrite(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def _flip_config(cipherdir: Path, chance: Random) -> None:
    path = cipherdir / "gocryptfs.conf"
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 3)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    _rewrite(path, bytes(data))


def _cut_config(cipherdir: Path, chance: Random) -> None:
    path = cipherdir / "gocryptfs.conf"
    data = path.read_bytes()
    _rewrite(path, data[: chance.randrange(len(data))])


def _extend_config(cipherdir: Path, chance: Random) -> None:
    path = cipherdir / "gocryptfs.conf"
    _rewrite(path, path.read_bytes() + chance.choice([b"\n", b"{}", b"x", bytes(100)]))


def _edit_flags(cipherdir: Path, chance: Random) -> None:
    """Take flags out, or put others in; all else stays."""
    path = cipherdir / "gocryptfs.conf"
    conf = json.loads(path.read_bytes())
    flags = set(conf["FeatureFlags"])
    for flag in chance.sample(_FLAGS, chance.randint(1, 2)):
        flags ^= {flag}
    if "PlaintextNames" in flags and chance.random() < 0.7:
        flags -= {"DirIV", "EMENames", "LongNames", "Raw64"}
    conf["FeatureFlags"] = sorted(flags)
    _rewrite(path, json.dumps(conf).encode())


def _delete_config(cipherdir: Path, _chance: Random) -> None:
    (cipherdir / "gocryptfs.conf").unlink()


def _replace_config(cipherdir: Path, chance: Random) -> None:
    """That of another volume with the same password; the caller has it."""


def _flip_root_iv(cipherdir: Path, chance: Random) -> None:
    path = cipherdir / "gocryptfs.diriv"
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    _rewrite(path, bytes(data))


def _lose_root_iv(cipherdir: Path, chance: Random) -> None:
    path = cipherdir / "gocryptfs.diriv"
    match chance.randrange(3):
        case 0:
            path.unlink()
        case 1:
            _rewrite(path, b"")
        case _:
            _rewrite(path, os.urandom(17))


_CHANGES: tuple[Change, ...] = (
    *(_flip_config, _flip_config, _cut_config, _extend_config, _edit_flags, _edit_flags),
    *(_delete_config, _replace_config, _flip_root_iv, _lose_root_iv),
)


def _rows(counts: dict[type[MountedVolume], Counter[str]]) -> Iterator[Row]:
    yield Row("cases", *(str(count.total()) for count in counts.values()))
    for outcome, remark in (
        (_REFUSED, ""),
        (_WHOLE, "a bit in the name of its creator, an unknown key, a newline"),
        (_LESS, ""),
        (_OTHER_NAMES, "the flags were edited to plain names: those of the disk are shown"),
        (_WRONG, "must be 0"),
    ):
        yield Row(outcome, *(str(count[outcome]) for count in counts.values()), remark)


DRILL = Drill("configs", "Corruption: the config and the root's IV", run, minutes=1.0)
