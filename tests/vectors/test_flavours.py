"""Proves that every kind of volume that the real gocryptfs mounts is read byte for byte.

The volumes of flavours.json were made by make_gocryptfs_vectors.py; those without HKDF by way
of a master key, because no new gocryptfs makes them any more.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from vaultui.cipherfs.volume import Volume, volume_from_master_key, volume_of
from vaultui.crypto import masterkey
from vaultui.crypto.content import CorruptBlock
from vaultui.crypto.keyslots import Credentials
from vaultui.format import volumeconf
from vaultui.format.blocks import HEADER_BYTES, parse_header
from vaultui.format.features import BadFeatures, FeatureFlag, Features
from vaultui.model.secret import Secret

DOCUMENT = json.loads(Path(__file__).with_name("flavours.json").read_text("utf-8"))
Made = dict[str, Any]
VOLUMES = DOCUMENT["volumes"]
each_volume = pytest.mark.parametrize("made", VOLUMES, ids=lambda made: made["what"])


def raw(vector: Made, field: str) -> bytes:
    return base64.b64decode(vector[field])


def vectors(made: Made, kind: str) -> list[Made]:
    found = [vector for vector in made["vectors"] if vector["kind"] == kind]
    assert found
    return found


def opened(made: Made) -> Volume:
    if "config" not in made:
        with Secret(bytearray(raw(made, "master_key"))) as master:
            return volume_from_master_key(master, made["flags"])
    conf = volumeconf.parse(made["config"].encode(), "gocryptfs.conf")
    password = Secret(bytearray(raw(DOCUMENT, "password")))
    with password, masterkey.unwrap(conf, Credentials.typed(password)) as master:
        return volume_of(conf.features, master)


def test_the_flags_that_gocryptfs_takes_are_taken_and_no_others() -> None:
    # But for two ages: nonces of 12 bytes, which it has given up, and names in CBC, which it
    # takes for names in EME.
    by_gocryptfs = {frozenset(flags.split()) for flags in DOCUMENT["accepted"]}
    in_cbc = {flags for flags in by_gocryptfs if not flags & {"EMENames", "PlaintextNames"}}
    unheard_of = {FeatureFlag.FIDO2, FeatureFlag.KEY_SLOTS}
    known = [flag.value for flag in FeatureFlag if flag not in unheard_of]
    by_us = set()
    for bits in itertools.product((False, True), repeat=len(known)):
        flags = frozenset(itertools.compress(known, bits))
        with contextlib.suppress(BadFeatures):
            Features.parse(flags, 100 if "LongNameMax" in flags else 0)
            by_us.add(flags)
    of_old = by_us - by_gocryptfs
    assert by_gocryptfs - by_us == in_cbc
    assert len(of_old) == 17
    assert not any(flags & {"GCMIV128", "HKDF", "AESSIV"} for flags in of_old)


@each_volume
def test_a_config_comes_back_as_gocryptfs_wrote_it(made: Made) -> None:
    text = made.get("config", "").encode()
    assert not text or volumeconf.format(volumeconf.parse(text, "p")) == text


@each_volume
def test_names_are_those_on_disk(made: Made) -> None:
    dir_iv = raw(made, "dir_iv")
    names, fresh, limit = opened(made).names, opened(made).names, opened(made).features
    assert names.uses_dir_iv == any(dir_iv)
    for vector in vectors(made, "name"):
        cname, plain = vector["cipher"].encode(), raw(vector, "plain")
        assert names.decrypt(cname, dir_iv) == plain
        assert fresh.encrypt(plain, dir_iv) == cname
        on_disk = cname if len(cname) <= limit.long_name_max else names.hash_long_name(cname)
        assert on_disk == vector["entry"].encode()


@each_volume
def test_files_are_read_byte_for_byte(made: Made) -> None:
    content = opened(made).content
    for vector in vectors(made, "file"):
        data, plain = raw(vector, "data"), raw(vector, "plain")
        assert content.layout.plain_size(len(data)) == len(plain)
        assert content.layout.cipher_size(len(plain)) == len(data)
        file_id = parse_header(data[:HEADER_BYTES])
        assert content.open(0, file_id, data[HEADER_BYTES:]) == plain
        run = content.new_run(2)
        run.cipher[: len(data) - HEADER_BYTES] = data[HEADER_BYTES:]
        assert content.open_run(run, 0, file_id, len(data) - HEADER_BYTES) == plain


@each_volume
def test_a_flipped_bit_in_a_file_is_found(made: Made) -> None:
    content = opened(made).content
    data = raw(min(vectors(made, "file"), key=lambda vector: len(vector["data"])), "data")
    for at in range(2, len(data)):
        broken = bytearray(data)
        broken[at] ^= 1
        with pytest.raises(CorruptBlock):
            content.open(0, broken[2:HEADER_BYTES], broken[HEADER_BYTES:])


@pytest.mark.parametrize(
    "made",
    [made for made in VOLUMES if "plaintext" not in made["what"]],
    ids=lambda made: made["what"],
)
def test_symlink_targets_are_read_byte_for_byte(made: Made) -> None:
    volume = opened(made)
    for vector in vectors(made, "value"):
        assert volume.content.open_value(raw(vector, "data")) == raw(vector, "plain")


@each_volume
def test_attributes_are_read_with_their_names(made: Made) -> None:
    volume = opened(made)
    for vector in vectors(made, "attributes"):
        stored = {os.fsencode(name): base64.b64decode(v) for name, v in vector["cipher"].items()}
        shown = {os.fsencode(name): base64.b64decode(v) for name, v in vector["plain"].items()}
        assert shown == {
            volume.names.decrypt_xattr_name(name): volume.content.open_value(value)
            for name, value in stored.items()
        }
        assert {volume.names.encrypt_xattr_name(name) for name in shown} == set(stored)
