"""The thread that answers the kernel.

It does nothing else: what has to go on while a disk is slow belongs to the control plane,
in the main thread. The thread ends when the mount is gone, from wherever it was unmounted.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

import pyfuse3
import trio

from vaultui.cipherfs.filesystem import COHERENCE_S
from vaultui.cipherfs.tree import Tree
from vaultui.linux import credentials, fusehello
from vaultui.linux.fusehello import Hello
from vaultui.linux.fusemount import handed_over
from vaultui.model.ids import InodeNo
from vaultui.model.switches import CACHES, is_off
from vaultui.mountd.activity import Activity
from vaultui.mountd.data import tracing
from vaultui.mountd.data.calleroperations import CallerOperations
from vaultui.mountd.data.operations import VaultOperations
from vaultui.mountd.data.presentation import Presentation
from vaultui.mountd.data.requestloop import RequestLoop
from vaultui.mountd.eventring import EventRing
from vaultui.mountd.hotpath import hot_path
from vaultui.wire.handshake import MountSpec


def forget_attributes(ino: InodeNo) -> None:
    """Have the kernel ask for the attributes of an inode when it needs them next."""
    with contextlib.suppress(OSError):  # it has forgotten the inode, or is about to let go
        pyfuse3.invalidate_inode(ino, attr_only=True)


class DataPlane:
    """Serves `tree` on an open FUSE descriptor, which it owns from now on."""

    def __init__(
        self,
        tree: Tree,
        fuse_fd: int,
        spec: MountSpec,
        activity: Activity,
        events: EventRing,
        *,
        on_served: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        """`on_served` and `on_end` are called in the thread, when the kernel said hello and
        when it let go."""
        self.failure: BaseException | None = None
        """Why serving ended, when it was not the end of the mount."""
        self._hello = hello_for(fuse_fd, spec)
        self._loop = RequestLoop(self._hello.end)
        self._on_end = on_end
        self._operations = operations_for(tree, self._loop, spec, activity, events, on_served)
        self._fuse_fd = fuse_fd
        if not spec.fuse_debug:
            presentation = self._operations.presentation
            self._loop.hot = hot_path(
                tree,
                activity,
                fuse_fd,
                self._loop.wake_fd,
                creates=type(self._operations) is VaultOperations,
                cache_s=presentation.cache_s,
                owner=presentation.owner,
                keep_pages=presentation.keep_pages,
            )
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


def shares_as_root(spec: MountSpec) -> bool:
    """Tell whether root serves a mount that others may enter."""
    return spec.allow_other and os.geteuid() == 0


def believed_s(spec: MountSpec) -> float:
    """Return for how many seconds what was seen of the cipher directory is believed, by the kernel
    and by us."""
    return 0.0 if spec.shared_storage or is_off(CACHES) else COHERENCE_S


def obeys_lists(spec: MountSpec) -> bool:
    """Tell whether the kernel is to enforce access control lists.

    It checks permissions then, too. Of a mount that somebody else made for several users we
    don't know whether it does that anyway, and there is no other way to have it done.
    """
    return spec.acl or (spec.allow_other and handed_over(spec.mountpoint) is not None)


def hello_for(fuse_fd: int, spec: MountSpec) -> Hello:
    """Return the exchange that agrees on what `spec` needs of the kernel."""
    add = need = drop = 0
    if shares_as_root(spec):
        # Whoever changes a file without being privileged takes its set-uid bit away. The
        # file system below sees us alone: unprivileged, it does that for every write, and
        # as root for none, which is right as long as root is the only one to write. Else
        # the kernel is to see to it.
        drop |= fusehello.HANDLE_KILLPRIV | fusehello.ATOMIC_O_TRUNC
    else:
        add |= fusehello.HANDLE_KILLPRIV_V2
    if obeys_lists(spec):
        need |= fusehello.POSIX_ACL | fusehello.DONT_MASK
    if spec.serialize_reads:
        drop |= fusehello.ASYNC_READ
    return Hello(fuse_fd, add=add, need=need, drop=drop)


def operations_for(
    tree: Tree,
    loop: RequestLoop,
    spec: MountSpec,
    activity: Activity,
    events: EventRing,
    on_served: Callable[[], None],
) -> VaultOperations:
    """Return the handlers for what `spec` asks; what it does not ask costs no request anything."""
    presentation = Presentation(
        cache_s=believed_s(spec),
        owner=spec.force_owner,
        keep_pages=spec.kernel_cache,
    )
    arguments = (tree, loop, activity, events, on_served, presentation)
    # Where everything is shown as one user's, there is no other to make files for.
    preserve_owner = shares_as_root(spec) and not spec.force_owner and credentials.may_act()
    mask = obeys_lists(spec)
    operations = (
        CallerOperations(*arguments, preserve_owner=preserve_owner, mask=mask)
        if spec.allow_other or mask
        else VaultOperations(*arguments)
    )
    if spec.fuse_debug:
        tracing.trace(operations)
    return operations
