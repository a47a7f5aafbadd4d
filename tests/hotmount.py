"""Mounts that tell which requests were answered in Python: all others were by the compiled path.

Run as a program, with a file for the counts and the command line of vaultfs behind it, this counts
each request that reaches a handler. The file can be read at any time, and whoever reads it asks
nothing of the mount.
"""

from __future__ import annotations

import functools
import mmap
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asking import Asking
from mounting import Vaultfs

_NUMBER = struct.Struct("<Q")


class HotMount(Vaultfs):
    """A mount of ours whose requests are counted. A control socket is at `base/ctl`."""

    def __init__(
        self, base: Path, *, hot: bool = True, mount_options: Sequence[str] = (), **rest: Any
    ) -> None:
        """`hot` tells whether it is to have its compiled path."""
        self._counts = base / "counts"
        super().__init__(
            base,
            under=(sys.executable, os.fspath(Path(__file__)), os.fspath(self._counts)),
            mount_options=("-ctlsock", os.fspath(base / "ctl"), *mount_options),
            **rest,
        )
        if not hot:
            self._env["VAULTFS_HOTPATH"] = "off"

    def in_python(self) -> dict[str, int]:
        """Return how many requests of each kind were answered in Python."""
        from vaultui.mountd.data.operations import HANDLERS

        data = self._counts.read_bytes()
        counts = (_NUMBER.unpack_from(data, 8 * place)[0] for place in range(len(HANDLERS)))
        return dict(zip(HANDLERS, counts, strict=True))

    def status(self) -> Any:
        """Return what the control socket tells."""
        with Asking(self.base / "ctl") as asking:
            return asking.ours("StatusRequest")

    def answered(self) -> dict[str, int]:
        """Return how many requests of each kind there were."""
        operations: dict[str, int] = self.status()["operations"]
        return operations

    def hot_share(self, name: str) -> tuple[int, int]:
        """Return how many requests of that kind there were, and how many of them were hot."""
        in_python = self.in_python()[name]
        everything = self.answered()[name]
        return everything, everything - in_python


def _count(counts: Path) -> None:
    from vaultui.mountd.data.calleroperations import CallerOperations
    from vaultui.mountd.data.operations import HANDLERS, VaultOperations

    size = 8 * len(HANDLERS)
    counts.write_bytes(bytes(size))
    with counts.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), size)

    def counted(method: Any, place: int) -> Any:
        @functools.wraps(method)
        async def handle(*arguments: Any) -> Any:
            (before,) = _NUMBER.unpack_from(shared, 8 * place)
            _NUMBER.pack_into(shared, 8 * place, before + 1)
            return await method(*arguments)

        return handle

    for place, name in enumerate(HANDLERS):
        for kind in (VaultOperations, CallerOperations):
            if name in vars(kind):
                setattr(kind, name, counted(vars(kind)[name], place))


if __name__ == "__main__":
    _count(Path(sys.argv[1]))
    del sys.argv[:2]
    from vaultui.mountd.__main__ import main

    main()
