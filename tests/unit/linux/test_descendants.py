"""All that is below a process is found, in whatever group or session, and nothing else."""

import os
import signal
import subprocess
import sys

import pytest
from support import wait_until

from vaultui.linux import process
from vaultui.linux.descendants import descendants, send_signal

FAMILY = (
    "import os, signal, sys, time\n"
    "for _ in range(3):\n"
    "    if os.fork(): break\n"
    "    os.setsid()\n"
    "print(os.getpid(), flush=True)\n"
    "time.sleep(600)\n"
)


@pytest.mark.parametrize("told", [True, False])
def test_children_of_children_are_found_and_a_zombie_is_none(
    told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not told:
        monkeypatch.setattr("vaultui.linux.descendants._tells_children", lambda: False)
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE) as top:
        assert top.stdout is not None
        pids = {int(top.stdout.readline()) for _ in range(4)}
        below = descendants(top.pid)
        assert set(below) == pids - {top.pid}
        assert all(process.start_time(pid) == start for pid, start in below.items())
        assert set(descendants(os.getpid())) >= pids
        # Its parent sleeps, and never learns of it: what is below it goes to somebody else.
        youngest = max(below, key=lambda pid: (below[pid], pid))
        assert send_signal(youngest, below[youngest], signal.SIGKILL)
        wait_until(lambda: youngest not in descendants(top.pid))
        for pid, start in {**below, top.pid: process.start_time(top.pid)}.items():
            send_signal(pid, start, signal.SIGKILL)
    assert top.returncode == -signal.SIGKILL


def test_a_pid_that_is_somebody_elses_now_gets_no_signal() -> None:
    assert not send_signal(os.getpid(), process.start_time(os.getpid()) + 1, signal.SIGKILL)
    assert not send_signal(2**22 + 1, 1, signal.SIGKILL)
