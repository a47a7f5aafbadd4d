"""What is measured: each workload does something to a mounted volume and returns its time.

Only the work between `clock` and its return is timed. Whatever was written is read back after
a remount and compared before the time counts, so that nothing is fast by being wrong.
"""

from __future__ import annotations

import hashlib
import os
import random
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mounting import MountedVolume
from treedigest import Entry, difference, tree_digest

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Scale:
    """How much of everything; the same for both programs of a comparison."""

    stream_bytes: int = 256 * MIB
    sequential_writes: int = 8192
    random_file_bytes: int = 64 * MIB
    random_writes: int = 4096
    tree_files: int = 2000

    @classmethod
    def quick(cls) -> Scale:
        """Return a scale for a look while developing; its figures are noisy."""
        return cls(64 * MIB, 2048, 16 * MIB, 1024, 500)


class Bench:
    """One volume of one program, with the workloads in the order in which they must run."""

    def __init__(self, volume: MountedVolume, scale: Scale, tree: Tree) -> None:
        self.volume = volume
        self.scale = scale
        self.tree = tree
        self._stream = random.Random(1).randbytes(MIB)

    @property
    def root(self) -> Path:
        return self.volume.mountpoint

    def workloads(self) -> dict[str, Callable[[], float]]:
        """Return the workloads by name; later ones use the files of earlier ones."""
        return {
            "start to mounted": self.start,
            "stream write + fsync": self.stream_write,
            "stream read, cold": self.stream_read_cold,
            "stream read, warm": self.stream_read_warm,
            "4 KiB sequential writes": self.sequential_writes,
            "4 KiB random writes": self.random_writes,
            "tree extraction": self.extract,
            "walk with stat, cold": self.walk_cold,
            "walk with stat, warm": self.walk_warm,
            "reading a tree": self.read_tree,
            "removing a tree": self.remove,
        }

    def start(self) -> float:
        """From starting the program to a root that answers, scrypt at its default cost."""
        if self.volume.process is not None:
            self.volume.unmount()
        return mounted_after(self.volume)

    def stream_write(self) -> float:
        path = self.root / "stream"
        path.unlink(missing_ok=True)
        pieces = [self._stream[at : at + 128 * KIB] for at in range(0, MIB, 128 * KIB)]
        self._settle()
        begin = time.perf_counter()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        for number in range(self.scale.stream_bytes // (128 * KIB)):
            os.write(descriptor, pieces[number % len(pieces)])
        os.fsync(descriptor)
        os.close(descriptor)
        seconds = time.perf_counter() - begin
        self._fresh()
        expected = hashlib.sha256()
        for _ in range(self.scale.stream_bytes // MIB):
            expected.update(self._stream)
        verify(_hash(path) == expected.hexdigest(), "the stream is what was written")
        return seconds

    def stream_read_cold(self) -> float:
        self._fresh()
        return self._timed_read(self.root / "stream")

    def stream_read_warm(self) -> float:
        path = self.root / "stream"
        self._timed_read(path)
        return self._timed_read(path)

    def sequential_writes(self) -> float:
        path = self.root / "sequential"
        path.unlink(missing_ok=True)
        page = self._stream[: 4 * KIB]
        self._settle()
        begin = time.perf_counter()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        for _ in range(self.scale.sequential_writes):
            os.write(descriptor, page)
        os.close(descriptor)
        seconds = time.perf_counter() - begin
        self._fresh()
        expected = hashlib.sha256(page * self.scale.sequential_writes).hexdigest()
        verify(_hash(path) == expected, "the pages are what was written")
        path.unlink()
        return seconds

    def random_writes(self) -> float:
        path = self.root / "random"
        content = bytearray(random.Random(2).randbytes(self.scale.random_file_bytes))
        path.write_bytes(content)
        self._fresh()
        dice = random.Random(3)
        offsets = [
            dice.randrange(len(content) // (4 * KIB)) * 4 * KIB
            for _ in range(self.scale.random_writes)
        ]
        page = self._stream[: 4 * KIB]
        begin = time.perf_counter()
        descriptor = os.open(path, os.O_RDWR)
        for offset in offsets:
            os.pwrite(descriptor, page, offset)
        os.close(descriptor)
        seconds = time.perf_counter() - begin
        for offset in offsets:
            content[offset : offset + 4 * KIB] = page
        self._fresh()
        expected = hashlib.sha256(content).hexdigest()
        verify(_hash(path) == expected, "the file has what was written into it")
        path.unlink()
        return seconds

    def extract(self) -> float:
        top = self.root / "tree"
        if top.exists():
            shutil.rmtree(top)
        top.mkdir()
        self._settle()
        begin = time.perf_counter()
        subprocess.run(("tar", "-xf", self.tree.archive, "-C", top), check=True)
        seconds = time.perf_counter() - begin
        self._fresh()
        changes = difference(self.tree.entries, tree_digest(top))
        verify(not changes, f"the tree is what was extracted: {changes[:3]}")
        return seconds

    def walk_cold(self) -> float:
        self._fresh()
        return self._timed_walk()

    def walk_warm(self) -> float:
        self._timed_walk()
        return sum(self._timed_walk() for _ in range(3)) / 3

    def read_tree(self) -> float:
        self._fresh()
        total = 0
        begin = time.perf_counter()
        for folder, _, files in os.walk(self.root / "tree"):
            for name in files:
                descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
                while piece := os.read(descriptor, 128 * KIB):
                    total += len(piece)
                os.close(descriptor)
        seconds = time.perf_counter() - begin
        verify(total == self.tree.bytes, "the whole tree was read")
        return seconds

    def remove(self) -> float:
        self._settle()
        begin = time.perf_counter()
        subprocess.run(("rm", "-r", self.root / "tree"), check=True)
        seconds = time.perf_counter() - begin
        self._fresh()
        verify(not (self.root / "tree").exists(), "the tree is gone")
        return seconds

    def _timed_read(self, path: Path) -> float:
        total = 0
        begin = time.perf_counter()
        descriptor = os.open(path, os.O_RDONLY)
        while piece := os.read(descriptor, 128 * KIB):
            total += len(piece)
        os.close(descriptor)
        seconds = time.perf_counter() - begin
        verify(total == self.scale.stream_bytes, "the whole stream was read")
        return seconds

    def _timed_walk(self) -> float:
        found = 0
        begin = time.perf_counter()
        for folder, folders, files in os.walk(self.root / "tree"):
            for name in (*folders, *files):
                os.lstat(os.path.join(folder, name))
                found += 1
        seconds = time.perf_counter() - begin
        verify(found == len(self.tree.entries) - 1, "the whole tree was seen")
        return seconds

    def _settle(self) -> None:
        """Write out what earlier work left in memory, so that nobody pays for another."""
        os.sync()

    def _fresh(self) -> None:
        """Remount with empty caches, the kernel's page cache of the disk included."""
        if self.volume.process is not None:
            self.volume.unmount()
        os.sync()
        drop_caches()
        self.volume.mount()


class Tree:
    """A source tree that is the same on every machine, as an archive and as what must come out."""

    def __init__(self, base: Path, files: int) -> None:
        dice = random.Random(files)
        top = base / "source"
        folders = [top]
        for number in range(max(1, files // 16)):
            folder = dice.choice(folders[-12:]) / f"package_{number}"
            folder.mkdir(parents=True)
            folders.append(folder)
        words = [f"word{number} " for number in range(999)]
        self.bytes = 0
        for number in range(files):
            # Sizes of a real source tree: half below 5 KiB, a few large ones.
            size = min(int(dice.lognormvariate(8.4, 1.4)), 400_000)
            text = "".join(dice.choices(words, k=size // 7 + 1)).encode()[:size]
            path = dice.choice(folders) / f"module_{number}.py"
            path.write_bytes(text)
            self.bytes += len(text)
        for path in (top, *top.rglob("*")):
            os.utime(path, ns=(10**18, 10**18))
        for path in sorted(top.rglob("*"), reverse=True):
            os.utime(path, ns=(10**18, 10**18))
        self.archive = base / "tree.tar"
        subprocess.run(("tar", "--sort=name", "-cf", self.archive, "-C", top, "."), check=True)
        self.entries: dict[bytes, Entry] = tree_digest(top)


def mounted_after(volume: MountedVolume) -> float:
    """Mount and return the seconds until the root answered a stat, without polling a clock."""
    with open("/proc/self/mountinfo", "rb") as table:  # noqa: PTH123 - its descriptor is polled
        watch = select.poll()
        watch.register(table, select.POLLPRI | select.POLLERR)
        begin = time.perf_counter()
        process = volume.start()
        while not volume.is_mounted():
            verify(process.poll() is None, f"the program runs on:\n{volume.log}")
            watch.poll(1000)
            table.seek(0)
            table.read()
        os.stat(volume.mountpoint)
        return time.perf_counter() - begin


def drop_caches() -> None:
    """Empty the kernel's caches of disk content; needs root."""
    Path("/proc/sys/vm/drop_caches").write_text("3")


def verify(holds: bool, what: str) -> None:
    """Raise RuntimeError unless what the workload promises holds; a wrong run has no time."""
    if not holds:
        raise RuntimeError(f"not so: {what}")


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY)
    while piece := os.read(descriptor, MIB):
        digest.update(piece)
    os.close(descriptor)
    return digest.hexdigest()
