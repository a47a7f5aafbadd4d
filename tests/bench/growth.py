"""How it goes with large directories, large files and many clients at once."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

from tests.bench.study import Figure, Study
from tests.bench.workload import GIB, KIB, MIB, Place, clock, verify

MOST_STATS = 1000
RANDOM_READS = 1000


def studies(quick: bool) -> Iterator[Study]:
    yield Directories((10, 1000, 10_000) if quick else (10, 1000, 100_000))
    yield FileSizes((MIB, 64 * MIB, 256 * MIB) if quick else (MIB, 64 * MIB, GIB, 4 * GIB))
    yield Clients((1, 4, 16, 64))


class Directories(Study):
    """Microseconds for each entry, of directories of so many."""

    group = "growth"
    name = "entries of a directory"

    def __init__(self, counts: tuple[int, ...]) -> None:
        self.counts = counts

    def measure(self, place: Place) -> Iterator[Figure]:
        for count in self.counts:
            top = place.root / "entries"
            place.empty("entries")
            top.mkdir()
            names = [f"{top}/an entry {number}" for number in range(count)]
            place.fresh()
            place.peak_kib = 0
            with clock() as seconds:
                for name in names:
                    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            yield "making", count, seconds[0] / count * 1e6, "µs"
            place.fresh()
            with clock() as seconds, os.scandir(top) as entries:
                seen = sum(1 for _ in entries)
            verify(seen == count, f"a directory of {count} lists all of them, and not {seen}")
            yield "listing, cold", count, seconds[0] / count * 1e6, "µs"
            some = random.Random(count).sample(names, min(count, MOST_STATS))
            place.fresh()
            with clock() as seconds:
                for name in some:
                    os.lstat(name)
            yield "lstat, cold", count, seconds[0] / len(some) * 1e6, "µs"
            with clock() as seconds:
                for name in names:
                    os.unlink(name)
            yield "removing", count, seconds[0] / count * 1e6, "µs"
            place.fresh()
            verify(not os.listdir(top), f"a directory of {count} is empty when all are removed")
            yield "largest memory", count, place.peak_mib(), "MiB"
        place.empty("entries")


class FileSizes(Study):
    """Megabytes per second, and microseconds for a read somewhere, in files of so many bytes."""

    group = "growth"
    name = "size of a file"

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes

    def measure(self, place: Place) -> Iterator[Figure]:
        for size in self.sizes:
            place.empty("large")
            path = place.root / "large"
            place.fresh()
            place.peak_kib = 0
            seconds = place.tools.io("fill", "-s", size, path)
            yield "writing, with fsync", size, size / seconds / 1e6, "MB/s"
            place.fresh()
            block = 128 * KIB
            words = ("-b", block, "-n", size // block, "-s", size)
            # It compares the stamps of all pages while it reads.
            yield "reading, cold", size, size / place.tools.io("read", *words, path) / 1e6, "MB/s"
            place.fresh()
            words = ("-r", "-b", 4 * KIB, "-n", RANDOM_READS, "-s", size)
            seconds = place.tools.io("read", *words, path)
            yield "4 KiB somewhere, cold", size, seconds / RANDOM_READS * 1e6, "µs"
            yield "largest memory", size, place.peak_mib(), "MiB"
        place.empty("large")


class Clients(Study):
    """Operations per second of all together, of so many processes at once."""

    group = "growth"
    name = "clients at once"

    def __init__(self, counts: tuple[int, ...]) -> None:
        self.counts = counts

    def measure(self, place: Place) -> Iterator[Figure]:
        total = 2048 // place.scale.part
        most = max(self.counts)
        place.empty("clients")
        top = place.root / "clients"
        top.mkdir()
        files = [top / f"file {number}" for number in range(most)]
        folders = [top / f"folder {number}" for number in range(most)]
        for folder in folders:
            folder.mkdir()
        place.tools.io("fill", "-s", MIB, *files)
        for count in self.counts:
            place.fresh()
            place.peak_kib = 0
            each = total // count
            seconds = place.tools.io("churn", "-n", each, *folders[:count])
            yield "small files made, read, removed", count, each * count / seconds, "/s"
            each = 4 * total // count
            words = ("-r", "-d", "-b", 4 * KIB, "-n", each, "-s", MIB)
            seconds = place.tools.io("read", *words, *files[:count])
            yield "reads of 4 KiB, direct", count, each * count / seconds, "/s"
            seconds = place.tools.io("write", *words, "-v", 1, *files[:count])
            yield "writes of 4 KiB, direct", count, each * count / seconds, "/s"
            yield "largest memory", count, place.peak_mib(), "MiB"
        place.fresh()
        place.tools.io("check", "-s", MIB, *files)
        place.empty("clients")
