"""Proves that volumes are made and re-keyed whole or not at all, also when we are killed."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vaultui.cipherfs import conffile, volume
from vaultui.model.errors import (
    CipherdirMissing,
    CipherdirNotEmpty,
    FeaturesRefused,
    Fido2TokenNeeded,
    InitFailed,
    PasswordEmpty,
    PasswordIncorrect,
    PasswordTooLong,
    ScryptCostRefused,
    UsageError,
    VaultuiError,
    VolumeConfCopyExists,
    VolumeConfCorrupt,
    VolumeConfMissing,
    VolumeConfNotWritten,
    VolumeConfUnreadable,
    VolumeConfUnsupported,
)
from vaultui.model.secret import Secret

OLD, NEW = b"old password", b"new password"
CONF, DIR_IV = "gocryptfs.conf", "gocryptfs.diriv"


def secret(text: bytes) -> Secret:
    return Secret(bytearray(text))


def opens(cipherdir: Path, password: bytes, config: Path | None = None) -> bool:
    try:
        volume.open_volume(cipherdir, secret(password), config)
    except PasswordIncorrect:
        return False
    return True


@contextmanager
def no_file_can_grow() -> Iterator[None]:
    """Make each write to a file fail (EFBIG), as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    cipherdir = tmp_path / "cipher"
    cipherdir.mkdir()
    return cipherdir


@pytest.fixture
def made(empty: Path) -> Path:
    volume.create(empty, secret(OLD), 10).wipe()
    return empty


def test_a_new_volume_has_an_iv_a_config_and_nothing_else(empty: Path) -> None:
    with volume.create(empty, secret(OLD), 11) as master:
        assert len(master) == 32
        assert any(master.view)
    assert sorted(os.listdir(empty)) == [CONF, DIR_IV]
    assert stat.S_IMODE((empty / CONF).stat().st_mode) == 0o400
    assert stat.S_IMODE((empty / DIR_IV).stat().st_mode) == 0o444
    dir_iv = (empty / DIR_IV).read_bytes()
    assert len(dir_iv) == 16
    assert any(dir_iv)
    assert volume.read_conf(empty).scrypt.logn == 11
    assert opens(empty, OLD)
    assert not opens(empty, NEW)


def test_the_returned_master_key_is_the_one_of_the_volume(empty: Path) -> None:
    with volume.create(empty, secret(OLD), 10) as master:
        known = volume.volume_of(volume.read_conf(empty).features, master)
    opened = volume.open_volume(empty, secret(OLD))
    dir_iv = bytes(range(16))
    assert known.names.encrypt(b"name", dir_iv) == opened.names.encrypt(b"name", dir_iv)
    assert opened.content.open(0, b"i" * 16, known.content.seal(0, b"i" * 16, b"x")) == b"x"


def test_two_volumes_have_nothing_in_common(tmp_path: Path) -> None:
    seen = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with volume.create(tmp_path / name, secret(OLD), 10) as master:
            seen |= {bytes(master.view), (tmp_path / name / DIR_IV).read_bytes()}
    assert len(seen) == 4


@pytest.mark.parametrize("name", ["Ü, a\\b", os.fsdecode(b"\xff\xfe"), "with\nline"])
def test_any_name_of_a_directory_will_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    volume.create(tmp_path / name, secret(OLD), 10).wipe()
    assert opens(tmp_path / name, OLD)


def test_a_directory_with_something_in_it_is_left_alone(empty: Path) -> None:
    (empty / "tax.pdf").write_bytes(b"x")
    with pytest.raises(CipherdirNotEmpty, match=r"tax\.pdf") as caught:
        volume.create(empty, secret(OLD), 10)
    assert caught.value.exit_code == 6
    assert os.listdir(empty) == ["tax.pdf"]


def test_no_volume_is_made_over_a_volume(made: Path) -> None:
    before = (made / CONF).read_bytes()
    with pytest.raises(CipherdirNotEmpty):
        volume.create(made, secret(NEW), 10)
    assert (made / CONF).read_bytes() == before


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_without_a_directory_there_is_no_volume(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "file":
        path.write_bytes(b"")
    for action in (
        lambda: volume.create(path, secret(OLD), 10),
        lambda: volume.open_volume(path, secret(OLD)),
        lambda: volume.change_password(path, secret(OLD), secret(NEW)),
        lambda: volume.read_conf(path),
    ):
        with pytest.raises(CipherdirMissing) as caught:
            action()
        assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    ("password", "logn", "error", "exit_code"),
    [
        (b"", 10, PasswordEmpty, 9),
        (b"p" * 2049, 10, PasswordTooLong, 9),
        (OLD, 9, ScryptCostRefused, 24),
        (OLD, 29, ScryptCostRefused, 24),
    ],
)
def test_what_no_volume_can_have_is_refused_before_anything_is_written(
    empty: Path, password: bytes, logn: int, error: type[VaultuiError], exit_code: int
) -> None:
    with pytest.raises(error) as caught:
        volume.create(empty, secret(password), logn)
    assert caught.value.exit_code == exit_code
    assert os.listdir(empty) == []


