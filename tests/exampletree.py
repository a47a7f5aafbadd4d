"""The small tree that each example volume holds, and volumes as archives.

An archive is a tar file with extended attributes as GNU tar writes them: `tar --xattrs -xf`
unpacks it too.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

PASSWORD = b"correct horse battery"
"""Of every example volume."""
NAMES = (b"n" * 31, b"n" * 32, b"n" * 175, b"n" * 176, b"n" * 255, "Ünï ✓".encode(), b"\xff raw")
"""Around the edges at which names become long ones, and two that are not ASCII."""
_WHEN = 1_500_000_000
_XATTR = "SCHILY.xattr."


def fill(root: Path, *, xattrs: bool = True) -> None:
    """Make the tree in the empty directory `root`."""
    (root / "empty").write_bytes(b"")
    (root / "one").write_bytes(b"1")
    (root / "block").write_bytes(bytes(range(256)) * 16)
    (root / "block and one").write_bytes(bytes(range(256)) * 16 + b"+")
    with (root / "hole").open("wb") as file:
        file.write(b"A")
        file.seek(3 * 4096)
        file.write(b"Z")
    deep = root / "directory" / ("deeper " * 30)
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"below a long name")
    (deep / "file").chmod(0o640)
    deep.chmod(0o750)
    os.link(deep / "file", root / "second name")
    (root / "link").symlink_to("directory/../one")
    (root / ("link " * 40)).symlink_to("t" * 500)
    names = root / "names"
    names.mkdir()
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(names) + b"/" + name)).write_bytes(name)
    if xattrs:
        os.setxattr(root / "one", "user.note", bytes(range(32)))
        os.setxattr(root / "directory", "user." + "long" * 20, b"v" * 300)
    for folder, folders, files in os.walk(root, topdown=False):
        for name in [*folders, *files, "."]:
            os.utime(Path(folder, name), (_WHEN, _WHEN), follow_symlinks=False)


def pack(directory: Path, archive: Path) -> None:
    """Write `archive`, which holds what lies in `directory`, owned by nobody in particular."""

    def with_attributes(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        path = directory / entry.name
        for name in os.listxattr(path, follow_symlinks=False):
            value = os.getxattr(path, name, follow_symlinks=False)
            # A record is KEY=VALUE, so GNU tar spells these two in a key as URLs do.
            key = name.replace("%", "%25").replace("=", "%3D")
            entry.pax_headers[_XATTR + key] = value.decode("utf-8", "surrogateescape")
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.add(directory, ".", filter=with_attributes)


def unpack(archive: Path, directory: Path) -> None:
    """Make `directory` what `pack` was given, owned by whoever asks."""
    with tarfile.open(archive) as tar:
        # Python before 3.11.4 knows no filters, and a later one warns where none is named.
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
        tar.extractall(directory, numeric_owner=True)
        for entry in tar:
            if entry.issym():
                # tarfile leaves the times of links as they come.
                times = (entry.mtime, entry.mtime)
                os.utime(directory / entry.name, times, follow_symlinks=False)
            for key, value in entry.pax_headers.items():
                if key.startswith(_XATTR):
                    name = key.removeprefix(_XATTR).replace("%3D", "=").replace("%25", "%")
                    data = value.encode("utf-8", "surrogateescape")
                    os.setxattr(directory / entry.name, name, data)
