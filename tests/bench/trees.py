"""Many files: small ones of one size, and a real source tree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from treedigest import difference, file_digest, tree_digest

from tests.bench import peers
from tests.bench.workload import KIB, Place, Scale, Workload, clock, command, verify

_WORD = "import os"


def workloads(scale: Scale) -> Iterator[Workload]:
    yield MakeSmall(scale.small_files)
    yield ReadSmall(scale.small_files)
    yield RemoveSmall(scale.small_files)
    yield Extract()
    yield Copy()
    yield Walk(warm=False)
    yield Walk(warm=True)
    yield ReadTree()
    yield Grep()
    yield DiskUsage(warm=False)
    yield DiskUsage(warm=True)
    yield RemoveTree()


class _Small(Workload):
    group = "small files"

    def __init__(self, count: int) -> None:
        self.count = count

    def paths(self, place: Place) -> list[str]:
        # A hundred in each directory.
        top = place.root / "small"
        return [f"{top}/{number // 100}/file {number}" for number in range(self.count)]

    def make_folders(self, place: Place) -> None:
        place.empty("small")
        for number in range(0, self.count, 100):
            (place.root / "small" / str(number // 100)).mkdir(parents=True)

    def write(self, place: Place) -> None:
        for number, path in enumerate(self.paths(place)):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(descriptor, _small_content(number))
            os.close(descriptor)

    def make(self, place: Place) -> None:
        if "small" not in place.there:
            self.make_folders(place)
            self.write(place)
            place.there["small"] = True


class MakeSmall(_Small):
    name = "making files of 2 KiB"

    def prepare(self, place: Place) -> None:
        self.make_folders(place)
        place.settle()

    def run(self, place: Place) -> float:
        with clock() as seconds:
            self.write(place)
        return seconds[0]

    def check(self, place: Place) -> None:
        place.fresh()
        for number, path in enumerate(self.paths(place)):
            verify(Path(path).read_bytes() == _small_content(number), f"{path} is what was written")
        place.there["small"] = True


class ReadSmall(_Small):
    name = "reading files of 2 KiB, cold"

    def prepare(self, place: Place) -> None:
        self.make(place)
        place.fresh()

    def run(self, place: Place) -> float:
        total = 0
        paths = self.paths(place)
        with clock() as seconds:
            for path in paths:
                descriptor = os.open(path, os.O_RDONLY)
                while piece := os.read(descriptor, 16 * KIB):
                    total += len(piece)
                os.close(descriptor)
        verify(total == 2 * KIB * self.count, "all small files were read")
        return seconds[0]


class RemoveSmall(_Small):
    name = "removing files of 2 KiB"

    def prepare(self, place: Place) -> None:
        self.make(place)
        place.settle()

    def run(self, place: Place) -> float:
        del place.there["small"]
        paths = self.paths(place)
        with clock() as seconds:
            for path in paths:
                os.unlink(path)
        return seconds[0]

    def check(self, place: Place) -> None:
        place.fresh()
        left = [name for _, _, files in os.walk(place.root / "small") for name in files]
        verify(not left, f"all small files are gone, and not {left[:3]} there")
        place.empty("small")


class _Tree(Workload):
    group = "a source tree"

    def extracted(self, place: Place) -> Path:
        """Return the tree, which is there and has been compared."""
        if "tree" not in place.there:
            extract = Extract()
            extract.prepare(place)
            extract.run(place)
            extract.check(place)
        return place.root / "tree"

    def prepare(self, place: Place) -> None:
        self.extracted(place)
        place.fresh()


class Extract(_Tree):
    name = "extracting it with tar"

    def prepare(self, place: Place) -> None:
        place.empty("tree")
        (place.root / "tree").mkdir()
        _ = place.tools.tree
        place.settle()

    def run(self, place: Place) -> float:
        with clock() as seconds:
            command("tar", "-xf", place.tools.tree.archive, "-C", place.root / "tree")
        return seconds[0]

    def check(self, place: Place) -> None:
        place.fresh()
        _same_tree(place, "tree")
        place.there["tree"] = True


class Copy(_Tree):
    name = "copying it with cp -a, cold"

    def prepare(self, place: Place) -> None:
        place.empty("copy")
        super().prepare(place)

    def run(self, place: Place) -> float:
        with clock() as seconds:
            command("cp", "-a", place.root / "tree", place.root / "copy")
        return seconds[0]

    def check(self, place: Place) -> None:
        place.fresh()
        _same_tree(place, "copy")
        place.empty("copy")


class Walk(_Tree):
    def __init__(self, warm: bool) -> None:
        self.warm = warm
        self.name = f"walking it with lstat, {'warm' if warm else 'cold'}"

    def prepare(self, place: Place) -> None:
        super().prepare(place)
        if self.warm:
            self._walk(place)

    def run(self, place: Place) -> float:
        times = 3 if self.warm else 1
        return sum(self._walk(place) for _ in range(times)) / times

    def _walk(self, place: Place) -> float:
        found = 0
        with clock() as seconds:
            for folder, folders, files in os.walk(place.root / "tree"):
                for name in (*folders, *files):
                    os.lstat(os.path.join(folder, name))
                    found += 1
        verify(found == len(place.tools.tree.entries) - 1, "the whole tree was seen")
        return seconds[0]


class ReadTree(_Tree):
    name = "reading it, cold"

    def run(self, place: Place) -> float:
        total = 0
        with clock() as seconds:
            for folder, _, files in os.walk(place.root / "tree"):
                for name in files:
                    descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
                    while piece := os.read(descriptor, 128 * KIB):
                        total += len(piece)
                    os.close(descriptor)
        verify(total == place.tools.tree.bytes, "the whole tree was read")
        return seconds[0]


class Grep(_Tree):
    name = "grep -r, cold"

    def run(self, place: Place) -> float:
        grep = partial(command, "grep", "-rc", "--", _WORD, ".")
        with clock() as seconds:
            found = grep(cwd=place.root / "tree")
        wanted = place.tools.tree.top
        verify(_sum(found) == _sum(grep(cwd=wanted)), "grep found as much as in the source")
        return seconds[0]


class DiskUsage(_Tree):
    def __init__(self, warm: bool) -> None:
        self.warm = warm
        self.name = f"du, {'warm' if warm else 'cold'}"

    def prepare(self, place: Place) -> None:
        super().prepare(place)
        if self.warm:
            command("du", "-a", place.root / "tree")

    def run(self, place: Place) -> float:
        with clock() as seconds:
            lines = command("du", "-a", place.root / "tree").splitlines()
        verify(len(lines) == len(place.tools.tree.entries), "du saw the whole tree")
        return seconds[0]


class RemoveTree(_Tree):
    name = "removing it with rm -r"

    def prepare(self, place: Place) -> None:
        self.extracted(place)
        place.settle()

    def run(self, place: Place) -> float:
        del place.there["tree"]
        with clock() as seconds:
            command("rm", "-r", place.root / "tree")
        return seconds[0]

    def check(self, place: Place) -> None:
        place.fresh()
        verify(not (place.root / "tree").exists(), "the tree is gone")


def _same_tree(place: Place, name: str) -> None:
    top = place.root / name
    if place.program in peers.BESIDE:
        # Some of these have no extended attributes, or other times after a remount.
        wanted = contents(place.tools.tree.top)
        verify(contents(top) == wanted, f"{name} has the names and the content of the source")
        return
    changes = difference(place.tools.tree.entries, tree_digest(top))
    verify(not changes, f"{name} is what it was made from: {'; '.join(changes[:3])}")


def contents(top: Path) -> dict[str, str]:
    """Return the digest of each file below `top` by its path, and nothing for a directory."""
    return {
        os.path.relpath(os.path.join(folder, name), top): (
            file_digest(os.fsencode(os.path.join(folder, name))) if name in files else ""
        )
        for folder, folders, files in os.walk(top)
        for name in (*folders, *files)
    }


def _sum(counts: bytes) -> int:
    return sum(int(line.rpartition(b":")[2]) for line in counts.splitlines())


def _small_content(number: int) -> bytes:
    return f"{number:016}".encode() * 128