def test_a_volume_that_could_not_be_written_leaves_the_directory_empty(empty: Path) -> None:
    with no_file_can_grow(), pytest.raises(InitFailed, match="File too large") as caught:
        volume.create(empty, secret(OLD), 10)
    assert caught.value.exit_code == 7
    assert os.listdir(empty) == []


def test_two_at_once_make_one_volume(empty: Path) -> None:
    script = """
        import sys
        from vaultui.cipherfs import volume
        from vaultui.model.errors import VaultuiError
        from vaultui.model.secret import Secret
        try:
            volume.create(sys.argv[1], Secret(bytearray(sys.argv[2].encode())), 14).wipe()
        except VaultuiError as error:
            sys.exit(error.exit_code)
    """
    words = [b"first", b"second", b"third"]
    racers = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), empty, word])
        for word in words
    ]
    codes = [racer.wait(60) for racer in racers]
    assert codes.count(0) == 1
    assert set(codes) <= {0, 6, 7}
    assert opens(empty, words[codes.index(0)])
    assert sorted(os.listdir(empty)) == [CONF, DIR_IV]


def test_what_a_killed_creation_left_does_not_stand_in_the_way(empty: Path) -> None:
    (empty / DIR_IV).write_bytes(bytes(range(16)))
    (empty / ".gocryptfs.conf.0123456789ab.tmp").write_bytes(b"half a con")
    (empty / ".gocryptfs.diriv.0123456789ab.tmp").write_bytes(b"")
    volume.check_creatable(empty)
    volume.create(empty, secret(OLD), 10).wipe()
    assert sorted(os.listdir(empty)) == [CONF, DIR_IV]
    # It may have been an empty volume with its config elsewhere: the IV is that one's too.
    assert (empty / DIR_IV).read_bytes() == bytes(range(16))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (DIR_IV, b"short"),
        (DIR_IV, bytes(16)),
        (DIR_IV, bytes(range(17))),
        (".gocryptfs.conf.tmp", b""),
        (".gocryptfs.notes.0123456789ab.tmp", b""),
        ("gocryptfs.longname.x", b""),
    ],
)
def test_what_only_looks_like_a_killed_creation_is_left_alone(
    empty: Path, name: str, content: bytes
) -> None:
    (empty / name).write_bytes(content)
    with pytest.raises(CipherdirNotEmpty):
        volume.check_creatable(empty)
    with pytest.raises(CipherdirNotEmpty):
        volume.create(empty, secret(OLD), 10)
    assert os.listdir(empty) == [name]


def test_an_iv_that_somebody_linked_is_not_followed(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "iv").write_bytes(bytes(range(16)))
    (empty / DIR_IV).symlink_to(tmp_path / "iv")
    with pytest.raises(CipherdirNotEmpty):
        volume.create(empty, secret(OLD), 10)


def test_names_without_ivs_take_no_directory_with_one(empty: Path) -> None:
    (empty / DIR_IV).write_bytes(bytes(range(16)))
    for names in ("deterministic", "plaintext"):
        with pytest.raises(CipherdirNotEmpty):
            volume.create(empty, secret(OLD), 10, names=names)


FLAVOURS = [
    ({}, "HKDF GCMIV128 DirIV EMENames LongNames Raw64"),
    ({"content": "AES-SIV-512"}, "HKDF GCMIV128 DirIV EMENames LongNames Raw64 AESSIV"),
    ({"content": "XChaCha20-Poly1305"}, "HKDF XChaCha20Poly1305 DirIV EMENames LongNames Raw64"),
    ({"names": "deterministic"}, "HKDF GCMIV128 EMENames LongNames Raw64"),
    ({"names": "plaintext", "long_name_max": 99}, "HKDF GCMIV128 PlaintextNames"),
    ({"long_name_max": 62}, "HKDF GCMIV128 DirIV LongNameMax EMENames LongNames Raw64"),
    ({"reverse": True}, "HKDF GCMIV128 DirIV EMENames LongNames Raw64 AESSIV"),
    ({"reverse": True, "names": "plaintext"}, "HKDF GCMIV128 PlaintextNames AESSIV"),
    (
        {"reverse": True, "names": "deterministic", "long_name_max": 255},
        "HKDF GCMIV128 LongNameMax EMENames LongNames Raw64 AESSIV",
    ),
]


