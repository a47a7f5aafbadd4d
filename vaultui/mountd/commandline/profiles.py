"""-cpuprofile, -memprofile and -trace: where the time and the memory of a mount go.

The files are opened at once, so that a wrong path is told, and written at the end:

- time: `python -m pstats FILE`, of all threads;
- memory: `tracemalloc.Snapshot.load(FILE)`, of what is in use then;
- the trace, as it happens: each request of the kernel with its answer. Names of files are in
  it, and nothing of what is in them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import ProfileNotWritten
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.console import log


@contextlib.contextmanager
def written(options: Options) -> Iterator[None]:
    """Profile what is done inside, and write what was asked for. Raises ProfileNotWritten."""
    with contextlib.ExitStack() as stack:
        if options.cpu_profile:
            log.info("Writing CPU profile to %s", options.cpu_profile)
            stack.enter_context(_times(_created(options.cpu_profile)))
        if options.memory_profile:
            log.info('Will write memory profile to "%s"', options.memory_profile)
            stack.enter_context(_memory(_created(options.memory_profile)))
        if options.trace:
            log.info("Writing execution trace to %s", options.trace)
            stack.enter_context(
                _requests(_created(options.trace), on_screen_too=options.fuse_debug)
            )
        log.info(
            "Note: You must unmount gracefully, otherwise the profile file(s) will stay empty!"
        )
        yield


def _created(path: str) -> Path:
    """Return the path, absolute and of an empty file; a daemon changes its directory.

    A new file is ours alone to read: names that are encrypted on the disk come into it.
    """
    absolute = Path(path).absolute()
    try:
        os.close(os.open(absolute, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ProfileNotWritten(path=path, reason=reason_of(error)) from error
    return absolute


@contextlib.contextmanager
def _times(path: Path) -> Iterator[None]:
    import cProfile
    import pstats
    import threading

    profiles: list[cProfile.Profile] = []

    def begin(*_: object) -> None:
        """Called at the first event of a new thread, and takes the place of itself there."""
        profile = cProfile.Profile()
        profile.enable()
        profiles.append(profile)

    # From Python 3.12 on a profile is of all threads, and there can be only one.
    if sys.version_info < (3, 12):
        threading.setprofile(begin)
    begin()
    try:
        yield
    finally:
        threading.setprofile(None)
        profiles[0].disable()
        # A thread that did nothing has no statistics, and pstats refuses it.
        statistics = [profile for profile in profiles if profile.getstats()]
        pstats.Stats(*statistics).dump_stats(path)


@contextlib.contextmanager
def _memory(path: Path) -> Iterator[None]:
    import tracemalloc

    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.take_snapshot().dump(str(path))
        tracemalloc.stop()


@contextlib.contextmanager
def _requests(path: Path, *, on_screen_too: bool) -> Iterator[None]:
    """Send what `tracing` logs to the file."""
    logger = logging.getLogger("vaultfs.fuse")
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
    logger.propagate = on_screen_too
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
        handler.close()
