"""Proves that a change leaves the old password or the new one, also when it is killed."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from volumemaking import (
    CONF,
    DIR_IV,
    NEW,
    OLD,
    change_password,
    died_at_call,
    keep_directories_from_the_disk,
    no_file_can_grow,
    opens,
    replace_lost,
    secret,
)

from vaultui.cipherfs import conffile, volume
from vaultui.format.kdfcost import ScryptCost
from vaultui.model.errors import (
    Fido2TokenNeeded,
    PasswordEmpty,
    PasswordIncorrect,
    PasswordTooLong,
    VaultuiError,
    VolumeConfCopyExists,
    VolumeConfMissing,
    VolumeConfNotWritten,
)

TESTS = Path(__file__).parents[2]


def test_a_config_elsewhere_is_used_and_changed_there(made: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.conf"
    (made / CONF).rename(elsewhere)
    with pytest.raises(VolumeConfMissing):
        volume.read_conf(made)
    change_password(made, OLD, NEW, config=elsewhere)
    assert opens(made, NEW, elsewhere)
    assert os.listdir(made) == [DIR_IV]


def test_a_config_that_can_only_be_read_is_not_looked_for_elsewhere(made: Path) -> None:
    reading, writing = os.pipe()
    with pytest.raises(VolumeConfNotWritten, match="not a regular file"):
        change_password(made, OLD, NEW, config=Path(f"/dev/fd/{reading}"))
    os.close(reading)
    os.close(writing)


def test_a_change_does_not_wait_for_ever_for_another_that_stands_still(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conffile, "PATIENCE_S", 0.1)
    conf = os.fsencode(made / CONF)
    with conffile.locked(conf), pytest.raises(VolumeConfNotWritten, match="another process"):
        change_password(made, OLD, NEW)
    assert opens(made, OLD)
    change_password(made, OLD, NEW)


def test_the_new_password_opens_what_the_old_one_did(made: Path) -> None:
    before, salt = volume.open_volume(made, secret(OLD)), volume.read_conf(made).scrypt.salt
    change_password(made, OLD, NEW)
    after = volume.open_volume(made, secret(NEW))
    assert not opens(made, OLD)
    assert before.names.encrypt(b"n", bytes(16)) == after.names.encrypt(b"n", bytes(16))
    assert volume.read_conf(made).scrypt.salt != salt
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]
    assert stat.S_IMODE((made / CONF).stat().st_mode) == 0o400


def test_the_cost_stays_unless_another_is_asked_for(made: Path) -> None:
    change_password(made, OLD, NEW)
    assert volume.read_conf(made).scrypt.logn == 10
    change_password(made, NEW, OLD, ScryptCost(b"", n=1 << 12))
    assert volume.read_conf(made).scrypt.logn == 12


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b"wrong", NEW, PasswordIncorrect),
        (OLD, b"", PasswordEmpty),
        (OLD, b"p" * 2049, PasswordTooLong),
    ],
)
def test_a_refused_change_changes_nothing(
    made: Path, old: bytes, new: bytes, error: type[VaultuiError]
) -> None:
    before = (made / CONF).read_bytes()
    with pytest.raises(error):
        change_password(made, old, new)
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_change_that_could_not_be_written_leaves_the_old_config(made: Path) -> None:
    before = (made / CONF).read_bytes()
    with no_file_can_grow(), pytest.raises(VolumeConfNotWritten, match="File too large") as caught:
        change_password(made, OLD, NEW)
    assert caught.value.exit_code == 24
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_change_that_failed_after_the_replacement_is_taken_back(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (made / CONF).read_bytes()
    keep_directories_from_the_disk(monkeypatch)
    with pytest.raises(VolumeConfNotWritten):
        change_password(made, OLD, NEW)
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_config_behind_a_link_is_changed_where_it_lies(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup" / "real.conf"
    target.parent.mkdir()
    (made / CONF).rename(target)
    (made / CONF).symlink_to(target)
    change_password(made, OLD, NEW)
    assert (made / CONF).is_symlink()
    assert opens(made, NEW)
    assert os.listdir(target.parent) == ["real.conf"]


def test_a_lost_password_is_replaced_by_way_of_the_master_key(empty: Path) -> None:
    with volume.create(empty, secret(OLD), 11) as master:
        before = (empty / CONF).read_bytes()
        copy = replace_lost(empty, master, NEW)
        assert copy == str(empty / f"{CONF}.bak")
        assert opens(empty, NEW)
        assert volume.read_conf(empty).scrypt.logn == 11
        assert Path(copy).read_bytes() == before
        assert stat.S_IMODE(Path(copy).stat().st_mode) == 0o400
        # The copy is the only way back from a wrong master key, so none is written over.
        after = (empty / CONF).read_bytes()
        with pytest.raises(VolumeConfCopyExists) as caught:
            replace_lost(empty, master, OLD)
        assert caught.value.exit_code == 7
        assert (empty / CONF).read_bytes() == after
        assert Path(copy).read_bytes() == before


def test_a_refused_change_by_way_of_the_master_key_leaves_no_copy(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (made / CONF).read_bytes()
    replaced: list[object] = []

    def full_disk(*paths: object, **_options: object) -> None:
        replaced.append(paths)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "rename", full_disk)
    with secret(bytes(32)) as master, pytest.raises(VolumeConfNotWritten, match="No space"):
        replace_lost(made, master, NEW)
    assert replaced
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_volume_with_a_token_keeps_its_config_to_itself(made: Path) -> None:
    fields = json.loads((made / CONF).read_bytes())
    fields["FeatureFlags"].append("FIDO2")
    (made / CONF).unlink()
    (made / CONF).write_text(json.dumps(fields))
    for action in (
        lambda: volume.open_volume(made, secret(OLD)),
        lambda: change_password(made, OLD, NEW),
        lambda: replace_lost(made, secret(bytes(32)), NEW),
    ):
        with pytest.raises(Fido2TokenNeeded) as caught:
            action()
        assert caught.value.exit_code == 1
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_the_password_of_a_reverse_volume_changes_too(empty: Path) -> None:
    volume.create(empty, secret(OLD), 10, reverse=True).wipe()
    change_password(empty, OLD, NEW, reverse=True)
    volume.open_volume(empty, secret(NEW), reverse=True)
    assert os.listdir(empty) == [".gocryptfs.reverse.conf"]


def test_what_a_killed_change_left_is_cleared_by_the_next_one(made: Path) -> None:
    left = made / ".gocryptfs.conf.0123456789ab.tmp"
    left.write_bytes(b"half a con")
    change_password(made, OLD, NEW)
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]
    left.write_bytes(b"half a con")
    conffile.remove_leftovers(made)
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_change_that_goes_on_keeps_its_temporary_file(made: Path) -> None:
    writing = made / ".gocryptfs.conf.0123456789ab.tmp"
    writing.write_bytes(b"half a con")
    with conffile.locked(os.fsencode(made / CONF)):
        conffile.remove_leftovers(made)
    assert writing.exists()


def test_two_changes_at_once_end_with_the_password_of_one(made: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from volumemaking import change_password
        from vaultui.format.kdfcost import ScryptCost
        from vaultui.model.errors import PasswordIncorrect
        old, new = (word.encode() for word in sys.argv[2:])
        try:
            change_password(Path(sys.argv[1]), old, new, ScryptCost(b"", n=1 << 14))
        except PasswordIncorrect:
            sys.exit(12)
    """
    words = [b"first", b"second", b"third"]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), made, OLD, word], cwd=TESTS
        )
        for word in words
    ]
    codes = [racer.wait(60) for racer in racers]
    assert sorted(codes) == [0, 12, 12]
    assert opens(made, words[codes.index(0)])
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_the_owner_of_the_config_keeps_it(made: Path) -> None:
    uid = 65534 if os.geteuid() == 0 else os.getuid()
    os.chown(made / CONF, uid, -1)
    change_password(made, OLD, NEW)
    assert (made / CONF).stat().st_uid == uid


def test_fields_of_a_newer_gocryptfs_outlive_a_change(made: Path) -> None:
    fields = json.loads((made / CONF).read_bytes())
    (made / CONF).chmod(0o600)
    (made / CONF).write_text(json.dumps({**fields, "Future": [1]}))
    change_password(made, OLD, NEW)
    assert json.loads((made / CONF).read_bytes())["Future"] == [1]


def test_a_change_that_is_killed_anywhere_leaves_one_password_that_opens(made: Path) -> None:
    before = (made / CONF).read_bytes()
    seen = set()
    for call in range(100):
        died = died_at_call("change", made, call)
        old_opens = opens(made, OLD)
        assert old_opens != opens(made, NEW)
        seen.add(old_opens)
        if not died:
            break
        # The next one cleans up after the killed one; start it from the old password.
        if not old_opens:
            (made / CONF).chmod(0o600)
            (made / CONF).write_bytes(before)
    assert not died
    assert seen == {True, False}
    # What the killed ones left is gone: gocryptfs's check would call it damage.
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]
