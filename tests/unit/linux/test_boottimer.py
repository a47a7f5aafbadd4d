"""The timer that counts the time asleep."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

import pytest

from vaultui.linux.boottimer import BootTimer


def fires(timer: BootTimer, within_s: float) -> bool:
    poll = select.poll()
    poll.register(timer, select.POLLIN)
    return bool(poll.poll(within_s * 1000))


def test_it_is_on_the_clock_that_goes_on_while_the_machine_sleeps() -> None:
    with BootTimer() as timer:
        told = Path(f"/proc/self/fdinfo/{timer.fileno()}").read_text()
        assert f"clockid: {time.CLOCK_BOOTTIME}" in told
        assert not os.get_inheritable(timer.fileno())


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e-12, 0.05])
def test_it_fires_once_when_the_time_is_up(seconds: float) -> None:
    with BootTimer() as timer:
        began = time.monotonic()
        timer.set(seconds)
        assert fires(timer, 20)
        assert time.monotonic() - began >= seconds


def test_it_does_not_fire_before_and_can_be_set_again() -> None:
    with BootTimer() as timer:
        assert not fires(timer, 0)
        timer.set(0)
        assert fires(timer, 20)
        timer.set(1e6)
        assert not fires(timer, 0)
