"""Reading and writing large files: in order or not, small and large pieces, one job or four."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.workload import KIB, MIB, Place, Scale, Workload

SIZES = (4 * KIB, 128 * KIB, MIB)
JOBS = (1, 4)
READ_FILES = 256 * MIB
"""Of all jobs together: the files that are there to be read."""
RANDOM_WRITE_FILES = 64 * MIB


def workloads(scale: Scale) -> Iterator[Workload]:
    for kind in (Read, Write):
        for at_random in (False, True):
            for size in SIZES:
                for jobs in JOBS:
                    for direct in (False, True):
                        yield kind(scale, at_random, size, jobs, direct)
        if kind is Read:
            yield WarmRead(scale)
    yield SyncedWrite(scale, 4 * KIB, 1, 400, 1)
    yield SyncedWrite(scale, 4 * KIB, 4, 400, 1)
    yield SyncedWrite(scale, 64 * KIB, 1, 400, 1)
    yield SyncedWrite(scale, 128 * KIB, 1, 2048, 2048)


@dataclass
class _Stream(Workload):
    scale: Scale
    at_random: bool
    size: int
    jobs: int
    direct: bool

    def __post_init__(self) -> None:
        order = "random" if self.at_random else "sequential"
        jobs = "1 job" if self.jobs == 1 else f"{self.jobs} jobs"
        way = "direct" if self.direct else "buffered"
        self.name = f"{order} {self.verb}, {shown(self.size)}, {jobs}, {way}"
        self.moved = self.each * self.jobs * self.size

    verb = ""
    total = 0
    """Bytes that all jobs read or write in a whole run."""

    @property
    def each(self) -> int:
        """Return the operations of each job."""
        return max(1, self.total // self.scale.part // self.size // self.jobs)

    def words(self) -> list[object]:
        return [
            *(["-r"] if self.at_random else []),
            *(["-d"] if self.direct else []),
            *("-b", self.size, "-n", self.each),
        ]


@dataclass
class Read(_Stream):
    """Cold: the caches of the mount and of the disk are empty."""

    group = "reading files"
    verb = "read"

    def __post_init__(self) -> None:
        # As much as takes some tenths of a second: what is small, and nobody reads ahead, is slow.
        if self.size == 4 * KIB:
            self.total = (16 if self.at_random else 32 if self.direct else 128) * MIB
        else:
            self.total = (128 if self.at_random else 256) * MIB
        super().__post_init__()

    def prepare(self, place: Place) -> None:
        self.files = files_to_read(place, self.jobs)
        place.fresh()

    def run(self, place: Place) -> float:
        share = READ_FILES // self.scale.part // self.jobs
        return place.tools.io("read", *self.words(), "-s", share, *self.files)


@dataclass
class Write(_Stream):
    """In order: new files. At random: into files that are there, and in no cache."""

    group = "writing files"
    verb = "write"

    def __post_init__(self) -> None:
        small = self.size == 4 * KIB
        if self.at_random:
            self.total = (16 if small else 64) * MIB
        else:
            self.total = (32 if small else 192) * MIB
        super().__post_init__()

    @property
    def share(self) -> int:
        """Return the bytes of each file."""
        if self.at_random:
            return RANDOM_WRITE_FILES // self.scale.part // self.jobs
        return self.each * self.size

    def prepare(self, place: Place) -> None:
        place.empty("written")
        folder = place.root / "written"
        folder.mkdir()
        self.files = [folder / str(job) for job in range(self.jobs)]
        if self.at_random:
            place.tools.io("fill", "-s", self.share, *self.files)
            place.fresh()
        else:
            place.settle()

    def run(self, place: Place) -> float:
        return place.tools.io("write", *self.words(), "-s", self.share, "-v", 2, *self.files)

    def check(self, place: Place) -> None:
        place.fresh()
        place.tools.io("check", *self.words(), "-s", self.share, "-v", 2, *self.files)
        place.empty("written")


@dataclass
class SyncedWrite(Write):
    """A new file, with an fsync after every so many writes and at the end."""

    group = "writing with fsync"

    def __init__(self, scale: Scale, size: int, jobs: int, writes: int, every: int) -> None:
        self.writes, self.every = writes // jobs, every
        super().__init__(scale, False, size, jobs, False)
        often = "each" if every == 1 else "at the end"
        jobs_shown = "1 job" if jobs == 1 else f"{jobs} jobs"
        self.name = f"write with fsync {often}, {shown(size)}, {jobs_shown}"

    @property
    def each(self) -> int:
        return max(1, self.writes // self.scale.part)

    def words(self) -> list[object]:
        return [*super().words(), "-f", self.every]


class WarmRead(Read):
    """The file has been read a moment before, and the kernel may still have all of it."""

    def __init__(self, scale: Scale) -> None:
        super().__init__(scale, False, 128 * KIB, 1, False)
        self.name = "sequential read, 128 KiB, 1 job, warm"

    def prepare(self, place: Place) -> None:
        super().prepare(place)
        super().run(place)


def files_to_read(place: Place, jobs: int) -> list[Path]:
    """Return files with the content that iowork reads, which have been compared once."""
    name = f"streams-{jobs}"
    files = [place.root / name / str(job) for job in range(jobs)]
    if name not in place.there:
        place.empty(name)
        (place.root / name).mkdir()
        share = READ_FILES // place.scale.part // jobs
        place.tools.io("fill", "-s", share, *files)
        place.fresh()
        place.tools.io("check", "-s", share, *files)
        place.there[name] = True
    return files


def shown(size: int) -> str:
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB"
