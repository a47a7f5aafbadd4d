"""The thread that answers the kernel.

It does nothing else: what has to go on while a disk is slow belongs to the control plane,
in the main thread. The thread ends when the mount is gone, from wherever it was unmounted.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import pyfuse3
import trio

from vaultui.cipherfs.filesystem import FileSystem
from vaultui.linux.fusehello import ATOMIC_O_TRUNC, HANDLE_KILLPRIV, HANDLE_KILLPRIV_V2, Hello
from vaultui.model.ids import InodeNo
from vaultui.mountd.activity import Activity
from vaultui.mountd.eventring import EventRing
from vaultui.mountd.operations import VaultOperations
from vaultui.mountd.requestloop import RequestLoop


def forget_attributes(ino: InodeNo) -> None:
    """Have the kernel ask for the attributes of an inode when it needs them next."""
    with contextlib.suppress(OSError):  # it has forgotten the inode, or is about to let go
        pyfuse3.invalidate_inode(ino, attr_only=True)


class DataPlane:
    """Serves `filesystem` on an open FUSE descriptor, which it owns from now on."""

    def __init__(
        self,
        filesystem: FileSystem,
        fuse_fd: int,
        activity: Activity,
        events: EventRing,
        *,
        keeps_set_id: bool,
        on_served: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        """`keeps_set_id` says that writing to a file through `filesystem` may leave it set-uid
        although the writer has no right to that, so the kernel is to see to it.

        `on_served` and `on_end` are called in the thread, when the kernel said hello and
        when it let go."""
        self.failure: BaseException | None = None
        """Why serving ended, when it was not the end of the mount."""
        self._hello = (
            Hello(fuse_fd, drop=HANDLE_KILLPRIV | ATOMIC_O_TRUNC)
            if keeps_set_id
            else Hello(fuse_fd, add=HANDLE_KILLPRIV_V2)
        )
        self._loop = RequestLoop(self._hello.end)
        self._on_end = on_end
        self._operations = VaultOperations(filesystem, self._loop, activity, events, on_served)
        self._fuse_fd = fuse_fd
        self._thread = threading.Thread(target=self._run, name="data-plane", daemon=True)

    def start(self) -> None:
        self._loop.install()
        self._hello.begin()
        pyfuse3.init(self._operations, f"/dev/fd/{self._fuse_fd}", set())
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join()

    def _run(self) -> None:
        try:
            trio.run(pyfuse3.main)
        except BaseException as error:  # nobody above this thread could tell
            self.failure = error
        finally:
            # Closes the descriptor, and with it the connection: a mount that is still
            # listed then answers with an error instead of hanging.
            pyfuse3.close(unmount=False)
            self._on_end()
