"""-keyfile: volumes that a file opens, alone or with a password, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from capabilities import needs
from mounting import Gocryptfs, Vaultfs
from programs import Completed, program, run_program
from support import wait_until
from terminal import Terminal

pytestmark = needs("fuse")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "photo, ü.jpg"
    path.write_bytes(bytes(range(256)) * 100)
    return path


@pytest.fixture
def both(tmp_path: Path, key: Path) -> Vaultfs:
    """A volume that takes a key file together with a password."""
    made = Vaultfs(tmp_path, init_options=("-keyfile", str(key)))
    made.mount_options = ("-keyfile", str(key))
    made.create()
    return made


@pytest.fixture
def alone(tmp_path: Path, key: Path) -> Vaultfs:
    """A volume for which the key file is enough."""
    made = Vaultfs(tmp_path, password=b"", init_options=("-keyfile", str(key)))
    made.mount_options = ("-keyfile", str(key))
    made.create()
    return made


def slot_line(volume: Vaultfs) -> str:
    """Return what -info says of the only key slot."""
    (line,) = (line for line in volume.info().splitlines() if line.startswith("KeySlot"))
    return line.partition(":")[2].strip()


def fsck(
    volume: Vaultfs,
    *words: str | Path,
    input: bytes | None = None,  # noqa: A002 - the word of `Vaultfs.run` for it
) -> Completed:
    return volume.run("-fsck", *words, volume.cipherdir, input=input)


def test_a_key_file_and_a_password_open_together_and_neither_alone(
    both: Vaultfs, key: Path, tmp_path: Path
) -> None:
    assert slot_line(both).startswith("password+key-file (scrypt")
    with both:
        (both.mountpoint / "letter").write_text("kept")
    other = tmp_path / "other"
    other.write_bytes(key.read_bytes()[1:])
    assert fsck(both, "-keyfile", key).returncode == 0
    wrong = fsck(both, "-keyfile", other)
    assert (wrong.returncode, b"the key file, or both are incorrect" in wrong.stderr) == (12, True)
    wrong = fsck(both, "-keyfile", key, input=b"wrong\n")
    assert (wrong.returncode, b"the key file, or both are incorrect" in wrong.stderr) == (12, True)
    empty = fsck(both, "-keyfile", key, input=b"\n")
    assert (empty.returncode, b"The password is empty" in empty.stderr) == (9, True)


def test_no_password_is_asked_for_where_a_key_file_is_missing(both: Vaultfs, key: Path) -> None:
    words = (program("vaultfs"), "-fsck")
    with Terminal((*words, both.cipherdir)) as terminal:
        assert terminal.wait() == 1
        assert "is opened with a key file, and none was given" in terminal.shown
        assert "Password" not in terminal.shown
    key.rename(key.with_name("elsewhere"))
    with Terminal((*words, "-keyfile", key, both.cipherdir)) as terminal:
        assert terminal.wait() == 9
        assert "cannot be used: No such file or directory" in terminal.shown
        assert "Password" not in terminal.shown


def test_no_password_is_asked_for_where_the_key_file_is_enough(alone: Vaultfs, key: Path) -> None:
    assert slot_line(alone).startswith("key-file (scrypt")
    alone.mountpoint.mkdir()
    words = (program("vaultfs"), "-nosyslog", "-keyfile", key.name, alone.cipherdir)
    # In the background, in another directory than that of the relative path.
    done = run_program((*words, alone.mountpoint), cwd=key.parent)
    assert done.returncode == 0, done.text
    unmount = ("fusermount3", "-u", alone.mountpoint)
    wait_until(lambda: run_program(unmount).returncode == 0, 5, "it is unmounted")
    assert "Password" not in done.text
    assert fsck(alone, "-keyfile", key, input=b"").returncode == 0
    conf = alone.cipherdir / "gocryptfs.conf"
    dumped = alone.run("-dumpmasterkey", "-keyfile", key, conf, input=b"").check().stdout
    assert len(dumped.strip()) == 64


def test_of_a_key_file_that_protects_nothing_it_is_said(volume: Vaultfs, key: Path) -> None:
    done = fsck(volume, "-keyfile", key)
    assert done.returncode == 0
    assert b"the password alone opens it" in done.stdout


@needs("gocryptfs")
def test_gocryptfs_refuses_a_volume_with_a_key_file_by_the_name_of_the_feature(
    both: Vaultfs,
) -> None:
    done = both.by(Gocryptfs).run("-info", both.cipherdir)
    assert done.returncode != 0
    assert "VaultuiKeySlots" in done.text


def test_the_password_beside_a_key_file_changes(both: Vaultfs, key: Path) -> None:
    done = both.run("-passwd", "-keyfile", key, both.cipherdir, input=both.password + b"\nnew\n")
    assert done.returncode == 0, done.text
    assert slot_line(both).startswith("password+key-file")
    assert fsck(both, "-keyfile", key).returncode == 12
    assert fsck(both, "-keyfile", key, input=b"new\n").returncode == 0


def test_a_key_file_by_itself_has_no_password_but_a_derivation_to_change(
    alone: Vaultfs, key: Path
) -> None:
    words = ("-passwd", "-keyfile", key)
    done = alone.run(*words, alone.cipherdir, input=b"new\n")
    assert (done.returncode, b"it has no password" in done.stderr) == (1, True)
    done = alone.run(*words, "-scryptn", "11", alone.cipherdir, input=b"")
    assert done.returncode == 0, done.text
    assert slot_line(alone).startswith("key-file (scrypt N=2048")
    assert fsck(alone, "-keyfile", key, input=b"").returncode == 0


def test_who_has_the_master_key_replaces_a_lost_key_file(
    both: Vaultfs, key: Path, tmp_path: Path
) -> None:
    conf = both.cipherdir / "gocryptfs.conf"
    dumped = both.run("-dumpmasterkey", "-keyfile", key, conf).check().stdout.decode().strip()
    other = tmp_path / "other"
    other.write_bytes(b"another")
    rescue = ("-passwd", f"-masterkey={dumped}")
    assert both.run(*rescue, "-keyfile", other, both.cipherdir, input=b"new\n").returncode == 0
    assert fsck(both, "-keyfile", other, input=b"new\n").returncode == 0
    # Without one, the volume is one that gocryptfs opens again.
    assert both.run(*rescue, both.cipherdir, input=b"newer\n").returncode == 0
    assert "ScryptObject" in both.info()
    assert fsck(both, input=b"newer\n").returncode == 0


def test_a_key_file_goes_with_no_other_key(both: Vaultfs, key: Path) -> None:
    for other in (f"-masterkey={'0' * 64}", "-fido2=/dev/hidraw0"):
        done = fsck(both, "-keyfile", key, other)
        assert (done.returncode, b"cannot be used at the same time" in done.stderr) == (1, True)
