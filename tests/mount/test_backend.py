"""vaultfs as a process: daemonising, signals, exit codes, idle lock, what it shows and limits."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from asking import Asking
from capabilities import UNPRIVILEGED_UID, needs
from mounting import Gocryptfs, Vaultfs, mountpoints_below
from ordinaryuser import OPEN_DEVICE, as_user, let_others_in
from programs import exit_code, program, run_program
from support import wait_until

pytestmark = needs("fuse")


def table_line(mountpoint: Path) -> str:
    """Return the line of the mount table for `mountpoint`."""
    (line,) = (
        line
        for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
        if line.split(" ")[4] == str(mountpoint)
    )
    return line


def unmount(mountpoint: Path) -> None:
    wait_until(lambda: run_program(("fusermount3", "-u", mountpoint)).returncode == 0)


def holder_of(mounted: Path) -> int:
    """Return the pid of the backend that was started in the background."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.fsencode(mounted) in words and b"-fg" in words:
                return int(entry.name)
    raise AssertionError("no backend")


def test_it_returns_when_the_mount_is_there_and_goes_on_in_the_background(
    volume: Vaultfs,
) -> None:
    done = volume.run(volume.cipherdir, volume.mountpoint)
    assert done.returncode == 0, done.stderr
    assert b"Filesystem mounted and ready." in done.stdout
    assert volume.is_mounted()
    pid = holder_of(volume.mountpoint)
    # Its own session, no directory in use, no stream of the terminal.
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    (volume.mountpoint / "x").write_text("x")
    unmount(volume.mountpoint)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="the backend has ended")


