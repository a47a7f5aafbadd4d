"""A vault that is locked at a set time, whoever uses it then."""

from __future__ import annotations

import subprocess
import time

import pytest
from autolocking import ask, ended, guarded, wait_for
from capabilities import needs
from desktopbus import Desktop
from mounting import Vaultfs
from starting import opened
from waiting import wait_until

pytestmark = needs("fuse")


def soon(seconds: float) -> float:
    return time.time() + seconds


def test_it_is_locked_at_its_time_though_nobody_asked_for_it(volume: Vaultfs) -> None:
    with opened(volume, closes_at=soon(3600), idle_warning_s=2.5) as started:
        ask(volume, "CloseAtRequest", closes_at=soon(3))
        assert -1 < ask(volume, "StatusRequest")["closes_at"] - time.time() <= 4
        assert wait_for(volume, "time-warning").endswith(" s")
        assert ended(started)


def test_who_uses_it_then_is_ended(volume: Vaultfs) -> None:
    stubborn = "trap '' TERM; echo; while :; do sleep 0.1; done"
    with opened(volume, closes_at=soon(1)) as started:
        with subprocess.Popen(
            ("sh", "-c", stubborn), cwd=volume.mountpoint, stdout=subprocess.PIPE
        ) as holder:
            assert holder.wait(20) == -9
        assert ended(started)


def test_a_time_that_is_over_before_the_vault_is_open_locks_it_at_once(volume: Vaultfs) -> None:
    with opened(volume, closes_at=soon(-60)) as started:
        assert ended(started)


@needs("root")
def test_what_cannot_be_ended_loses_the_vault_all_the_same(volume: Vaultfs) -> None:
    with opened(volume, closes_at=soon(1)) as started:
        inner = volume.mountpoint / "inner"
        inner.mkdir()
        subprocess.run(("mount", "-t", "tmpfs", "none", inner), check=True)
        assert ended(started)
        assert not volume.is_mounted()


def test_it_can_be_given_another_time_or_none(volume: Vaultfs) -> None:
    with opened(volume, closes_at=soon(1.5)) as started:
        ask(volume, "CloseAtRequest", closes_at=soon(3600))
        with pytest.raises(subprocess.TimeoutExpired):
            started.process.wait(2)
        assert 3500 < ask(volume, "StatusRequest")["closes_at"] - time.time() < 3601
        ask(volume, "CloseAtRequest", closes_at=0)
        assert ask(volume, "StatusRequest")["closes_at"] == 0
        ask(volume, "CloseAtRequest", closes_at=soon(0.5))
        assert ended(started)


@needs("dbusmock")
def test_it_is_announced_on_the_desktop_where_it_can_be_put_off(
    volume: Vaultfs, at: Desktop
) -> None:
    with opened(volume, notify=True) as started:
        guarded(volume, "notify")
        ask(volume, "CloseAtRequest", closes_at=soon(10))
        notice = wait_until(at.notices, 10, what="it is announced")[0]
        assert notice.summary == "Work locks in 5 seconds."
        assert notice.actions == ("15 minutes more", "Lock now")
        at.click("15 minutes more")
        wait_until(lambda: ask(volume, "StatusRequest")["closes_at"] - time.time() > 800)
        ask(volume, "LockRequest")
        assert ended(started)
