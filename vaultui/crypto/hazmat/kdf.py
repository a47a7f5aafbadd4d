"""Key derivation: scrypt for passwords, HKDF and a bare hash for keys from keys."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256, SHA512, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from vaultui.model.secret import Secret


def scrypt(password: Secret, salt: bytes, n: int, r: int, p: int, size: int) -> Secret:
    """Return `size` bytes from a password (RFC 7914).

    It takes 128·n·r bytes of memory, all of it given back before the return; raises
    MemoryError when there is not as much.
    """
    key = bytearray(size)
    with password.view as view:
        Scrypt(salt=salt, length=size, n=n, r=r, p=p).derive_into(view, key)
    return Secret(key)


def hkdf(master: Secret, info: bytes, size: int) -> Secret:
    """Return `size` bytes for the use named by `info` (RFC 5869, SHA-256, without a salt)."""
    key = bytearray(size)
    with master.view as view:
        HKDF(SHA256(), length=size, salt=None, info=info).derive_into(view, key)
    return Secret(key)


def sha512(master: Secret) -> Secret:
    """Return the 64 bytes of SHA-512 over a key, as volumes from before HKDF have it."""
    hashing = Hash(SHA512())
    with master.view as view:
        hashing.update(view)
    return Secret(bytearray(hashing.finalize()))
