"""Proves for any input: what is formatted parses back to the same, what parses formats back.

Block arithmetic, headers, names in base64, and the volume config.
"""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.format import volumeconf
from vaultui.format.blocks import (
    GCM,
    HEADER_BYTES,
    OLD_GCM,
    SIV,
    XCHACHA,
    BadHeader,
    Layout,
    block_count,
    format_header,
    parse_header,
)
from vaultui.format.features import (
    BadFeatures,
    ContentScheme,
    FeatureFlag,
    Features,
    NameScheme,
)
from vaultui.format.kdfcost import ScryptCost
from vaultui.format.names import (
    BadName,
    decode_padded,
    decode_raw,
    encode_padded,
    encode_raw,
)
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import VolumeConfCorrupt, VolumeConfUnsupported
from vaultui.model.terminaltext import shown

SIZES = st.integers(0, 1 << 62) | st.integers(0, 20_000)
LAYOUTS = st.sampled_from([GCM, OLD_GCM, SIV, XCHACHA])


@given(LAYOUTS, SIZES)
def test_a_plain_size_survives_the_way_through_its_cipher_size(layout: Layout, size: int) -> None:
    cipher = layout.cipher_size(size)
    assert layout.plain_size(cipher) == size
    assert not layout.is_torn(cipher)


@given(LAYOUTS, SIZES)
def test_a_cipher_size_is_whole_exactly_if_some_plain_size_gives_it(
    layout: Layout, cipher: int
) -> None:
    again = layout.cipher_size(layout.plain_size(cipher))
    assert (again == cipher) == (not layout.is_torn(cipher) and cipher != HEADER_BYTES)


@given(LAYOUTS, SIZES)
def test_one_more_byte_of_ciphertext_never_shows_less_plaintext(
    layout: Layout, cipher: int
) -> None:
    assert 0 <= layout.plain_size(cipher + 1) - layout.plain_size(cipher) <= 1


@given(LAYOUTS, SIZES)
def test_blocks_lie_one_behind_the_other_and_end_with_the_file(layout: Layout, size: int) -> None:
    count = block_count(size)
    assert layout.cipher_offset(count + 1) - layout.cipher_offset(count) == layout.cipher_block
    if size:
        last = layout.cipher_size(size) - layout.cipher_offset(count - 1)
        assert layout.overhead < last <= layout.cipher_block
        assert layout.cipher_size(size) == HEADER_BYTES + layout.run_size(size)


@given(st.binary(min_size=16, max_size=16).filter(any))
def test_a_header_gives_back_its_file_id(file_id: bytes) -> None:
    assert parse_header(format_header(file_id)) == file_id


@given(st.binary(max_size=20) | st.binary(min_size=16, max_size=16).map(b"\0\2".__add__))
def test_a_header_is_refused_or_formats_back_to_itself(data: bytes) -> None:
    try:
        file_id = parse_header(data)
    except BadHeader as error:
        assert error.reason  # noqa: PT017 - most inputs end here, and both ends are right
    else:
        assert format_header(file_id) == data


@given(st.binary(max_size=300))
def test_base64_gives_back_its_bytes(data: bytes) -> None:
    assert decode_raw(encode_raw(data)) == data
    assert decode_padded(encode_padded(data)) == data


ALPHABET = string.ascii_letters + string.digits + "-_=+/\n ."
TEXTS = st.text(ALPHABET, max_size=24).map(str.encode) | st.binary(max_size=24)


@given(TEXTS)
def test_text_is_refused_or_encodes_back_to_itself(text: bytes) -> None:
    for decode, encode in ((decode_raw, encode_raw), (decode_padded, encode_padded)):
        try:
            data = decode(text)
        except BadName:
            continue
        assert encode(data) == text


@st.composite
def features(draw: st.DrawFn) -> Features:
    """Draw one of the legal combinations without key slots, in any order."""
    flags = set()
    for flag in FeatureFlag:
        has_field = flag in (FeatureFlag.LONG_NAME_MAX, FeatureFlag.KEY_SLOTS)
        if not has_field and draw(st.booleans()):
            flags.add(flag.value)
    limit = draw(st.just(0) | st.integers(62, 255))
    if limit:
        flags.add("LongNameMax")
    try:
        return Features.parse(draw(st.permutations(sorted(flags))), limit)
    except BadFeatures:
        content, names = (draw(st.sampled_from(kind)) for kind in (ContentScheme, NameScheme))
        return Features.of_new_volume(content, names, limit)


def json_values(floats: st.SearchStrategy[float]) -> st.SearchStrategy[object]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | floats | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=5,
    )


JSON = json_values(st.floats())
FINITE = json_values(st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def confs(draw: st.DrawFn) -> VolumeConf:
    return VolumeConf(
        creator=draw(st.text().map(shown)),
        encrypted_key=draw(st.binary(max_size=80)),
        scrypt=ScryptCost(
            salt=draw(st.binary(min_size=32, max_size=64)),
            n=1 << draw(st.integers(10, 20)),
            r=draw(st.integers(8, 16)),
            p=draw(st.integers(1, 4)),
        ),
        features=draw(features()),
        fido2=draw(st.dictionaries(st.sampled_from(["CredentialID", "HMACSalt"]), FINITE)),
        extra=draw(st.dictionaries(st.sampled_from(["Zukunft", "Futur"]), FINITE)),
    )


@given(confs())
def test_a_config_gives_back_what_it_was_made_of(conf: VolumeConf) -> None:
    data = volumeconf.format(conf)
    assert volumeconf.parse(data, "p") == conf
    assert volumeconf.format(volumeconf.parse(data, "p")) == data


FIELDS = (
    *("Creator", "EncryptedKey", "ScryptObject", "Version", "FeatureFlags", "FIDO2"),
    *("LongNameMax", "VaultuiKeySlots"),
)
SCRYPT_FIELDS = ("Salt", "N", "R", "P", "KeyLen")


@given(confs(), st.dictionaries(st.sampled_from(FIELDS), JSON), st.booleans(), st.data())
def test_a_config_with_strange_values_is_refused_in_words_or_read_as_it_stands(
    conf: VolumeConf, strange: dict[str, object], in_scrypt: bool, data: st.DataObject
) -> None:
    fields = json.loads(volumeconf.format(conf)) | strange
    if in_scrypt and isinstance(fields["ScryptObject"], dict):
        fields["ScryptObject"] |= data.draw(
            st.dictionaries(st.sampled_from(SCRYPT_FIELDS), JSON), label="scrypt"
        )
    try:
        parsed = volumeconf.parse(json.dumps(fields).encode(), "p")
    except (VolumeConfCorrupt, VolumeConfUnsupported) as error:
        assert len(error.summary) < 400  # noqa: PT017 - both ends are right
    else:
        assert volumeconf.parse(volumeconf.format(parsed), "p") == parsed


@given(st.binary(max_size=64))
def test_bytes_that_are_no_config_are_refused(data: bytes) -> None:
    with pytest.raises((VolumeConfCorrupt, VolumeConfUnsupported)):
        volumeconf.parse(data, "p")


@given(confs(), st.data())
def test_a_config_with_a_byte_changed_never_breaks_the_parser(
    conf: VolumeConf, data: st.DataObject
) -> None:
    text = bytearray(volumeconf.format(conf))
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255))
    try:
        parsed = volumeconf.parse(bytes(text), "p")
    except (VolumeConfCorrupt, VolumeConfUnsupported) as error:
        assert error.summary  # noqa: PT017 - both ends are right
    else:
        assert volumeconf.parse(volumeconf.format(parsed), "p") == parsed
