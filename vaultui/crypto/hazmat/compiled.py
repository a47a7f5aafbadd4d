"""The compiled ciphers, where there are any: an extension module on the system's libcrypto.

It is optional: an installation without a compiler or the headers of OpenSSL has none, and one
that came with it may meet a system without that libcrypto. Whoever asks gets None then, and
goes on with the ciphers in Python. Both work on the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from vaultui.crypto.hazmat.aead import Buffer
from vaultui.model.switches import HOTPATH, is_off

if TYPE_CHECKING:
    from vaultui.crypto.hazmat._openssl import EmeNames, GcmRuns


@dataclass(frozen=True, slots=True)
class CompiledCiphers:
    """The ciphers of one volume that requests can be answered with in C.

    Each is for one thread at a time, and keeps its key until nobody refers to it.
    """

    content: GcmRuns | None
    """None where content is not AES-256-GCM with nonces of 16 bytes."""
    names: EmeNames | None
    """None where names lie on disk as they are."""


def load() -> ModuleType | None:
    """Return the extension module, or None where it is missing, unusable or switched off."""
    if is_off(HOTPATH):
        return None
    try:
        from vaultui.crypto.hazmat import _openssl
    except ImportError:
        return None
    return _openssl


def new_ciphers(
    content_key: Buffer | None, name_key: Buffer | None, *, raw64: bool
) -> CompiledCiphers | None:
    """Return the ciphers under those keys that are given, or None if there is no module.

    `raw64` leaves the `=` away that base64 ends in.
    """
    module = load()
    if module is None:
        return None
    return CompiledCiphers(
        content=None if content_key is None else module.GcmRuns(content_key),
        names=None if name_key is None else module.EmeNames(name_key, raw64),
    )
