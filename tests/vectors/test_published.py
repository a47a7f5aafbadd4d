"""Proves that the primitives are what their specifications say, by published vectors.

published.json holds them with their sources: EME, AES-GCM with a nonce that is not 12 bytes,
AES-SIV, XChaCha20-Poly1305, HKDF, scrypt, and the wrapped master keys and symlinks of volumes
from all ages of gocryptfs.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from slotmaking import typed

from vaultui.cipherfs.volume import volume_of
from vaultui.crypto import masterkey
from vaultui.crypto.hazmat import kdf
from vaultui.crypto.hazmat.aead import Aead, AesGcm, AesSiv, InvalidTag
from vaultui.crypto.hazmat.eme import Eme
from vaultui.crypto.hazmat.xchacha import XChaCha20Poly1305
from vaultui.format.features import Features
from vaultui.format.kdfcost import ScryptCost
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.secret import Secret

VECTORS = json.loads(Path(__file__).with_name("published.json").read_text("ascii"))


def each(kind: str) -> pytest.MarkDecorator:
    vectors = VECTORS[kind]
    return pytest.mark.parametrize("vector", vectors, ids=[v["source"] for v in vectors])


def raw(vector: dict[str, Any], field: str) -> bytes:
    return bytes.fromhex(vector[field])


def secret(data: bytes) -> Secret:
    return Secret(bytearray(data))


@each("eme")
def test_eme_transforms_as_published_and_back(vector: dict[str, Any]) -> None:
    eme = Eme(raw(vector, "key"))
    there, back = eme.encrypt, eme.decrypt
    if vector["direction"] == "decrypt":
        there, back = back, there
    assert there(raw(vector, "tweak"), raw(vector, "in")) == raw(vector, "out")
    assert back(raw(vector, "tweak"), raw(vector, "out")) == raw(vector, "in")


@each("gcm")
def test_gcm_takes_nonces_that_are_not_twelve_bytes(vector: dict[str, Any]) -> None:
    seals_and_opens(AesGcm(raw(vector, "key")), vector)


@each("siv")
def test_siv_takes_the_associated_data_and_then_the_nonce(vector: dict[str, Any]) -> None:
    seals_and_opens(AesSiv(raw(vector, "key")), vector)


@each("s2v")
def test_the_library_chains_associated_data_as_siv_has_it(vector: dict[str, Any]) -> None:
    associated = [bytes.fromhex(part) for part in vector["associated"]]
    sealed = AESSIV(raw(vector, "key")).encrypt(raw(vector, "plain"), associated)
    assert sealed == raw(vector, "sealed")


@each("xchacha")
def test_xchacha_seals_as_published(vector: dict[str, Any]) -> None:
    seals_and_opens(XChaCha20Poly1305(raw(vector, "key")), vector)


def seals_and_opens(aead: Aead, vector: dict[str, Any]) -> None:
    sealed = bytearray(len(raw(vector, "sealed")))
    aead.encrypt_into(raw(vector, "nonce"), raw(vector, "plain"), raw(vector, "ad"), sealed)
    assert bytes(sealed) == raw(vector, "sealed")
    plain = bytearray(len(raw(vector, "plain")))
    aead.decrypt_into(raw(vector, "nonce"), sealed, raw(vector, "ad"), plain)
    assert bytes(plain) == raw(vector, "plain")
    with pytest.raises(InvalidTag):
        aead.decrypt_into(raw(vector, "nonce"), sealed, b"", plain)


@each("hkdf")
def test_hkdf_expands_as_published(vector: dict[str, Any]) -> None:
    out = raw(vector, "out")
    with kdf.hkdf(secret(raw(vector, "key")), raw(vector, "info"), len(out)) as key:
        assert bytes(key.view) == out


@each("scrypt")
def test_scrypt_stretches_as_published(vector: dict[str, Any]) -> None:
    out = raw(vector, "out")
    password = secret(raw(vector, "password"))
    salt = raw(vector, "salt")
    with kdf.scrypt(password, salt, vector["n"], vector["r"], vector["p"], len(out)) as key:
        assert bytes(key.view) == out


@each("master_key")
def test_old_volumes_give_up_their_master_key(vector: dict[str, Any]) -> None:
    conf = VolumeConf(
        creator="",
        encrypted_key=base64.b64decode(vector["encrypted_key"]),
        scrypt=ScryptCost(salt=base64.b64decode(vector["salt"]), n=vector["n"]),
        features=Features.parse(vector["flags"]),
    )
    with masterkey.unwrap(conf, typed(raw(vector, "password"))) as master:
        assert bytes(master.view) == raw(vector, "out")
        content = volume_of(conf.features, master).content
    for stored, target in vector.get("symlinks", {}).items():
        sealed = base64.urlsafe_b64decode(stored + "=" * (-len(stored) % 4))
        assert content.open_value(sealed) == target.encode()
