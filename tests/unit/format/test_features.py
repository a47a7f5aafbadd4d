"""Proves which feature flags make a volume, in which order they are written, and who is named."""

from __future__ import annotations

import pytest

from vaultui.format.features import (
    DEFAULT_FEATURES,
    BadFeatures,
    ContentScheme,
    FeatureFlag,
    Features,
    NameScheme,
)

AES_GCM, AES_SIV, XCHACHA = ContentScheme.AES_GCM, ContentScheme.AES_SIV, ContentScheme.XCHACHA
EME, DETERMINISTIC, PLAINTEXT = NameScheme.EME, NameScheme.DETERMINISTIC, NameScheme.PLAINTEXT


@pytest.mark.parametrize(
    ("flags", "content", "names"),
    [
        ("DirIV EMENames", AES_GCM, EME),
        ("PlaintextNames", AES_GCM, PLAINTEXT),
        ("GCMIV128 DirIV EMENames LongNames", AES_GCM, EME),
        ("GCMIV128 EMENames Raw64", AES_GCM, DETERMINISTIC),
        ("GCMIV128 PlaintextNames AESSIV", AES_SIV, PLAINTEXT),
        ("HKDF XChaCha20Poly1305 EMENames LongNames Raw64", XCHACHA, DETERMINISTIC),
        ("HKDF GCMIV128 DirIV EMENames LongNames Raw64 FIDO2", AES_GCM, EME),
    ],
)
def test_flags_say_what_a_volume_is_made_of(
    flags: str, content: ContentScheme, names: NameScheme
) -> None:
    features = Features.parse(flags.split())
    assert (features.content, features.names) == (content, names)
    assert features.raw64 == ("Raw64" in flags)
    assert features.long_name_max == 255


@pytest.mark.parametrize(
    ("flags", "limit", "reason"),
    [
        ("HKDF GCMIV128 EMENames Zukunft", 0, "the unknown feature 'Zukunft'"),
        ("HKDF GCMIV128 DirIV", 0, "names in CBC"),
        ("", 0, "names in CBC"),
        ("HKDF DirIV EMENames", 0, "HKDF without GCMIV128"),
        ("DirIV EMENames AESSIV", 0, "AESSIV without GCMIV128"),
        ("XChaCha20Poly1305 DirIV EMENames", 0, "XChaCha20Poly1305 without HKDF"),
        ("HKDF XChaCha20Poly1305 AESSIV EMENames", 0, "XChaCha20Poly1305 together with AESSIV"),
        ("HKDF XChaCha20Poly1305 GCMIV128 EMENames", 0, "XChaCha20Poly1305 together with GCMIV128"),
        ("HKDF GCMIV128 PlaintextNames DirIV", 0, "PlaintextNames together with DirIV"),
        ("HKDF GCMIV128 PlaintextNames EMENames", 0, "PlaintextNames together with EMENames"),
        ("HKDF GCMIV128 PlaintextNames LongNames", 0, "PlaintextNames together with LongNames"),
        ("HKDF GCMIV128 PlaintextNames Raw64", 0, "PlaintextNames together with Raw64"),
        ("HKDF GCMIV128 PlaintextNames LongNameMax", 99, "PlaintextNames together with LongName"),
        ("HKDF GCMIV128 EMENames", 99, "LongNameMax=99 against its feature flag"),
        ("HKDF GCMIV128 EMENames LongNameMax", 0, "LongNameMax=0 against its feature flag"),
        ("HKDF GCMIV128 EMENames LongNameMax", 61, "LongNameMax=61, outside 62 to 255"),
        ("HKDF GCMIV128 EMENames LongNameMax", 256, "LongNameMax=256, outside 62 to 255"),
    ],
)
def test_flags_that_make_no_volume_are_refused_by_name(flags: str, limit: int, reason: str) -> None:
    with pytest.raises(BadFeatures) as caught:
        Features.parse(flags.split(), limit)
    assert caught.value.reason.startswith(reason)


def test_an_unknown_flag_is_named_with_what_can_be_printed_of_it() -> None:
    with pytest.raises(BadFeatures) as caught:
        Features.parse(["\x1b[2J" + "x" * 10_000])
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) < 200


def test_flags_keep_their_order_and_a_repeated_one_its_first_place() -> None:
    flags = ["Raw64", "EMENames", "HKDF", "GCMIV128", "Raw64"]
    assert [flag.value for flag in Features.parse(flags).flags] == flags[:4]


@pytest.mark.parametrize("content", ContentScheme)
@pytest.mark.parametrize("names", NameScheme)
@pytest.mark.parametrize("limit", [0, 62, 255])
def test_a_new_volume_is_one_that_opens(
    content: ContentScheme, names: NameScheme, limit: int
) -> None:
    features = Features.of_new_volume(content, names, limit)
    assert (features.content, features.names) == (content, names)
    assert features.long_name_max == (limit if limit and names is not PLAINTEXT else 255)
    stored = features.long_name_max if features.has(FeatureFlag.LONG_NAME_MAX) else 0
    assert Features.parse([flag.value for flag in features.flags], stored) == features


def test_the_default_is_that_of_gocryptfs() -> None:
    flags = " ".join(flag.value for flag in DEFAULT_FEATURES.flags)
    assert flags == "HKDF GCMIV128 DirIV EMENames LongNames Raw64"