def test_a_pipe_on_its_output_ends_when_the_mount_is_there(volume: Vaultfs) -> None:
    done = subprocess.run(
        (
            "sh",
            "-c",
            '"$@" 2>&1 | cat',
            "sh",
            volume.command(),
            volume.cipherdir,
            volume.mountpoint,
        ),
        input=volume.password + b"\n",
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert b"Filesystem mounted and ready." in done.stdout
    unmount(volume.mountpoint)


def test_in_the_background_a_wrong_password_is_told_by_the_first_process(volume: Vaultfs) -> None:
    done = volume.run(volume.cipherdir, volume.mountpoint, input=b"wrong\n")
    assert done.returncode == 12
    assert b"Password incorrect." in done.stderr
    assert not volume.is_mounted()


def test_a_config_on_an_inherited_descriptor_survives_going_into_the_background(
    volume: Vaultfs,
) -> None:
    command = '"$1" -config <(cat "$2/gocryptfs.conf") "$2" "$3"'
    done = subprocess.run(
        ("bash", "-c", command, "bash", volume.command(), volume.cipherdir, volume.mountpoint),
        input=volume.password + b"\n",
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    unmount(volume.mountpoint)


def test_sigusr1_tells_whoever_asked_for_it(volume: Vaultfs) -> None:
    told: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: told.append(number))
    try:
        process = subprocess.Popen(
            (
                volume.command(),
                "-fg",
                "-q",
                f"-notifypid={os.getpid()}",
                volume.cipherdir,
                volume.mountpoint,
            ),
            stdin=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(volume.password + b"\n")
        process.stdin.close()
        wait_until(lambda: told, what="SIGUSR1")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert volume.is_mounted()
    unmount(volume.mountpoint)
    assert process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_unmounts_and_ends_with_15(volume: Vaultfs, number: signal.Signals) -> None:
    volume.mount()
    assert volume.signal(number) == 15
    assert not volume.is_mounted()


def test_a_signal_to_a_busy_mount_detaches_it_and_says_so(volume: Vaultfs) -> None:
    volume.mount()
    fd = os.open(volume.mountpoint / "held", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"written before")
    assert volume.signal(signal.SIGTERM) == 15
    assert not volume.is_mounted()
    with pytest.raises(OSError, match="not connected"):
        os.close(fd)
    assert "open file" in volume.log
    with volume.by(Vaultfs) as again:
        assert (again.mountpoint / "held").read_bytes() == b"written before"


def test_a_signal_while_the_password_is_awaited_ends_it_and_leaves_nothing(
    volume: Vaultfs,
) -> None:
    socket = volume.base / "ctl"
    process = subprocess.Popen(
        (volume.command(), "-fg", "-ctlsock", socket, volume.cipherdir, volume.mountpoint),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    wait_until(socket.exists, what="it waits for the password")
    process.terminate()
    assert process.wait(20) == 15
    assert process.stdin is not None
    process.stdin.close()
    assert not socket.exists()


def test_the_mount_table_shows_type_and_cipher_directory(mounted: Vaultfs) -> None:
    line = table_line(mounted.mountpoint)
    options, _, back = line.partition(" - ")
    fstype, source, _ = back.split(" ")
    assert fstype == "fuse.vaultfs"
    assert source == str(mounted.cipherdir)
    assert "nosuid,nodev" in options


def test_under_the_name_of_gocryptfs_it_shows_that_type(volume: Vaultfs) -> None:
    link = volume.base / "gocryptfs"
    link.symlink_to(volume.command())
    done = run_program(
        (link, "-fsname", "a,b\\c", volume.cipherdir, volume.mountpoint), volume.password + b"\n"
    )
    assert done.returncode == 0, done.stderr
    assert " - fuse.gocryptfs a,b\\134c " in table_line(volume.mountpoint)
    unmount(volume.mountpoint)


@pytest.mark.parametrize(
    "name",
    ["Ü, a\\b", "with space", "a=b,ro", "-dash", "quote\"'", "not utf-8 \udcff", "new\nline"],
    ids=lambda name: ascii(name),
)
def test_a_cipher_directory_of_any_name_mounts(tmp_path: Path, name: str) -> None:
    volume = Vaultfs(tmp_path, cipherdir=tmp_path / name, mountpoint=tmp_path / f"{name} m")
    with volume:
        (volume.mountpoint / name).write_text("content")
        volume.remount()
        assert (volume.mountpoint / name).read_text() == "content"
        table = Path("/proc/self/mountinfo").read_bytes()
        assert source_in(table, volume.mountpoint) == os.fsencode(volume.cipherdir)


def source_in(table: bytes, mountpoint: Path) -> bytes:
    """Return the source of the mount on `mountpoint`, with the escapes of the table undone."""
    for line in table.splitlines():
        fields = [
            re.sub(rb"\\(\d{3})", lambda found: bytes([int(found[1], 8)]), field)
            for field in line.split(b" ")
        ]
        if fields[4] == os.fsencode(mountpoint):
            return fields[fields.index(b"-") + 2]
    raise AssertionError("not mounted")


AS_USER = """
set -e
"$1" -q -init -scryptn=10 -passfile "$4" "$2"
"$1" -q -passfile "$4" "$2" "$3"
echo content > "$3/a"
cat "$3/a" /proc/self/mountinfo
fusermount3 -u "$3"
"""


@needs("ordinary-user")
@pytest.mark.parametrize("name", ["cipher", "Ü, a\\b"])
def test_an_ordinary_user_mounts_through_fusermount3(tmp_path: Path, name: str) -> None:
    let_others_in(tmp_path)
    password, cipherdir, mountpoint = (tmp_path / part for part in ("pw", name, "plain"))
    password.write_text("pw")
    for folder in (cipherdir, mountpoint):
        folder.mkdir()
    user = as_user()
    if user:
        for path in (password, cipherdir, mountpoint):
            os.chown(path, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    done = run_program(
        (
            *(("unshare", "-m") if user else ()),
            *("sh", "-c", OPEN_DEVICE, "sh", tmp_path, *user),
            *("sh", "-c", AS_USER, "sh", program("vaultfs"), cipherdir, mountpoint, password),
        )
    )
    assert done.returncode == 0, done.stderr
    content, table = done.stdout.split(b"\n", 1)
    assert content == b"content"
    assert source_in(table, mountpoint) == os.fsencode(cipherdir)


def test_read_only_refuses_writing_and_shares_the_cipher_directory(volume: Vaultfs) -> None:
    with volume:
        (volume.mountpoint / "a").write_text("a")
    volume.mount_options = ("-ro",)
    with volume:
        assert (volume.mountpoint / "a").read_text() == "a"
        with pytest.raises(OSError, match="Read-only"):
            (volume.mountpoint / "b").touch()
        other = volume.base / "other"
        other.mkdir()
        done = volume.run("-ro", volume.cipherdir, other)
        assert done.returncode == 0, done.stderr
        unmount(other)


def test_a_second_backend_on_one_cipher_directory_is_refused(mounted: Vaultfs) -> None:
    other = mounted.base / "other"
    other.mkdir()
    for words in ((), ("-ro",)):
        done = mounted.run("-fg", *words, mounted.cipherdir, other)
        assert done.returncode == 43
        assert str(mounted.mountpoint) in done.stderr.decode()
    assert not mountpoints_below(other)
    (mounted.mountpoint / "still").write_text("works")


@needs("gocryptfs")
def test_a_cipher_directory_that_gocryptfs_serves_is_refused(volume: Vaultfs) -> None:
    other = volume.base / "other"
    other.mkdir()
    with volume.by(Gocryptfs):
        done = volume.run("-fg", volume.cipherdir, other)
    assert done.returncode == 43
    assert f"gocryptfs on {volume.mountpoint}" in done.stderr.decode()


def test_the_idle_lock_ends_the_backend_with_0_after_the_last_use(volume: Vaultfs) -> None:
    volume.mount_options = ("-idle", "400ms", "-ctlsock", str(volume.base / "ctl"))
    # Not waited for: on a busy machine it may be gone again before anybody has looked.
    assert exit_code(volume.start()) == 0
    assert "mounted and ready" in volume.log
    assert not volume.is_mounted()


def test_an_open_file_holds_the_idle_lock_off_and_a_working_directory_is_reported(
    volume: Vaultfs,
) -> None:
    # Long enough to look into it in time on a busy machine.
    volume.mount_options = ("-idle", "1500ms", "-ctlsock", str(volume.base / "ctl"))
    volume.mount()
    assert volume.process is not None
    # An open file first, so that the mount is still there when we look into it.
    with (volume.mountpoint / "a").open("w"), Asking(volume.base / "ctl") as client:
        sleeper = subprocess.Popen(("sleep", "60"), cwd=volume.mountpoint)
        assert client.ours("StatusRequest")["idle_left_s"] is None
    with Asking(volume.base / "ctl") as client:

        def reported() -> list[str]:
            events = client.ours("EventsRequest", since=0)["events"]
            return [event["detail"] for event in events if event["kind"] == "idle-reset"]

        details = wait_until(reported, what="the busy idle lock is reported")
        assert f"sleep ({sleeper.pid}, working directory)" in details[0]
        assert client.ours("StatusRequest")["busy_reason"] == details[0]
        assert client.ours("ExtendRequest", seconds=1000)["idle_left_s"] > 900
        sleeper.kill()
        sleeper.wait()
        # A vault that nobody holds any more is not called busy for ever.
        wait_until(lambda: not client.ours("StatusRequest")["busy_reason"], what="it is free again")
        assert client.ours("PauseRequest", paused=True) == {
            "type": "IdleReply",
            "idle_left_s": None,
            "idle_paused": True,
        }
        assert client.ours("LockRequest")["type"] == "LockReply"
    assert volume.process.wait(20) == 0


def test_what_serves_a_mount_is_protected_and_has_its_limits(mounted: Vaultfs) -> None:
    assert mounted.process is not None
    proc = Path(f"/proc/{mounted.process.pid}")
    limits = (proc / "limits").read_text()
    files = re.search(r"Max open files\s+(\d+)", limits)
    assert files is not None
    assert int(files[1]) >= 4096
    assert re.search(r"Max core file size\s+1\s+1", limits)
    assert "Umask:\t0000" in (proc / "status").read_text()
    # Not dumpable: its files in /proc belong to root, whoever runs it.
    assert (proc / "mem").stat().st_uid == 0


def test_the_memory_of_the_key_derivation_is_given_back(volume: Vaultfs) -> None:
    shutil.rmtree(volume.cipherdir)
    volume.init_options = ("-scryptn", "17")
    with volume:
        assert volume.process is not None
        status = Path(f"/proc/{volume.process.pid}/status").read_text()
        peak, now = (
            int(re.search(rf"{field}:\s+(\d+) kB", status)[1])  # type: ignore[index]  # always there
            for field in ("VmHWM", "VmRSS")
        )
    assert peak > 128 << 10
    assert now < 96 << 10


def test_programs_run_from_memory_maps_and_maps_write_back(mounted: Vaultfs) -> None:
    path = mounted.mountpoint / "map"
    path.write_bytes(bytes(3 * 4096 + 100))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[4000:4200] = b"m" * 200
        mapped[-1:] = b"z"
        mapped.flush()
    program_path = mounted.mountpoint / "true"
    shutil.copy("/bin/true", program_path)
    assert run_program((program_path,)).returncode == 0
    mounted.remount()
    content = path.read_bytes()
    assert content[4000:4200] == b"m" * 200
    assert content[-1:] == b"z"
    assert run_program((program_path,)).returncode == 0


def test_several_processes_append_to_one_file_without_losing_a_line(mounted: Vaultfs) -> None:
    log = mounted.mountpoint / "log"
    script = 'i=0; while [ $i -lt 200 ]; do echo "$2 line $i" >> "$1"; i=$((i+1)); done'
    writers = [
        subprocess.Popen(("sh", "-c", script, "sh", log, str(number))) for number in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    mounted.remount()
    lines = log.read_text().splitlines()
    assert sorted(lines) == sorted(f"{n} line {i}" for n in range(4) for i in range(200))


def test_a_file_that_only_may_be_written_is_written(mounted: Vaultfs) -> None:
    path = mounted.mountpoint / "drop"
    path.touch(0o200)
    with path.open("ab") as file:
        file.write(b"one")
    with path.open("ab") as file:
        file.write(b"two")
    assert path.stat().st_mode & 0o777 == 0o200
    mounted.remount()
    path.chmod(0o600)
    assert path.read_bytes() == b"onetwo"


def test_a_directory_is_listed_whole_while_it_changes(mounted: Vaultfs) -> None:
    folder = mounted.mountpoint / "many"
    folder.mkdir()
    staying = {f"stay{number:04}" for number in range(600)}
    for name in staying:
        (folder / name).touch()
    for number in range(600):
        (folder / f"go{number:04}").touch()
    seen = []
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            seen.append(entry.name)
            if number < 600:
                (folder / f"go{number:04}").unlink()
                (folder / f"new{number:04}").touch()
    assert staying <= set(seen)
    assert len(seen) == len(set(seen))


def test_names_that_the_kernel_forgot_are_found_again(mounted: Vaultfs) -> None:
    folder = mounted.mountpoint / "f"
    folder.mkdir()
    for number in range(300):
        (folder / str(number)).write_text(str(number))
    assert len(list(folder.iterdir())) == 300
    if os.access("/proc/sys/vm/drop_caches", os.W_OK):
        Path("/proc/sys/vm/drop_caches").write_text("2")
    with Asking(mounted.base / "ctl") as client:
        assert client.ours("StatusRequest")["operations"]["lookup"] > 0
    assert {path.read_text() for path in folder.iterdir()} == {str(n) for n in range(300)}


def test_fsync_runs_beside_other_requests(mounted: Vaultfs) -> None:
    path = mounted.mountpoint / "f"
    with path.open("wb", 0) as file:
        file.write(bytes(8 << 20))
        os.fsync(file.fileno())
    fd = os.open(mounted.mountpoint, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    with Asking(mounted.base / "ctl") as client:
        operations = client.ours("StatusRequest")["operations"]
    assert operations["fsync"] == 1
    assert operations["fsyncdir"] == 1
