"""What a person can get wrong at vaultfs: one clear sentence, a cure, the exit code, no loss."""

from __future__ import annotations

import json
import os
import shutil
from io import FileIO
from pathlib import Path

import pytest
from asking import Asking
from capabilities import UNPRIVILEGED_UID, needs
from mounting import Vaultfs, mountpoints_below
from ordinaryuser import as_user, let_others_in
from programs import Completed, program, run_program

pytestmark = needs("fuse")


def attempt(volume: Vaultfs, *words: object, password: bytes | None = None) -> Completed:
    """Try to mount in the foreground; it has to fail, with words and without a mount."""
    places = (volume.cipherdir, volume.mountpoint)
    given = None if password is None else password
    done = volume.run("-fg", *(str(word) for word in words), *places, input=given)
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    assert done.stderr.strip()
    assert not mountpoints_below(volume.base)
    return done


def edit_conf(volume: Vaultfs, **fields: object) -> None:
    path = volume.cipherdir / "gocryptfs.conf"
    conf = {**json.loads(path.read_bytes()), **fields}
    path.chmod(0o600)
    path.write_text(json.dumps(conf))


@pytest.mark.parametrize(
    ("password", "code"), [(b"wrong\n", 12), (b"\n", 9), (b"", 9), (b"x" * 3000 + b"\n", 9)]
)
def test_passwords_that_open_nothing(volume: Vaultfs, password: bytes, code: int) -> None:
    assert attempt(volume, password=password).returncode == code


def test_a_config_that_is_not_there_empty_cut_off_or_no_json_is_11(volume: Vaultfs) -> None:
    path = volume.cipherdir / "gocryptfs.conf"
    whole = path.read_bytes()
    path.chmod(0o600)
    for content in (b"", whole[:200], b"nonsense", b"[]"):
        path.write_bytes(content)
        assert attempt(volume).returncode == 11
        assert path.read_bytes() == content
    path.unlink()
    assert attempt(volume).returncode == 11


@pytest.mark.parametrize(
    "fields",
    [{"Version": 3}, {"FeatureFlags": ["GCMIV128", "HKDF", "DirIV", "EMENames", "Hologram"]}],
)
def test_a_config_that_asks_for_the_unknown_is_27(
    volume: Vaultfs, fields: dict[str, object]
) -> None:
    edit_conf(volume, **fields)
    assert attempt(volume).returncode == 27


def test_a_config_that_cannot_be_read_is_11(volume: Vaultfs) -> None:
    path = volume.cipherdir / "gocryptfs.conf"
    path.unlink()
    path.mkdir()  # root may read any file, but no directory as one
    done = attempt(volume)
    assert done.returncode == 11
    assert b"directory" in done.stderr


def test_a_tampered_key_is_a_wrong_password(volume: Vaultfs) -> None:
    key = json.loads((volume.cipherdir / "gocryptfs.conf").read_bytes())["EncryptedKey"]
    edit_conf(volume, EncryptedKey=("B" if key[0] != "B" else "C") + key[1:])
    assert attempt(volume).returncode == 12


def test_a_cipher_directory_that_is_not_there_is_6(volume: Vaultfs) -> None:
    shutil.rmtree(volume.cipherdir)
    assert attempt(volume).returncode == 6
    volume.cipherdir.write_text("a file")
    assert attempt(volume).returncode == 6


def test_mount_points_that_cannot_be_used_are_10(volume: Vaultfs) -> None:
    (volume.mountpoint / "letter").write_text("precious")
    done = attempt(volume)
    assert done.returncode == 10
    assert b"letter" in done.stderr
    for mountpoint in (
        volume.base / "nothing",
        volume.mountpoint / "letter",
        volume.cipherdir,
        volume.base,
        volume.cipherdir / "inside",
    ):
        volume.mountpoint = mountpoint
        assert attempt(volume).returncode == 10
    assert (volume.base / "plain" / "letter").read_text() == "precious"


def test_a_mount_point_with_content_is_covered_when_asked(volume: Vaultfs) -> None:
    (volume.mountpoint / "letter").write_text("precious")
    volume.mount_options = ("-nonempty",)
    with volume:
        assert list(volume.mountpoint.iterdir()) == []
    assert (volume.mountpoint / "letter").read_text() == "precious"


