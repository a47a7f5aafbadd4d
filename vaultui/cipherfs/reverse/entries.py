"""What each directory of a reverse view holds: entries of the plain one, and virtual files."""

from __future__ import annotations

import errno
import os
from typing import Final

from vaultui.cipherfs.cipherdir import Directory, OpenDirectories
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.cipherfs.report import Reporter, ReportKind
from vaultui.cipherfs.reverse import virtual
from vaultui.cipherfs.reverse.excludes import Excludes
from vaultui.cipherfs.reverse.paths import join, plain_path, shown_path
from vaultui.cipherfs.reverse.shownnames import ShownNames, UnknownHash
from vaultui.crypto.filename import BadName
from vaultui.format.names import CONF_NAME, DIR_IV_NAME, REVERSE_CONF_NAME, companion, is_companion
from vaultui.linux.errnos import os_error

_COVERED_NAME: Final = CONF_NAME + b"_NAME_COLLISION_0"
"""Where names are plain, a file that has the name under which the config is shown. It is
listed, so that a copy of the view ends with an error that nobody overlooks, and not there."""


class Entries:
    """Finds and lists entries. What it answers as the name on disk may be a virtual one."""

    def __init__(
        self,
        inodes: Inodes,
        directories: OpenDirectories,
        names: ShownNames,
        excludes: Excludes,
        report: Reporter,
        *,
        shows_conf: bool,
        one_file_system: bool,
    ) -> None:
        self._root = inodes.root
        self._directories = directories
        self._names = names
        self._excludes = excludes
        self._report = report
        self._shows_conf = shows_conf
        self._one_file_system = one_file_system

    def find(self, above: Node, shown: bytes) -> tuple[bytes, os.stat_result]:
        """Return the name on disk and the status of the entry `shown` of the directory `above`.

        Raises OSError: EPERM for what is excluded, ENOENT for what is not there, also for a
        name that does not decrypt.
        """
        directory = self._enter(above)
        names = self._names
        if shown == DIR_IV_NAME and names.has_dir_ivs:
            status = virtual.dir_iv_status(os.fstat(directory.fd))
            return virtual.virtual_name(names.dir_iv(shown_path(above))), status
        if self._is_sealed_off(above):
            raise os_error(errno.ENOENT)
        if shown == CONF_NAME and self._has_conf(above):
            status = virtual.conf_status(os.stat(REVERSE_CONF_NAME, dir_fd=directory.fd))
            return virtual.virtual_name(REVERSE_CONF_NAME), status
        if is_companion(shown) and not names.are_plain:
            return self._find_companion(above, directory, shown)
        plain = self._plain_name(above, directory, shown)
        return plain, os.stat(plain, dir_fd=directory.fd, follow_symlinks=False)

    def list(self, above: Node) -> list[tuple[bytes, bytes]]:
        """Return (name, name on disk) of all entries of the directory `above`."""
        directory = self._enter(above)
        names = self._names
        dir_iv = names.dir_iv(shown_path(above))
        virtuals = [(DIR_IV_NAME, virtual.virtual_name(dir_iv))] if names.has_dir_ivs else []
        if self._is_sealed_off(above):
            return virtuals
        has_conf = self._has_conf(above)
        plain_above = plain_path(above)
        entries = []
        for plain in _list(directory):
            if has_conf and plain == REVERSE_CONF_NAME:
                entries.append((CONF_NAME, virtual.virtual_name(plain)))
            elif self._is_excluded(plain_above, plain):
                continue
            elif has_conf and names.are_plain and plain == CONF_NAME:
                self._report(
                    ReportKind.CORRUPT_NAME,
                    os.fsdecode(plain),
                    "the volume config is shown under this name: rename this file",
                )
                entries.append((_COVERED_NAME, virtual.virtual_name(plain)))
            else:
                try:
                    shown = names.shown(plain, dir_iv)
                except BadName:  # longer than 255 bytes, which few file systems allow
                    continue
                entries.append((shown.name, plain))
                if shown.name != shown.full:
                    content = virtual.virtual_name(shown.full)
                    virtuals.append((companion(shown.name), content))
        return entries + virtuals

    def status(self, above: Node, shown: bytes, cname: bytes) -> os.stat_result:
        """Return the status of an entry as `list` answered it; raises as `find`."""
        if shown == _COVERED_NAME and virtual.is_virtual(cname):
            fd = self._directories.enter(above).fd
            return virtual.covered_status(os.stat(CONF_NAME, dir_fd=fd, follow_symlinks=False))
        if virtual.is_virtual(cname):
            return self.find(above, shown)[1]
        fd = self._directories.enter(above).fd
        return os.stat(cname, dir_fd=fd, follow_symlinks=False)

    def _enter(self, above: Node) -> Directory:
        """Return the open directory `above`; ENOENT or ESTALE if it was moved.

        Whether it is excluded follows from its path alone, so with exclusions that must be the
        one that we know: whoever is in a directory that was moved to an excluded place would go
        on to see what is put there.
        """
        if self._excludes:
            node = above
            while node.parent is not None:
                place = self._directories.enter(node.parent)
                status = os.stat(node.cname, dir_fd=place.fd, follow_symlinks=False)
                if not node.is_inode_of(status):
                    raise os_error(errno.ESTALE)
                node = node.parent
        return self._directories.enter(above)

    def _find_companion(
        self, above: Node, directory: Directory, shown: bytes
    ) -> tuple[bytes, os.stat_result]:
        plain = self._plain_name(above, directory, shown.removesuffix(companion(b"")))
        path = shown_path(above)
        full = self._names.shown(plain, self._names.dir_iv(path)).full
        status = os.stat(plain, dir_fd=directory.fd, follow_symlinks=False)
        return (
            virtual.virtual_name(full),
            virtual.companion_status(join(path, shown), status, len(full)),
        )

    def _plain_name(self, above: Node, directory: Directory, shown: bytes) -> bytes:
        """Return the name on disk of a real entry; it may be gone by now."""
        dir_iv = self._names.dir_iv(shown_path(above))
        try:
            try:
                plain = self._names.plain(shown, dir_iv)
            except UnknownHash:
                self._names.learn(_list(directory), dir_iv)
                plain = self._names.plain(shown, dir_iv)
        except (BadName, UnknownHash):
            raise os_error(errno.ENOENT) from None
        if self._is_excluded(plain_path(above), plain):
            raise os_error(errno.EPERM)
        if plain == REVERSE_CONF_NAME and self._has_conf(above):
            raise os_error(errno.ENOENT)
        return plain

    def _has_conf(self, above: Node) -> bool:
        return self._shows_conf and above is self._root

    def _is_sealed_off(self, above: Node) -> bool:
        """Tell whether `above` is shown empty because another file system begins there."""
        return self._one_file_system and above.key[0] != self._root.key[0]

    def _is_excluded(self, above: bytes, plain: bytes) -> bool:
        return bool(self._excludes) and self._excludes.hides(join(above, plain))


def _list(directory: Directory) -> list[bytes]:
    if not directory.readable:
        raise os_error(errno.EACCES)
    return [os.fsencode(name) for name in os.listdir(directory.fd)]
