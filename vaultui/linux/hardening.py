"""Keeping the memory of a process that handles secrets to itself.

Call `protect_process` before a secret is read. Locking memory is best effort: ordinary
users may lock a few megabytes only, so failure is an answer here and not an error.
"""

from __future__ import annotations

import ctypes
import mmap
import resource
from pathlib import Path

from vaultui.linux import libc, prctl

_MCL_CURRENT = 1
_MCL_FUTURE = 2
_MCL_ONFAULT = 4

# Fields of /proc/PID/stat, counted from 1; the first two come before the last parenthesis.
_ARG_START = 48
_ARG_END = 49

_mlock = libc.function("mlock", ctypes.c_void_p, ctypes.c_size_t)
_mlockall = libc.function("mlockall", ctypes.c_int)
_madvise = libc.function("madvise", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def protect_process() -> None:
    """Forbid core dumps of this process, and tracing by other processes of the same user."""
    prctl.set_dumpable(False)
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    # Of one byte there is no core either; and for this limit alone the kernel starts no program
    # that takes cores, core(5). What we start can then be held to the same.
    limit = 1 if hard else 0
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


def lock_memory() -> bool:
    """Keep all memory of this process, now and later, out of swap; return whether that is so."""
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    # Where the limit is above what we use today, mlockall succeeds and later allocations fail
    # at the limit: a key derivation would end in MemoryError. Where it is below, the call
    # fails at once, unless we are privileged and the limit does not count.
    if limit != resource.RLIM_INFINITY and _virtual_bytes() <= limit:
        return False
    try:
        _mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)
    except OSError:
        return False
    return True


def lock_buffer(buffer: bytearray) -> bool:
    """Keep the pages of `buffer` out of swap and core dumps; return whether they are locked.

    Whole pages are meant, so what lies beside the buffer is locked too. There is no way
    back: pages that hold something else later stay locked, which does no harm.
    """
    if not buffer:
        return True
    # The export keeps the buffer from being resized while its address is in use.
    with memoryview(buffer) as view:
        address = ctypes.addressof(ctypes.c_char.from_buffer(view))
        first = address - address % mmap.PAGESIZE
        length = address + len(view) - first
        try:
            _mlock(first, length)
            _madvise(first, length, mmap.MADV_DONTDUMP)
        except OSError:
            return False
    return True


def hide_argument(text: bytes) -> None:
    """Overwrite `text` in the command line that ps(1) shows of this process.

    The kernel reads that from our own memory, between two addresses of proc_pid_stat(5). It
    can be done before `protect_process` only: then the files in /proc are root's.
    """
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    first, end = (int(fields[number - 3]) for number in (_ARG_START, _ARG_END))
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(first)
        words = memory.read(end - first) or b""
        memory.seek(first)
        memory.write(words.replace(text, b"x" * len(text)))


def _virtual_bytes() -> int:
    return int(Path("/proc/self/statm").read_bytes().split()[0]) * mmap.PAGESIZE
