"""Keeping an empty, locked mount point unwritable, so that nothing is written beside a vault.

fusermount3 mounts for an ordinary user only where that user can write, so the write bits
come back around our own mount call, and for good when the vault is forgotten. A mount point
that the system's own tables name is theirs and left alone. Mode bits do not hold root back.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vaultui.linux.durable import remove_temporaries, write_durably
from vaultui.linux.mountinfo import mount_at

_WRITE_BITS = 0o222
FSTAB = Path("/etc/fstab")
PAM_MOUNT = Path("/etc/security/pam_mount.conf.xml")


class MountGuard:
    """Guards mount points of one user; their own modes are remembered in the state directory."""

    def __init__(self, state_dir: Path, fstab: Path = FSTAB) -> None:
        self._records = state_dir / "mountpoints"
        self._fstab = fstab

    def protect(self, mountpoint: str) -> bool:
        """Make an empty mount point unwritable; return False where it is left alone."""
        with self._ours(mountpoint) as fd:
            return fd is not None and self._take_write_bits(fd, mountpoint)

    @contextmanager
    def writable(self, mountpoint: str) -> Iterator[None]:
        """Give the write bits back inside the block; take them again after it.

        The descriptor is opened before the mount covers the directory, and goes on meaning
        the directory below it.
        """
        with self._ours(mountpoint) as fd:
            if fd is None or not self._remember(fd, mountpoint):
                yield
                return
            os.fchmod(fd, _mode(fd) | stat.S_IWUSR)
            try:
                yield
            finally:
                self._take_write_bits(fd, mountpoint)

    def release(self, mountpoint: str) -> None:
        """Give a mount point back as it was before the first `protect`."""
        record = self._record(mountpoint)
        try:
            mode = int(json.loads(record.read_bytes())["mode"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if mount_at(mountpoint) is not None:
            return  # something else is mounted there: its root is not ours to change
        with suppress(OSError):
            fd = _open_directory(mountpoint)
            try:
                os.fchmod(fd, mode)
            finally:
                os.close(fd)
        with suppress(OSError):
            record.unlink()

    @contextmanager
    def _ours(self, mountpoint: str) -> Iterator[int | None]:
        """Yield a descriptor of the mount point where it is ours to guard, else None."""
        # The table is asked first: opening a hung mount would hang.
        if mount_at(mountpoint) is not None or named_by_the_system(mountpoint, self._fstab):
            yield None
            return
        try:
            fd = _open_directory(mountpoint)
        except OSError:
            yield None
            return
        try:
            mine = os.fstat(fd).st_uid == os.getuid() and not os.listdir(fd)
            yield fd if mine else None
        finally:
            os.close(fd)

    def _take_write_bits(self, fd: int, mountpoint: str) -> bool:
        if not self._remember(fd, mountpoint):
            return False
        os.fchmod(fd, _mode(fd) & ~_WRITE_BITS)
        return True

    def _remember(self, fd: int, mountpoint: str) -> bool:
        """Keep the mode to go back to; False where that can't be written, on a full disk say.

        The guard is a help, and no reason why a vault could not be opened. What could not be
        given back is not taken.
        """
        record = self._record(mountpoint)
        try:
            if not record.exists():
                record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                remove_temporaries(record)
                kept = {"path": mountpoint, "mode": _mode(fd)}
                write_durably(record, json.dumps(kept).encode("ascii"))
        except OSError:
            return False
        return True

    def _record(self, mountpoint: str) -> Path:
        digest = hashlib.sha256(os.fsencode(mountpoint)).hexdigest()
        return self._records / f"{digest[:16]}.json"


def named_by_the_system(
    mountpoint: str, fstab: Path = FSTAB, pam_mount: Path | None = None
) -> bool:
    """Return whether fstab(5) or pam_mount(8) mounts something there themselves."""
    wanted = os.path.normpath(mountpoint)
    tables = [PAM_MOUNT, Path.home() / ".pam_mount.conf.xml"] if pam_mount is None else [pam_mount]
    return wanted in _fstab_mountpoints(fstab) or any(
        wanted in _pam_mountpoints(table) for table in tables
    )


def _fstab_mountpoints(fstab: Path) -> set[str]:
    try:
        lines = fstab.read_bytes().splitlines()
    except OSError:
        return set()
    fields = [line.split() for line in lines if not line.lstrip().startswith(b"#")]
    return {_unescaped(line[1]) for line in fields if len(line) >= 2}


def _unescaped(field: bytes) -> str:
    for code in (b"\\040", b"\\011", b"\\012", b"\\134"):
        field = field.replace(code, bytes([int(code[1:], 8)]))
    return os.path.normpath(os.fsdecode(field))


def _pam_mountpoints(table: Path) -> set[str]:
    try:
        data = table.read_bytes()
    except OSError:
        return set()
    # Late: most machines have no such file.
    from xml.etree import ElementTree as ET

    try:
        root = ET.fromstring(data)  # noqa: S314 - root's own file, or the user's own
    except ET.ParseError:
        return set()
    home, user = str(Path.home()), Path.home().name
    found = set()
    for volume in root.iter("volume"):
        path = volume.get("mountpoint", "")
        for variable, value in (("%(USER)", user), ("%(HOME)", home)):
            path = path.replace(variable, value)
        if path.startswith("~"):
            path = home + path[1:]
        found.add(os.path.normpath(path))
    return found


def _open_directory(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _mode(fd: int) -> int:
    return stat.S_IMODE(os.fstat(fd).st_mode)
