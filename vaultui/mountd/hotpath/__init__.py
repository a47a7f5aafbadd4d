"""The hot path: an extension module that answers the frequent requests of a mount.

Where there is none (no compiler when this was installed) all requests are answered in Python, in
the same way and more slowly. What it does is described in hotpath.h.

pyfuse3 stays what serves the mount. The module has a function of libfuse in it, by which it hands
on the requests that it leaves; the loader takes ours if it was there first, for everybody. So
this must be imported before pyfuse3, which `vaultui.mountd.data` sees to.
"""

from __future__ import annotations

import _thread
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from vaultui.cipherfs.cipherdir import Directory
from vaultui.cipherfs.conflictcopies import EntryNamesWithCopies
from vaultui.cipherfs.entrynames import EntryNames, PlainEntryNames
from vaultui.cipherfs.filesystem import FileSystem
from vaultui.cipherfs.inodes import Node
from vaultui.cipherfs.listing import DirHandle
from vaultui.cipherfs.openfiles import FileHandle, OpenFile
from vaultui.cipherfs.tree import Tree
from vaultui.crypto.filename import NameCipher
from vaultui.crypto.hazmat import compiled
from vaultui.mountd.activity import Activity

if TYPE_CHECKING:
    from vaultui.mountd.hotpath._hotpath import Hot

_NAMES: Final = (EntryNames, PlainEntryNames, EntryNamesWithCopies)


def _load() -> ModuleType | None:
    if compiled.load() is None or "pyfuse3" in sys.modules:
        return None
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
    try:
        from vaultui.mountd.hotpath import _hotpath
    except ImportError:
        return None
    finally:
        sys.setdlopenflags(flags)
    return _hotpath


_module: Final = _load()


def is_there() -> bool:
    """Tell whether mounts of this process may have a hot path."""
    return _module is not None


def hot_path(
    tree: Tree,
    activity: Activity,
    fuse_fd: int,
    wake_fd: int,
    *,
    creates: bool,
    cache_s: float,
    owner: tuple[int, ...],
    keep_pages: bool,
) -> Hot | None:
    """Return the hot path for `tree`, if there is one for its kind.

    `creates` says that what is new belongs to us whoever asks, and that the kernel asks for
    extended attributes only what its caller may have. The rest is as in Presentation. The
    descriptors stay the caller's.
    """
    # Subclasses do some of their work in another way.
    if _module is None or type(tree) is not FileSystem:
        return None
    parts = tree.parts()
    if type(parts.entry_names) not in _NAMES:
        return None
    volume = parts.volume
    ciphers = volume.compiled
    if ciphers is None:
        return None
    by_ino, by_key, devices = parts.inodes.tables()
    given: dict[str, Any] = {
        **parts._asdict(),
        "Node": Node,
        "Directory": Directory,
        "OpenFile": OpenFile,
        "FileHandle": FileHandle,
        "DirHandle": DirHandle,
        "Activity": Activity,
        "by_ino": by_ino,
        "by_key": by_key,
        "devices": devices,
        "root": parts.inodes.root,
        "activity": activity,
        "allocate_lock": _thread.allocate_lock,
        "tree": tree,
        "known_names": volume.names if isinstance(volume.names, NameCipher) else None,
        "unread_xattr": None if parts.xattrs is None else parts.xattrs.unread,
        "content": ciphers.content,
        "names": ciphers.names,
        "fd": fuse_fd,
        "wake_fd": wake_fd,
        "creates": creates,
        "are_names_plain": volume.names.is_plain,
        "uses_dir_iv": volume.names.uses_dir_iv,
        "shows_copies": isinstance(parts.entry_names, EntryNamesWithCopies),
        "keeps_pages": keep_pages,
        "long_name_max": volume.features.long_name_max,
        "overhead": volume.content.layout.overhead,
        "symlink_sizes": 0 if volume.names.is_plain else -1 if volume.names.padded else 1,
        "cache_s": cache_s,
        "owner_uid": owner[0] if owner else -1,
        "owner_gid": owner[1] if owner else -1,
        "in_place_device": -1 if parts.in_place_device is None else parts.in_place_device,
    }
    hot: Hot = _module.Hot(given)
    activity.bring_up_to_date = hot.tell
    return hot
