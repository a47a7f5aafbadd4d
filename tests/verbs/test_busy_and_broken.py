"""What goes wrong with an open vault: in use, killed, hanging; and how the verbs get out of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from capabilities import needs
from mounting import Gocryptfs
from shelltwin import RealVolume, Shell
from support import detach, mountpoints_below, program, wait_until
from tracing import Traced

pytestmark = needs("fuse", "gocryptfs")


@contextmanager
def holding(directory: Path, *, deaf: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process with its working directory in the vault; a deaf one ignores TERM."""
    trap = "trap '' TERM; " if deaf else ""
    script = f"{trap}echo there; while :; do read line || sleep 60; done"
    with subprocess.Popen(
        ("sh", "-c", script), cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"there\n"
        try:
            yield holder
        finally:
            holder.kill()


def waits_to_lock(shell: Shell) -> bool:
    """Tell whether the vault is locked as soon as nobody uses it."""
    return shell.status()["waits_to_lock"] == "request"


def test_a_vault_in_use_is_not_locked_and_its_holders_are_named(shell: Shell, work: Path) -> None:
    shell.unlock()
    with holding(work) as holder:
        (result,) = shell.json("lock", "Work", returncode=47)["vaults"]
        assert result["error"]["code"] == "mount-busy"
        assert f"sh ({holder.pid})" in result["error"]["summary"]
        assert shell.state() in {"open", "busy"}
        (held,) = shell.json("ps", "Work")["holders"]
        assert (held["pid"], held["command"], held["kind"]) == (holder.pid, "sh", "cwd")
        assert held["path"] == str(work)
    assert shell.json("ps", "Work")["holders"] == []
    shell("lock", "Work").check()


def test_who_holds_a_vault_is_told_to_end_or_is_killed(shell: Shell, work: Path) -> None:
    shell.unlock()
    with holding(work) as polite, holding(work) as other, holding(work, deaf=True) as deaf:
        done = shell("ps", "Work", str(polite.pid), "--term").check()
        assert done.stdout.decode() == f"sh ({polite.pid}) is told to end.\n"
        assert polite.wait(10) == -signal.SIGTERM
        refused = shell("ps", "Work", str(os.getpid()), "--kill").check(1)
        assert b"does not use Work" in refused.stderr
        told = shell.json("ps", "Work", "--kill")["signalled"]
        assert {(process["pid"], process["sent"]) for process in told} == {
            (other.pid, True),
            (deaf.pid, True),
        }
        assert deaf.wait(10) == other.wait(10) == -signal.SIGKILL
    shell("ps", "Work", "1").check(1)
    assert shell("ps", "Work", "--term").check().stdout == b"Nobody uses Work.\n"


def test_a_lock_that_waits_is_done_when_the_holder_ends(shell: Shell, work: Path) -> None:
    shell.unlock()
    words = (program("vaultui"), "lock", "Work", "--wait")
    with holding(work) as holder, subprocess.Popen(words) as waiting:
        wait_until(lambda: waits_to_lock(shell) or waiting.poll() is not None)
        assert waiting.poll() is None
        assert mountpoints_below(work) == [str(work)]
        holder.kill()
        assert waiting.wait(20) == 0
    assert shell.state() == "locked"


def test_a_lock_that_waits_can_be_given_up(shell: Shell, work: Path) -> None:
    shell.unlock()
    with holding(work):
        with subprocess.Popen(
            (program("vaultui"), "lock", "Work", "--wait"), stderr=subprocess.PIPE
        ) as waiting:
            wait_until(lambda: waits_to_lock(shell) or waiting.poll() is not None)
            waiting.send_signal(signal.SIGINT)
            _, told = waiting.communicate(timeout=20)
        assert waiting.returncode == 15
        assert not waits_to_lock(shell)
        assert b"cancelled" in told
        assert b"Traceback" not in told
        assert mountpoints_below(work) == [str(work)]


def test_a_lock_goes_on_waiting_in_the_backend_when_whoever_asked_for_it_is_killed(
    shell: Shell, work: Path
) -> None:
    shell.unlock()
    words = (program("vaultui"), "lock", "Work", "--wait")
    with holding(work) as holder:
        with subprocess.Popen(words) as waiting:
            wait_until(lambda: waits_to_lock(shell) or waiting.poll() is not None)
            waiting.kill()
        assert shell.state() == "busy"
        holder.kill()
        wait_until(lambda: shell.state() == "locked", what="it is locked")


def test_a_lock_that_waits_ends_when_somebody_wants_the_vault_to_stay_open(
    shell: Shell, work: Path
) -> None:
    shell.unlock()
    words = (program("vaultui"), "lock", "Work", "--wait")
    with holding(work), subprocess.Popen(words, stderr=subprocess.PIPE) as waiting:
        wait_until(lambda: waits_to_lock(shell) or waiting.poll() is not None)
        shell("extend", "Work", "15m").check()
        _, told = waiting.communicate(timeout=20)
        assert waiting.returncode == 47
        assert b"in use" in told
    shell("lock", "Work").check()


def test_a_lazy_lock_takes_it_out_of_sight_and_leaves_the_holder(shell: Shell, work: Path) -> None:
    shell.unlock()
    (work / "file").write_text("still here")
    with (work / "file").open() as held:
        (result,) = shell.json("lock", "Work", "--lazy")["vaults"]
        assert result == {"name": "Work", "already": False, "detached": True}
        assert mountpoints_below(work) == []
        assert held.read() == "still here"
        assert "still hold files" in shell.status()["explanation"]
        # Two backends on one cipher directory would write over each other.
        error = shell.error("unlock", "Work", "--password-file", str(shell.password_file))
        assert (error["code"], error["exit_code"]) == ("cipherdir-in-use", 43)
    wait_until(lambda: shell.status()["backend_pid"] is None, what="the backend has ended")
    assert shell.unlock()["already"] is False


def test_kill_ends_the_holders_and_then_locks(shell: Shell, work: Path) -> None:
    shell.unlock()
    with holding(work) as polite, holding(work, deaf=True) as deaf:
        shell("lock", "Work", "--kill").check()
        assert polite.wait(10) == -signal.SIGTERM
        assert deaf.wait(10) == -signal.SIGKILL
    assert shell.state() == "locked"


@needs("root")
def test_what_is_mounted_over_a_vault_and_who_uses_it_are_left_alone(
    shell: Shell, work: Path
) -> None:
    shell.unlock()
    subprocess.run(("mount", "-t", "tmpfs", "none", work), check=True)
    try:
        with holding(work) as bystander:
            assert shell.json("ps", "Work")["holders"] == []
            shell("lock", "Work", "--kill").check(47)
            assert bystander.poll() is None
            pid = shell.status()["backend_pid"]
            shell("panic", "--yes").check()
            wait_until(lambda: not os.path.exists(f"/proc/{pid}"), what="the backend has ended")
            assert bystander.poll() is None
    finally:
        detach(work)


def test_a_killed_backend_is_explained_and_leaves_no_dead_mount(shell: Shell, work: Path) -> None:
    vault = shell.unlock()["vault"]
    os.kill(vault["backend_pid"], signal.SIGKILL)
    wait_until(lambda: mountpoints_below(work) == [], what="the keeper has detached the mount")
    wait_until(lambda: shell.state() == "broken", what="it is shown as broken")
    status = shell.status()
    assert "SIGKILL" in status["explanation"]
    assert status["exit"]["signal"] == 9
    assert shell.unlock()["vault"]["state"] == "open"


def test_repair_makes_a_broken_vault_a_locked_one(shell: Shell, work: Path) -> None:
    vault = shell.unlock()["vault"]
    os.kill(vault["backend_pid"], signal.SIGKILL)
    wait_until(lambda: shell.state() == "broken", what="it is shown as broken")
    assert shell.json("repair", "Work")["vault"]["state"] == "locked"
    assert shell.state() == "locked"


def test_a_killed_keeper_leaves_the_vault_open(shell: Shell, work: Path) -> None:
    vault = shell.unlock()["vault"]
    os.kill(vault["keeper_pid"], signal.SIGKILL)
    wait_until(lambda: shell.status()["keeper_pid"] is None, what="the keeper is gone")
    (work / "file").write_text("works")
    status = shell.status()
    assert status["state"] == "open"
    assert "keeper" in status["explanation"]
    shell("lock", "Work").check()
    assert shell.state() == "locked"


def test_both_killed_are_noticed_and_repaired_by_the_next_unlock(shell: Shell, work: Path) -> None:
    vault = shell.unlock()["vault"]
    os.kill(vault["keeper_pid"], signal.SIGKILL)
    os.kill(vault["backend_pid"], signal.SIGKILL)
    wait_until(lambda: shell.state() == "broken", what="it is shown as broken")
    assert mountpoints_below(work) == [str(work)], "nobody was there to detach it"
    assert "keeper was gone" in shell.status()["explanation"]
    assert shell.unlock()["already"] is False
    (work / "file").write_text("works again")


def test_locking_a_broken_vault_clears_it_away(shell: Shell, work: Path) -> None:
    vault = shell.unlock()["vault"]
    os.kill(vault["keeper_pid"], signal.SIGKILL)
    os.kill(vault["backend_pid"], signal.SIGKILL)
    wait_until(lambda: shell.state() == "broken", what="it is shown as broken")
    shell("lock", "--all").check()
    assert mountpoints_below(work) == []
    assert shell.state() == "locked"


def test_a_backend_that_does_not_answer_is_hung_and_can_be_ended(shell: Shell, work: Path) -> None:
    vault = shell.unlock()["vault"]
    os.kill(vault["backend_pid"], signal.SIGSTOP)
    try:
        assert shell.state() == "hung"
        done = shell("unlock", "Work", "--password-file", shell.password_file)
        assert done.returncode == 46
        # Told at once, and not after the time that a lock may take.
        assert shell("lock", "Work", timeout=20).returncode == 46
        refused = shell("repair", "Work", timeout=20)
        assert refused.returncode == 46
        assert b"vaultui lock Work --kill" in refused.stderr
        shell("lock", "Work", "--kill", timeout=30).check()
    finally:
        if Path(f"/proc/{vault['backend_pid']}").exists():
            os.kill(vault["backend_pid"], signal.SIGCONT)
    assert mountpoints_below(work) == []
    assert shell.unlock()["vault"]["state"] == "open"


def test_a_hung_vault_that_was_killed_is_locked_and_not_broken(shell: Shell, work: Path) -> None:
    shell.unlock()
    (vault,) = shell.json("status", "Work")["vaults"]
    os.kill(vault["backend_pid"], signal.SIGSTOP)
    shell("lock", "Work", "--kill").check()
    assert shell.state() == "locked"


def test_a_mount_inside_is_named_as_what_holds_the_vault(shell: Shell, work: Path) -> None:
    shell.unlock()
    inside = Gocryptfs(work.parent / "other", mountpoint=work / "inside")
    with inside:
        (result,) = shell.json("lock", "Work", returncode=47)["vaults"]
        assert f"the mount on {inside.mountpoint}" in result["error"]["summary"]
    shell("lock", "Work").check()


def test_a_vault_opens_at_a_mount_point_that_is_a_link(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    words = ("--mountpoint", tmp_path / "link", "--password-file", shell.password_file)
    shell("unlock", "Work", *words).check()
    assert mountpoints_below(target) == [str(target)]
    assert shell.state() == "open"
    shell("lock", "Work").check()
    assert mountpoints_below(target) == []


def test_a_lock_takes_the_write_bits_that_a_killed_unlock_had_given(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    # Writable below the mount, as it is left by an unlock that was killed half-way.
    work.mkdir(mode=0o700, parents=True)
    volume.mount(work)
    shell("lock", "Work").check()
    assert work.stat().st_mode & 0o222 == 0


def test_killing_the_front_end_leaves_the_vault_open(shell: Shell, work: Path) -> None:
    words = (program("vaultui"), "status", "--watch", "--json")
    shell.unlock()
    with subprocess.Popen(words, stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        assert b'"open"' in watching.stdout.readline()
        watching.kill()
    assert shell.state() == "open"


def test_a_watcher_is_told_of_every_change(shell: Shell, work: Path) -> None:
    words = (program("vaultui"), "status", "Work", "--watch", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        assert b'"locked"' in watching.stdout.readline()
        shell.unlock()
        lines = [watching.stdout.readline()]
        while b'"open"' not in lines[-1]:
            lines.append(watching.stdout.readline())
            assert len(lines) < 10
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) == 15


def test_cancelling_an_unlock_leaves_nothing(shell: Shell, work: Path, volume: RealVolume) -> None:
    config = volume.cipherdir / "gocryptfs.conf"
    fields = json.loads(config.read_bytes())
    fields["ScryptObject"]["N"] = 1 << 20  # long to try, and nobody waits for the result
    config.chmod(0o600)
    config.write_text(json.dumps(fields))
    words = (program("vaultui"), "unlock", "Work", "--password-file", str(shell.password_file))
    with subprocess.Popen(words, stderr=subprocess.PIPE) as unlocking:
        wait_until(lambda: shell.state() == "unlocking", what="it is unlocking")
        unlocking.send_signal(signal.SIGINT)
        _, told = unlocking.communicate(timeout=30)
    assert unlocking.returncode == 15
    assert b"Traceback" not in told
    assert shell.state() == "locked"
    assert mountpoints_below(shell.home) == []


@needs("ptrace")
def test_an_unlock_whose_keeper_is_killed_before_its_record_opens_nothing(
    shell: Shell, work: Path
) -> None:
    def kill(pid: int, call: str) -> None:
        if call == "renameat":  # the record gets its name
            os.kill(pid, signal.SIGKILL)

    unlock = Traced(
        (program("vaultui"), "unlock", "Work", "--password-file", shell.password_file),
        watches=lambda pid: b"shim/__main__.py" in Path(f"/proc/{pid}/cmdline").read_bytes(),
        at_change=kill,
    )
    unlock.run(until=lambda: unlock.process.returncode is not None)
    unlock.let_go()
    assert unlock.process.returncode not in (0, None)
    assert mountpoints_below(work) == []
    assert shell.state() == "locked"
    run_dirs = Path(os.environ["XDG_RUNTIME_DIR"], "vaultui")
    assert [path.name for path in run_dirs.rglob("*.tmp")] == []
