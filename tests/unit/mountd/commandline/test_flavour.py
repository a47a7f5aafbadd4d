"""Beside a master key the options say what a volume is made of, as its config would."""

from __future__ import annotations

import itertools

import pytest

from vaultui.format.features import Features
from vaultui.model.errors import FeaturesRefused
from vaultui.mountd.commandline.flavour import (
    content_scheme,
    long_name_max,
    master_key_flags,
    name_scheme,
)
from vaultui.mountd.commandline.pflag import parse

FLAGS = {
    "": "HKDF GCMIV128 DirIV EMENames LongNames Raw64",
    "-aessiv": "HKDF GCMIV128 AESSIV DirIV EMENames LongNames Raw64",
    "-xchacha": "HKDF XChaCha20Poly1305 DirIV EMENames LongNames Raw64",
    "-xchacha -aessiv": "HKDF XChaCha20Poly1305 DirIV EMENames LongNames Raw64",
    "-reverse": "HKDF GCMIV128 AESSIV DirIV EMENames LongNames Raw64",
    "-plaintextnames -raw64 -longnamemax=100": "HKDF GCMIV128 PlaintextNames",
    "-deterministic-names": "HKDF GCMIV128 EMENames LongNames Raw64",
    "-longnamemax=255": "HKDF GCMIV128 DirIV EMENames LongNames Raw64",
    "-longnamemax=100": "HKDF GCMIV128 DirIV LongNameMax EMENames LongNames Raw64",
    "-hkdf=0 -raw64=0 -longnames=0": "GCMIV128 DirIV EMENames",
}


@pytest.mark.parametrize("line", FLAGS)
def test_options_beside_a_master_key_are_features_as_a_config_names_them(line: str) -> None:
    options = parse(["vaultfs", "-zerokey", *line.split()])
    flags = master_key_flags(options)
    assert " ".join(flags) == FLAGS[line]
    assert (long_name_max(options) == 100) == ("LongNameMax" in flags)


def test_without_a_master_key_the_config_says_what_the_volume_is_made_of() -> None:
    assert master_key_flags(parse(["vaultfs", "-aessiv", "-hkdf=false"])) == ()


CONTENT = ("", "-aessiv", "-xchacha", "-reverse")
NAMES = ("", "-plaintextnames", "-deterministic-names")
LENGTHS = ("", "-longnamemax=100")


@pytest.mark.parametrize("words", itertools.product(CONTENT, NAMES, LENGTHS), ids="".join)
def test_a_master_key_opens_what_the_same_options_make(words: tuple[str, ...]) -> None:
    options = parse(["vaultfs", "-zerokey", *filter(None, words)])
    new = Features.of_new_volume(
        content_scheme(options), name_scheme(options), long_name_max(options)
    )
    assert {flag.value for flag in new.flags} == set(master_key_flags(options))


@pytest.mark.parametrize("other", ["-aessiv", "-reverse"])
def test_a_new_volume_has_one_content_cipher(other: str) -> None:
    with pytest.raises(FeaturesRefused):
        content_scheme(parse(["vaultfs", "-xchacha", other]))
