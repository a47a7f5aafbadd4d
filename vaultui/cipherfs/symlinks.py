"""Targets of symlinks, as they are stored and as they are shown."""

from __future__ import annotations

from typing import Protocol

from vaultui.cipherfs.volume import Volume
from vaultui.crypto.content import ContentCipher
from vaultui.format import names as names_format


class Symlinks(Protocol):
    """How the volume keeps targets."""

    def seal(self, target: bytes, nonce: bytes | None = None) -> bytes:
        """Return what a link holds; `nonce` as in `ContentCipher.seal_value`."""

    def open(self, stored: bytes) -> bytes:
        """Return the target; raises BadName or CorruptBlock."""

    def plain_size(self, stored_size: int) -> int | None:
        """Return the length of the target, or None where it must be opened to know."""


class SealedSymlinks:
    """Targets are sealed as a value is, then written as base64url."""

    def __init__(self, content: ContentCipher, *, padded: bool) -> None:
        self._content = content
        self._padded = padded
        self._encode = names_format.encode_padded if padded else names_format.encode_raw
        self._decode = names_format.decode_padded if padded else names_format.decode_raw
        self._overhead = content.layout.overhead

    def seal(self, target: bytes, nonce: bytes | None = None) -> bytes:
        return self._encode(self._content.seal_value(target, nonce))

    def open(self, stored: bytes) -> bytes:
        return self._content.open_value(self._decode(stored))

    def plain_size(self, stored_size: int) -> int | None:
        if not stored_size:
            return 0
        if self._padded:
            return None
        return max(stored_size * 3 // 4 - self._overhead, 0)


class PlainSymlinks:
    """Targets lie on disk as they are: those of a volume with plaintext names."""

    def seal(self, target: bytes, nonce: bytes | None = None) -> bytes:
        return target

    def open(self, stored: bytes) -> bytes:
        return stored

    def plain_size(self, stored_size: int) -> int | None:
        return stored_size


def symlinks_of(volume: Volume) -> Symlinks:
    """Return how `volume` keeps the targets of symlinks."""
    if volume.names.is_plain:
        return PlainSymlinks()
    return SealedSymlinks(volume.content, padded=volume.names.padded)
