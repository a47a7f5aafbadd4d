"""`status --watch` tells of every change, and does nothing at all in between."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs
from programs import exit_code
from shelltwin import Shell
from support import program, wait_until
from terminal import Terminal

pytestmark = needs("fuse", "gocryptfs")

EPOLL_WAIT = "232"
FOR_EVER = 0xFFFFFFFF
CLOCKS = {"last_activity_s", "bytes_read", "bytes_written", "rss_bytes"}


class Stream:
    """The lines of a watcher, one JSON value each."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def next(self) -> Any:
        assert self.process.stdout is not None
        (vault,) = json.loads(self.process.stdout.readline())["vaults"]
        return vault

    def until(self, **wanted: object) -> Any:
        """Return the first of the next lines that has these values."""
        for _ in range(10):
            vault = self.next()
            if all(vault[key] == value for key, value in wanted.items()):
                return vault
        raise AssertionError(f"{wanted} was not told")


@contextmanager
def watching(*words: str) -> Iterator[Stream]:
    command = (program("vaultui"), "status", "Work", "--watch", "--json", *words)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield Stream(process)
        finally:
            process.kill()


def test_an_unlock_a_pause_an_extension_and_a_lock_are_told_at_once(
    shell: Shell, work: Path
) -> None:
    with watching() as stream:
        assert stream.next()["state"] == "locked"
        shell.unlock("Work", "--idle", "1m")
        stream.until(state="unlocking")
        stream.until(state="open", idle_paused=False)
        shell("pause", "Work").check()
        assert stream.until(idle_paused=True)["idle_left_s"] is None
        shell("pause", "Work", "--resume").check()
        stream.until(idle_paused=False)
        shell("extend", "Work", "15m").check()
        assert stream.next()["idle_left_s"] > 850
        shell("lock", "Work").check()
        stream.until(state="locked")
        stream.process.send_signal(signal.SIGINT)
        assert exit_code(stream.process) == 15


def test_what_wakes_a_watcher_and_changes_nothing_is_not_told(shell: Shell, work: Path) -> None:
    with watching() as stream:
        before = stream.next()
        for wanted in ("open", "locked"):
            if wanted == "open":
                shell.unlock("Work")
            else:
                shell("lock", "Work").check()
            while before["state"] != wanted:
                now = stream.next()
                different = {key for key in now if now[key] != before[key]}
                assert different - CLOCKS, f"told again for {different}"
                before = now


@needs("ptrace")
def test_a_watcher_sleeps_without_a_clock_while_all_is_locked(shell: Shell, work: Path) -> None:
    with watching() as stream:
        stream.next()
        wait_until(lambda: _sleeps_in(stream.process.pid) == (EPOLL_WAIT, FOR_EVER))


def _sleeps_in(pid: int) -> tuple[str, int]:
    """Return the system call that a process is in, and its fourth argument; see proc(5)."""
    words = Path(f"/proc/{pid}/syscall").read_text().split()
    return (words[0], int(words[4], 16) & FOR_EVER) if len(words) > 4 else ("", 0)


def test_a_watcher_ends_when_nobody_reads_it_any_more(shell: Shell, work: Path) -> None:
    with watching() as stream:
        stream.next()
        assert stream.process.stdout is not None
        stream.process.stdout.close()
        assert exit_code(stream.process) == 128 + signal.SIGPIPE


def test_a_person_sees_one_screen_that_is_drawn_again(shell: Shell, work: Path) -> None:
    words = (program("vaultui"), "status", "--watch")
    with Terminal(words, (100, 30)) as terminal:
        terminal.wait_for("locked")
        shell.unlock()
        terminal.wait_for("open")
        assert terminal.shown.count("\x1b[2J") >= 2
        terminal.type("\x03")
        assert terminal.wait() == 15


@pytest.mark.parametrize("words", [("--every", "5s"), ("--watch", "--every", "soon")])
def test_a_rhythm_that_means_nothing_is_refused(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.error("status", *words)["code"] == "usage"
