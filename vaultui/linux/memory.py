"""How much memory there is to be had, and memory that was needed once, back to the system."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from vaultui.linux import cgroup, libc


def give_back() -> None:
    """Return freed memory to the kernel. A key derivation uses 64 MiB and more, once.

    Only glibc has the call; with another C library nothing happens.
    """
    try:
        malloc_trim = libc.function("malloc_trim", ctypes.c_size_t)
    except AttributeError:
        return
    malloc_trim(0)


def available_bytes() -> int:
    """Return how much this process can use without pushing anything out, or being killed for it.

    That is what the machine has (proc_meminfo(5), MemAvailable), and what the control groups
    that we are in leave us.
    """
    left = cgroup.memory_left()
    return _free_bytes() if left is None else min(left, _free_bytes())


def most_bytes() -> int:
    """Return how much this process can ever use: what the machine has, or its control groups let.

    What others use of that is not taken off, since it may be swapped out.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = cgroup.memory_limit()
    return machine if limit is None else min(machine, limit)


def _free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        name, _colon, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) << 10
    # Kernels from before 3.14 have no such line, and nobody has FUSE 3 with them.
    raise OSError("/proc/meminfo has no MemAvailable")
