"""Proves that a volume opens with its password or master key, and that what is none is named."""

from __future__ import annotations

import errno
import json
import os
import select
import subprocess
from pathlib import Path

import pytest
from volumemaking import CONF, DIR_IV, NEW, OLD, change_password, opens, secret
from waiting import wait_until

from vaultui.cipherfs import volume
from vaultui.model.errors import (
    CipherdirMissing,
    CipherdirNotEmpty,
    VolumeConfCorrupt,
    VolumeConfMissing,
    VolumeConfOfOtherMode,
    VolumeConfUnreadable,
    VolumeConfUnsupported,
)


def test_a_missing_config_is_no_vault(empty: Path) -> None:
    with pytest.raises(VolumeConfMissing, match=r"gocryptfs\.conf") as caught:
        volume.open_volume(empty, secret(OLD))
    assert caught.value.exit_code == 11


def test_a_config_that_cannot_be_read_says_why(empty: Path) -> None:
    (empty / CONF).symlink_to(CONF)
    with pytest.raises(VolumeConfUnreadable, match="symbolic links") as caught:
        volume.open_volume(empty, secret(OLD))
    assert caught.value.exit_code == 11
    (empty / CONF).unlink()
    (empty / CONF).mkdir()
    with pytest.raises(VolumeConfUnreadable, match="Is a directory"):
        volume.open_volume(empty, secret(OLD))


def test_a_config_that_is_a_pipe_without_a_writer_does_not_hang_whoever_looks(empty: Path) -> None:
    os.mkfifo(empty / CONF)
    with pytest.raises(VolumeConfCorrupt, match="empty"):
        volume.read_conf(empty)


def test_a_config_may_be_a_pipe_that_is_written_slowly(made: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = 'exec 3>"$2"; head -c 9 "$1" >&3; sleep 0.1; tail -c +10 "$1" >&3'
    # The writer opens first, and waits for us there.
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = subprocess.Popen(("sh", "-c", script, "sh", made / CONF, pipe))
    wait_until(lambda: select.select([reading], [], [], 0)[0], what="the first bytes")
    assert volume.read_conf(made, pipe) == volume.read_conf(made)
    os.close(reading)
    assert writer.wait(10) == 0


def test_where_reverse_is_left_out_or_too_much_the_error_says_so(made: Path) -> None:
    with pytest.raises(VolumeConfOfOtherMode, match="for use without -reverse"):
        volume.read_conf(made, reverse=True)
    (made / CONF).rename(made / ".gocryptfs.reverse.conf")
    with pytest.raises(VolumeConfOfOtherMode, match="for use with -reverse"):
        volume.read_conf(made)


def test_a_config_without_an_end_is_refused(empty: Path) -> None:
    with pytest.raises(VolumeConfCorrupt, match="more than"):
        volume.open_volume(empty, secret(OLD), "/dev/zero")


@pytest.mark.parametrize("size", [0, 1, 100, 300])
def test_a_truncated_config_is_damage(made: Path, size: int) -> None:
    (made / CONF).chmod(0o600)
    os.truncate(made / CONF, size)
    with pytest.raises(VolumeConfCorrupt) as caught:
        volume.open_volume(made, secret(OLD))
    assert caught.value.exit_code == 11


def test_the_config_is_judged_before_the_password(made: Path) -> None:
    fields = json.loads((made / CONF).read_bytes())
    (made / CONF).chmod(0o600)
    (made / CONF).write_text(json.dumps({**fields, "FeatureFlags": ["Zukunft"]}))
    for password in (b"", b"wrong", OLD):
        with pytest.raises(VolumeConfUnsupported, match="Zukunft"):
            volume.open_volume(made, secret(password))


def test_a_config_may_come_through_a_pipe(made: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, (made / CONF).read_bytes())
    os.close(writer)
    try:
        assert opens(made, OLD, Path(f"/dev/fd/{reader}"))
    finally:
        os.close(reader)


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_without_a_directory_there_is_no_volume(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "file":
        path.write_bytes(b"")
    for action in (
        lambda: volume.create(path, secret(OLD), 10),
        lambda: volume.open_volume(path, secret(OLD)),
        lambda: change_password(path, OLD, NEW),
        lambda: volume.read_conf(path),
    ):
        with pytest.raises(CipherdirMissing) as caught:
            action()
        assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    ("flags", "limit", "named"),
    [
        (["Zukunft"], 0, "Zukunft"),
        (["GCMIV128", "HKDF"], 0, "EMENames"),
        (["GCMIV128", "EMENames", "LongNameMax"], 61, "LongNameMax=61"),
    ],
)
def test_features_beside_a_master_key_are_checked_as_in_a_config(
    flags: list[str], limit: int, named: str
) -> None:
    with secret(bytes(32)) as master, pytest.raises(VolumeConfUnsupported, match=named) as caught:
        volume.volume_from_master_key(master, flags, limit)
    assert caught.value.exit_code == 27


def test_a_volume_lives_on_a_stick_without_hard_links_and_modes(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    for call in ("link", "fchmod", "fchown"):
        monkeypatch.setattr(os, call, refuse)
    volume.create(empty, secret(OLD), 10).wipe()
    with pytest.raises(CipherdirNotEmpty):
        volume.create(empty, secret(NEW), 10)
    change_password(empty, OLD, NEW)
    assert opens(empty, NEW)
    assert sorted(os.listdir(empty)) == [CONF, DIR_IV]
