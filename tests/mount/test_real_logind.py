"""The logind of systemd itself, on a bus of its own: its inhibitors, its sleep, its patience.

It believes that the machine can sleep, and asks a stand-in of systemd to do it, which does not.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from autolocking import ended, guard, guarded, wait_for
from capabilities import LOGIND, needs
from desktopbus import LOGIN, StandIn
from mounting import Vaultfs
from secretservice import session_bus
from starting import opened
from support import wait_until

from vaultui.mountd.desktop.logind import SHARE_OF_DELAY
from vaultui.wire.autolock import LockOn

pytestmark = needs("fuse", "logind")

SYSTEMD = "org.freedesktop.systemd1"
DELAY_S = 2.0
"""How long it waits for inhibitors: less than usual, so that the test does."""
_BEGIN = """
mount --make-rprivate /
mount -t tmpfs none /run/systemd
mkdir /run/systemd/logind.conf.d
printf '[Login]\\nInhibitDelayMaxSec=2\\n' > /run/systemd/logind.conf.d/test.conf
mount --bind "$1" /sys/power/state
exec "$2"
"""


class Machine:
    """logind, and what it takes for systemd."""

    def __init__(self, login: StandIn, systemd: StandIn) -> None:
        self._login = login
        self._systemd = systemd

    def suspend(self) -> None:
        self._manager("Suspend", "b", False)

    def wake(self) -> None:
        """Have the job that suspends end."""
        job = ("/org/freedesktop/systemd1/job/1", "suspend.target", "done")
        self._systemd.emit(f"{SYSTEMD}.Manager", "JobRemoved", "uoss", 1, *job)

    def asked_to_sleep(self) -> int:
        """Return how often systemd was to suspend the machine."""
        return self._systemd.calls_of("StartUnit").count(["suspend.target", "replace-irreversibly"])

    def inhibitors(self) -> list[Any]:
        return list(self._manager("ListInhibitors"))

    def _manager(self, member: str, signature: str = "", *arguments: Any) -> Any:
        return self._login.call(member, signature, *arguments, on=f"{LOGIN}.Manager")


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    (tmp_path / "state").write_text("mem\n")
    with session_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        path = "/org/freedesktop/systemd1"
        systemd = StandIn(address, SYSTEMD, path, SYSTEMD, path, f"{SYSTEMD}.Manager")
        systemd.start()
        for name, takes, gives, code in (
            ("Subscribe", "", "", ""),
            ("StartUnit", "ss", "o", f"ret = dbus.ObjectPath('{path}/job/1')"),
        ):
            systemd.call("AddMethod", "sssss", f"{SYSTEMD}.Manager", name, takes, gives, code)
        loaded = {"LoadState": ("s", "loaded"), "ActiveState": ("s", "inactive")}
        unit = (f"{path}/unit/suspend_2etarget", f"{SYSTEMD}.Unit", loaded, [])
        systemd.call("AddObject", "ssa{sv}a(ssss)", *unit)
        with subprocess.Popen(
            ("unshare", "--mount", "sh", "-ec", _BEGIN, "sh", tmp_path / "state", LOGIND),
            env={**os.environ, "SYSTEMD_LOG_TARGET": "null"},
        ) as daemon:
            login = StandIn(address, LOGIN, "/org/freedesktop/login1")
            login.connect()
            try:
                yield Machine(login, systemd)
            finally:
                login.stop()
                systemd.stop()
                daemon.kill()


def test_the_machine_waits_for_a_vault_but_not_for_long_and_sleeps_when_it_is_locked(
    volume: Vaultfs, real: Machine
) -> None:
    with opened(volume, lock_on=tuple(LockOn)) as started:
        guarded(volume, "sleep")
        assert guard(volume, "screen").startswith("missing")
        ((what, who, why, mode, *_),) = real.inhibitors()
        assert set(what.split(":")) == {"sleep", "shutdown"}
        assert (who, why, mode) == ("vaultui", "Locking Work", "delay")
        with (volume.mountpoint / "a").open("w"):
            began = time.monotonic()
            real.suspend()
            assert wait_for(volume, "waiting-to-lock") == "sleep"
            wait_until(real.asked_to_sleep, what="the machine sleeps")
            assert time.monotonic() - began >= DELAY_S * SHARE_OF_DELAY / 2
            real.wake()
            assert wait_for(volume, "stays-open") == "sleep"
            wait_until(real.inhibitors, what="the next sleep is held up")
        real.suspend()
        assert ended(started)
        wait_until(lambda: real.asked_to_sleep() == 2, what="the machine sleeps again")