@pytest.mark.parametrize(("options", "flags"), FLAVOURS, ids=lambda value: str(value)[:40])
def test_each_flavour_has_the_flags_that_gocryptfs_gives_it(
    empty: Path, options: dict[str, Any], flags: str
) -> None:
    reverse = bool(options.get("reverse"))
    with volume.create(empty, secret(OLD), 10, **options) as master:
        features = volume.read_conf(empty, reverse=reverse).features
        assert [flag.value for flag in features.flags] == flags.split()
        sealed = volume.open_volume(empty, secret(OLD), reverse=reverse).content.seal(
            0, bytes(16), b"x"
        )
        by_key = volume.volume_from_master_key(
            master, flags.split(), features.long_name_max if "LongNameMax" in flags else 0
        )
        assert by_key.features == features
        assert by_key.content.open(0, bytes(16), sealed) == b"x"
    has_iv = "DirIV" in flags and not reverse
    conf = ".gocryptfs.reverse.conf" if reverse else CONF
    assert sorted(os.listdir(empty)) == [conf] + [DIR_IV] * has_iv


def test_a_plain_directory_keeps_what_it_holds(empty: Path) -> None:
    (empty / "tax.pdf").write_bytes(b"x")
    (empty / CONF).write_bytes(b"of another volume")
    volume.create(empty, secret(OLD), 10, reverse=True).wipe()
    assert (empty / CONF).read_bytes() == b"of another volume"
    assert (empty / "tax.pdf").read_bytes() == b"x"
    with pytest.raises(InitFailed, match="reverse") as caught:
        volume.create(empty, secret(OLD), 10, reverse=True)
    assert caught.value.exit_code == 7


@pytest.mark.parametrize(
    ("options", "error", "exit_code"),
    [
        ({"reverse": True, "content": "XChaCha20-Poly1305"}, FeaturesRefused, 24),
        ({"long_name_max": 61}, UsageError, 1),
        ({"long_name_max": 256}, UsageError, 1),
        ({"long_name_max": 61, "names": "plaintext"}, UsageError, 1),
        ({"content": "ROT13"}, UsageError, 1),
        ({"names": "ROT13"}, UsageError, 1),
    ],
)
def test_a_flavour_that_cannot_be_is_refused_before_anything_is_written(
    empty: Path, options: dict[str, Any], error: type[VaultuiError], exit_code: int
) -> None:
    with pytest.raises(error) as caught:
        volume.create(empty, secret(OLD), 10, **options)
    assert caught.value.exit_code == exit_code
    assert os.listdir(empty) == []


def test_a_given_master_key_is_wrapped_and_stays_with_its_owner(empty: Path) -> None:
    with secret(bytes(range(32))) as given:
        with volume.create(empty, secret(OLD), 10, master=given) as master:
            assert master.view == given.view
        assert bytes(given.view) == bytes(range(32))
        known = volume.volume_from_master_key(
            given, ["HKDF", "GCMIV128", "DirIV", "EMENames", "LongNames", "Raw64"]
        )
    opened = volume.open_volume(empty, secret(OLD))
    assert opened.names.encrypt(b"n", bytes(16)) == known.names.encrypt(b"n", bytes(16))


