"""Proves that a config is written as gocryptfs writes it, and refused in words that help.

What the real program takes and refuses is in tests/vectors.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultui.format import volumeconf
from vaultui.format.features import DEFAULT_FEATURES
from vaultui.format.kdfcost import ScryptCost
from vaultui.format.volumeconf import (
    MAX_CONF_BYTES,
    VolumeConf,
    parse,
)
from vaultui.model.errors import VolumeConfCorrupt, VolumeConfUnsupported

CONF = VolumeConf(
    creator="gocryptfs 2.3",
    encrypted_key=bytes(range(64)),
    scrypt=ScryptCost(salt=bytes(range(32)), n=1 << 16),
)
PATH = "/vault/gocryptfs.conf"


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(volumeconf.format(CONF)), **fields}).encode()


def costing(**fields: Any) -> bytes:
    scrypt = json.loads(volumeconf.format(CONF))["ScryptObject"]
    return changed(ScryptObject={**scrypt, **fields})


def test_a_config_is_tabbed_json_with_a_final_newline() -> None:
    text = volumeconf.format(CONF).decode()
    assert text.startswith('{\n\t"Creator": "gocryptfs 2.3",\n\t"EncryptedKey": "AAEC')
    assert text.endswith('"Raw64"\n\t]\n}\n')
    assert parse(text.encode(), PATH) == CONF


def test_fields_of_a_newer_version_survive() -> None:
    conf = parse(changed(Future={"deep": [1, "ü"]}), PATH)
    assert json.loads(volumeconf.format(conf))["Future"] == {"deep": [1, "ü"]}


def test_nesting_that_is_read_is_written_again() -> None:
    deep = json.loads("[" * 90 + "]" * 90)
    conf = parse(changed(Future=deep), PATH)
    assert json.loads(volumeconf.format(conf))["Future"] == deep


def test_half_a_surrogate_pair_neither_stops_a_config_nor_its_writing() -> None:
    conf = parse(changed(Creator="X", Future="X").replace(b'"X"', b'"\\ud800"'), PATH)
    assert conf.creator == r"\ud800"
    assert parse(volumeconf.format(conf), PATH).creator == r"\ud800"


def test_the_name_of_the_creator_does_not_steer_a_terminal_or_begin_a_line() -> None:
    conf = parse(changed(Creator="\x1b[31mred\nFeatureFlags: none"), PATH)
    assert conf.creator == r"\x1b[31mred\x0aFeatureFlags: none"


def test_the_token_of_a_volume_stays_where_gocryptfs_has_it() -> None:
    token = {"CredentialID": "AAEC", "HMACSalt": "AwQF", "AssertOptions": ["up=false"]}
    flags = ["HKDF", "GCMIV128", "LongNameMax", "EMENames", "FIDO2"]
    conf = parse(changed(FeatureFlags=flags, FIDO2=token, LongNameMax=80), PATH)
    written = json.loads(volumeconf.format(conf))
    assert written["FIDO2"] == token
    assert list(written)[-3:] == ["FeatureFlags", "FIDO2", "LongNameMax"]


def test_a_limit_of_long_names_is_kept() -> None:
    flags = [*(flag.value for flag in DEFAULT_FEATURES.flags), "LongNameMax"]
    conf = parse(changed(FeatureFlags=flags, LongNameMax=100), PATH)
    assert conf.features.long_name_max == 100
    assert json.loads(volumeconf.format(conf))["LongNameMax"] == 100
    assert CONF.features.long_name_max == 255
    assert "LongNameMax" not in json.loads(volumeconf.format(CONF))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"{" * 200_000, "more than 100 lists and objects"),
        (b"[" * 200_000, "more than 100 lists and objects"),
        (changed(Future=json.loads("[" * 101 + "]" * 101)), "more than 100 lists and objects"),
        (b"{" * 99, "not JSON"),
        (b'{"Version": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b" " * (MAX_CONF_BYTES + 1), "more than"),
        (b"\x80\x02 not text", "not JSON"),
        (b'"text"', "not a JSON object"),
        (changed(EncryptedKey="A*=="), "EncryptedKey is not base64"),
        (changed(EncryptedKey="AAAA="), "EncryptedKey is not base64"),
        (changed(EncryptedKey="AAAA===="), "EncryptedKey is not base64"),
        (changed(Future="X").replace(b'"X"', b"1e999"), "not JSON"),
        (changed(Version=True), "Version is of the wrong type"),
        (costing(Salt=5), r"ScryptObject\.Salt is of the wrong type"),
        (changed(LongNameMax=-1), "LongNameMax"),
        (changed(LongNameMax=10**4000), "LongNameMax is out of range"),
        (changed(FIDO2=["token"]), "FIDO2 is of the wrong type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damage_is_refused_with_its_place(data: bytes, reason: str) -> None:
    with pytest.raises(VolumeConfCorrupt, match=reason) as caught:
        parse(data, PATH)
    assert caught.value.exit_code == 11
    assert len(caught.value.summary) < 300


def test_another_version_is_named_as_far_as_a_sentence_goes() -> None:
    for version in (1, 3, 10**4000, -(10**4000)):
        with pytest.raises(VolumeConfUnsupported, match=f"format {str(version)[:10]}") as caught:
            parse(changed(Version=version), PATH)
        assert len(caught.value.summary) < 300


@pytest.mark.parametrize(
    "cost",
    [
        {"N": 1 << 29},
        {"N": 1 << 60},
        {"N": 0},
        {"N": -1024},
        {"N": 1025},
        {"R": 1 << 30},
        {"P": 1 << 30},
        {"N": 1 << 28, "R": 16},
        {"KeyLen": 1 << 30},
        {"KeyLen": 64},
    ],
)
def test_a_hostile_cost_is_refused_before_it_is_tried(cost: dict[str, int]) -> None:
    with pytest.raises(VolumeConfUnsupported, match="scrypt") as caught:
        parse(costing(**cost), PATH)
    assert caught.value.exit_code == 27
    assert len(caught.value.summary) < 300


def test_the_largest_cost_of_gocryptfs_is_still_a_cost() -> None:
    cost = parse(costing(N=1 << 28), PATH).scrypt
    assert cost.logn == 28
    assert cost.memory_bytes == 256 << 30
