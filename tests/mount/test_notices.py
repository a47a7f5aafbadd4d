"""What a person at the desktop is told, what the buttons in it do, and the lock that waits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from asking import Asking
from autolocking import ask, ended, events, guarded, wait_for
from capabilities import needs
from desktopbus import Desktop
from mounting import Vaultfs
from starting import opened
from support import wait_until

from vaultui.mountd.desktop.bus import CALL_S
from vaultui.mountd.desktop.notifications import FLUSH_S
from vaultui.wire.autolock import LockOn

pytestmark = needs("fuse", "dbusmock")


def test_the_idle_lock_is_announced_and_put_off_with_a_button(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, notify=True, idle_timeout_s=5.0) as started:
        assert ask(volume, "StatusRequest")["idle_warning_s"] == 2.5
        (notice,) = wait_until(at.notices, what="a warning is shown")
        assert notice.summary == "Work locks in 2 seconds."
        assert notice.actions == ("Keep open 15 minutes", "Lock now")
        assert wait_for(volume, "idle-warning") == "2 s"
        at.click("Keep open 15 minutes")
        assert wait_for(volume, "extended") == "900 s"
        assert ask(volume, "StatusRequest")["idle_left_s"] > 800
        wait_until(lambda: notice.number in at.withdrawn(), what="the warning is taken away")
        ask(volume, "LockRequest")
        assert ended(started)
        assert at.notices() == [notice]


def test_whoever_uses_the_vault_after_a_warning_sees_it_go(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, notify=True, idle_timeout_s=2.5) as started:
        (notice,) = wait_until(at.notices, what="a warning is shown")
        (volume.mountpoint / "a").write_text("a")
        wait_until(lambda: notice.number in at.withdrawn(), what="the warning is taken away")
        assert volume.is_mounted()
        again = wait_until(lambda: at.notices()[1:], what="a second warning is shown")[0]
        at.click("Lock now")
        assert ended(started)
        assert again.number in at.withdrawn()


def test_an_idle_lock_that_fails_says_who_is_in_the_way_and_can_wait(
    volume: Vaultfs, at: Desktop
) -> None:
    with opened(volume, notify=True, idle_timeout_s=1.0, idle_warning_s=0.0) as started:
        # A working directory is no use of the vault, and keeps it all the same.
        with subprocess.Popen(("sleep", "60"), cwd=volume.mountpoint) as sleeper:
            notice = wait_until(at.notices, what="a message is shown")[0]
            assert notice.summary == "Work could not be locked."
            assert not notice.stays
            assert f"sleep ({sleeper.pid}, working directory)" in notice.body
            ask(volume, "PauseRequest", paused=True)
            at.click("Lock when free")
            assert wait_for(volume, "waiting-to-lock") == "request"
            wait_until(lambda: notice.number in at.withdrawn(), what="the message is taken away")
            sleeper.kill()
        assert ended(started)
        assert at.notices()[-1].summary == "Work is locked now: nobody uses it any more."


def test_a_program_with_a_strange_name_makes_no_markup(
    volume: Vaultfs, at: Desktop, tmp_path: Path
) -> None:
    program = tmp_path / "<b>&"
    shutil.copy("/bin/sleep", program)
    with opened(volume, notify=True, lock_on=(LockOn.SCREEN,)):
        guarded(volume, "screen", "notify")
        with subprocess.Popen((program, "60"), cwd=volume.mountpoint) as sleeper:
            wait_until(lambda: Path(f"/proc/{sleeper.pid}/comm").read_text() == "<b>&\n")
            at.lock_screen(True)
            wait_for(volume, "waiting-to-lock")
            at.lock_screen(False)
            (notice,) = wait_until(at.notices, what="a message is shown")
            assert notice.body.startswith("It is in use by &lt;b&gt;&amp; (")
            sleeper.kill()


def test_damage_is_told_once_and_without_the_name_of_the_file(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, notify=True) as started:
        (volume.mountpoint / "a").write_bytes(b"a" * 9000)
        ask(volume, "LockRequest")
        assert ended(started)
    (file,) = (path for path in volume.cipherdir.iterdir() if path.stat().st_size > 9000)
    with file.open("r+b") as damaged:
        damaged.seek(5000)
        damaged.write(b"damage")
    with opened(volume, notify=True):
        guarded(volume, "notify")
        for _ in range(3):
            with pytest.raises(OSError, match="Input/output"):
                (volume.mountpoint / "a").read_bytes()
        (notice,) = wait_until(at.notices, what="a message is shown")
        assert notice.summary == "A file in Work is damaged."
        assert wait_for(volume, "corrupt-content")
        assert at.notices() == [notice]


def test_who_shows_messages_and_hangs_holds_up_no_lock(volume: Vaultfs, at: Desktop) -> None:
    with opened(volume, notify=True, lock_on=(LockOn.SLEEP,)) as started:
        guarded(volume, "sleep", "notify")
        at.notifications.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            at.sleep(True)
            assert ended(started)
            # Its end takes long on a busy machine; an answer that is waited for takes longer.
            assert time.monotonic() - began < FLUSH_S + CALL_S
            wait_until(lambda: not at.inhibitors(), what="nothing holds up the sleep")
        finally:
            at.notifications.signal(signal.SIGCONT)
            at.sleep(False)


def test_a_lock_waits_in_the_backend_until_nobody_uses_the_vault(volume: Vaultfs) -> None:
    with opened(volume) as started:
        with (volume.mountpoint / "a").open("w"):
            assert ask(volume, "LockRequest", when_free=True) == {
                "type": "LockReply",
                "waiting": True,
            }
            assert ask(volume, "StatusRequest")["waits_to_lock"] == "request"
            # Asking twice is asking once.
            assert ask(volume, "LockRequest", when_free=True)["waiting"]
            assert events(volume, "waiting-to-lock") == ["request"]
        assert ended(started)


def test_a_lock_that_waits_can_be_given_up(volume: Vaultfs) -> None:
    with opened(volume):
        with (volume.mountpoint / "a").open("w"):
            for request in ({"kind": "StayOpenRequest"}, {"kind": "ExtendRequest", "seconds": 5}):
                assert ask(volume, "LockRequest", when_free=True)["waiting"]
                assert ask(volume, **request)["type"] == "IdleReply"
                assert ask(volume, "StatusRequest")["waits_to_lock"] == ""
        assert events(volume, "stays-open") == ["request", "request"]
        assert volume.is_mounted()


def test_who_waits_for_events_gets_the_next_one_and_the_lock_as_the_last(
    volume: Vaultfs,
) -> None:
    with opened(volume) as started:
        last = ask(volume, "StatusRequest")["last_event"]
        heard: list[str] = []

        def listen() -> None:
            since = last
            with Asking(volume.base / "ctl") as client:
                while not heard or heard[-1] != "locked":
                    reply = client.ours("EventsRequest", since=since, wait_s=15.0)
                    heard.extend(event["kind"] for event in reply["events"])
                    since = reply["events"][-1]["seq"]

        listener = threading.Thread(target=listen)
        listener.start()
        ask(volume, "PauseRequest", paused=True)
        wait_until(lambda: heard == ["paused"], what="the pause is heard of")
        ask(volume, "LockRequest")
        listener.join(20)
        assert heard == ["paused", "locked"]
        assert ended(started)


def test_a_vault_that_is_free_is_locked_at_once_and_who_waits_for_events_in_vain_gets_none(
    volume: Vaultfs,
) -> None:
    with opened(volume) as started:
        assert ask(volume, "EventsRequest", since=10**6, wait_s=0.05)["events"] == []
        assert not ask(volume, "LockRequest", when_free=True)["waiting"]
        assert ended(started)


def test_who_waits_for_events_does_not_keep_a_backend_alive(volume: Vaultfs) -> None:
    with opened(volume) as started, Asking(volume.base / "ctl") as client:
        waiter = threading.Thread(
            target=lambda: client.ours("EventsRequest", since=10**6, wait_s=600.0)
        )
        waiter.start()
        os.kill(started.process.pid, signal.SIGTERM)
        assert started.process.wait(20) == 15
        waiter.join(20)
        assert not waiter.is_alive()