def test_a_config_may_be_made_elsewhere_but_over_nothing(empty: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "usb" / "my.conf"
    with pytest.raises(VolumeConfNotWritten, match="No such file") as unwritable:
        volume.create(empty, secret(OLD), 10, config_path=elsewhere)
    assert unwritable.value.exit_code == 24
    assert os.listdir(empty) == []
    elsewhere.parent.mkdir()
    volume.create(empty, secret(OLD), 10, config_path=elsewhere).wipe()
    assert os.listdir(empty) == [DIR_IV]
    assert opens(empty, OLD, elsewhere)
    with pytest.raises(InitFailed, match=r"my\.conf") as taken:
        volume.create(empty, secret(NEW), 10, config_path=elsewhere)
    assert taken.value.exit_code == 7
    assert opens(empty, OLD, elsewhere)


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


def test_a_config_elsewhere_is_used_and_changed_there(made: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.conf"
    (made / CONF).rename(elsewhere)
    with pytest.raises(VolumeConfMissing):
        volume.read_conf(made)
    volume.change_password(made, secret(OLD), secret(NEW), config_path=elsewhere)
    assert opens(made, NEW, elsewhere)
    assert os.listdir(made) == [DIR_IV]


def test_a_config_may_come_through_a_pipe(made: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, (made / CONF).read_bytes())
    os.close(writer)
    try:
        assert opens(made, OLD, Path(f"/dev/fd/{reader}"))
    finally:
        os.close(reader)


def test_the_new_password_opens_what_the_old_one_did(made: Path) -> None:
    before, salt = volume.open_volume(made, secret(OLD)), volume.read_conf(made).scrypt.salt
    volume.change_password(made, secret(OLD), secret(NEW))
    after = volume.open_volume(made, secret(NEW))
    assert not opens(made, OLD)
    assert before.names.encrypt(b"n", bytes(16)) == after.names.encrypt(b"n", bytes(16))
    assert volume.read_conf(made).scrypt.salt != salt
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]
    assert stat.S_IMODE((made / CONF).stat().st_mode) == 0o400


def test_the_cost_stays_unless_another_is_asked_for(made: Path) -> None:
    volume.change_password(made, secret(OLD), secret(NEW))
    assert volume.read_conf(made).scrypt.logn == 10
    volume.change_password(made, secret(NEW), secret(OLD), 12)
    assert volume.read_conf(made).scrypt.logn == 12


@pytest.mark.parametrize(
    ("old", "new", "logn", "error"),
    [
        (b"wrong", NEW, None, PasswordIncorrect),
        (OLD, b"", None, PasswordEmpty),
        (OLD, b"p" * 2049, None, PasswordTooLong),
        (OLD, NEW, 9, ScryptCostRefused),
        (OLD, NEW, 29, ScryptCostRefused),
    ],
)
def test_a_refused_change_changes_nothing(
    made: Path, old: bytes, new: bytes, logn: int | None, error: type[VaultuiError]
) -> None:
    before = (made / CONF).read_bytes()
    with pytest.raises(error):
        volume.change_password(made, secret(old), secret(new), logn)
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_change_that_could_not_be_written_leaves_the_old_config(made: Path) -> None:
    before = (made / CONF).read_bytes()
    with no_file_can_grow(), pytest.raises(VolumeConfNotWritten, match="File too large") as caught:
        volume.change_password(made, secret(OLD), secret(NEW))
    assert caught.value.exit_code == 24
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def keep_directories_from_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make fsync fail for directories, which is what comes after the rename."""
    fsync = os.fsync

    def failing(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", failing)


def test_a_change_that_failed_after_the_replacement_is_taken_back(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (made / CONF).read_bytes()
    keep_directories_from_the_disk(monkeypatch)
    with pytest.raises(VolumeConfNotWritten):
        volume.change_password(made, secret(OLD), secret(NEW))
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_creation_that_failed_in_its_last_step_leaves_nothing(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_directories_from_the_disk(monkeypatch)
    with pytest.raises(InitFailed):
        volume.create(empty, secret(OLD), 10)
    assert os.listdir(empty) == []


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
    volume.change_password(empty, secret(OLD), secret(NEW))
    assert opens(empty, NEW)
    assert sorted(os.listdir(empty)) == [CONF, DIR_IV]


def test_a_config_behind_a_link_is_changed_where_it_lies(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup" / "real.conf"
    target.parent.mkdir()
    (made / CONF).rename(target)
    (made / CONF).symlink_to(target)
    volume.change_password(made, secret(OLD), secret(NEW))
    assert (made / CONF).is_symlink()
    assert opens(made, NEW)
    assert os.listdir(target.parent) == ["real.conf"]


def test_a_lost_password_is_replaced_by_way_of_the_master_key(empty: Path) -> None:
    with volume.create(empty, secret(OLD), 11) as master:
        before = (empty / CONF).read_bytes()
        copy = volume.change_password(empty, master, secret(NEW), from_master_key=True)
        assert copy == str(empty / f"{CONF}.bak")
        assert opens(empty, NEW)
        assert volume.read_conf(empty).scrypt.logn == 11
        assert Path(copy).read_bytes() == before
        assert stat.S_IMODE(Path(copy).stat().st_mode) == 0o400
        # The copy is the only way back from a wrong master key, so none is written over.
        after = (empty / CONF).read_bytes()
        with pytest.raises(VolumeConfCopyExists) as caught:
            volume.change_password(empty, master, secret(OLD), from_master_key=True)
        assert caught.value.exit_code == 7
        assert (empty / CONF).read_bytes() == after
        assert Path(copy).read_bytes() == before


def test_a_volume_with_a_token_keeps_its_config_to_itself(made: Path) -> None:
    fields = json.loads((made / CONF).read_bytes())
    fields["FeatureFlags"].append("FIDO2")
    (made / CONF).unlink()
    (made / CONF).write_text(json.dumps(fields))
    for action in (
        lambda: volume.open_volume(made, secret(OLD)),
        lambda: volume.change_password(made, secret(OLD), secret(NEW)),
        lambda: volume.change_password(made, secret(bytes(32)), secret(NEW), from_master_key=True),
    ):
        with pytest.raises(Fido2TokenNeeded) as caught:
            action()
        assert caught.value.exit_code == 1
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_the_password_of_a_reverse_volume_changes_too(empty: Path) -> None:
    volume.create(empty, secret(OLD), 10, reverse=True).wipe()
    volume.change_password(empty, secret(OLD), secret(NEW), reverse=True)
    volume.open_volume(empty, secret(NEW), reverse=True)
    assert os.listdir(empty) == [".gocryptfs.reverse.conf"]


def test_what_a_killed_change_left_is_cleared_by_the_next_one(made: Path) -> None:
    left = made / ".gocryptfs.conf.0123456789ab.tmp"
    left.write_bytes(b"half a con")
    volume.change_password(made, secret(OLD), secret(NEW))
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
        from vaultui.cipherfs import volume
        from vaultui.model.errors import PasswordIncorrect
        from vaultui.model.secret import Secret
        old, new = (Secret(bytearray(word.encode())) for word in sys.argv[2:])
        try:
            volume.change_password(sys.argv[1], old, new, 14)
        except PasswordIncorrect:
            sys.exit(12)
    """
    words = [b"first", b"second", b"third"]
    racers = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), made, OLD, word])
        for word in words
    ]
    codes = [racer.wait(60) for racer in racers]
    assert sorted(codes) == [0, 12, 12]
    assert opens(made, words[codes.index(0)])
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_the_owner_of_the_config_keeps_it(made: Path) -> None:
    uid = 65534 if os.geteuid() == 0 else os.getuid()
    os.chown(made / CONF, uid, -1)
    volume.change_password(made, secret(OLD), secret(NEW))
    assert (made / CONF).stat().st_uid == uid


