"""Key derivation: scrypt and Argon2id for passwords, HKDF, HMAC and hashes for keys from keys."""

from __future__ import annotations

import errno
import os
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256, SHA512, Hash
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vaultui.model.secret import Secret

_OK: Final = 0
_NO_MEMORY: Final = -22
_NO_THREAD: Final = -33
"""Of argon2.h in the reference implementation; the library keeps its names to itself."""


def scrypt(password: Secret, salt: bytes, n: int, r: int, p: int, size: int) -> Secret:
    """Return `size` bytes from a password (RFC 7914).

    It takes 128·n·r bytes of memory, all of it given back before the return; raises
    MemoryError when there is not as much.
    """
    key = bytearray(size)
    with password.view as view:
        derive = _scrypt_of_libsodium if _HAS_SSE2 else _scrypt_of_openssl
        derive(view, salt, n, r, p, key)
    return Secret(key)


_HAS_SSE2: Final = os.uname().machine == "x86_64"
"""There libsodium uses vector instructions for scrypt and needs two thirds of the time that OpenSSL
needs, which never does. On other processors both use none, and OpenSSL is faster."""


def _scrypt_of_libsodium(
    password: memoryview, salt: bytes, n: int, r: int, p: int, key: bytearray
) -> None:
    # Not through PyNaCl's `bindings`, which copy the password and take long to load.
    from nacl._sodium import ffi, lib  # type: ignore[import-not-found]

    lib.sodium_init()  # without it no vector instructions are used
    # Its memory comes from mmap(2): the kernel has it back at once, and nobody else reads it.
    failed = lib.crypto_pwhash_scryptsalsa208sha256_ll(
        ffi.from_buffer("uint8_t[]", password),
        len(password),
        ffi.from_buffer("uint8_t[]", salt),
        len(salt),
        n,
        r,
        p,
        ffi.from_buffer("uint8_t[]", key, require_writable=True),
        len(key),
    )
    if failed:
        if ffi.errno == errno.ENOMEM:
            raise MemoryError
        raise ValueError(os.strerror(ffi.errno))


def _scrypt_of_openssl(
    password: memoryview, salt: bytes, n: int, r: int, p: int, key: bytearray
) -> None:
    # Most processors have no use for it, and it is another module to load.
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    Scrypt(salt=salt, length=len(key), n=n, r=r, p=p).derive_into(password, key)


def argon2id(
    password: Secret, salt: bytes, memory_kib: int, passes: int, lanes: int, size: int
) -> Secret:
    """Return `size` bytes from a password (RFC 9106, version 0x13, no key, no associated data).

    It takes `memory_kib` KiB, which the library overwrites before it gives them back, and a
    thread for each lane. That memory is not locked: at 64 MiB and more an ordinary user's
    limit forbids it. Raises MemoryError when there is not as much, or no thread.

    The library's own functions for this copy the password into memory that nobody wipes, so
    its C interface is used, with buffers of ours.
    """
    # Imported here: most volumes do without it, and it would take a tenth of their start.
    from argon2.low_level import ARGON2_VERSION, Type, core, error_to_str, ffi

    key = bytearray(size)
    with password.view as view, memoryview(key) as out:
        context = ffi.new(
            "argon2_context *",
            {
                "out": ffi.from_buffer("uint8_t[]", out, require_writable=True),
                "outlen": size,
                "pwd": ffi.from_buffer("uint8_t[]", view),
                "pwdlen": len(view),
                "salt": ffi.from_buffer("uint8_t[]", salt),
                "saltlen": len(salt),
                "t_cost": passes,
                "m_cost": memory_kib,
                "lanes": lanes,
                "threads": lanes,
                "version": ARGON2_VERSION,
            },
        )
        code = core(context, Type.ID.value)
        # It holds addresses in our buffers, which are let go of here.
        del context
    if code in (_NO_MEMORY, _NO_THREAD):
        raise MemoryError
    if code != _OK:
        raise ValueError(error_to_str(code))
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


def hmac_sha256(key: Secret, data: bytes | bytearray | memoryview) -> bytes:
    """Return the HMAC of `data` (RFC 2104), which may be shown where the data may."""
    with key.view as view:
        mac = HMAC(view, SHA256())
    mac.update(data)
    return mac.finalize()


class Sha256:
    """A hash of what comes in pieces, whose result is a secret."""

    def __init__(self) -> None:
        self._hashing = Hash(SHA256())

    def update(self, data: bytes | bytearray | memoryview) -> None:
        self._hashing.update(data)

    def finish(self) -> Secret:
        return Secret(bytearray(self._hashing.finalize()))
