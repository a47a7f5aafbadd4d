"""Advisory locks between processes, as databases and editors use them."""

from __future__ import annotations

import errno
import fcntl
import os

from patterns import fails_with, opened
from places import Place


def test_flock_of_another_descriptor_is_respected(place: Place) -> None:
    path = place / "file"
    path.write_bytes(b"x")
    with opened(path, os.O_RDWR) as one, opened(path, os.O_RDWR) as two:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with fails_with(errno.EAGAIN):
            fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(one, fcntl.LOCK_UN)
        fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_record_locks_of_another_process_are_respected(place: Place) -> None:
    path = place / "file"
    path.write_bytes(bytes(100))
    with opened(path, os.O_RDWR) as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
        child = os.fork()
        if child == 0:
            # Only bare calls here: the child of a threaded pytest must not run more.
            status = 2
            try:
                own = os.open(path, os.O_RDWR)
                try:
                    fcntl.lockf(own, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
                    status = 1
                except OSError as error:
                    status = 0 if error.errno in (errno.EAGAIN, errno.EACCES) else 3
                fcntl.lockf(own, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 50)
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
