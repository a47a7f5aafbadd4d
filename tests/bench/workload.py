"""The shape of a workload, and the place it works in.

A workload prepares, runs and is checked, and its time is that of running alone. What it has
written is read again after a remount before the time counts, so that nothing is fast by being
wrong; what is not as it must be raises `WrongResult`, and fails the whole run.
"""

from __future__ import annotations

import os
import select
import subprocess
import sysconfig
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from mounting import MountedVolume
from programs import run_program
from treedigest import Entry, tree_digest

from tests.bench import peers

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SOURCE = Path(__file__).with_name("iowork.c")
LONGEST_S = 900.0
"""Nothing takes so long, even where a program is slow: whatever does hangs."""
ENDED_S = 180.0


class WrongResult(Exception):
    """A workload did not do what it says; the message is a sentence."""


@dataclass(frozen=True)
class Scale:
    """How much of everything; the same for all that are compared."""

    part: int = 1
    """Streams and files have this part of the work of a whole run."""
    small_files: int = 2000
    tree_files: int = 10_000
    commits: int = 200
    sources: int = 60

    @classmethod
    def quick(cls) -> Scale:
        """Return a scale for a look while developing; its figures are noisy."""
        return cls(part=4, small_files=500, tree_files=500, commits=50, sources=16)


class Workload(ABC):
    """Something that is timed. `group` is the part of the table that it is in."""

    group: ClassVar[str]
    name: str
    moved: int = 0
    """Bytes of file content that go through the mount, where CPU time per GB is of interest."""

    def prepare(self, place: Place) -> None:
        """Bring about what `run` needs, and have everything written out."""
        place.settle()

    @abstractmethod
    def run(self, place: Place) -> float:
        """Do the work and return its seconds."""

    def check(self, place: Place) -> None:  # noqa: B027 - some have looked while they ran
        """Raise WrongResult unless the work was done."""


@dataclass
class Place:
    """One program's volume, mounted, with what earlier workloads left in it."""

    program: str
    base: Path
    scale: Scale
    tools: Tools
    volume: MountedVolume = field(init=False)
    there: dict[str, Any] = field(default_factory=dict)
    """What workloads have prepared and need not prepare again, by names of their own."""
    peak_kib: int = 0
    """Largest memory of the mount's processes since `forget_peak`."""

    def __post_init__(self) -> None:
        self.base.mkdir()
        self.volume = peers.maker(self.program)(self.base)
        self.volume.create()
        self.volume.mount()

    @cached_property
    def costly(self) -> MountedVolume:
        """A second volume, not mounted, whose key costs as much to derive as it does by default."""
        base = self.base / "costly"
        base.mkdir()
        volume = peers.maker(self.program)(base, init_options=peers.DEFAULT_SCRYPT)
        volume.create()
        volume.mount()
        volume.unmount()
        return volume

    @property
    def root(self) -> Path:
        return self.volume.mountpoint

    def settle(self) -> None:
        """Write out what earlier work left in memory, so that nobody pays for another."""
        os.sync()

    def fresh(self) -> None:
        """Remount with empty caches, the kernel's page cache of the disk included."""
        self.note_peak()
        remounted = self.program not in peers.STAY_MOUNTED
        if remounted:
            self._unmount()
        os.sync()
        drop_caches()
        if remounted:
            self.volume.mount()

    def _unmount(self) -> None:
        process = self.volume.process
        try:
            self.volume.unmount()
        except subprocess.TimeoutExpired as error:
            # It is unmounted, and has not ended yet: a disk that others keep busy makes that long.
            assert process is not None
            try:
                process.wait(ENDED_S)
            except subprocess.TimeoutExpired:
                sentence = f"{self.program} did not end within {ENDED_S:g} seconds of its unmount"
                raise WrongResult(sentence) from error
            self.volume.process = None

    def again(self) -> None:
        """Make it usable again after a failure; nothing that was prepared is trusted."""
        self.volume.kill()
        self.there.clear()
        self.volume.mount()

    def peak_mib(self) -> float:
        """Return the largest memory since the last time this was asked, in MiB."""
        self.note_peak()
        peak, self.peak_kib = self.peak_kib, 0
        return peak / 1024

    def note_peak(self) -> None:
        self.peak_kib = max(self.peak_kib, peers.peak_kib(self.volume))

    def empty(self, *names: str) -> None:
        """Remove what a workload left, so that it can be made anew."""
        for name in names:
            self.there.pop(name, None)
            command("rm", "-rf", self.root / name)


