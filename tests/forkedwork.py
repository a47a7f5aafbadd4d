"""Parts of a test in child processes: what they become, the tests themselves do not."""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable


def start(work: Callable[[], object]) -> int:
    """Run `work` in a child and return its pid at once; the child fails where `work` raises."""
    with warnings.catch_warnings():
        # Python 3.12 warns of a fork beside threads: that of the time limit holds no lock.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def wait_for(pid: int) -> None:
    """Wait for a child that was started; it must not have failed."""
    assert os.waitpid(pid, 0)[1] == 0, "see the traceback of the child"


def run_in_child(work: Callable[[], object]) -> None:
    """Run `work` in a child, and wait for it; it must not fail."""
    wait_for(start(work))
