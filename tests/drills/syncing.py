"""A sync client: brings the changes of one cipher directory into another, in its own ways.

It knows nothing of encryption: names and bytes are all that it sees. What is changed is written
beside its place and renamed into it, or over the old content, whole or in part; what was renamed
is renamed, or deleted and made anew; directories come before what is in them, and an IV may come
after the files that need it.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

Method = Literal["replaced", "rewritten", "patched", "deleted", "renamed"]

IV_NAME = "gocryptfs.diriv"
_PIECE = 1000


class Entry(NamedTuple):
    kind: Literal["directory", "file", "link"]
    content: bytes
    """Of a file; of a link its target."""
    inode: int


def scan(root: Path) -> dict[str, Entry]:
    """Return everything below `root` by its relative path."""
    found = {}
    for top, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(top, name)
            relative = str(path.relative_to(root))
            inode = path.lstat().st_ino
            if path.is_symlink():
                found[relative] = Entry("link", os.fsencode(os.readlink(path)), inode)
            elif path.is_dir():
                found[relative] = Entry("directory", b"", inode)
            else:
                found[relative] = Entry("file", path.read_bytes(), inode)
    return found


@dataclass
class SyncClient:
    """Keeps `here` as `there` is. Nobody else changes either meanwhile."""

    there: Path
    here: Path
    chance: Random
    methods: dict[str, Method] = field(default_factory=dict)
    """What was done to each path in the last push; a name that is new is not in it."""

    def pull(self) -> None:
        """Take over all that was changed here."""
        shutil.rmtree(self.there)
        shutil.copytree(self.here, self.there, symlinks=True)
        self._known = {entry: path for path, entry in scan(self.there).items()}

    def push(self) -> None:
        """Bring over what was changed there since the last pull."""
        self.methods.clear()
        self._rename()
        there, here = scan(self.there), scan(self.here)
        gone = [path for path in here if path not in there or there[path].kind != here[path].kind]
        new = [path for path in there if path not in here or path in gone]
        changed = [
            path
            for path in there
            if path in here and path not in gone and _differ(path, there, here)
        ]
        in_the_way = [path for path in gone if path in there]
        at_last = [path for path in gone if path not in there]
        if self.chance.random() < 0.5:
            in_the_way, at_last = gone, []
        self._delete(in_the_way)
        for path in self._in_order(new, there):
            self._make(path, there[path])
        for path in changed:
            self._change(path, there[path])
        self._delete(at_last)

    def _rename(self) -> None:
        """Bring over some of the renames as renames, those of directories first."""
        moved = sorted(
            (path.count("/"), self._known[entry], path)
            for path, entry in scan(self.there).items()
            if self._known.get(entry, path) != path
        )
        for _depth, old, new in moved:
            source, target = self.here / old, self.here / new
            may = source.exists() and not target.exists() and target.parent.is_dir()
            if may and self.chance.random() < 0.7:
                source.rename(target)
                self.methods[old] = "renamed"

    def _in_order(self, new: list[str], there: dict[str, Entry]) -> list[str]:
        """Return an order for what is new: a directory before what is in it, IVs when they come."""
        order = list(new)
        self.chance.shuffle(order)
        late = self.chance.random() < 0.5
        return sorted(
            order,
            key=lambda path: (
                there[path].kind != "directory",
                path.count("/") if there[path].kind == "directory" else 0,
                (Path(path).name == IV_NAME) == late,
            ),
        )

    def _delete(self, paths: list[str]) -> None:
        for path in sorted(paths, key=lambda path: -path.count("/")):
            place = self.here / path
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
            self.methods[path] = "deleted"

    def _make(self, path: str, entry: Entry) -> None:
        place = self.here / path
        match entry.kind:
            case "directory":
                place.mkdir(exist_ok=True)
            case "link":
                place.symlink_to(os.fsdecode(entry.content))
            case "file" if self.chance.random() < 0.3:
                self._write(place, entry.content)  # straight into place, piece by piece
            case "file":
                self._replace(place, entry.content)

    def _change(self, path: str, entry: Entry) -> None:
        place = self.here / path
        if entry.kind == "link":
            place.unlink()
            place.symlink_to(os.fsdecode(entry.content))
            self.methods[path] = "replaced"
            return
        method: Method = self.chance.choice(["replaced", "replaced", "rewritten", "patched"])
        self.methods[path] = method
        if method == "replaced":
            self._replace(place, entry.content)
        elif method == "rewritten":
            self._write(place, entry.content)
        else:
            self._patch(place, entry.content)

    def _replace(self, place: Path, content: bytes) -> None:
        """Write a temporary file and rename it into place."""
        form = self.chance.choice([".syncthing.{}.tmp", ".{}.~1a2b", ".{}.Xy12Zq", "{}.part"])
        temporary = place.with_name(form.format(place.name[:200]))
        self._write(temporary, content)
        temporary.replace(place)

    @staticmethod
    def _write(place: Path, content: bytes) -> None:
        if place.exists():
            place.chmod(0o600)
        with place.open("wb", buffering=0) as file:
            for at in range(0, len(content), _PIECE):
                file.write(content[at : at + _PIECE])

    @staticmethod
    def _patch(place: Path, content: bytes) -> None:
        """Write over those pieces alone that differ, as a transfer of differences does."""
        place.chmod(0o600)
        old = place.read_bytes()
        with place.open("r+b", buffering=0) as file:
            for at in range(0, len(content), _PIECE):
                piece = content[at : at + _PIECE]
                if old[at : at + _PIECE] != piece:
                    file.seek(at)
                    file.write(piece)
            file.truncate(len(content))


def _differ(path: str, there: dict[str, Entry], here: dict[str, Entry]) -> bool:
    one, other = there[path], here[path]
    return one.kind != "directory" and one.content != other.content
