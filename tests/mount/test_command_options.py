"""Options of the command line in real calls: keys, streams, profiles, colours, descriptors."""

from __future__ import annotations

import os
import pstats
import shutil
import stat
import tracemalloc
from pathlib import Path

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from mounting import Gocryptfs, Vaultfs
from ordinaryuser import OPEN_DEVICE, as_user, let_others_in
from programs import program, run_program
from support import wait_until
from terminal import Terminal

pytestmark = needs("fuse")


def unmount(mountpoint: Path) -> None:
    wait_until(lambda: run_program(("fusermount3", "-u", mountpoint)).returncode == 0, 5)


def processes_with(word: bytes) -> dict[int, list[bytes]]:
    """Return the command lines in which `word` stands, by process."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if word in words:
            found[int(entry.name)] = words
    return found


def dumped_key(volume: Vaultfs) -> str:
    conf = volume.cipherdir / "gocryptfs.conf"
    return volume.run("-dumpmasterkey", conf).check().stdout.decode().splitlines()[-1]


def test_a_master_key_opens_a_volume_without_a_config_and_is_not_in_the_process_list(
    volume: Vaultfs,
) -> None:
    with volume:
        (volume.mountpoint / "letter").write_text("rescued")
    key = dumped_key(volume)
    (volume.cipherdir / "gocryptfs.conf").unlink()
    done = volume.run(f"-masterkey={key}", volume.cipherdir, volume.mountpoint, input=b"")
    assert done.returncode == 0, done.text
    assert b"Using explicit master key." in done.stdout
    try:
        assert (volume.mountpoint / "letter").read_text() == "rescued"
        (serving,) = processes_with(os.fsencode(volume.mountpoint)).values()
        assert key.encode() not in b" ".join(serving)
        assert b"-masterkey=" + b"x" * 64 in serving
    finally:
        unmount(volume.mountpoint)
    shorter = volume.run("-fsck", "-masterkey=stdin", volume.cipherdir, input=key[:-2].encode())
    assert shorter.returncode == 14
    assert key[:-2] not in shorter.text
    volume.run("-fsck", "-masterkey=stdin", volume.cipherdir, input=key.encode()).check()


@needs("gocryptfs")
@pytest.mark.parametrize(
    "flavour", ["-xchacha -deterministic-names", "-aessiv -raw64=false", "-plaintextnames -hkdf=0"]
)
def test_what_is_written_under_zeros_reads_back_in_gocryptfs(flavour: str, tmp_path: Path) -> None:
    volume = Vaultfs(tmp_path, mount_options=("-zerokey", *flavour.split()))
    volume.cipherdir.mkdir()
    name = "n" * 200
    volume.mount()
    # A directory that no program prepared has no directory IV: gocryptfs makes none either.
    assert volume.is_mounted()
    if "-aessiv" in flavour:
        volume.unmount()
        (volume.cipherdir / "gocryptfs.diriv").write_bytes(bytes(range(16)))
        volume.mount()
    (volume.mountpoint / name).write_bytes(b"x" * 5000)
    volume.unmount()
    theirs = volume.by(Gocryptfs, mount_options=volume.mount_options)
    theirs.mount()
    assert (theirs.mountpoint / name).read_bytes() == b"x" * 5000
    theirs.unmount()


def test_a_forgotten_password_is_replaced_with_the_master_key_and_the_old_config_is_kept(
    volume: Vaultfs,
) -> None:
    key = dumped_key(volume)
    conf = volume.cipherdir / "gocryptfs.conf"
    before = conf.read_bytes()
    words = ("-passwd", "-masterkey=stdin", volume.cipherdir)
    given = f"{key}\nnew\n".encode()
    done = volume.run(*words, input=given).check()
    copy = Path(f"{conf}.bak")
    assert f'A copy of the old config file has been created at "{copy}".' in done.text
    assert copy.read_bytes() == before
    again = volume.run(*words, input=given)
    assert again.returncode == 7
    assert b"new password" not in again.stdout  # told before one is asked for
    volume.password = b"new"
    copy.rename(volume.base / "copy")
    volume.fsck().check()


def test_a_wrong_old_password_is_told_before_a_new_one_is_asked_for(volume: Vaultfs) -> None:
    done = volume.run("-passwd", volume.cipherdir, input=b"wrong\n")
    assert done.returncode == 12
    assert b"new password" not in done.stdout


def test_a_missing_config_is_told_before_a_password_is_asked_for(volume: Vaultfs) -> None:
    (volume.cipherdir / "gocryptfs.conf").unlink()
    for words in (("-fg", volume.cipherdir, volume.mountpoint), ("-passwd", volume.cipherdir)):
        done = volume.run(*words, input=b"")
        assert done.returncode == 11
        assert b"Reading" not in done.stdout


def test_closed_streams_and_no_path_are_no_hindrance(volume: Vaultfs) -> None:
    passfile = volume.base / "pw"
    passfile.write_bytes(volume.password)
    done = run_program(
        (
            *("env", "-i", "/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"),
            *(volume.command(), "-passfile", passfile, volume.cipherdir, volume.mountpoint),
        )
    )
    assert done.returncode == 0
    (pid,) = processes_with(os.fsencode(volume.mountpoint))
    for number in (0, 1, 2):
        link = os.readlink(f"/proc/{pid}/fd/{number}")
        assert link == "/dev/null" or link.startswith("pipe:")
    unmount(volume.mountpoint)


def test_profiles_and_a_trace_are_written_at_the_end(volume: Vaultfs) -> None:
    files = {name: volume.base / name for name in ("cpuprofile", "memprofile", "trace")}
    volume.mount_options = tuple(f"-{name}={path}" for name, path in files.items())
    with volume:
        (volume.mountpoint / "seen").write_text("not seen")
    assert "You must unmount gracefully" in volume.log
    statistics = pstats.Stats(str(files["cpuprofile"]))
    functions = {name for _, _, name in statistics.stats}  # type: ignore[attr-defined]  # not in the stubs
    # Of the thread that answers the kernel, and of the one that started it.
    assert {"lookup", "serve"} <= functions
    snapshot = tracemalloc.Snapshot.load(str(files["memprofile"]))
    assert any("vaultui" in trace.traceback[0].filename for trace in snapshot.traces)
    trace = files["trace"].read_text()
    assert "b'seen'" in trace
    assert "not seen" not in trace
    assert "rx 1:" not in volume.log


def test_names_in_a_trace_are_nobody_elses_to_read(volume: Vaultfs) -> None:
    trace = volume.base / "trace"
    volume.mount_options = (f"-trace={trace}",)
    with volume:
        (volume.mountpoint / "seen").touch()
    assert "b'seen'" in trace.read_text()
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


def test_a_profile_that_cannot_be_written_is_25_before_anything_is_asked(volume: Vaultfs) -> None:
    for name in ("-cpuprofile", "-memprofile", "-trace"):
        done = volume.run("-fsck", name, "/nonexistent/profile", volume.cipherdir, input=b"")
        assert done.returncode == 25


def test_the_first_warning_ends_a_process_that_was_told_so(volume: Vaultfs) -> None:
    passfile = volume.base / "pw"
    passfile.write_bytes(volume.password + b"\nmore\n")
    words = ("-fsck", "-passfile", passfile, volume.cipherdir)
    assert volume.run(*words, input=b"").returncode == 0
    done = volume.run("-wpanic", *words, input=b"")
    assert done.returncode == 2
    assert b"goes on after its first line" in done.stderr


def test_a_path_in_an_error_does_not_steer_the_terminal(volume: Vaultfs) -> None:
    done = volume.run(volume.base / "\x1b[31mred\n", volume.base / "m", input=b"")
    assert done.returncode == 6
    assert rb"\x1b[31mred\x0a" in done.stderr
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize("colours", [True, False])
def test_a_person_sees_colours_unless_they_said_no(volume: Vaultfs, colours: bool) -> None:
    new = volume.base / "new"
    new.mkdir()
    environment = () if colours else ("env", "NO_COLOR=1")
    with Terminal(
        (*environment, program("vaultfs"), "-init", "-scryptn=10", "-extpass", "echo pw", new)
    ) as terminal:
        assert terminal.wait() == 0
        screen = terminal.shown
    assert ("\x1b[32mThe gocryptfs filesystem has been created" in screen) == colours
    assert ("\x1b" in screen) == colours
    # To a pipe there are none, whatever is said.
    assert "\x1b" not in volume.run("-e", "x", volume.cipherdir).text


def test_debug_tells_what_was_understood_and_no_secret(volume: Vaultfs) -> None:
    key = dumped_key(volume)
    done = volume.run("-d", "-fsck", "-masterkey", key, volume.cipherdir).check()
    assert '"-masterkey"' in done.text
    assert "HKDF GCMIV128" in done.text
    assert key not in done.text


def test_a_process_in_the_background_that_is_told_not_to_be_starts_no_other(
    volume: Vaultfs,
) -> None:
    done = volume.run("-fg=false", "-q", volume.cipherdir, volume.mountpoint)
    assert done.returncode == 0, done.text
    assert len(processes_with(os.fsencode(volume.mountpoint))) == 1
    unmount(volume.mountpoint)


def test_under_the_name_of_gocryptfs_xray_it_takes_that_command_line(volume: Vaultfs) -> None:
    conf = volume.cipherdir / "gocryptfs.conf"
    alias = volume.base / "gocryptfs-xray"
    alias.symlink_to(program("vaultfs"))
    cases: dict[tuple[str | Path, ...], int] = {
        (): 1,
        ("-h",): 0,
        ("-version",): 0,
        ("--nosuch",): 2,
        ("-aessiv=maybe", conf): 2,
        (conf, "-aessiv"): 1,
        ("-dumpmasterkey", "-encrypt-paths", conf): 1,
        ("-encrypt-paths", volume.base / "nothing"): 1,
        ("-dumpmasterkey", "--", volume.base / "nothing"): 1,
        ("--dumpmasterkey=true", conf): 8,
        ("-xchacha=false", volume.cipherdir / "gocryptfs.diriv"): 0,
    }
    theirs = shutil.which("gocryptfs-xray")
    programs = [alias, Path(theirs)] if theirs else [alias]
    for words, code in cases.items():
        done = run_program((alias, *words), b"wrong\n")
        assert done.returncode == code, (words, done.text)
    for command in programs:
        done = run_program((command, "-dumpmasterkey", conf), volume.password + b"\n").check()
        assert done.stdout.decode().splitlines()[-1] == dumped_key(volume)


AS_USER = """
set -e
vaultfs=$1 cipher=$2 plain=$3 key=6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f
printf 'pw\\n' | "$vaultfs" -q -init -scryptn=10 -masterkey=$key "$cipher"
printf 'pw\\n' | "$vaultfs" -q -config <(cat "$cipher/gocryptfs.conf") "$cipher" "$plain"
echo content > "$plain/a"
fusermount3 -u "$plain"
"$vaultfs" "$plain" -q "$cipher" 2>/dev/null && exit 1
"$vaultfs" "$cipher" "$plain" -o rw,dev,suid,q,masterkey=$key
cat "$plain/a"
grep "$plain" /proc/self/mountinfo
tr '\\0' ' ' < /proc/$(pgrep -f "notifypi[d]=.* $cipher $plain")/cmdline
fusermount3 -u "$plain"
"""


@needs("ordinary-user")
def test_an_ordinary_user_has_master_keys_and_configs_on_pipes_too(tmp_path: Path) -> None:
    let_others_in(tmp_path)
    cipherdir, mountpoint = tmp_path / "cipher", tmp_path / "plain"
    user = as_user()
    for folder in (cipherdir, mountpoint):
        folder.mkdir()
        if user:
            os.chown(folder, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    done = run_program(
        (
            *(("unshare", "-m") if user else ()),
            *("sh", "-c", OPEN_DEVICE, "sh", tmp_path, *user),
            *("bash", "-c", AS_USER, "bash", program("vaultfs"), cipherdir, mountpoint),
        )
    )
    assert done.returncode == 0, done.text
    content, table, serving = done.stdout.decode().splitlines()
    assert content == "content"
    # fusermount3 lets nobody but root have devices and set-uid programs.
    assert "nosuid,nodev" in table
    assert "masterkey=xxxxxxxx" in serving


@needs("ordinary-user")
def test_a_directory_that_cannot_be_written_is_told_before_a_password_is_asked_for(
    tmp_path: Path,
) -> None:
    let_others_in(tmp_path)
    folder = tmp_path / "c"
    folder.mkdir(0o555)
    words = (*as_user(), program("vaultfs"), "-init")
    done = run_program((*words, folder))
    assert done.returncode == 24
    assert b"Reading" not in done.stdout
    assert run_program((*words, "-config", folder / "conf", tmp_path)).returncode == 6


def test_a_cost_that_no_volume_can_have_is_told_before_a_password_is_asked_for(
    tmp_path: Path,
) -> None:
    done = run_program((program("vaultfs"), "-init", "-scryptn", "9", tmp_path))
    assert done.returncode == 24
    assert b"outside 10 to 28" in done.stderr
    assert b"Reading" not in done.stdout