def test_fields_of_a_newer_gocryptfs_outlive_a_change(made: Path) -> None:
    fields = json.loads((made / CONF).read_bytes())
    (made / CONF).chmod(0o600)
    (made / CONF).write_text(json.dumps({**fields, "Future": [1]}))
    volume.change_password(made, secret(OLD), secret(NEW))
    assert json.loads((made / CONF).read_bytes())["Future"] == [1]


CALLS = ("open", "read", "write", "fsync", "fchmod", "link", "rename", "unlink", "close")
DYING = f"""
import os, sys
from pathlib import Path
from vaultui.cipherfs import volume
from vaultui.model.secret import Secret

action, cipherdir, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def dying(call):
    def do(*args, **kwargs):
        global left
        if left == 0:
            os._exit(99)  # as SIGKILL would: nothing is flushed, no handler runs
        left -= 1
        return call(*args, **kwargs)
    return do

for name in {CALLS!r}:
    setattr(os, name, dying(getattr(os, name)))
old, new = (Secret(bytearray(text)) for text in ({OLD!r}, {NEW!r}))
if action == "create":
    volume.create(cipherdir, new, 10)
else:
    volume.change_password(cipherdir, old, new)
"""


def died_at_call(action: str, cipherdir: Path, call: int) -> bool:
    """Do `action` in a process that ends just before its system call number `call`."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DYING), action, cipherdir, str(call)],
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode in (0, 99), done.stderr.decode()
    return done.returncode == 99


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


def test_a_creation_that_is_killed_anywhere_leaves_a_whole_volume_or_room_for_one(
    tmp_path: Path,
) -> None:
    whole = 0
    for call in range(100):
        cipherdir = tmp_path / str(call)
        cipherdir.mkdir()
        died = died_at_call("create", cipherdir, call)
        if (cipherdir / CONF).exists():
            whole += 1
        else:
            with pytest.raises(VolumeConfMissing):
                volume.read_conf(cipherdir)
            volume.create(cipherdir, secret(NEW), 10).wipe()
            assert sorted(os.listdir(cipherdir)) == [CONF, DIR_IV]
        assert opens(cipherdir, NEW)
        assert len((cipherdir / DIR_IV).read_bytes()) == 16
        if not died:
            break
    assert not died
    assert whole > 1
