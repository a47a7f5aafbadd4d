"""When a vault counts as idle, on both clocks, with the time in the test's hand."""

from __future__ import annotations

import math

import pytest

from vaultui.mountd.activity import Activity
from vaultui.mountd.control.idle import CycleClock, IdleClock, period

START = 1000.0


@pytest.fixture
def activity() -> Activity:
    counters = Activity()
    counters.last_use = START
    return counters


def test_checks_are_a_quarter_of_the_timeout_and_at_most_two_minutes_apart() -> None:
    assert period(40) == 10
    assert period(8 * 3600) == 120


def test_time_is_up_a_timeout_after_the_last_use(activity: Activity) -> None:
    clock = IdleClock(60, activity, START)
    activity.last_use = START + 10
    assert clock.left(START + 30) == 40
    assert clock.check(START + 30) == 15
    assert clock.check(START + 69) == 1
    assert clock.check(START + 70) == 0


def test_the_time_that_the_machine_slept_counts(activity: Activity) -> None:
    clock = IdleClock(60, activity, START)
    assert clock.check(START + 15) == 15
    assert clock.check(START + 3600) == 0


def test_an_open_file_keeps_the_vault_open(activity: Activity) -> None:
    clock = IdleClock(60, activity, START)
    activity.open_files = 1
    assert clock.left(START + 500) is None
    assert clock.check(START + 500) == 15
    activity.open_files = 0
    assert clock.left(START + 510) == 50


def test_a_paused_clock_never_runs_out(activity: Activity) -> None:
    clock = IdleClock(60, activity, START)
    clock.paused = True
    assert clock.left(START + 500) is None
    assert clock.check(START + 500) == 15


def test_extending_puts_the_lock_off_and_never_brings_it_nearer(activity: Activity) -> None:
    clock = IdleClock(60, activity, START)
    clock.extend(START, 500)
    clock.extend(START, 100)
    assert clock.left(START) == 500
    clock.extend(START + 490, 5)
    assert clock.left(START + 490) == 10


def test_a_busy_unmount_starts_the_clock_again(activity: Activity) -> None:
    clock = IdleClock(60, activity, START)
    assert clock.check(START + 60) == 0
    clock.reset(START + 60)
    assert clock.left(START + 60) == 60


def test_without_a_timeout_nothing_runs_down(activity: Activity) -> None:
    assert IdleClock(0, activity, START).left(START + 1e6) is None


def test_looking_at_names_is_no_use_to_our_clock_and_one_to_gocryptfs(activity: Activity) -> None:
    ours, theirs = IdleClock(4, activity, START), CycleClock(4, activity, START)
    for second in range(4):
        activity.path_operations += 1
        ours.check(START + second)
        theirs.check(START + second)
    activity.path_operations += 1
    assert ours.check(START + 4) == 0
    assert theirs.check(START + 4) == 1


def test_the_cycle_clock_needs_a_timeout_of_quiet_checks_after_the_first(
    activity: Activity,
) -> None:
    clock = CycleClock(1, activity, START)
    pauses = [clock.check(START + tick / 4) for tick in range(5)]
    assert pauses == [0.25, 0.25, 0.25, 0.25, 0]


def test_the_cycle_clock_counts_an_open_file_as_use(activity: Activity) -> None:
    clock = CycleClock(1, activity, START)
    activity.open_files = 1
    assert all(clock.check(START + tick / 4) for tick in range(20))
    assert clock.left(START + 5) is None
    activity.open_files = 0
    assert [clock.check(START + 5 + tick / 4) for tick in range(4)][-1] == 0


def test_the_cycle_clock_starts_again_after_a_busy_unmount(activity: Activity) -> None:
    clock = CycleClock(1, activity, START)
    for tick in range(5):
        clock.check(START + tick / 4)
    clock.reset(START + 1)
    assert clock.check(START + 1.25) == 0.25


def test_the_cycle_clock_tells_the_time_left(activity: Activity) -> None:
    clock = CycleClock(100, activity, START)
    clock.check(START)
    left = clock.left(START)
    assert left is not None
    assert math.isclose(left, 100)


def test_a_vault_that_is_held_does_not_become_idle(activity: Activity) -> None:
    clock = IdleClock(60, activity, START)
    clock.held = True
    assert clock.left(START + 500) is None
    assert clock.check(START + 500) == 15
    clock.held = False
    assert clock.left(START + 510) == 50


def test_quiet_cycles_of_a_vault_that_is_held_do_not_count(activity: Activity) -> None:
    clock = CycleClock(60, activity, START)
    clock.held = True
    assert [clock.check(START + 15 * n) for n in range(10)] == [15] * 10
    assert clock.left(START + 150) is None
