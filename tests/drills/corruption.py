"""A thousand damages by chance: each is detected, or does no harm, or cannot be detected.

A case is a directory of its own with something of everything in it, so that one volume of each
flavour holds many of them, and one mount and one check tell of all. What reads back must be what
was written, block by block, or an error; what is not there any more, or not as it was, must be
named by a check.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from mounting import MountedVolume
from ondisk import places_by_inode

from tests.drills.damaging import Flavour, Victim, damages_of
from tests.drills.harness import Drill, Row, Session

FLAVOURS = {
    "default": Flavour(),
    "aessiv": Flavour(("-aessiv",)),
    "xchacha": Flavour(("-xchacha",), block=4096 + 40),
    "deterministic names": Flavour(("-deterministic-names",), ivs=False),
    "plaintext names": Flavour(("-plaintextnames",), names=False, ivs=False),
    "short long names": Flavour(("-longnamemax", "100")),
}
_CASES = 1000
_DAMAGED = 26
"""Exit code of a check that found something."""
_BLOCK = 4096
_FILES = ("file0", "file1", "file2")
_LONGS = ("l" * 200, "m" * 220)
_LINKS = ("link0", "link1")
_SUBS = ("sub0", "sub1")
_BY_CHANCE = "a changed name that decrypts to another one, as one in 256 does"


@dataclass
class Seen:
    """One entry as it was read; `ERROR` stands where an error was."""

    kind: str
    content: list[bytes] = field(default_factory=list)
    """Blocks of a file, or the target of a link."""
    attributes: dict[str, bytes] = field(default_factory=dict)


ERROR = b"\0error\0"
Tree = dict[str, Seen]


@dataclass
class Case:
    """One damage, and what came of it."""

    name: str
    seed: int
    group: str
    way: str
    undetectable: str
    wrong: list[str] = field(default_factory=list)
    """What was read without an error and is not what was written."""
    amiss: list[str] = field(default_factory=list)
    """What gave an error or is not there."""
    by_chance: int = 0
    """Entries under names that nobody gave them."""
    is_named: bool = False
    """Whether a check tells of it."""


def run(session: Session) -> Sequence[Row]:
    seeds: dict[str, list[int]] = defaultdict(list)
    for seed in session.seeds(_CASES):
        seeds[list(FLAVOURS)[seed % len(FLAVOURS)]].append(seed)
    results: dict[type[MountedVolume], list[Case]] = {peer: [] for peer in session.peers}
    for number, (flavour, chosen) in enumerate(seeds.items()):
        if number and time.monotonic() > session.deadline:
            session.say(f"no time is left for {flavour}")
            continue
        for peer, cases in _try_flavour(session, session.base / str(number), flavour, chosen):
            results[peer] += cases
    for case in results[session.peers.ours]:
        for sentence in _verdict(case):
            session.found(session.peers.ours, f"{case.way}: {sentence}", case.seed)
    return list(_rows(session, results))


def _verdict(case: Case) -> Iterator[str]:
    """Yield what must not be."""
    if case.undetectable:
        return
    if case.wrong:
        yield f"read without an error, and wrong: {case.wrong[0]}"
    if case.amiss and not (case.is_named or case.by_chance):
        yield f"no check names it: {case.amiss[0]}"


def _try_flavour(
    session: Session, base: Path, name: str, seeds: list[int]
) -> Iterator[tuple[type[MountedVolume], list[Case]]]:
    """Make a volume with a case for each seed, damage it, and yield what each program says."""
    flavour = FLAVOURS[name]
    session.say(f"{name}: {len(seeds)} cases")
    base.mkdir()
    names = [f"case-{seed}" for seed in seeds]
    with session.peers.gocryptfs(base, init_options=flavour.init_options) as volume:
        for case in names:
            populate(volume.mountpoint / case, Random(case))
        places = places_by_inode(volume.cipherdir)
        older = {case: places[_inode(volume, case, _FILES[0])].read_bytes() for case in names}
        for case in names:
            with (volume.mountpoint / case / _FILES[0]).open("r+b") as file:
                file.write(b"newer")
        victims = {case: _victim(volume, case, places, flavour, older[case]) for case in names}
        before = {case: read_tree(volume.mountpoint / case) for case in names}
    damaged = []
    for case, seed in zip(names, seeds, strict=True):
        chance = Random(seed)
        group, damage = chance.choice(damages_of(flavour))
        undetectable = damage(victims[case], chance)
        damaged.append((case, seed, group, f"{name}, {damage.__name__}", undetectable))
    for peer in session.peers:
        cases = [Case(*values) for values in damaged]
        served = volume.by(peer, mount_options=("-ro",))
        with served:
            for case in cases:
                after = read_tree(served.mountpoint / case.name)
                _compare(case, before[case.name], after)
        checked = served.fsck().check(_DAMAGED)
        lines = [
            line
            for line in checked.stdout.decode("utf-8", "surrogateescape").splitlines()
            if line.startswith("fsck: ")
        ]
        for case in cases:
            case.is_named = any(f'"{case.name}/' in s or f'"{case.name}"' in s for s in lines)
        yield peer, cases


def populate(folder: Path, chance: Random) -> None:
    folder.mkdir()
    for name in _FILES:
        (folder / name).write_bytes(chance.randbytes(3 * _BLOCK + 1000))
    (folder / "small").write_bytes(chance.randbytes(chance.randint(1, 300)))
    for name in _LONGS:
        (folder / name).write_bytes(chance.randbytes(chance.choice([10, _BLOCK, 5000])))
    for name in _LINKS:
        (folder / name).symlink_to(f"some/{chance.randbytes(8).hex()}")
    for name in _SUBS:
        (folder / name).mkdir()
        (folder / name / "inner").write_bytes(chance.randbytes(2 * _BLOCK))
    for name in (_FILES[0], _SUBS[0]):
        for attribute in ("user.one", "user.two"):
            os.setxattr(folder / name, attribute, chance.randbytes(20))


def _inode(volume: MountedVolume, *parts: str) -> int:
    return os.lstat(volume.mountpoint.joinpath(*parts)).st_ino


def _victim(
    volume: MountedVolume, case: str, places: dict[int, Path], flavour: Flavour, older: bytes
) -> Victim:
    def place(*parts: str) -> Path:
        return places[_inode(volume, case, *parts)]

    return Victim(
        flavour,
        place(),
        [place(name) for name in _FILES],
        older,
        place("small"),
        [place(name) for name in _LONGS],
        [place(name) for name in _LINKS],
        [place(name) for name in _SUBS],
        [place(name, "inner") for name in _SUBS],
    )


def read_tree(folder: Path) -> Tree:
    """Read all that can be read below a directory."""
    tree: Tree = {}
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        path = str(here.relative_to(folder))
        tree[path] = Seen("directory")
        try:
            names = os.listdir(here)
            tree[path].attributes = _attributes(here)
        except OSError:
            tree[path].content.append(ERROR)
            continue
        for name in names:
            try:
                mode = os.lstat(here / name).st_mode
            except OSError:
                tree[str((here / name).relative_to(folder))] = Seen("unknown", [ERROR])
                continue
            if stat.S_ISDIR(mode):
                waiting.append(here / name)
            else:
                tree[str((here / name).relative_to(folder))] = _read_entry(here / name, mode)
    return tree


def _read_entry(path: Path, mode: int) -> Seen:
    if stat.S_ISLNK(mode):
        try:
            return Seen("link", [os.fsencode(os.readlink(path))])
        except OSError:
            return Seen("link", [ERROR])
    if not stat.S_ISREG(mode):
        return Seen("special")
    try:
        return Seen("file", list(_blocks(path)), _attributes(path))
    except OSError:
        return Seen("file", [ERROR])


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the blocks of a file; an error in one does not keep the others from being read."""
    fd = os.open(path, os.O_RDONLY)
    try:
        # Without the kernel's reading ahead, which asks for several blocks at once.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        size = os.fstat(fd).st_size
        at = 0
        while at < size:
            try:
                data = os.pread(fd, _BLOCK, at)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                data = ERROR
            if not data:
                return
            yield data
            at += _BLOCK
    finally:
        os.close(fd)


