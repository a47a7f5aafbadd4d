"""Proves that vaultfs-keyslots(5) and our code agree, by the vectors that the page names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import keyslotsbypage
import pytest

from vaultui.crypto import keyslots, masterkey, recoverykey
from vaultui.crypto.hazmat import kdf
from vaultui.crypto.keyslots import Credentials
from vaultui.crypto.stretching import stretch
from vaultui.format import volumeconf
from vaultui.format.keyslots import associated_data
from vaultui.model.errors import (
    PasswordIncorrect,
    VolumeConfCorrupt,
    VolumeConfTampered,
    VolumeConfUnsupported,
)
from vaultui.model.secret import Secret

ASSETS = Path(__file__).parents[2] / "assets"
PAGE = (ASSETS / "vaultfs-keyslots.5").read_text()
(NAMED,) = set(re.findall(r"[a-z-]+\.json", PAGE))
VECTORS = json.loads((ASSETS / NAMED).read_text("utf-8"))
CONFIG = json.dumps(VECTORS["config"]).encode()
SLOTS = list(zip(VECTORS["config"]["VaultuiKeySlots"]["Slots"], VECTORS["slots"], strict=True))


def secret(text: str) -> Secret:
    return Secret(bytearray.fromhex(text))


def credentials(given: dict[str, str]) -> Credentials:
    """Return what was given, with the digest in place of the key file."""
    digest = None
    if "key_file" in given:
        hashing = kdf.Sha256()
        hashing.update(bytes.fromhex(given["key_file"]))
        digest = hashing.finish()
    return Credentials(
        password=secret(given["password"]) if "password" in given else None,
        key_file=digest,
        recovery_key=secret(given["recovery_key"]) if "recovery_key" in given else None,
    )


def test_the_vectors_are_what_the_page_comes_to() -> None:
    assert keyslotsbypage.vectors() == VECTORS


@pytest.mark.parametrize("number", range(len(SLOTS)))
def test_a_slot_opens_by_way_of_each_value_on_the_way(number: int) -> None:
    conf = volumeconf.parse(CONFIG, "p")
    assert conf.key_slots is not None
    slot, vector = conf.key_slots.slots[number], VECTORS["slots"][number]
    given = credentials(vector["given"])
    material = given.material(slot.kind)
    assert material is not None
    assert material.view.hex() == vector["material"]
    with stretch(material, slot.cost) as middle:
        assert middle.view.hex() == vector["stretched"]
    assert associated_data(slot).decode() == vector["associated_data"]
    found, master = keyslots.unwrap(conf, given)
    assert found == slot
    assert master.view.hex() == VECTORS["master_key"]


@pytest.mark.parametrize(("slot", "vector"), SLOTS, ids=lambda part: part.get("Kind", ""))
def test_the_page_is_enough_to_open_what_we_wrap(slot: Any, vector: dict[str, Any]) -> None:
    conf = volumeconf.parse(CONFIG, "p")
    assert conf.key_slots is not None
    (ours,) = (each for each in conf.key_slots.slots if keyslotsbypage.b64(each.id) == slot["ID"])
    wrapped = keyslots.wrap(secret(VECTORS["master_key"]), credentials(vector["given"]), ours)
    theirs = {**slot, "EncryptedKey": keyslotsbypage.b64(wrapped.wrapped)}
    assert theirs["EncryptedKey"] != slot["EncryptedKey"]
    assert keyslotsbypage.unwrapped(theirs, vector["given"]).hex() == VECTORS["master_key"]


def test_the_mac_is_made_over_the_same_bytes() -> None:
    conf = volumeconf.parse(CONFIG, "p")
    assert volumeconf.authenticated(conf).decode() == VECTORS["mac_data"]
    assert conf.key_slots is not None
    assert conf.key_slots.mac.hex() == VECTORS["mac"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["what"])
def test_what_is_refused_is_refused_for_its_reason(vector: dict[str, Any]) -> None:
    reason = {
        "tampered": VolumeConfTampered,
        "password": PasswordIncorrect,
        "unsupported": VolumeConfUnsupported,
        "corrupt": VolumeConfCorrupt,
    }[vector["expect"]]
    data = json.dumps(vector["config"]).encode()
    with pytest.raises(reason):
        masterkey.unwrap(volumeconf.parse(data, "p"), Credentials.typed(secret(vector["password"])))


@pytest.mark.parametrize("vector", VECTORS["recovery_keys"], ids=lambda vector: vector["text"][:5])
def test_a_recovery_key_is_printed_as_the_page_says(vector: dict[str, str]) -> None:
    with recoverykey.format(secret(vector["key"])) as text:
        assert bytes(text.view).decode() == vector["text"]
    with recoverykey.parse(Secret(bytearray(vector["text"].encode()))) as key:
        assert key.view.hex() == vector["key"]


def test_the_recovery_key_of_the_page_is_among_the_vectors() -> None:
    text = "".join(
        re.findall(r"^[0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5})+-?$", PAGE, re.MULTILINE)
    )
    assert text == VECTORS["recovery_keys"][0]["text"]
