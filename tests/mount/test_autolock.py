"""What locks a vault by itself: sleep, the screen, the end of the session, and a lock that waits.

The buses are real, and so are the mounts; what stands on the buses are stand-ins.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from autolocking import ask, ended, events, guard, guarded, wait_for
from capabilities import needs
from desktopbus import LOGIN, SCREEN_SAVER, Desktop, StandIn, desktop
from faultydisk import FaultyDisk
from jeepney import DBusAddress, HeaderFields, message_bus, new_signal
from jeepney.io.blocking import open_dbus_connection
from mounting import Vaultfs
from secretservice import session_bus
from starting import opened
from support import wait_until

from vaultui.mountd.desktop.logind import DELAY_S
from vaultui.wire.autolock import LockOn, WhenBusy

pytestmark = needs("fuse", "dbusmock")
ALL = tuple(LockOn)


def test_it_is_locked_before_the_machine_sleeps_and_the_machine_waits_for_it(
    volume: Vaultfs, at: Desktop
) -> None:
    with opened(volume, lock_on=ALL, notify=True) as started:
        guarded(volume, "sleep", "notify")
        ((what, who, why, mode, *_),) = at.inhibitors()
        assert (what, who, why, mode) == ("sleep:shutdown", "vaultui", "Locking Work", "delay")
        (volume.mountpoint / "a").write_text("a")
        at.sleep(True)
        assert ended(started)
        wait_until(lambda: not at.inhibitors(), what="nothing holds up the sleep")
        (notice,) = at.notices()
        assert notice.summary == "Work was locked before the machine slept."
        at.sleep(False)


def test_a_vault_that_is_left_open_lets_the_machine_sleep_and_tells_who_used_it(
    volume: Vaultfs, at: Desktop
) -> None:
    with opened(volume, lock_on=ALL, when_busy=WhenBusy.LEAVE, notify=True) as started:
        guarded(volume, "sleep", "notify")
        with (volume.mountpoint / "a").open("w"):
            at.sleep(True)
            wait_until(lambda: not at.inhibitors(), what="nothing holds up the sleep")
            assert wait_for(volume, "stays-open") == "sleep"
            at.sleep(False)
            wait_until(at.inhibitors, what="the next sleep is held up")
        notice = wait_until(at.notices, what="a message is shown")[0]
        assert notice.summary == "Work stayed open while the machine slept."
        assert f"python ({os.getpid()}, open file)" in notice.body
        assert notice.actions == ("Try again", "Lock when free")
        assert notice.stays
        at.click("Try again")
        assert ended(started)


def test_while_a_busy_vault_is_tried_again_the_machine_does_not_wait_for_ever(
    volume: Vaultfs, at: Desktop
) -> None:
    with opened(volume, lock_on=ALL, notify=True) as started:
        guarded(volume, "sleep", "notify")
        with (volume.mountpoint / "a").open("w"):
            began = time.monotonic()
            at.sleep(True)
            assert wait_for(volume, "waiting-to-lock") == "sleep"
            assert at.inhibitors()
            wait_until(lambda: not at.inhibitors(), what="nothing holds up the sleep")
            assert 0.5 < time.monotonic() - began < DELAY_S
            assert ask(volume, "StatusRequest")["waits_to_lock"] == "sleep"
            at.sleep(False)
            assert wait_for(volume, "stays-open") == "sleep"
            assert ask(volume, "StatusRequest")["waits_to_lock"] == ""
        wait_until(at.notices, what="a message is shown")
        assert ask(volume, "LockRequest")["type"] == "LockReply"
        assert ended(started)


def test_a_file_that_is_closed_in_time_is_no_reason_to_stay_open(
    volume: Vaultfs, at: Desktop
) -> None:
    with opened(volume, lock_on=ALL) as started:
        guarded(volume, "sleep")
        with (volume.mountpoint / "a").open("w"):
            at.sleep(True)
            wait_for(volume, "waiting-to-lock")
        assert ended(started)
        at.sleep(False)


def test_a_busy_vault_can_be_taken_out_of_sight(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, lock_on=ALL, when_busy=WhenBusy.LAZY) as started:
        guarded(volume, "sleep")
        with (volume.mountpoint / "a").open("w"):
            at.sleep(True)
            wait_until(lambda: not volume.is_mounted(), what="it is out of sight")
            wait_until(lambda: not at.inhibitors(), what="nothing holds up the sleep")
            assert started.process.poll() is None
        assert ended(started)
        at.sleep(False)


def test_who_uses_a_vault_can_be_ended(volume: Vaultfs, at: Desktop) -> None:
    stubborn = "trap '' TERM; echo; while :; do sleep 0.1; done"
    with opened(volume, lock_on=ALL, when_busy=WhenBusy.KILL) as started:
        guarded(volume, "screen")
        with subprocess.Popen(
            ("sh", "-c", stubborn), cwd=volume.mountpoint, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            at.lock_screen(True)
            assert holder.wait(20) == -9
        assert ended(started)
        at.lock_screen(False)


@needs("root")
def test_who_uses_what_is_mounted_over_a_vault_is_left_alone(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, lock_on=(LockOn.SCREEN,), when_busy=WhenBusy.KILL):
        guarded(volume, "screen")
        subprocess.run(("mount", "-t", "tmpfs", "none", volume.mountpoint), check=True)
        with subprocess.Popen(("sleep", "600"), cwd=volume.mountpoint) as bystander:
            try:
                at.lock_screen(True)
                assert wait_for(volume, "stays-open") == "screen"
                assert bystander.poll() is None
            finally:
                bystander.kill()
        at.lock_screen(False)
        subprocess.run(("umount", volume.mountpoint), check=True)


def test_storage_that_hangs_holds_up_no_sleep(tmp_path: Path, pristine: Path, at: Desktop) -> None:
    with FaultyDisk(tmp_path / "disk") as disk:
        volume = Vaultfs(tmp_path, cipherdir=disk.mountpoint / "cipher")
        subprocess.run(("cp", "-r", pristine, volume.cipherdir), check=True)
        volume.mountpoint.mkdir()
        with opened(volume, lock_on=ALL) as started:
            guarded(volume, "sleep")
            script = "exec 3>a; echo; dd if=/dev/zero bs=4096 count=64 conv=fsync >&3"
            with subprocess.Popen(
                ("sh", "-c", script),
                cwd=volume.mountpoint,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as writer:
                assert writer.stdout is not None
                disk.hang()
                at.sleep(True)
                wait_until(lambda: not at.inhibitors(), DELAY_S, "nothing holds up the sleep")
                assert ask(volume, "StatusRequest")["waits_to_lock"] == "sleep"
                disk.wake()
            assert ended(started)
            at.sleep(False)


@pytest.mark.parametrize("source", ["LockedHint", "Lock", SCREEN_SAVER])
def test_it_is_locked_with_the_screen(volume: Vaultfs, at: Desktop, source: str) -> None:
    with opened(volume, lock_on=(LockOn.SCREEN,)) as started:
        guarded(volume, "screen")
        assert not at.inhibitors()
        with (volume.mountpoint / "a").open("w"):
            at.lock_screen(by=source, locked=True)
            assert wait_for(volume, "waiting-to-lock") == "screen"
            at.lock_screen(by=source, locked=False)
            assert wait_for(volume, "stays-open") == "screen"
        at.lock_screen(by=source, locked=True)
        assert ended(started)
        at.lock_screen(by=source, locked=False)


def test_the_screen_of_another_user_is_none_of_ours(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, lock_on=ALL) as started:
        guarded(volume, "screen")
        other = at.login.call("AddSession", "ssusb", "7", "seat1", 4711, "other", True)
        at.login.call("SetLockedHint", "b", True, path=other, on=f"{LOGIN}.Session")
        # The answer to what comes after it shows that it was heard and passed over.
        at.sleep(False)
        assert ask(volume, "StatusRequest")["waits_to_lock"] == ""
        assert volume.is_mounted()
        at.lock_screen(by="LockedHint", locked=True)
        assert ended(started)
        at.lock_screen(by="LockedHint", locked=False)
        at.login.call("RemoveObject", "s", other)


def test_nobody_but_logind_tells_that_the_machine_sleeps(volume: Vaultfs, at: Desktop) -> None:
    with (
        opened(volume, lock_on=ALL, when_busy=WhenBusy.LEAVE),
        open_dbus_connection(at.login.address) as stranger,
    ):
        guarded(volume, "sleep")
        (names,) = stranger.send_and_get_reply(message_bus.ListNames()).body
        with (volume.mountpoint / "a").open("w"):
            for name in names:
                # The rules of a bus let anybody send a signal to one receiver.
                where = DBusAddress("/org/freedesktop/login1", name, f"{LOGIN}.Manager")
                forged = new_signal(where, "PrepareForSleep", "b", (True,))
                forged.header.fields[HeaderFields.destination] = name
                stranger.send(forged)
            stranger.send_and_get_reply(message_bus.ListNames())
            at.lock_screen(True, by="Lock")
            assert wait_for(volume, "stays-open") == "screen"
        at.lock_screen(False, by="Lock")


def test_it_is_locked_at_the_end_of_the_last_session(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, lock_on=(LockOn.LOGOUT,)) as started:
        guarded(volume, "logout")
        ((what, *_),) = at.inhibitors()
        assert what == "shutdown"
        second = at.log_in("2")
        at.log_out(second)
        with (volume.mountpoint / "a").open("w"):
            assert not events(volume, "lock-busy")
            at.log_out(at.session)
            assert wait_for(volume, "waiting-to-lock") == "logout"
            at.session = at.log_in("3")
            assert wait_for(volume, "stays-open") == "logout"
        at.login.emit(f"{LOGIN}.Manager", "PrepareForShutdown", "b", True)
        assert ended(started)
        wait_until(lambda: not at.inhibitors(), what="nothing holds up the shutdown")


def test_a_session_that_is_closing_counts_as_ended(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, lock_on=(LockOn.LOGOUT,)) as started:
        guarded(volume, "logout")
        state = {"State": ("s", "closing")}
        at.login.call("UpdateProperties", "sa{sv}", f"{LOGIN}.Session", state, path=at.session)
        assert ended(started)
        at.log_out(at.session)
        at.session = at.log_in("4")


def test_services_that_are_restarted_are_found_again(
    volume: Vaultfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desktop(tmp_path) as own:
        for name, value in own.environment.items():
            monkeypatch.setenv(name, value)
        with opened(volume, lock_on=ALL, notify=True) as started:
            guarded(volume, "sleep", "screen", "logout", "notify")
            own.notifications.stop()
            own.login.stop()
            nobody = "missing nothing here shows notifications"
            wait_until(lambda: guard(volume, "notify") == nobody, what="that is told")
            wait_until(lambda: guard(volume, "sleep") == "missing logind: it is not there")
            assert "sleep: logind: it is not there" in events(volume, "guard-missing")
            # Without logind the screen saver still tells.
            assert guard(volume, "screen") == "active"
            own.login.start()
            own.notifications.start()
            own.log_in()
            guarded(volume, "sleep", "logout", "notify")
            assert "sleep" in events(volume, "guard-active")
            wait_until(own.inhibitors, what="the next sleep is held up")
            own.sleep(True)
            assert ended(started)


def test_a_bus_that_comes_later_is_found_and_its_loss_is_told(
    volume: Vaultfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"unix:path={tmp_path}/bus"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    nothing = "missing logind: No such file or directory"
    with opened(volume, lock_on=(LockOn.SLEEP,)) as started:
        wait_until(lambda: guard(volume, "sleep") == nothing, what="the bus was looked for")
        with session_bus(tmp_path, address):
            login = StandIn.of_template(address, "logind", LOGIN, "/org/freedesktop/login1")
            login.start()
            guarded(volume, "sleep")
            login.stop()
        assert wait_for(volume, "guard-missing").startswith("sleep: logind: ")
        assert ask(volume, "LockRequest")["type"] == "LockReply"
        assert ended(started)


def test_without_any_bus_a_vault_opens_and_tells_what_is_missing(
    volume: Vaultfs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "what is this")
    with opened(volume, lock_on=ALL, notify=True, idle_timeout_s=500.0) as started:
        wait_until(lambda: "logind" in guard(volume, "sleep"), what="the bus was looked for")
        assert guard(volume, "idle") == "active"
        assert guard(volume, "sleep") == "missing logind: No such file or directory"
        assert guard(volume, "notify") == "missing the session's bus: there is none"
        (volume.mountpoint / "a").write_text("a")
        assert ask(volume, "LockRequest")["type"] == "LockReply"
        assert ended(started)
