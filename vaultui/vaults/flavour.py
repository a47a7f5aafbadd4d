"""What a volume is made of, in the words of a person who has to choose or to trust it."""

from __future__ import annotations

from vaultui.wire.handshake import VolumeInfo

_NAMES = {
    "EME": "encrypted",
    "deterministic": "encrypted, alike in every directory",
    "plaintext": "in the clear",
}


def content_in_words(info: VolumeInfo) -> str:
    """Return how the content of files is encrypted."""
    old = info.content == "AES-256-GCM" and "GCMIV128" not in info.feature_flags
    return f"{info.content} with the short nonces of gocryptfs 0.6" if old else info.content


def names_in_words(info: VolumeInfo) -> str:
    """Return how the names of files lie on disk: "encrypted", "in the clear"."""
    return _NAMES.get(info.names, info.names)
