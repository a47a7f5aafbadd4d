"""Proves that key slots come back as they were written, and that what is no slot is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from slotmaking import EACH_KIND, conf_with, secret

from vaultui.format import volumeconf
from vaultui.format.keyslots import MAX_SLOTS
from vaultui.model.errors import VolumeConfCorrupt, VolumeConfUnsupported

CONF = conf_with(secret(bytes(32)))
TEXT = volumeconf.format(CONF)

ARGON2ID = {
    "Name": "argon2id",
    "Salt": "A" * 22 + "==",
    "MemoryKiB": 65536,
    "Passes": 3,
    "Lanes": 4,
}
SCRYPT = {"Name": "scrypt", "Salt": "A" * 43 + "=", "N": 65536, "R": 8, "P": 1}


def parsed(fields: dict[str, Any]) -> volumeconf.VolumeConf:
    return volumeconf.parse(json.dumps(fields).encode(), "/vault/gocryptfs.conf")


def with_slot(**changes: Any) -> dict[str, Any]:
    """Return the fields of the config, its second slot changed."""
    fields: dict[str, Any] = json.loads(TEXT)
    fields["VaultuiKeySlots"]["Slots"][1].update(changes)
    return fields


def with_slots(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(TEXT)
    fields["VaultuiKeySlots"].update(changes)
    return fields


def test_what_was_written_is_read() -> None:
    assert volumeconf.parse(TEXT, "p") == CONF
    assert volumeconf.format(volumeconf.parse(TEXT, "p")) == TEXT


def test_the_fields_of_gocryptfs_hold_no_key() -> None:
    fields = json.loads(TEXT)
    assert fields["EncryptedKey"] == ""
    salt = fields["ScryptObject"].pop("Salt")
    assert base64.b64decode(salt) == bytes(32)
    assert fields["ScryptObject"] == {"N": 1024, "R": 8, "P": 1, "KeyLen": 32}
    assert fields["FeatureFlags"][-1] == "VaultuiKeySlots"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (with_slots(Version=2), "key slots of version 2, not 1"),
        (with_slots(Version=10**900), "key slots of version 1"),
        (with_slot(Kind="retina"), "unknown kind 'retina'"),
        (with_slot(Kind="recovery-key"), "recovery-key with the derivation"),
        (with_slot(KDF={"Name": "none"}), "password with the derivation none"),
        (with_slot(KDF={"Name": "md5"}), "unknown key derivation 'md5'"),
        (with_slot(KDF={**ARGON2ID, "MemoryKiB": 1 << 23}), "Argon2id memory"),
        (with_slot(KDF={**ARGON2ID, "MemoryKiB": 1023}), "Argon2id memory"),
        (with_slot(KDF={**ARGON2ID, "MemoryKiB": -(10**900)}), "Argon2id memory"),
        (with_slot(KDF={**ARGON2ID, "Passes": 1 << 11}), "would take minutes"),
        (with_slot(KDF={**ARGON2ID, "Passes": 0}), "without a pass"),
        (with_slot(KDF={**ARGON2ID, "Lanes": 65}), "lanes"),
        (with_slot(KDF={**ARGON2ID, "Lanes": 0}), "lanes"),
        (with_slot(KDF={**ARGON2ID, "Salt": "AAAA"}), "salt"),
        (with_slot(KDF={**SCRYPT, "N": 512}), "scrypt cost N"),
        (with_slot(KDF={**SCRYPT, "N": 1 << 29}), "scrypt cost N"),
        (with_slot(KDF={**SCRYPT, "P": 1 << 20}), "would take minutes"),
        # Half an hour, in less memory than every machine has.
        (with_slot(KDF={**SCRYPT, "N": 1 << 18, "P": 1 << 11}), "would take minutes"),
        (with_slot(KDF={**SCRYPT, "N": 1 << 26}), "together would take minutes"),
    ],
)
def test_what_is_not_to_be_tried_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(VolumeConfUnsupported, match="/vault/gocryptfs") as caught:
        parsed(fields)
    assert reason in caught.value.summary
    assert caught.value.exit_code == 27


def test_slots_that_are_costly_together_are_refused() -> None:
    # Each would end by itself.
    slots = [
        {
            **json.loads(TEXT)["VaultuiKeySlots"]["Slots"][0],
            "ID": f"{number:02}" + "A" * 20 + "==",
            "KDF": {**SCRYPT, "N": 1 << 23},
        }
        for number in range(5)
    ]
    with pytest.raises(VolumeConfUnsupported, match="together"):
        parsed(with_slots(Slots=slots))


@pytest.mark.parametrize(
    "fields",
    [
        with_slots(Slots=[]),
        with_slots(Slots=json.loads(TEXT)["VaultuiKeySlots"]["Slots"][:1] * 2),
        with_slots(Slots=json.loads(TEXT)["VaultuiKeySlots"]["Slots"] * MAX_SLOTS),
        with_slots(Slots=[1]),
        with_slots(Slots={}),
        with_slots(MAC="AAAA"),
        with_slots(MAC=None),
        with_slots(mac="A" * 43 + "="),
        with_slots(More=1),
        with_slot(ID="AAAA"),
        with_slot(EncryptedKey=""),
        with_slot(Created=-1),
        with_slot(Created=1 << 50),
        with_slot(Created=1.5),
        with_slot(Label="x" * 65),
        with_slot(Label="\x1b[31m"),
        with_slot(Label="\ud800"),
        with_slot(Label=None),
        with_slot(label="twice"),
        with_slot(KDF={**ARGON2ID, "More": 1}),
        with_slot(KDF=None, kdf=ARGON2ID),
        {**json.loads(TEXT), "Float": 0.5},
        {**json.loads(TEXT), "FIDO2": None},
        {**json.loads(TEXT), "encryptedkey": ""},
    ],
    ids=lambda fields: "",
)
def test_what_is_no_list_of_slots_is_damage(fields: dict[str, Any]) -> None:
    with pytest.raises((VolumeConfCorrupt, VolumeConfUnsupported)):
        parsed(fields)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"Creator":', b'"Creator": "first", "Creator":'),
        (b'"Label": "in', b'"Label": "", "Label": "in'),
        (b'"test"', b'"te\xffst"'),
        (b'"test"', b'"te\\ud800st"'),
    ],
)
def test_what_can_be_read_in_two_ways_is_damage(old: bytes, new: bytes) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(VolumeConfCorrupt):
        volumeconf.parse(TEXT.replace(old, new), "p")


def test_a_list_without_its_flag_and_a_flag_without_its_list_are_refused() -> None:
    fields = json.loads(TEXT)
    del fields["VaultuiKeySlots"]
    with pytest.raises(VolumeConfUnsupported, match="feature flag"):
        parsed(fields)
    fields = with_slots()
    fields["FeatureFlags"] = [*fields["FeatureFlags"], "FIDO2"]
    with pytest.raises(VolumeConfUnsupported, match="FIDO2"):
        parsed(fields)


def test_the_longest_list_is_read() -> None:
    conf = conf_with(secret(bytes(32)), [EACH_KIND[4]] * MAX_SLOTS)
    text = volumeconf.format(conf)
    assert volumeconf.parse(text, "p") == conf
