"""A part of a test in namespaces of its own: what is mounted there, the machine never sees."""

from __future__ import annotations

import os
from collections.abc import Callable

from forkedwork import run_in_child

from vaultui.linux import idmaps, mounting, namespaces


def run_in_namespace(work: Callable[[], object], *, as_user: bool = False) -> None:
    """Run `work` in a child with a mount namespace; it must not fail.

    Where we are not root, or with `as_user`, it is in a user namespace as well, as root of it.
    """

    def inside() -> None:
        uid, gid = os.getuid(), os.getgid()
        if as_user or uid != 0:
            namespaces.unshare("user", "mount")
            idmaps.write("self", [(0, uid, 1)], [(0, gid, 1)], setgroups=False)
        else:
            namespaces.unshare("mount")
        mounting.make_private()
        work()

    run_in_child(inside)
