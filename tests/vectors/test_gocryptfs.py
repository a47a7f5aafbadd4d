"""Proves that what the real gocryptfs wrote is read byte for byte, and what is broken refused.

Each vector of gocryptfs.json says which part is refused: `tag`, `header`, `name` or `config`;
of configs also with which exit code the real program ended. make_gocryptfs_vectors.py makes
them anew.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs

from vaultui.cipherfs.volume import Volume, volume_of
from vaultui.crypto import masterkey
from vaultui.crypto.content import CorruptBlock
from vaultui.crypto.keyslots import Credentials
from vaultui.format import volumeconf
from vaultui.format.blocks import GCM, HEADER_BYTES, BadHeader, parse_header
from vaultui.format.names import BadName
from vaultui.model.errors import VaultuiError, VolumeConfCorrupt, VolumeConfUnsupported
from vaultui.model.secret import Secret

DOCUMENT = json.loads(Path(__file__).with_name("gocryptfs.json").read_text("utf-8"))
Vector = dict[str, Any]


def each(kind: str, expect: str) -> pytest.MarkDecorator:
    found = [
        vector
        for vector in DOCUMENT["vectors"]
        if vector["kind"] == kind and (vector["expect"] == "ok") == (expect == "ok")
    ]
    assert found
    ids = [vector.get("what") or str(number) for number, vector in enumerate(found)]
    return pytest.mark.parametrize("vector", found, ids=ids)


def raw(vector: Vector, field: str) -> bytes:
    return base64.b64decode(vector[field])


def password() -> Secret:
    return Secret(bytearray(raw(DOCUMENT, "password")))


@pytest.fixture(scope="module")
def volume() -> Volume:
    conf = volumeconf.parse(DOCUMENT["config"].encode(), "gocryptfs.conf")
    with masterkey.unwrap(conf, Credentials.typed(password())) as master:
        assert bytes(master.view) == raw(DOCUMENT, "master_key")
        return volume_of(conf.features, master)


def unwrap(conf: str, path: str) -> Secret:
    return masterkey.unwrap(volumeconf.parse(conf.encode(), path), Credentials.typed(password()))


def read_file(volume: Volume, data: bytes) -> bytes:
    if not data:
        return b""
    file_id = parse_header(data[:HEADER_BYTES])
    return bytes(volume.content.open(0, file_id, data[HEADER_BYTES:]))


@each("config", "ok")
def test_a_config_that_gocryptfs_takes_is_taken(vector: Vector) -> None:
    with unwrap(vector["conf"], "gocryptfs.conf") as master:
        assert bytes(master.view) == raw(DOCUMENT, "master_key")


@each("config", "refused")
def test_a_config_that_gocryptfs_refuses_is_refused_with_its_exit_code(vector: Vector) -> None:
    with pytest.raises(VaultuiError) as caught:
        unwrap(vector["conf"], "/vault/gocryptfs.conf")
    assert caught.value.exit_code == vector["exit_code"]
    of_config = isinstance(caught.value, VolumeConfCorrupt | VolumeConfUnsupported)
    assert of_config == (vector["expect"] == "config")
    assert not of_config or "/vault/gocryptfs.conf" in caught.value.summary


def test_the_config_comes_back_as_gocryptfs_wrote_it() -> None:
    text = DOCUMENT["config"].encode()
    assert volumeconf.format(volumeconf.parse(text, "gocryptfs.conf")) == text


@each("name", "ok")
def test_a_name_decrypts_and_encrypts_to_the_same_text(vector: Vector, volume: Volume) -> None:
    dir_iv, cname = raw(DOCUMENT, "dir_iv"), vector["cipher"].encode()
    assert volume.names.decrypt(cname, dir_iv) == raw(vector, "plain")
    fresh = volume_of(volume.features, Secret(bytearray(raw(DOCUMENT, "master_key")))).names
    assert fresh.encrypt(raw(vector, "plain"), dir_iv) == cname
    on_disk = cname if len(cname) <= 255 else volume.names.hash_long_name(cname)
    assert on_disk == vector["entry"].encode()


@each("name", "refused")
def test_a_broken_name_is_refused(vector: Vector, volume: Volume) -> None:
    with pytest.raises(BadName):
        volume.names.decrypt(vector["cipher"].encode(), raw(DOCUMENT, "dir_iv"))


@each("file", "ok")
def test_a_file_is_read_byte_for_byte(vector: Vector, volume: Volume) -> None:
    data, plain = raw(vector, "data"), raw(vector, "plain")
    assert read_file(volume, data) == plain
    assert GCM.plain_size(len(data)) == len(plain)
    assert GCM.cipher_size(len(plain)) == len(data)


@each("file", "refused")
def test_a_broken_file_is_refused_where_it_is_broken(vector: Vector, volume: Volume) -> None:
    refusal = {"header": BadHeader, "tag": CorruptBlock}[vector["expect"]]
    with pytest.raises(refusal):
        read_file(volume, raw(vector, "data"))


@needs("compiled")
@each("name", "ok")
def test_a_name_is_the_same_to_the_compiled_cipher(vector: Vector, volume: Volume) -> None:
    assert volume.compiled
    assert volume.compiled.names
    dir_iv, name, cname = raw(DOCUMENT, "dir_iv"), raw(vector, "plain"), vector["cipher"].encode()
    assert volume.compiled.names.encrypt(dir_iv, name) == cname
    assert volume.compiled.names.decrypt(dir_iv, cname) == name


@needs("compiled")
@each("name", "refused")
def test_a_broken_name_is_refused_by_the_compiled_cipher(vector: Vector, volume: Volume) -> None:
    assert volume.compiled
    assert volume.compiled.names
    with pytest.raises(ValueError, match="no name"):
        volume.compiled.names.decrypt(raw(DOCUMENT, "dir_iv"), vector["cipher"].encode())


@needs("compiled")
@each("file", "ok")
def test_a_file_is_read_alike_by_the_compiled_cipher(vector: Vector, volume: Volume) -> None:
    assert volume.compiled
    assert volume.compiled.content
    data = raw(vector, "data")
    if data:
        file_id = parse_header(data[:HEADER_BYTES])
        plain = volume.compiled.content.open(0, file_id, data[HEADER_BYTES:])
        assert plain == raw(vector, "plain")


@needs("compiled")
@each("file", "refused")
def test_a_broken_file_is_refused_by_the_compiled_cipher(vector: Vector, volume: Volume) -> None:
    assert volume.compiled
    assert volume.compiled.content
    data = raw(vector, "data")
    if vector["expect"] == "tag":
        with pytest.raises(ValueError, match="damaged"):
            volume.compiled.content.open(0, parse_header(data[:HEADER_BYTES]), data[HEADER_BYTES:])


@each("value", "ok")
def test_a_symlink_target_is_read_byte_for_byte(vector: Vector, volume: Volume) -> None:
    assert volume.content.open_value(raw(vector, "data")) == raw(vector, "plain")


@each("value", "refused")
def test_a_broken_symlink_target_is_refused(vector: Vector, volume: Volume) -> None:
    with pytest.raises(CorruptBlock):
        volume.content.open_value(raw(vector, "data"))


@each("attributes", "ok")
def test_attributes_are_read_with_their_names(vector: Vector, volume: Volume) -> None:
    stored = {os.fsencode(name): base64.b64decode(data) for name, data in vector["cipher"].items()}
    shown = {os.fsencode(name): base64.b64decode(data) for name, data in vector["plain"].items()}
    read = {
        volume.names.decrypt_xattr_name(name): volume.content.open_value(data)
        for name, data in stored.items()
    }
    assert read == shown
    assert {volume.names.encrypt_xattr_name(name) for name in shown} == set(stored)
