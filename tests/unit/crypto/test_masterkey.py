"""Proves how a password wraps the master key, and what becomes of keys and costs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
from slotmaking import secret, typed

from vaultui.crypto import masterkey
from vaultui.crypto.hazmat import kdf
from vaultui.crypto.keyslots import Credentials
from vaultui.format.features import (
    DEFAULT_FEATURES,
    ContentScheme,
    FeatureFlag,
    Features,
    NameScheme,
)
from vaultui.format.kdfcost import ScryptCost
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import (
    Fido2TokenNeeded,
    MasterKeyDamaged,
    PasswordEmpty,
    PasswordIncorrect,
    PasswordTooLong,
    ScryptCostTooHigh,
)


def wrapped(password: bytes, *, hkdf: bool = True) -> tuple[VolumeConf, bytes]:
    with masterkey.new_master_key() as master:
        encrypted_key, cost = masterkey.wrap(master, secret(password), 10, hkdf=hkdf)
        features = DEFAULT_FEATURES if hkdf else Features(DEFAULT_FEATURES.flags[1:])
        return VolumeConf("test", encrypted_key, cost, features), bytes(master.view)


@pytest.mark.parametrize(
    "password",
    [b"x", b"p" * 2048, b"\0", b"with\0NUL", "Käse ☃".encode(), b"\xff\xfe\n", b" "],
)
@pytest.mark.parametrize("hkdf", [True, False])
def test_the_password_that_wrapped_unwraps(password: bytes, hkdf: bool) -> None:
    conf, master = wrapped(password, hkdf=hkdf)
    assert len(conf.encrypted_key) == (64 if hkdf else 60)
    assert len(conf.scrypt.salt) == 32
    with masterkey.unwrap(conf, typed(password)) as again:
        assert bytes(again.view) == master


@pytest.mark.parametrize("other", [b"passwor", b"password ", b"Password", b"password\n"])
def test_any_other_password_is_incorrect(other: bytes) -> None:
    conf, _ = wrapped(b"password")
    with pytest.raises(PasswordIncorrect) as caught:
        masterkey.unwrap(conf, typed(other))
    assert caught.value.exit_code == 12


def test_salt_and_nonce_are_fresh_each_time() -> None:
    one, two = wrapped(b"same")[0], wrapped(b"same")[0]
    assert one.scrypt.salt != two.scrypt.salt
    assert one.encrypted_key[:16] != two.encrypted_key[:16]


def test_an_empty_password_and_an_overlong_one_are_refused_unasked() -> None:
    conf, _ = wrapped(b"password")
    with masterkey.new_master_key() as master:
        for password, error in ((b"", PasswordEmpty), (b"p" * 2049, PasswordTooLong)):
            with pytest.raises(error) as caught:
                masterkey.unwrap(conf, typed(password))
            assert caught.value.exit_code == 9
            with pytest.raises(error):
                masterkey.wrap(master, secret(password), 10)


@pytest.mark.parametrize("size", [0, 15, 63, 65])
def test_a_wrapped_key_of_another_length_is_damage_with_the_number_of_a_wrong_password(
    size: int,
) -> None:
    conf, _ = wrapped(b"password")
    with pytest.raises(MasterKeyDamaged, match=f"{size} bytes, not 64") as caught:
        masterkey.unwrap(replace(conf, encrypted_key=bytes(size)), typed(b"password"))
    assert caught.value.exit_code == 12


def test_the_password_stays_the_callers() -> None:
    conf, _ = wrapped(b"password")
    password = secret(b"password")
    masterkey.unwrap(conf, Credentials.typed(password)).wipe()
    assert bytes(password.view) == b"password"


def test_keys_are_derived_apart_and_wiped_together() -> None:
    conf, master = wrapped(b"password")
    keys = masterkey.derive_keys(secret(master), conf.features)
    assert len({bytes(keys.content.view), bytes(keys.names.view), master}) == 3
    keys.wipe()
    assert not keys.content
    assert not keys.names


def test_without_hkdf_both_keys_are_the_master_key() -> None:
    conf, master = wrapped(b"password", hkdf=False)
    assert not conf.features.has(FeatureFlag.HKDF)
    given = secret(master)
    keys = masterkey.derive_keys(given, conf.features)
    given.wipe()
    assert bytes(keys.content.view) == bytes(keys.names.view) == master


@pytest.mark.parametrize(
    ("content", "size", "info"),
    [
        ("AES-256-GCM", 32, b"AES-GCM file content encryption"),
        ("AES-SIV-512", 64, b"AES-SIV file content encryption"),
        ("XChaCha20-Poly1305", 32, b"XChaCha20-Poly1305 file content encryption"),
    ],
)
def test_each_content_cipher_has_a_key_of_its_own(content: str, size: int, info: bytes) -> None:
    features = Features.of_new_volume(ContentScheme(content), NameScheme.EME)
    keys = masterkey.derive_keys(secret(bytes(32)), features)
    assert keys.content.view == kdf.hkdf(secret(bytes(32)), info, size).view
    # The value that gocryptfs's own tests have for the names.
    assert bytes(keys.names.view).hex().startswith("9ba3cddd48c6339c6e56ebe85f0281d6")


def test_siv_without_hkdf_takes_the_hash_of_the_master_key() -> None:
    features = Features.parse(["GCMIV128", "DirIV", "EMENames", "AESSIV"])
    keys = masterkey.derive_keys(secret(bytes(range(32))), features)
    assert bytes(keys.content.view) == hashlib.sha512(bytes(range(32))).digest()
    assert bytes(keys.names.view) == bytes(range(32))


def test_a_volume_with_a_token_takes_no_password() -> None:
    conf, _ = wrapped(b"password")
    features = Features((*conf.features.flags, FeatureFlag.FIDO2))
    with pytest.raises(Fido2TokenNeeded) as caught:
        masterkey.unwrap(replace(conf, features=features), typed(b"password"))
    assert caught.value.exit_code == 1


def test_what_a_token_gave_stands_for_the_password() -> None:
    conf, master = wrapped(b"secret of the token")
    features = Features((*conf.features.flags, FeatureFlag.FIDO2))
    of_token = replace(conf, features=features)
    with masterkey.unwrap(of_token, Credentials(token=secret(b"secret of the token"))) as key:
        assert bytes(key.view) == master
    with pytest.raises(PasswordIncorrect):
        masterkey.unwrap(of_token, Credentials(token=secret(b"of another one")))


def test_no_key_shows_in_a_representation() -> None:
    conf, master = wrapped(b"password")
    keys = masterkey.derive_keys(secret(master), conf.features)
    assert bytes(keys.content.view).hex() not in repr(keys)
    assert repr(keys.content) == "<Secret of 32 bytes>"


def test_a_cost_beyond_this_machine_is_refused_before_it_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conf, _ = wrapped(b"password")
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1 << 18, "SC_PAGE_SIZE": 4096}.get)
    costly = replace(conf, scrypt=ScryptCost(salt=conf.scrypt.salt, n=1 << 21))
    with pytest.raises(ScryptCostTooHigh, match=r"2048 MiB of memory.*1024 MiB") as caught:
        masterkey.unwrap(costly, typed(b"password"))
    assert caught.value.exit_code == 13


def test_too_little_memory_is_said_and_not_a_crash() -> None:
    script = """
        import resource
        from vaultui.crypto import masterkey
        from vaultui.model.errors import ScryptCostTooHigh
        from vaultui.model.secret import Secret
        with masterkey.new_master_key() as master:
            resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
            try:
                masterkey.wrap(master, Secret(bytearray(b"x")), 19)
            except ScryptCostTooHigh as error:
                print(error.summary)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert "takes 512 MiB" in done.stdout


def test_the_memory_of_the_derivation_is_given_back() -> None:
    script = """
        from vaultui.crypto import masterkey
        from vaultui.model.secret import Secret
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096
        with masterkey.new_master_key() as master:
            masterkey.wrap(master, Secret(bytearray(b"x")), 10)
            before = resident()
            masterkey.wrap(master, Secret(bytearray(b"x")), 17)
            print(resident() - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 8 << 20
