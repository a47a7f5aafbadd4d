"""The first exchange on a FUSE descriptor, in which kernel and library agree on features.

A library asks only for features that it knows. libfuse as the distributions have it does
not know FUSE_HANDLE_KILLPRIV_V2, without which the kernel asks for `security.capability`
before every single write. So the library says hello over a socket pair that has the number
of its descriptor meanwhile; the kernel's half passes through here, and the answer is
changed on its way. After that the descriptor is the real one, and nothing is in between.

Layouts and flags are those of linux/fuse.h, whose first fields never change.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from typing import Final

ASYNC_READ: Final = 1 << 0
"""Several reads of one file may be under way at once, in any order."""
ATOMIC_O_TRUNC: Final = 1 << 3
"""Opening with O_TRUNC truncates, and nothing else tells of it."""
DONT_MASK: Final = 1 << 6
"""Modes of new files arrive as they were asked for, with the caller's umask beside them."""
HANDLE_KILLPRIV: Final = 1 << 19
"""Set-uid and set-gid bits are cleared by whoever serves, on each write, truncation and
change of owner; the kernel leaves them alone. libfuse asks for it unless it is told not to."""
POSIX_ACL: Final = 1 << 20
"""The kernel reads the access control lists of files and decides by them, which includes
that it checks permissions at all."""
HANDLE_KILLPRIV_V2: Final = 1 << 28
"""The same, and who may keep the bits is told with each request. Since Linux 5.11; the
kernel then remembers of a file that there is nothing to clear, and asks no more."""

_REQUEST: Final = struct.Struct("=IIQQIIIIIIII")
"""Length, opcode, unique, node, uid, gid, pid, padding; major, minor, read-ahead, flags."""
_ANSWER: Final = struct.Struct("=IiQIIII")
"""Length, error, unique; major, minor, read-ahead, flags."""
_FLAGS_AT: Final = _ANSWER.size - 4
_ROOM: Final = 1 << 16
"""Bytes. The kernel refuses a read with less room than it may need, 8 KiB as long as
nothing was agreed on; an answer has 80."""


class Hello:
    """The exchange on one descriptor, which from `begin` to `end` is one of a socket pair."""

    def __init__(self, fd: int, *, add: int = 0, need: int = 0, drop: int = 0) -> None:
        """`add` are flags to agree to where the kernel offers them, `need` those without which
        nothing may be served, and `drop` those to refuse."""
        self._fd = fd
        self._add = add | need
        self._need = need
        self._drop = drop
        self._device = -1
        self._kernel_side: socket.socket | None = None

    def begin(self) -> None:
        """Take the kernel's request, which mounting has sent, and lay it before the library.

        With a mount that is gone already the library is left to find that out. Raises OSError,
        EOPNOTSUPP, when the kernel does not offer what is needed.
        """
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.poll()
        try:
            request = os.read(self._fd, _ROOM)
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            return
        offered = _REQUEST.unpack_from(request)[-1]
        if missing := self._need & ~offered:
            reason = f"this kernel does not offer the features {missing:#x} of FUSE"
            raise OSError(errno.EOPNOTSUPP, reason)
        self._add &= offered
        self._device = os.dup(self._fd)
        self._kernel_side, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._kernel_side.setblocking(False)
        self._kernel_side.send(request)
        with theirs:
            theirs.setblocking(False)
            os.dup2(theirs.fileno(), self._fd, inheritable=False)

    def end(self) -> None:
        """Hand on the library's answer, and put the real descriptor in its place.

        To be called between that answer and the library's next look at its descriptor. A mount
        that went away meanwhile is left to the library to find out.
        """
        if self._kernel_side is None:
            return
        with self._kernel_side as ours:
            answer = bytearray(ours.recv(_ROOM))
        if len(answer) >= _ANSWER.size:
            _, failed, *_, flags = _ANSWER.unpack_from(answer)
            if not failed:
                struct.pack_into("=I", answer, _FLAGS_AT, flags & ~self._drop | self._add)
        try:
            os.write(self._device, answer)
        except FileNotFoundError:
            # What the kernel says to an answer that nobody waits for any more: with the mount
            # its requests go. The next read says ENODEV.
            pass
        finally:
            os.dup2(self._device, self._fd, inheritable=False)
            os.close(self._device)