def test_a_mount_point_that_is_one_already_is_10(volume: Vaultfs, tmp_path: Path) -> None:
    with volume:
        other = tmp_path / "other"
        shutil.copytree(volume.cipherdir, other)
        done = volume.run("-fg", other, volume.mountpoint)
        assert done.returncode == 10
        assert b"fuse.vaultfs" in done.stderr


@needs("root", "user-namespaces")
def test_without_dev_fuse_it_is_19(volume: Vaultfs) -> None:
    script = (
        "mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && "
        'exec "$0" -fg "$1" "$2"'
    )
    done = run_program(
        (
            "unshare",
            "-m",
            "sh",
            "-c",
            script,
            volume.command(),
            volume.cipherdir,
            volume.mountpoint,
        ),
        volume.password + b"\n",
    )
    assert done.returncode == 19, done.stderr
    assert b"/dev/fuse cannot be opened" in done.stderr
    assert b"modprobe" in done.stderr


@needs("ordinary-user", "root")
def test_without_fusermount3_an_ordinary_user_is_told_which_package_to_install(
    volume: Vaultfs,
) -> None:
    let_others_in(volume.base)
    for path in (volume.cipherdir, *volume.cipherdir.iterdir(), volume.mountpoint):
        os.chown(path, UNPRIVILEGED_UID, -1)
    setpriv, *words = as_user()
    done = run_program(
        (
            *(shutil.which(setpriv) or setpriv, *words),
            *(volume.command(), "-fg", volume.cipherdir, volume.mountpoint),
        ),
        volume.password + b"\n",
        env={**os.environ, "PATH": str(volume.base)},
    )
    assert done.returncode == 19, done.stderr
    assert b"fuse3" in done.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), b"Usage: vaultfs"),
        (("-zz", "a", "b"), b"unknown flag: --zz"),
        (("-q",), b"CIPHERDIR argument is missing"),
        (("-idle", "5", "a", "b"), b"missing unit in duration"),
    ],
)
def test_a_command_line_without_sense_is_1(words: tuple[str, ...], text: bytes) -> None:
    done = run_program((program("vaultfs"), *words))
    assert done.returncode == 1
    assert text in done.stdout + done.stderr


def test_actions_are_one_at_a_time_with_one_directory(volume: Vaultfs) -> None:
    for words in (
        ("-info", "-init", volume.cipherdir),
        ("-info", volume.cipherdir, volume.mountpoint),
        (volume.cipherdir,),
        ("-fg", volume.cipherdir, volume.mountpoint, "c"),
        ("-fg", "-idle=-5s", volume.cipherdir, volume.mountpoint),
        ("-fg", "-passfile=a", "-extpass=b", volume.cipherdir, volume.mountpoint),
    ):
        assert volume.run(*words).returncode == 1, words


def test_a_control_socket_that_cannot_be_bound_is_20(volume: Vaultfs) -> None:
    assert attempt(volume, "-ctlsock", "/no/such/directory/s").returncode == 20
    assert attempt(volume, "-ctlsock", "x" * 120).returncode == 20


def write_for_ever(file: FileIO) -> None:
    while True:
        file.write(os.urandom(100_000))


@needs("root")
def test_a_full_disk_is_enospc_and_an_event_and_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    run_program(("mount", "-t", "tmpfs", "-o", "size=2m", "none", disk)).check()
    volume = Vaultfs(tmp_path, cipherdir=disk / "c", mount_options=("-ctlsock", f"{tmp_path}/ctl"))
    try:
        with volume:
            whole = os.urandom(500_000)
            (volume.mountpoint / "whole").write_bytes(whole)
            with (volume.mountpoint / "big").open("wb", 0) as file:
                with pytest.raises(OSError, match="No space left"):
                    write_for_ever(file)
                size = os.fstat(file.fileno()).st_size
            with Asking(tmp_path / "ctl") as client:
                events = client.ours("EventsRequest")["events"]
            assert "storage-full" in [event["kind"] for event in events]
            volume.remount()
            assert (volume.mountpoint / "whole").read_bytes() == whole
            assert len((volume.mountpoint / "big").read_bytes()) == size
    finally:
        run_program(("umount", disk)).check()