def _attributes(path: Path) -> dict[str, bytes]:
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        if name.startswith("user."):
            try:
                found[name] = os.getxattr(path, name, follow_symlinks=False)
            except OSError:
                found[name] = ERROR
    return found


def _compare(case: Case, before: Tree, after: Tree) -> None:
    """Note what is wrong, what is amiss, and what is there under a name that nobody gave."""
    case.wrong = list(wrong_in(before, after))
    case.amiss = list(_amiss_in(before, after))
    case.by_chance = len(after.keys() - before.keys())


def wrong_in(before: Tree, after: Tree) -> Iterator[str]:
    """Yield what was read without an error, and was not what was written under its name."""
    for path, was in before.items():
        now = after.get(path)
        if now is None or now.kind != was.kind:
            continue
        for number, block in enumerate(now.content):
            if block != ERROR and block != b"".join(was.content[number : number + 1]):
                yield f"block {number} of {path}"
        if len(now.content) < len(was.content) and ERROR not in now.content:
            yield f"{path} is shorter"
        for name, value in now.attributes.items():
            if value not in (ERROR, was.attributes.get(name)):
                yield f"attribute {name} of {path}"


def _amiss_in(before: Tree, after: Tree) -> Iterator[str]:
    """Yield what gave an error or was not there."""
    for path, was in before.items():
        now = after.get(path)
        if now is None or now.kind != was.kind:
            yield f"{path} is gone"
            continue
        if ERROR in now.content or len(now.content) < len(was.content):
            yield f"{path} has errors, or is cut"
        for name in was.attributes:
            if now.attributes.get(name, ERROR) == ERROR:
                yield f"attribute {name} of {path}"


