"""Proves that a volume is made whole or not at all, in every variant, also when we are killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from volumemaking import (
    CONF,
    DIR_IV,
    NEW,
    OLD,
    died_at_call,
    keep_directories_from_the_disk,
    no_file_can_grow,
    opens,
    secret,
)

from vaultui.cipherfs import volume
from vaultui.model.errors import (
    CipherdirNotEmpty,
    FeaturesRefused,
    Fido2TokenNeeded,
    InitFailed,
    PasswordEmpty,
    PasswordTooLong,
    ScryptCostRefused,
    UsageError,
    VaultuiError,
    VolumeConfMissing,
    VolumeConfNotWritten,
)


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


def test_a_volume_for_a_token_keeps_what_the_token_needs_to_know(empty: Path) -> None:
    token = {"CredentialID": "AAEC", "HMACSalt": "AwQF"}
    volume.create(empty, secret(OLD), 10, content="AES-SIV-512", fido2=token).wipe()
    conf = volume.read_conf(empty)
    assert conf.fido2 == token
    assert [flag.value for flag in conf.features.flags][-2:] == ["AESSIV", "FIDO2"]
    with pytest.raises(Fido2TokenNeeded):
        volume.open_volume(empty, secret(OLD))


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


def test_a_creation_that_failed_in_its_last_step_leaves_nothing(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_directories_from_the_disk(monkeypatch)
    with pytest.raises(InitFailed):
        volume.create(empty, secret(OLD), 10)
    assert os.listdir(empty) == []


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
