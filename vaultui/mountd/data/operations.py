"""Requests of the kernel, as calls on a Tree. No logic of its own.

Every handler goes through `boundary.handler`. Where pyfuse3 insists on a type (bytes, an
EntryAttributes), it is made here: a wrong one would end the mount.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction

from pyfuse3 import (
    EntryAttributes,
    FileInfo,
    Operations,
    ReaddirToken,
    RequestContext,
    SetattrFields,
    StatvfsData,
    readdir_reply,
)

from vaultui.cipherfs.attributes import AttributeChange
from vaultui.cipherfs.tree import Tree
from vaultui.model.ids import Handle, InodeNo
from vaultui.mountd.activity import Activity, Touch
from vaultui.mountd.data.boundary import Boundary, handler
from vaultui.mountd.data.presentation import PLAIN, Presentation
from vaultui.mountd.data.requestloop import RequestLoop
from vaultui.mountd.eventring import EventRing


class VaultOperations(Boundary, Operations):
    """Serves one Tree. Lives in the data plane's thread."""

    # Looking up "." is for exports over NFS alone.
    supports_dot_lookup = False
    enable_writeback_cache = False
    enable_acl = False

    def __init__(
        self,
        filesystem: Tree,
        loop: RequestLoop,
        activity: Activity,
        events: EventRing,
        on_served: Callable[[], None],
        presentation: Presentation = PLAIN,
    ) -> None:
        """`on_served` is called when the kernel has said hello: the mount answers from now on."""
        Operations.__init__(self)
        self.activity = activity
        self.events = events
        self._fs = filesystem
        self._loop = loop
        self._on_served = on_served
        self.presentation = presentation
        self._entry = presentation.entries()
        self._no_entry = presentation.no_entry
        self._keep_pages = presentation.keep_pages
        activity.operations.update(dict.fromkeys(HANDLERS, 0))

    def init(self) -> None:
        self._on_served()

    # --- names and attributes ---

    @handler(Touch.LOOK)
    def lookup(self, parent: InodeNo, name: bytes, _context: RequestContext) -> EntryAttributes:
        try:
            return self._entry(self._fs.lookup(parent, name))
        except FileNotFoundError:
            return self._no_entry()

    async def forget(self, inodes: Sequence[tuple[int, int]]) -> None:
        # Not even FUSEError may leave this one, and there is nobody to answer.
        self.activity.operations["forget"] += 1
        for ino, count in inodes:
            try:
                self._fs.forget(InodeNo(ino), count)
            except Exception as error:
                self.record_bug("forget", error)

    @handler(Touch.LOOK)
    def getattr(self, ino: InodeNo, _context: RequestContext) -> EntryAttributes:
        return self._entry(self._fs.getattr(ino))

    @handler(Touch.USE)
    def setattr(
        self,
        ino: InodeNo,
        wanted: EntryAttributes,
        fields: SetattrFields,
        handle: Handle | None,
        _context: RequestContext,
    ) -> EntryAttributes:
        change = AttributeChange(
            mode=wanted.st_mode if fields.update_mode else None,
            uid=wanted.st_uid if fields.update_uid else None,
            gid=wanted.st_gid if fields.update_gid else None,
            size=wanted.st_size if fields.update_size else None,
            atime_ns=wanted.st_atime_ns if fields.update_atime else None,
            mtime_ns=wanted.st_mtime_ns if fields.update_mtime else None,
        )
        return self._entry(self._fs.setattr(ino, change, handle))

    @handler(Touch.LOOK)
    def readlink(self, ino: InodeNo, _context: RequestContext) -> bytes:
        return bytes(self._fs.readlink(ino))

    @handler(Touch.LOOK)
    def access(self, ino: InodeNo, mask: int, _context: RequestContext) -> bool:
        return self._fs.access(ino, mask)

    # --- making and removing names ---

    @handler(Touch.USE)
    def mknod(
        self, parent: InodeNo, name: bytes, mode: int, rdev: int, _context: RequestContext
    ) -> EntryAttributes:
        return self._entry(self._fs.mknod(parent, name, mode, rdev))

    @handler(Touch.USE)
    def mkdir(
        self, parent: InodeNo, name: bytes, mode: int, _context: RequestContext
    ) -> EntryAttributes:
        return self._entry(self._fs.mkdir(parent, name, mode))

    @handler(Touch.USE)
    def symlink(
        self, parent: InodeNo, name: bytes, target: bytes, _context: RequestContext
    ) -> EntryAttributes:
        return self._entry(self._fs.symlink(parent, name, target))

    @handler(Touch.USE)
    def link(
        self, ino: InodeNo, parent: InodeNo, name: bytes, _context: RequestContext
    ) -> EntryAttributes:
        return self._entry(self._fs.link(ino, parent, name))

    @handler(Touch.USE)
    def unlink(self, parent: InodeNo, name: bytes, _context: RequestContext) -> None:
        self._fs.unlink(parent, name)

    @handler(Touch.USE)
    def rmdir(self, parent: InodeNo, name: bytes, _context: RequestContext) -> None:
        self._fs.rmdir(parent, name)

    @handler(Touch.USE)
    def rename(
        self,
        parent: InodeNo,
        name: bytes,
        new_parent: InodeNo,
        new_name: bytes,
        flags: int,
        _context: RequestContext,
    ) -> None:
        self._fs.rename(parent, name, new_parent, new_name, flags)

    # --- open files ---

    @handler(Touch.USE)
    def open(self, ino: InodeNo, flags: int, _context: RequestContext) -> FileInfo:
        opened = self._fs.open(ino, flags)
        self.activity.open_files += 1
        return FileInfo(fh=opened.handle, keep_cache=opened.keep_cache or self._keep_pages)

    @handler(Touch.USE)
    def create(
        self, parent: InodeNo, name: bytes, mode: int, flags: int, _context: RequestContext
    ) -> tuple[FileInfo, EntryAttributes]:
        opened, attributes = self._fs.create(parent, name, mode, flags)
        self.activity.open_files += 1
        return FileInfo(fh=opened.handle, keep_cache=opened.keep_cache), self._entry(attributes)

    @handler(Touch.DATA)
    def read(self, handle: Handle, offset: int, size: int) -> bytes | bytearray | memoryview:
        data = self._fs.read(handle, offset, size)
        self.activity.bytes_read += len(data)
        return data

    @handler(Touch.DATA)
    def write(self, handle: Handle, offset: int, data: bytes) -> int:
        written = self._fs.write(handle, offset, data)
        self.activity.bytes_written += written
        return written

    @handler(Touch.NONE)
    def flush(self, handle: Handle) -> None:
        self._fs.flush(handle)

    @handler(Touch.DATA)
    def release(self, handle: Handle) -> None:
        self.activity.open_files -= 1
        self._fs.release(handle)

    async def fsync(self, handle: int, datasync: bool) -> None:
        await self._sync("fsync", self._fs.fsync_job, handle, datasync)

    # --- directories ---

    @handler(Touch.USE)
    def opendir(self, ino: InodeNo, _context: RequestContext) -> int:
        return self._fs.opendir(ino)

    @handler(Touch.USE)
    def readdir(self, handle: Handle, cookie: int, token: ReaddirToken) -> None:
        # An accepted entry is a lookup to the kernel, but only once the whole answer goes
        # out: after an entry was accepted, no error may take the answer's place.
        accepted = 0
        entry = self._entry
        try:
            for name, attributes, next_cookie in self._fs.readdir(handle, cookie):
                if not readdir_reply(token, name, entry(attributes), next_cookie):
                    break
                accepted += 1
                if name not in _DOTS:  # of these the kernel makes no lookup
                    self._fs.take_reference(attributes.ino)
        except OSError:
            if not accepted:
                raise

    @handler(Touch.NONE)
    def releasedir(self, handle: Handle) -> None:
        self._fs.releasedir(handle)

    async def fsyncdir(self, handle: int, datasync: bool) -> None:
        await self._sync("fsyncdir", self._fs.fsyncdir_job, handle, datasync)

    async def _sync(
        self,
        name: str,
        job: Callable[[Handle, bool], Callable[[], None]],
        handle: int,
        datasync: bool,
    ) -> None:
        """Flush to the disk in a thread: it may take seconds, and others go on meanwhile."""
        self.activity.operations[name] += 1
        try:
            await self._loop.in_thread(job(Handle(handle), datasync))
        except Exception as error:
            raise self.refusal(name, error) from None

    @handler(Touch.NONE)
    def statfs(self, _context: RequestContext) -> StatvfsData:
        backing = self._fs.statfs()
        answer = StatvfsData()
        for field in _STATFS_FIELDS:
            setattr(answer, field, getattr(backing, field))
        return answer

    # --- extended attributes ---

    @handler(Touch.LOOK)
    def getxattr(self, ino: InodeNo, name: bytes, _context: RequestContext) -> bytes:
        return bytes(self._fs.getxattr(ino, name))

    @handler(Touch.LOOK)
    def listxattr(self, ino: InodeNo, _context: RequestContext) -> list[bytes]:
        return list(self._fs.listxattr(ino))

    @handler(Touch.USE)
    def setxattr(self, ino: InodeNo, name: bytes, value: bytes, _context: RequestContext) -> None:
        self._fs.setxattr(ino, name, value)

    @handler(Touch.USE)
    def removexattr(self, ino: InodeNo, name: bytes, _context: RequestContext) -> None:
        self._fs.removexattr(ino, name)


HANDLERS = tuple(
    sorted(
        name
        for name, value in vars(VaultOperations).items()
        if name[0] != "_" and iscoroutinefunction(value)
    )
)
"""Every request that is served here. pyfuse3 has a handler for poll, too: the kernel answers
that itself once it has heard that we do not."""

_DOTS = (b".", b"..")
_STATFS_FIELDS = (
    "f_bsize",
    "f_frsize",
    "f_blocks",
    "f_bfree",
    "f_bavail",
    "f_files",
    "f_ffree",
    "f_favail",
    "f_namemax",
)