class Tools:
    """What all places work with: the program for reads and writes, the tree, the repository."""

    def __init__(self, base: Path, scale: Scale) -> None:
        self.base = base
        base.mkdir(parents=True, exist_ok=True)
        self.iowork = base / "iowork"
        command("cc", "-O2", "-o", self.iowork, SOURCE)
        self._scale = scale
        self._tree: Tree | None = None
        self._repository: Path | None = None

    @property
    def tree(self) -> Tree:
        if self._tree is None:
            self._tree = Tree(self.base, self._scale.tree_files)
        return self._tree

    @property
    def repository(self) -> Path:
        """A bare git repository with the tree as its only commit."""
        if self._repository is None:
            source, bare = self.base / "checkout", self.base / "repository.git"
            command("cp", "-r", self.tree.top, source)
            git("init", "-q", "-b", "main", cwd=source)
            git("add", "--all", "--force", cwd=source)
            git("commit", "-q", "-m", "A tree", cwd=source)
            git("clone", "-q", "--bare", source, bare)
            self._repository = bare
        return self._repository

    def io(self, *words: object) -> float:
        """Run iowork and return its seconds."""
        return float(self.io_words(*words)[0])

    def io_words(self, *words: object) -> list[str]:
        done = run_program((self.iowork, *map(str, words)), timeout=LONGEST_S)
        if done.returncode != 0:
            raise WrongResult(done.stderr.decode("utf-8", "replace").strip() or "iowork died")
        return done.stdout.decode().split()


class Tree:
    """The sources of Python's own library, as an archive and as what must come out of it."""

    def __init__(self, base: Path, most_files: int) -> None:
        self.top = base / "source"
        library = Path(sysconfig.get_path("stdlib"))
        self.bytes = self.files = 0
        for path in sorted(_sources(library))[:most_files]:
            copy = self.top / path.relative_to(library)
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            copy.write_bytes(content)
            copy.chmod(0o644)
            self.bytes += len(content)
            self.files += 1
        for path in (*sorted(self.top.rglob("*"), reverse=True), self.top):
            os.utime(path, ns=(10**18, 10**18))
        self.archive = base / "tree.tar"
        command(
            *("tar", "--sort=name", "--owner=0", "--group=0", "-cf", self.archive),
            *("-C", self.top, "."),
        )
        self.entries: dict[bytes, Entry] = tree_digest(self.top)


def _sources(library: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(library):
        folders[:] = [
            name
            for name in folders
            if name not in ("__pycache__", "site-packages", "dist-packages")
        ]
        for name in files:
            path = Path(folder, name)
            if name.endswith(".py") and not path.is_symlink():
                yield path


def command(*words: str | os.PathLike[str], cwd: Path | None = None, env: Any = None) -> bytes:
    """Run a program that must succeed, and return what it prints."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env=env,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=LONGEST_S,
    )
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise WrongResult(f"{words[0]} ended with {done.returncode}: {' '.join(last)}")
    return done.stdout


def git(*words: str | os.PathLike[str], cwd: Path | None = None) -> bytes:
    """Run git without anybody's settings, and with the same clock always."""
    moment = "2020-01-01T00:00:00+0000"
    env = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "bench"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "GIT_AUTHOR_DATE": moment,
        "GIT_COMMITTER_DATE": moment,
    }
    return command("git", "-c", "gc.auto=0", *words, cwd=cwd, env=env)


def mounted_after(volume: MountedVolume) -> float:
    """Mount and return the seconds until the root answered a stat, without polling a clock."""
    with open("/proc/self/mountinfo", "rb") as table:  # noqa: PTH123 - its descriptor is polled
        watch = select.poll()
        watch.register(table, select.POLLPRI | select.POLLERR)
        begin = time.perf_counter()
        process = volume.start()
        while not volume.is_mounted():
            verify(process.poll() is None, f"the program runs on: {volume.log}")
            watch.poll(1000)
            table.seek(0)
            table.read()
        os.stat(volume.mountpoint)
        return time.perf_counter() - begin


def drop_caches() -> None:
    """Empty the kernel's caches of disk content; needs root."""
    Path("/proc/sys/vm/drop_caches").write_text("3")


@contextmanager
def clock() -> Iterator[list[float]]:
    """Time what is inside; the seconds are in the list afterwards."""
    seconds: list[float] = []
    begin = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - begin)


def verify(holds: bool, what: str) -> None:
    """Raise WrongResult unless what the workload promises holds."""
    if not holds:
        raise WrongResult(f"it is not so that {what}")


class Named(Protocol):
    """A workload, or a study."""

    @property
    def name(self) -> str: ...

    @property
    def group(self) -> str: ...


N = TypeVar("N", bound=Named)


def chosen(workloads: Iterable[N], words: list[str] | None) -> list[N]:
    """Return the workloads that one of the words names.

    A word is a piece of a name or of a group, without its spaces; several with commas between
    them must all be there: "random,4KiB,direct".
    """
    if not words:
        return list(workloads)

    def plain(text: str) -> str:
        return text.replace(" ", "").lower()

    found = []
    for workload in workloads:
        name = plain(f"{workload.group}, {workload.name}")
        if any(all(part in name for part in plain(word).split(",")) for word in words):
            found.append(workload)
    return found
