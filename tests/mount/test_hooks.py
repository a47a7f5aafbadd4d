"""Commands of a vault's owner that are run after it was opened and before it is locked."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from autolocking import ask, ended, events, guarded, wait_for
from capabilities import needs
from desktopbus import Desktop
from mounting import Vaultfs
from starting import opened
from waiting import wait_until

from vaultui.mountd.control import hooks
from vaultui.wire.autolock import LockOn
from vaultui.wire.control import Hold

pytestmark = needs("fuse")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return a file that hooks write into."""
    return tmp_path / "trace"


def lock(volume: Vaultfs, **how: Any) -> dict[str, Any]:
    return ask(volume, "LockRequest", **how)


def lines(trace: Path) -> list[str]:
    return trace.read_text().splitlines() if trace.exists() else []


def has_ended(pid: int) -> bool:
    """Tell that a process is gone, or waits for whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_they_are_run_in_turn_and_know_the_vault(volume: Vaultfs, trace: Path) -> None:
    after = (f'echo "open $VAULT_NAME $VAULT_MOUNT" >> {trace}', f"pwd >> {trace}")
    before = (f"ls $VAULT_MOUNT >> {trace}", f"echo closing >> {trace}")
    with opened(volume, after_unlock=after, before_lock=before) as started:
        wait_until(lambda: len(lines(trace)) == 2)
        (volume.mountpoint / "letter").write_text("a")
        assert lock(volume)["type"] == "LockReply"
        assert ended(started)
    home = os.path.realpath(os.environ["HOME"])
    assert lines(trace) == [f"open Work {volume.mountpoint}", home, "letter", "closing"]


def test_what_they_make_is_not_writable_for_everybody(volume: Vaultfs, trace: Path) -> None:
    mask = os.umask(0o027)
    try:
        with opened(volume, before_lock=(f": > {trace}",)) as started:
            lock(volume)
            assert ended(started)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(trace.stat().st_mode) == 0o640


def test_one_that_fails_keeps_the_vault_open_and_its_words_are_told(
    volume: Vaultfs, trace: Path
) -> None:
    before = ("echo 'the repository is locked.' >&2; exit 3", f": > {trace}")
    with opened(volume, before_lock=before) as started:
        error = lock(volume)["error"]
        assert error["code"] == "hook-failed"
        assert "exit code 3: the repository is locked. Its command" in error["summary"]
        assert error["raw"] == "the repository is locked."
        assert "--skip-hooks" in error["hint"]
        assert volume.is_mounted()
        assert not trace.exists()
        assert "exit code 3" in wait_for(volume, "hook-failed")
        assert lock(volume, skip_hooks=True)["type"] == "LockReply"
        assert ended(started)


def test_one_that_fails_is_run_again_with_the_next_lock(volume: Vaultfs, trace: Path) -> None:
    with opened(volume, before_lock=(f"test -e {trace}",)) as started:
        assert "error" in lock(volume)
        trace.touch()
        assert lock(volume)["type"] == "LockReply"
        assert ended(started)


def test_one_that_ends_by_a_signal_is_told_with_its_name(volume: Vaultfs) -> None:
    with opened(volume, before_lock=("kill -TERM $$",)) as started:
        assert "ended by SIGTERM" in lock(volume)["error"]["summary"]
        lock(volume, skip_hooks=True)
        assert ended(started)


def test_a_vault_in_use_is_told_before_any_hook_is_run(volume: Vaultfs, trace: Path) -> None:
    with opened(volume, before_lock=(f"echo run >> {trace}",)) as started:
        with (volume.mountpoint / "a").open("w"):
            assert lock(volume)["error"]["code"] == "mount-busy"
            assert lock(volume, when_free=True)["waiting"]
            assert lines(trace) == []
        assert ended(started)
    assert lines(trace) == ["run"]


@pytest.mark.parametrize("how", ["idle", "when free", "signal", "after its task"])
def test_what_locks_by_itself_tells_that_one_failed_and_locks_all_the_same(
    volume: Vaultfs, how: str
) -> None:
    options: dict[str, Any] = {"before_lock": ("echo no; exit 1",)}
    if how == "after its task":
        options |= {"hold": Hold(os.getpid(), 0, "Backup")}  # which has ended
    if how == "idle":
        options |= {"idle_timeout_s": 0.5, "idle_warning_s": 0.0}
    with opened(volume, **options) as started:
        if how == "when free":
            assert lock(volume, when_free=True) == {"type": "LockReply", "waiting": False}
        elif how == "signal":
            started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(20) == (15 if how == "signal" else 0)
    assert not volume.is_mounted()


@needs("dbusmock")
def test_before_sleep_a_hook_that_takes_too_long_is_ended_and_told(
    volume: Vaultfs, at: Desktop, trace: Path
) -> None:
    hook = f"trap '' TERM; sleep 600 & echo $! > {trace}; wait"
    with opened(volume, lock_on=tuple(LockOn), notify=True, before_lock=(hook,)) as started:
        guarded(volume, "sleep", "notify")
        began = time.monotonic()
        at.sleep(True)
        assert ended(started)
        assert hooks.HURRIED_S <= time.monotonic() - began < 5
        summaries = [notice.summary for notice in at.notices()]
        assert "A hook of Work failed." in summaries
        at.sleep(False)
    assert has_ended(int(lines(trace)[0]))


def test_a_panic_does_not_wait_for_one_that_runs(volume: Vaultfs, trace: Path) -> None:
    with opened(volume, before_lock=(f"echo run >> {trace}; sleep 600",)) as started:
        script = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
            "from pathlib import Path; from asking import Asking\n"
            f"print(Asking(Path({str(volume.base / 'ctl')!r})).ours('LockRequest')['type'])"
        )
        with subprocess.Popen(
            (sys.executable, "-c", script), stdout=subprocess.PIPE, text=True
        ) as asking:
            wait_until(lambda: lines(trace), what="the hook runs")
            began = time.monotonic()
            assert lock(volume, reason="panic", lazy=True, skip_hooks=True)["type"] == "LockReply"
            assert time.monotonic() - began < 3
            assert asking.communicate(timeout=20)[0] == "LockReply\n"
        assert ended(started)


def test_while_one_runs_nobody_is_told_that_the_vault_can_be_held(
    volume: Vaultfs, trace: Path
) -> None:
    with opened(volume, before_lock=(f"echo run >> {trace}; sleep 600",), idle_timeout_s=0.5):
        wait_until(lambda: lines(trace), what="the hook runs")
        refused = ask(volume, "HoldRequest", hold={"pid": 1, "start": 1, "title": "Backup"})
        assert refused["error"]["code"] == "not-open"
        assert "locking" in refused["error"]["summary"]
        lock(volume, skip_hooks=True)


def test_one_after_the_unlock_that_fails_is_an_event_and_leaves_the_vault_open(
    volume: Vaultfs, trace: Path
) -> None:
    with opened(volume, after_unlock=("exit 7", f": > {trace}")) as started:
        assert "exit code 7" in wait_for(volume, "hook-failed")
        assert volume.is_mounted()
        assert not trace.exists()
        lock(volume)
        assert ended(started)


def test_one_that_still_runs_after_the_unlock_ends_with_the_vault(
    volume: Vaultfs, trace: Path
) -> None:
    with opened(volume, after_unlock=(f"sleep 600 & echo $! > {trace}; wait",)) as started:
        wait_until(lambda: lines(trace), what="the hook runs")
        lock(volume)
        assert ended(started)
    assert has_ended(int(lines(trace)[0]))


def test_a_program_that_one_leaves_in_the_background_is_left_alone_and_not_waited_for(
    volume: Vaultfs, trace: Path
) -> None:
    hook = f"sleep 600 & echo $! > {trace}; echo done"
    with opened(volume, after_unlock=(hook,)) as started:
        wait_until(lambda: lines(trace), what="the hook has run")
        lock(volume)
        assert ended(started)
    os.kill(int(lines(trace)[0]), signal.SIGKILL)


def test_a_hook_has_none_of_the_backends_descriptors(volume: Vaultfs, trace: Path) -> None:
    with opened(volume, before_lock=(f"ls /proc/self/fd > {trace}",)) as started:
        lock(volume)
        assert ended(started)
    # The last is that of the listing itself.
    assert lines(trace)[:3] == ["0", "1", "2"]
    assert len(lines(trace)) <= 4


def test_a_vault_without_hooks_says_so(volume: Vaultfs) -> None:
    with opened(volume) as started:
        assert ask(volume, "StatusRequest")["hooks_s"] == 0
        assert events(volume, "hook-failed") == []
        lock(volume)
        assert ended(started)
