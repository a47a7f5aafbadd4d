"""A drive that hangs: whoever looks into it waits until it is taken away."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def unanswered(mountpoint: Path, fstype: str, source: str) -> Iterator[None]:
    """Mount a FUSE file system that nobody serves: who looks into it waits for ever."""
    mountpoint.mkdir()
    fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0"
    subprocess.run(
        ("mount", "-i", "-t", fstype, "-o", options, source, mountpoint), pass_fds=(fd,), check=True
    )
    try:
        yield
    finally:
        subprocess.run(("umount", "-l", mountpoint), check=True)
        os.close(fd)
