"""A vault that is kept open for a process, and one that was opened for such alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from autolocking import ask, ended, events, wait_for
from capabilities import needs
from desktopbus import Desktop
from mounting import Vaultfs
from starting import opened
from waiting import wait_until

from vaultui.linux import process
from vaultui.wire.autolock import LockOn, WhenBusy
from vaultui.wire.control import Hold

pytestmark = needs("fuse")


@contextlib.contextmanager
def task(title: str = "Backup", command: tuple[str, ...] = ("sleep", "600")) -> Iterator[Any]:
    """Yield a process and the hold of it; nothing of it uses the vault."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        try:
            yield running, Hold(running.pid, process.start_time(running.pid), title)
        finally:
            running.kill()


def hold(volume: Vaultfs, held: Hold) -> dict[str, Any]:
    return ask(volume, "HoldRequest", hold=vars(held))


def lock(volume: Vaultfs, **how: Any) -> dict[str, Any]:
    return ask(volume, "LockRequest", **how)


def holders(volume: Vaultfs) -> list[str]:
    return [held["title"] for held in ask(volume, "StatusRequest")["holds"]]


def test_a_vault_that_is_held_is_not_locked_politely_and_the_task_is_named(
    volume: Vaultfs,
) -> None:
    with task() as (running, held), opened(volume) as started:
        assert hold(volume, held) == {"type": "Held", "temporary": False}
        refused = lock(volume)["error"]
        assert refused["code"] == "mount-busy"
        assert f"Backup ({running.pid}, task)" in refused["summary"]
        assert volume.is_mounted()
        assert holders(volume) == ["Backup"]
        running.kill()
        wait_until(lambda: not holders(volume), what="the hold has ended")
        assert volume.is_mounted()
        assert lock(volume)["type"] == "LockReply"
        assert ended(started)


def test_a_vault_that_is_held_is_locked_as_soon_as_it_is_not(volume: Vaultfs) -> None:
    with task() as (running, held), opened(volume) as started:
        hold(volume, held)
        assert lock(volume, when_free=True) == {"type": "LockReply", "waiting": True}
        running.kill()
        assert ended(started)


def test_no_idle_lock_closes_a_vault_that_is_held_and_unused(volume: Vaultfs) -> None:
    with task() as (running, held), opened(volume, idle_timeout_s=1.0, idle_warning_s=0.0) as up:
        hold(volume, held)
        assert ask(volume, "StatusRequest")["idle_left_s"] is None
        with pytest.raises(subprocess.TimeoutExpired):
            up.process.wait(2.5)
        running.kill()
        assert ended(up)


def test_a_vault_opened_for_a_process_is_locked_when_that_has_ended(volume: Vaultfs) -> None:
    with task() as (running, held), opened(volume, hold=held) as started:
        status = wait_until(lambda: holders(volume) and ask(volume, "StatusRequest"))
        assert status["temporary"]
        running.send_signal(signal.SIGKILL)
        assert ended(started)
        assert not volume.is_mounted()


def test_a_vault_opened_for_a_process_that_was_killed_meanwhile_is_locked_at_once(
    volume: Vaultfs,
) -> None:
    with task() as (running, held):
        running.kill()
        running.wait()
        with opened(volume, hold=held) as started:
            assert ended(started)


def test_of_several_tasks_the_last_one_locks_what_was_opened_for_the_first(
    volume: Vaultfs,
) -> None:
    with (
        task("One") as (one, first),
        task("Two") as (two, second),
        opened(volume, hold=first) as started,
    ):
        assert hold(volume, second) == {"type": "Held", "temporary": True}
        one.kill()
        wait_until(lambda: holders(volume) == ["Two"], what="the first hold has ended")
        assert volume.is_mounted()
        two.kill()
        assert ended(started)


def test_one_hold_takes_over_from_another_without_a_word_in_the_time_line(
    volume: Vaultfs,
) -> None:
    with (
        task() as (_, front_end),
        task() as (keeper, of_keeper),
        opened(volume, hold=front_end) as started,
    ):
        hold(volume, of_keeper)
        assert ask(volume, "ReleaseRequest", hold=vars(front_end))["temporary"]
        assert ask(volume, "ReleaseRequest", hold=vars(front_end))["temporary"]
        assert events(volume, "hold-began") == ["Backup"]
        assert events(volume, "hold-ended") == []
        keeper.kill()
        assert ended(started)


def test_a_temporary_vault_that_somebody_else_uses_is_locked_after_him(volume: Vaultfs) -> None:
    with task() as (running, held), opened(volume, hold=held) as started:
        with (volume.mountpoint / "a").open("w"):
            running.kill()
            assert wait_for(volume, "waiting-to-lock") == "task"
        assert ended(started)


@pytest.mark.parametrize("when", ["before", "after", "put off"])
def test_a_temporary_vault_that_somebody_wants_open_stays_open(volume: Vaultfs, when: str) -> None:
    with task() as (running, held), opened(volume, hold=held) as started:
        with (volume.mountpoint / "a").open("w"):
            if when == "before":
                ask(volume, "StayOpenRequest", after_tasks=True)
                running.kill()
                wait_for(volume, "hold-ended")
            else:
                running.kill()
                wait_for(volume, "waiting-to-lock")
                if when == "after":
                    ask(volume, "StayOpenRequest", after_tasks=True)
                else:
                    ask(volume, "ExtendRequest", seconds=900)
                assert wait_for(volume, "stays-open") == "task"
        status = ask(volume, "StatusRequest")
        assert not status["temporary"]
        assert status["waits_to_lock"] == ""
        lock(volume)
        assert ended(started)


@pytest.mark.parametrize("over", [True, False])
def test_who_gives_up_to_wait_for_a_lock_does_not_keep_a_temporary_vault_open(
    volume: Vaultfs, over: bool
) -> None:
    with task() as (running, held), opened(volume, hold=held) as started:
        with (volume.mountpoint / "a").open("w"):
            if over:
                running.kill()
                wait_for(volume, "waiting-to-lock")
            assert lock(volume, when_free=True)["waiting"]
            ask(volume, "StayOpenRequest")
            assert wait_for(volume, "stays-open") == "request"
            running.kill()
        assert ended(started)


def test_a_vault_that_is_held_can_be_taken_out_of_sight(volume: Vaultfs) -> None:
    with task() as (running, held), opened(volume, hold=held) as started:
        assert lock(volume, lazy=True)["type"] == "LockReply"
        assert ended(started)
        assert running.poll() is None


@needs("dbusmock")
def test_where_holders_are_killed_a_task_that_does_not_end_is_killed_by_its_keeper(
    volume: Vaultfs, at: Desktop
) -> None:
    stubborn = "trap '' TERM; trap 'exit 3' QUIT; echo; while :; do sleep 0.1; done"
    options = {"lock_on": (LockOn.SCREEN,), "when_busy": WhenBusy.KILL}
    with task(command=("sh", "-c", stubborn)) as (keeper, held):
        keeper.stdout.readline()
        with opened(volume, **options) as started:
            hold(volume, held)
            wait_until(lambda: ask(volume, "StatusRequest")["autolock"][2]["state"] == "active")
            at.lock_screen(True)
            assert keeper.wait(20) == 3
            assert ended(started)
            at.lock_screen(False)


def test_a_pid_that_was_given_to_somebody_else_holds_nothing(volume: Vaultfs) -> None:
    stranger = Hold(os.getpid(), process.start_time(os.getpid()) - 1, "Backup")
    with opened(volume) as started:
        hold(volume, stranger)
        assert holders(volume) == []
        lock(volume)
        assert ended(started)