def _rows(session: Session, results: dict[type[MountedVolume], list[Case]]) -> Iterator[Row]:
    ours, theirs = (results[peer] for peer in session.peers)
    yield Row("cases", str(len(ours)), str(len(theirs)), f"of {len(FLAVOURS)} kinds of volumes")
    for group in dict.fromkeys(case.group for case in ours):
        yield Row(f"… in {group}", *(str(_count(cases, group)) for cases in (ours, theirs)))

    def row(what: str, test: str, remark: str = "") -> Row:
        return Row(what, *(str(_COUNTS[test](cases)) for cases in (ours, theirs)), remark)

    yield row("detected: an error, or not shown", "detected")
    yield row("harmless: everything reads back as it was", "harmless")
    yield row("**wrong plaintext that could have been detected**", "wrong", "must be 0")
    yield row("entries under random names", "by chance", _BY_CHANCE)
    yield row("detected, and not named by the check", "unnamed", "must be 0 of ours")
    reasons = Counter(case.undetectable for case in ours if case.undetectable)
    for reason, count in sorted(reasons.items()):
        shown = [
            sum(bool(case.wrong) for case in cases if case.undetectable == reason)
            for cases in (ours, theirs)
        ]
        yield Row(
            f"cannot be detected: {reason}",
            *(f"{number} of {count} shown so" for number in shown),
            "the format has nothing to tell it by",
        )


_COUNTS = {
    "detected": lambda cases: sum(bool(c.amiss and not c.undetectable) for c in cases),
    "harmless": lambda cases: sum(not (c.amiss or c.wrong or c.by_chance) for c in cases),
    "wrong": lambda cases: sum(bool(c.wrong and not c.undetectable) for c in cases),
    "by chance": lambda cases: sum(c.by_chance for c in cases if not c.undetectable),
    "unnamed": lambda cases: sum(
        bool(c.amiss and not (c.undetectable or c.by_chance or c.is_named)) for c in cases
    ),
}


def _count(cases: list[Case], group: str) -> int:
    return sum(case.group == group for case in cases)


DRILL = Drill("corruption", "Corruption: a thousand damages by chance", run, minutes=3.0)
