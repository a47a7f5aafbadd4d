"""Proves that names depend on their directory, survive the way there and back, and are checked."""

from __future__ import annotations

import os
import threading

import pytest

from vaultui.crypto.filename import (
    FIXED_IV,
    BadName,
    NameCipher,
    Names,
    NameTooLong,
    PlainNames,
)
from vaultui.crypto.hazmat.eme import Eme
from vaultui.format.names import encode_raw

KEY = bytes(range(32))
DIR_IV = bytes(range(16))


@pytest.fixture
def names() -> NameCipher:
    return NameCipher(KEY)


@pytest.mark.parametrize("size", [1, 15, 16, 17, 175, 176, 255])
def test_a_name_comes_back(names: NameCipher, size: int) -> None:
    name = b"n" * size
    cname = names.encrypt(name, DIR_IV)
    assert len(cname) == -(-(size // 16 + 1) * 16 * 4 // 3)
    assert NameCipher(KEY).decrypt(cname, DIR_IV) == name
    assert names.decrypt(cname, DIR_IV) == name


def test_names_of_175_bytes_are_the_longest_that_need_no_hash(names: NameCipher) -> None:
    assert len(names.encrypt(b"n" * 175, DIR_IV)) <= 255 < len(names.encrypt(b"n" * 176, DIR_IV))


def test_a_name_belongs_to_its_directory(names: NameCipher) -> None:
    cname = names.encrypt(b"name", DIR_IV)
    other = bytes(16)
    assert names.encrypt(b"name", other) != cname
    with pytest.raises(BadName, match="does not belong"):
        names.decrypt(cname, other)


def test_padded_volumes_write_padding_and_demand_it() -> None:
    padded = NameCipher(KEY, raw64=False)
    raw = NameCipher(KEY)
    cname = padded.encrypt(b"name", DIR_IV)
    assert cname.endswith(b"==")
    assert cname.rstrip(b"=") == raw.encrypt(b"name", DIR_IV)
    assert padded.decrypt(cname, DIR_IV) == b"name"
    with pytest.raises(BadName):
        padded.decrypt(cname.rstrip(b"="), DIR_IV)
    assert padded.hash_long_name(b"text").endswith(b"=")
    assert not raw.hash_long_name(b"text").endswith(b"=")
    assert padded.encrypt_xattr_name(b"user.a").endswith(b"==")


@pytest.mark.parametrize(
    ("names", "is_plain", "uses_dir_iv", "padded"),
    [
        (NameCipher(KEY), False, True, False),
        (NameCipher(KEY, raw64=False), False, True, True),
        (NameCipher(KEY, uses_dir_iv=False), False, False, False),
        (PlainNames(KEY), True, False, True),
    ],
    ids=["EME", "padded", "deterministic", "plain"],
)
def test_each_scheme_says_what_it_is(
    names: Names, is_plain: bool, uses_dir_iv: bool, padded: bool
) -> None:
    assert (names.is_plain, names.uses_dir_iv, names.padded) == (is_plain, uses_dir_iv, padded)
    cname = names.encrypt(b"name", FIXED_IV)
    assert names.decrypt(cname, FIXED_IV) == b"name"
    assert (cname == b"name") == is_plain


def test_what_has_a_meaning_among_encrypted_names_is_a_plain_name_like_any_other() -> None:
    names = PlainNames(KEY)
    for name in (b"gocryptfs.diriv", b"gocryptfs.longname.x", b"n" * 255, b"\xff", b"a.name"):
        assert names.encrypt(name, FIXED_IV) == names.decrypt(name, FIXED_IV) == name
    for refused in (names.encrypt, names.decrypt):
        with pytest.raises(NameTooLong):
            refused(b"n" * 256, FIXED_IV)


def test_attributes_of_plain_names_are_those_of_padded_ones() -> None:
    stored = PlainNames(KEY).encrypt_xattr_name(b"user.note")
    assert stored.startswith(b"user.gocryptfs.")
    assert stored == NameCipher(KEY, raw64=False).encrypt_xattr_name(b"user.note")
    assert PlainNames(KEY).decrypt_xattr_name(stored) == b"user.note"
    with pytest.raises(BadName):
        PlainNames(KEY).decrypt_xattr_name(b"user.note")


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\0b"])
def test_names_that_cannot_be_are_neither_made_nor_shown(names: NameCipher, name: bytes) -> None:
    with pytest.raises(BadName):
        names.encrypt(name, DIR_IV)
    padding = 16 - len(name) % 16
    hostile = encode_raw(Eme(KEY).encrypt(DIR_IV, name + bytes([padding]) * padding))
    with pytest.raises(BadName):
        names.decrypt(hostile, DIR_IV)


def test_a_name_that_is_too_long_is_said_to_be_so(names: NameCipher) -> None:
    with pytest.raises(NameTooLong):
        names.encrypt(b"n" * 256, DIR_IV)
    hostile = encode_raw(Eme(KEY).encrypt(DIR_IV, b"n" * 271 + b"\1"))
    with pytest.raises(NameTooLong):
        names.decrypt(hostile, DIR_IV)
    with pytest.raises(NameTooLong):
        names.decrypt(encode_raw(bytes(1 << 16)), DIR_IV)


@pytest.mark.parametrize("last", [0, 17, 255])
def test_padding_that_was_never_written_is_refused(names: NameCipher, last: int) -> None:
    cname = encode_raw(Eme(KEY).encrypt(DIR_IV, b"n" * 15 + bytes([last])))
    with pytest.raises(BadName):
        names.decrypt(cname, DIR_IV)


def test_padding_must_be_the_same_all_through(names: NameCipher) -> None:
    cname = encode_raw(Eme(KEY).encrypt(DIR_IV, b"n" * 12 + b"\4\4\3\4"))
    with pytest.raises(BadName):
        names.decrypt(cname, DIR_IV)


@pytest.mark.parametrize("name", [b"user.foo", b"security.selinux", b"system.x" + b"y" * 160])
def test_attribute_names_come_back(names: NameCipher, name: bytes) -> None:
    stored = names.encrypt_xattr_name(name)
    assert stored.startswith(b"user.gocryptfs.")
    assert names.decrypt_xattr_name(stored) == name


@pytest.mark.parametrize("stored", [b"user.other", b"user.gocryptfs.", b"user.gocryptfs.AAAA"])
def test_attributes_that_are_not_of_the_vault_are_refused(names: NameCipher, stored: bytes) -> None:
    with pytest.raises(BadName):
        names.decrypt_xattr_name(stored)


def test_answers_stay_right_when_more_names_are_seen_than_are_remembered(
    names: NameCipher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaultui.crypto.filename._CACHED", 8)
    wanted = {b"%d" % n: NameCipher(KEY).encrypt(b"%d" % n, DIR_IV) for n in range(50)}
    for _ in range(2):
        for name, cname in wanted.items():
            assert names.encrypt(name, DIR_IV) == cname
            assert names.decrypt(cname, DIR_IV) == name
    assert sum(map(len, (names._encrypted._young, names._encrypted._old))) <= 16


def test_threads_get_the_same_answers(names: NameCipher) -> None:
    alone = NameCipher(KEY)
    wanted = [(os.urandom(40).hex().encode(), os.urandom(16)) for _ in range(300)]
    expected = [alone.encrypt(name, dir_iv) for name, dir_iv in wanted]
    got: list[list[bytes]] = []

    def work() -> None:
        got.append([names.encrypt(name, dir_iv) for name, dir_iv in wanted])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 4


def test_wiping_the_key_buffer_leaves_the_cipher_working() -> None:
    key = bytearray(KEY)
    names = NameCipher(key)
    key[:] = bytes(32)
    assert names.encrypt(b"name", DIR_IV) == NameCipher(KEY).encrypt(b"name", DIR_IV)
