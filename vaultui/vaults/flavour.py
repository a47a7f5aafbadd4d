"""What a volume is made of, in the words of a person who has to choose or to trust it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from vaultui.model.language import N_, _
from vaultui.wire.oneshot import VolumeInfo

CONTENT_CHOICES: Final = {
    "AES-256-GCM": N_("fastest on machines with AES instructions, which nearly all have"),
    "XChaCha20-Poly1305": N_("faster where the processor has no AES instructions"),
    "AES-SIV-512": N_("forgiving where random numbers may repeat; slower"),
}
"""How content can be encrypted, the usual one first, with a reason to choose each."""
NAMES_CHOICES: Final = {
    "EME": N_("encrypted: the same name looks different in every directory"),
    "deterministic": N_(
        "encrypted, alike in every directory, and without a file for each of these"
    ),
    "plaintext": N_("in the clear: everybody sees the names, the content stays encrypted"),
}
"""How names of files can be kept, the usual one first, with what each means."""

_NAMES = {
    "EME": N_("encrypted"),
    "deterministic": N_("encrypted, alike in every directory"),
    "plaintext": N_("in the clear"),
}


@dataclass(frozen=True)
class Flavour:
    """What a new volume is made of; the default is what suits most, and what gocryptfs makes."""

    content: str = "AES-256-GCM"
    """A key of CONTENT_CHOICES."""
    names: str = "EME"
    """A key of NAMES_CHOICES."""
    argon2id: bool = False
    """Derive the key with Argon2id, at a cost of about a second; gocryptfs refuses it then."""


_SCRYPT: Final = re.compile(r"scrypt N=(\d+) r=(\d+) p=\d+")
_ARGON2ID: Final = re.compile(r"argon2id m=(\d+)KiB t=\d+ p=\d+")


def derivation_in_words(text: str) -> str:
    """Return how a key is derived with the memory that takes: "scrypt, 64 MiB".

    What is not known is returned as it stands.
    """
    if text == "none":
        return _("not needed")
    if match := _SCRYPT.fullmatch(text):
        return _("scrypt, {mebibytes}", mebibytes=_mebibytes(128 * int(match[1]) * int(match[2])))
    if match := _ARGON2ID.fullmatch(text):
        return _("Argon2id, {mebibytes}", mebibytes=_mebibytes(int(match[1]) << 10))
    return text


def _mebibytes(count: int) -> str:
    return f"{max(1, count >> 20)} MiB"


def content_in_words(info: VolumeInfo) -> str:
    """Return how the content of files is encrypted."""
    old = info.content == "AES-256-GCM" and "GCMIV128" not in info.feature_flags
    return (
        _("{content} with the short nonces of gocryptfs 0.6", content=info.content)
        if old
        else info.content
    )


def names_in_words(info: VolumeInfo) -> str:
    """Return how the names of files lie on disk: "encrypted", "in the clear"."""
    return _(_NAMES.get(info.names, info.names))
