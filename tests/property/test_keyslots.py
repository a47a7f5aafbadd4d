"""Proves for any key slots that they come back, and for any input that it is refused in words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from slotmaking import FEATURES

from vaultui.crypto import recoverykey
from vaultui.format import canonicaljson, volumeconf
from vaultui.format.kdfcost import Argon2idCost, NoCost, ScryptCost
from vaultui.format.keyslots import LABEL_MAX, KeySlot, KeySlots, SlotKind, is_label
from vaultui.format.volumeconf import NO_SCRYPT, VolumeConf
from vaultui.model.errors import (
    RecoveryKeyMistyped,
    VolumeConfCorrupt,
    VolumeConfUnsupported,
)
from vaultui.model.secret import Secret
from vaultui.model.terminaltext import shown

INTEGERS = st.integers(-(1 << 53) + 1, (1 << 53) - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
CANONICAL = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


STRETCHED = st.builds(
    ScryptCost, exactly(32), st.sampled_from([1 << 10, 1 << 16]), st.integers(8, 16)
) | st.builds(
    Argon2idCost, exactly(16), st.integers(1024, 1 << 16), st.integers(1, 9), st.integers(1, 64)
)


@st.composite
def slots(draw: st.DrawFn) -> KeySlot:
    kind = draw(st.sampled_from(SlotKind))
    return KeySlot(
        id=draw(exactly(16)),
        kind=kind,
        cost=NoCost() if kind is SlotKind.RECOVERY_KEY else draw(STRETCHED),
        created=draw(st.integers(0, 253_402_300_799)),
        label=draw(st.text(max_size=LABEL_MAX).filter(is_label)),
        wrapped=draw(exactly(60)),
    )


@st.composite
def confs(draw: st.DrawFn) -> VolumeConf:
    found = draw(st.lists(slots(), min_size=1, max_size=4, unique_by=lambda slot: slot.id))
    return VolumeConf(
        creator=draw(st.text(max_size=20).map(shown)),
        encrypted_key=b"",
        scrypt=NO_SCRYPT,
        features=FEATURES,
        key_slots=KeySlots(tuple(found), draw(exactly(32))),
        extra=draw(st.dictionaries(st.sampled_from(["Zukunft", "Futur"]), CANONICAL)),
    )


@settings(max_examples=40)
@given(confs())
def test_key_slots_give_back_what_they_were_made_of(conf: VolumeConf) -> None:
    data = volumeconf.format(conf)
    assert volumeconf.parse(data, "p") == conf
    assert volumeconf.format(volumeconf.parse(data, "p")) == data


@settings(max_examples=25)
@given(confs(), confs())
def test_two_configs_are_never_authenticated_by_the_same_bytes(
    one: VolumeConf, two: VolumeConf
) -> None:
    assert one.key_slots is not None
    assert two.key_slots is not None
    same = replace(one, key_slots=replace(one.key_slots, mac=two.key_slots.mac))
    assert volumeconf.authenticated(one) == volumeconf.authenticated(same)
    assert (volumeconf.authenticated(one) == volumeconf.authenticated(two)) == (same == two)


@settings(max_examples=50)
@given(confs(), st.data())
def test_strange_values_anywhere_are_refused_in_words(
    conf: VolumeConf, data: st.DataObject
) -> None:
    fields = json.loads(volumeconf.format(conf))
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict | list):
            for key in value if isinstance(value, dict) else range(len(value)):
                places.append((value, key))
                walk(value[key])

    walk(fields["VaultuiKeySlots"])
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JSON)
    try:
        parsed = volumeconf.parse(json.dumps(fields).encode(), "p")
    except (VolumeConfCorrupt, VolumeConfUnsupported) as error:
        assert len(error.summary) < 400  # noqa: PT017 - both ends are right
    else:
        assert volumeconf.parse(volumeconf.format(parsed), "p") == parsed


@settings(max_examples=50)
@given(confs(), st.data())
def test_a_byte_changed_never_breaks_the_parser(conf: VolumeConf, data: st.DataObject) -> None:
    text = bytearray(volumeconf.format(conf))
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255))
    try:
        parsed = volumeconf.parse(bytes(text), "p")
    except (VolumeConfCorrupt, VolumeConfUnsupported) as error:
        assert error.summary  # noqa: PT017 - both ends are right
    else:
        assert volumeconf.parse(volumeconf.format(parsed), "p") == parsed


@given(CANONICAL)
def test_canonical_json_says_the_same_and_has_one_form(value: Any) -> None:
    text = canonicaljson.encode(value)
    assert canonicaljson.decode(text) == value
    assert canonicaljson.encode(json.loads(json.dumps(value))) == text


@given(exactly(32))
def test_a_recovery_key_gives_back_its_bytes(key: bytes) -> None:
    with recoverykey.format(Secret(bytearray(key))) as text, recoverykey.parse(text) as again:
        assert bytes(again.view) == key


TYPED = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZabcoOiIlLuU- \t*é", max_size=90)


@given(TYPED.map(str.encode) | st.binary(max_size=90))
def test_what_is_typed_is_a_recovery_key_or_refused_in_words(text: bytes) -> None:
    typed = Secret(bytearray(text))
    try:
        with recoverykey.parse(typed) as key:
            assert len(key) == 32
            assert recoverykey.looks_like_one(typed)
    except RecoveryKeyMistyped as error:
        assert len(error.summary) < 200  # noqa: PT017 - both ends are right
