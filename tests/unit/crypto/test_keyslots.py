"""Proves what opens a key slot, and that a list of slots that was meddled with is found out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import argon2.low_level
import pytest
from slotmaking import (
    EACH_KIND,
    FEATURES,
    cheap_argon2id,
    cheap_scrypt,
    conf_with,
    key_file,
    password,
    recovery,
    secret,
    typed,
    wrapped,
)

from vaultui.crypto import keyslots, masterkey, recoverykey
from vaultui.crypto.hazmat import kdf
from vaultui.crypto.keyslots import Credentials
from vaultui.format import volumeconf
from vaultui.format.features import FeatureFlag, Features
from vaultui.format.kdfcost import Argon2idCost
from vaultui.format.keyslots import SlotKind
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import (
    KeyFileIncorrect,
    KeyFileNeeded,
    PasswordEmpty,
    PasswordIncorrect,
    RecoveryKeyMistyped,
    ScryptCostTooHigh,
    VaultuiError,
    VolumeConfCorrupt,
    VolumeConfTampered,
    VolumeConfUnsupported,
)

MASTER = bytes(range(32))


@pytest.fixture(scope="module")
def conf() -> VolumeConf:
    return conf_with(secret(MASTER))


def opened(conf: VolumeConf, credentials: Credentials) -> tuple[str, bytes]:
    slot, master = keyslots.unwrap(conf, credentials)
    with master:
        return slot.label, bytes(master.view)


@pytest.mark.parametrize(
    ("memory_kib", "lanes", "expected"),
    [
        # Of test.c in the reference implementation, for version 0x13.
        (1 << 16, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"),
        (1 << 8, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"),
        (1 << 8, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
    ],
)
def test_argon2id_stretches_as_published(memory_kib: int, lanes: int, expected: str) -> None:
    key = kdf.argon2id(secret(b"password"), b"somesalt", memory_kib, 2, lanes, 32)
    assert key.view.hex() == expected


@pytest.mark.parametrize("code", [-22, -33])
def test_argon2id_says_what_it_has_not_got(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Salt is too short"):
        kdf.argon2id(secret(b"password"), b"salt", 1024, 1, 1, 32)
    # What the library answers where memory or threads are short (argon2.h).
    monkeypatch.setattr(argon2.low_level, "core", lambda _context, _kind: code)
    with pytest.raises(ScryptCostTooHigh):
        wrapped(secret(MASTER), password(b"p"), SlotKind.PASSWORD, cheap_argon2id())


@pytest.mark.parametrize("given", EACH_KIND, ids=lambda given: f"{given[1]}-{given[2]}")
def test_each_key_opens_its_slot(conf: VolumeConf, given: Any) -> None:
    credentials, _kind, _cost, label = given
    assert opened(conf, credentials) == (label, MASTER)
    # What was given is still there: the caller wipes it.
    assert opened(conf, credentials) == (label, MASTER)


def test_no_part_of_a_key_opens_and_none_of_another_kind(conf: VolumeConf) -> None:
    for credentials in (
        password(b"pin"),
        password(b"three"),
        password(b"stick".ljust(32, b".")),
        key_file(b"card"),
        key_file(b"stick2", b"pin"),
        key_file(b"card", b"pin2"),
        recovery(b"stick"),
        Credentials(recovery_key=secret(MASTER)),
    ):
        with pytest.raises(PasswordIncorrect):
            keyslots.unwrap(conf, credentials)


@pytest.mark.parametrize(
    ("kinds", "given", "error", "words"),
    [
        ("0124", Credentials, PasswordEmpty, "empty"),
        ("234", Credentials, PasswordEmpty, "empty"),
        ("23", Credentials, KeyFileNeeded, "none was given"),
        ("23", lambda: typed(b"pin"), KeyFileNeeded, "none was given"),
        ("3", lambda: key_file(b"card"), PasswordEmpty, "empty"),
        ("2", lambda: key_file(b"card"), KeyFileIncorrect, "^The key file is incorrect"),
        ("23", lambda: key_file(b"x", b"x"), KeyFileIncorrect, "or both are incorrect"),
        ("01", lambda: typed(b"x"), PasswordIncorrect, "Password incorrect"),
    ],
)
def test_of_what_opens_nothing_it_is_told_why(
    kinds: str, given: Callable[[], Credentials], error: type[VaultuiError], words: str
) -> None:
    conf = conf_with(secret(MASTER), [EACH_KIND[int(number)] for number in kinds])
    with given() as credentials, pytest.raises(error, match=words) as caught:
        keyslots.unwrap(conf, credentials)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("kinds", "with_key_file", "without"),
    [("01", True, True), ("02", False, True), ("3", True, None), ("23", True, None)],
)
def test_a_password_is_asked_for_where_one_may_open(
    kinds: str, with_key_file: bool, without: bool | None
) -> None:
    conf = conf_with(secret(MASTER), [EACH_KIND[int(number)] for number in kinds])
    assert masterkey.wants_password(conf, with_key_file=True) == with_key_file
    masterkey.check_takes_password(conf, with_key_file=True)
    if without is None:
        with pytest.raises(KeyFileNeeded):
            masterkey.check_takes_password(conf)
    else:
        masterkey.check_takes_password(conf)
        assert masterkey.wants_password(conf, with_key_file=False) == without


def test_a_typed_recovery_key_opens_where_a_password_is_asked_for(conf: VolumeConf) -> None:
    with recoverykey.format(secret(b"paper".ljust(32, b"."))) as text:
        words = bytes(text.view)
    for variant in (words, words.lower().replace(b"-", b" ")):
        with masterkey.unwrap(conf, typed(variant)) as master:
            assert bytes(master.view) == MASTER
    with pytest.raises(RecoveryKeyMistyped, match="group 2"):
        masterkey.unwrap(conf, typed(words[:7] + b"U" + words[8:]))
    # Read well, and of another volume.
    with recoverykey.format(secret(bytes(32))) as text, pytest.raises(PasswordIncorrect):
        masterkey.unwrap(conf, Credentials.typed(text))


def test_what_looks_like_a_recovery_key_may_be_a_password() -> None:
    with recoverykey.format(secret(bytes(32))) as text:
        words = bytes(text.view)
    conf = conf_with(
        secret(MASTER), [(password(words), SlotKind.PASSWORD, cheap_scrypt(), "p"), EACH_KIND[4]]
    )
    with masterkey.unwrap(conf, typed(words)) as master:
        assert bytes(master.view) == MASTER


def test_the_cheapest_slots_are_tried_first(
    conf: VolumeConf, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    real = keyslots.unwrap_slot

    def noting(slot: Any, credentials: Credentials) -> Any:
        tried.append(slot.cost.work)
        return real(slot, credentials)

    monkeypatch.setattr(keyslots, "unwrap_slot", noting)
    with pytest.raises(PasswordIncorrect):
        keyslots.unwrap(conf, password(b"none of them"))
    assert len(tried) == len(EACH_KIND)
    assert tried == sorted(tried)


def test_a_slot_too_large_for_this_machine_keeps_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conf = conf_with(
        secret(MASTER),
        [
            (password(b"small"), SlotKind.PASSWORD, cheap_scrypt(14), "small"),
            (password(b"large"), SlotKind.PASSWORD, Argon2idCost(bytes(16), 1 << 14, 1, 1), ""),
        ],
    )
    sysconf = os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: 1 if name == "SC_PHYS_PAGES" else sysconf(name))
    for given in (b"small", b"large"):
        with pytest.raises(ScryptCostTooHigh) as caught:
            keyslots.unwrap(conf, password(given))
        assert caught.value.exit_code == 13
    monkeypatch.setattr(
        os, "sysconf", lambda name: 3 << 10 if name == "SC_PHYS_PAGES" else sysconf(name)
    )
    # 12 MiB: large is tried in vain, as it is the cheaper one.
    conf = conf_with(
        secret(MASTER),
        [
            (password(b"small"), SlotKind.PASSWORD, cheap_scrypt(13), "small"),
            (password(b"large"), SlotKind.PASSWORD, Argon2idCost(bytes(16), 1 << 13, 1, 1), ""),
        ],
    )
    assert opened(conf, password(b"small")) == ("small", MASTER)


# What somebody can do who writes the config and knows no key.

Meddle = Callable[[dict[str, Any]], object]


def slots_of(fields: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fields["VaultuiKeySlots"]["Slots"]
    return found


def _swap_wrapped(fields: dict[str, Any]) -> None:
    slots = slots_of(fields)
    one, two = slots[0]["EncryptedKey"], slots[1]["EncryptedKey"]
    slots[0]["EncryptedKey"], slots[1]["EncryptedKey"] = two, one


FOUND_BY_THE_MAC: dict[str, Meddle] = {
    "removed": lambda fields: slots_of(fields).pop(1),
    "reordered": lambda fields: slots_of(fields).reverse(),
    "renamed": lambda fields: slots_of(fields)[1].update(Label="trust me"),
    "redated": lambda fields: slots_of(fields)[1].update(Created=1),
    "another made cheaper": lambda fields: slots_of(fields)[3]["KDF"].update(N=2048),
    "another's kind": lambda fields: slots_of(fields)[3].update(Kind="key-file"),
    "another's wrapped key": lambda fields: slots_of(fields)[3].update(EncryptedKey="A" * 80),
    "creator": lambda fields: fields.update(Creator="somebody"),
    "a flag more": lambda fields: fields["FeatureFlags"].append("AESSIV"),
    "a flag less": lambda fields: fields["FeatureFlags"].remove("LongNames"),
    "flags in another order": lambda fields: fields["FeatureFlags"].reverse(),
    "a field more": lambda fields: fields.update(Future=[1]),
    "MAC": lambda fields: fields["VaultuiKeySlots"].update(MAC="A" * 43 + "="),
}


@pytest.mark.parametrize("meddle", FOUND_BY_THE_MAC.values(), ids=FOUND_BY_THE_MAC)
def test_whoever_opens_any_slot_finds_what_was_changed(conf: VolumeConf, meddle: Meddle) -> None:
    fields = json.loads(volumeconf.format(conf))
    meddle(fields)
    changed = volumeconf.parse(json.dumps(fields).encode(), "p")
    with pytest.raises(VolumeConfTampered) as caught:
        keyslots.unwrap(changed, password(b"one"))
    assert caught.value.exit_code == 11
    # The key itself is genuine, and can be shown for rescue.
    master, is_sound = masterkey.rescue(changed, password(b"one"))
    assert (bytes(master.view), is_sound) == (MASTER, False)


BOUND_TO_THE_SLOT: dict[str, Meddle] = {
    "made cheaper": lambda fields: slots_of(fields)[0]["KDF"].update(N=2048),
    "another kind": lambda fields: slots_of(fields)[0].update(Kind="key-file"),
    "another ID": lambda fields: slots_of(fields)[0].update(ID="A" * 22 + "=="),
    "another salt": lambda fields: slots_of(fields)[0]["KDF"].update(Salt="A" * 43 + "="),
    "swapped": _swap_wrapped,
}


@pytest.mark.parametrize("meddle", BOUND_TO_THE_SLOT.values(), ids=BOUND_TO_THE_SLOT)
def test_a_slot_that_was_changed_opens_no_more(conf: VolumeConf, meddle: Meddle) -> None:
    fields = json.loads(volumeconf.format(conf))
    meddle(fields)
    changed = volumeconf.parse(json.dumps(fields).encode(), "p")
    with pytest.raises(PasswordIncorrect):
        keyslots.unwrap(changed, password(b"one"))
    with pytest.raises(VolumeConfTampered):
        keyslots.unwrap(changed, recovery(b"paper"))


def test_a_slot_of_another_volume_is_found(conf: VolumeConf) -> None:
    other = conf_with(secret(bytes(32)))
    fields = json.loads(volumeconf.format(conf))
    slots_of(fields)[2] = slots_of(json.loads(volumeconf.format(other)))[2]
    mixed = volumeconf.parse(json.dumps(fields).encode(), "p")
    for given in (password(b"one"), key_file(b"stick")):
        with pytest.raises(VolumeConfTampered):
            keyslots.unwrap(mixed, given)


def test_without_its_flag_a_config_with_slots_is_refused(conf: VolumeConf) -> None:
    fields = json.loads(volumeconf.format(conf))
    fields["FeatureFlags"].remove("VaultuiKeySlots")
    with pytest.raises(VolumeConfUnsupported):
        volumeconf.parse(json.dumps(fields).encode(), "p")


def test_a_key_where_gocryptfs_would_look_for_it_is_refused(conf: VolumeConf) -> None:
    fields = json.loads(volumeconf.format(conf))
    with pytest.raises(VolumeConfCorrupt):
        volumeconf.parse(json.dumps({**fields, "EncryptedKey": "A" * 88}).encode(), "p")


def test_the_config_of_an_old_volume_can_have_slots() -> None:
    features = Features(tuple(flag for flag in FEATURES.flags if flag is not FeatureFlag.HKDF))
    conf = conf_with(secret(MASTER), EACH_KIND[:2], features)
    with masterkey.unwrap(conf, typed(b"two")) as master:
        assert bytes(master.view) == MASTER


def test_two_wraps_of_one_key_have_nothing_in_common() -> None:
    slots = [
        wrapped(secret(MASTER), password(b"p"), SlotKind.PASSWORD, cheap_argon2id())
        for _ in range(2)
    ]
    assert slots[0].id != slots[1].id
    assert slots[0].wrapped[:12] != slots[1].wrapped[:12]
    with pytest.raises(ValueError, match="key-file"):
        keyslots.wrap(secret(MASTER), password(b"p"), replace(slots[0], kind=SlotKind.KEY_FILE))


def test_credentials_are_wiped_together() -> None:
    with Credentials(secret(b"p"), secret(b"k"), secret(b"r")) as credentials:
        kept = [credentials.password, credentials.key_file, credentials.recovery_key]
        assert all(kept)
    assert not any(kept)
