"""The IVs of a reverse view: hashes of an encrypted path and of what they are for."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

_IV_BYTES: Final = 16
_DIR_IV: Final = b"DIRIV"
_FILE_ID: Final = b"FILEID"
_FIRST_BLOCK: Final = b"BLOCK0IV"
_SYMLINK: Final = b"SYMLINKIV"
_XATTR: Final = b"XATTRIV"

_COUNTER_BYTES: Final = 8
_COUNTERS: Final = 1 << 8 * _COUNTER_BYTES


class FileIvs(NamedTuple):
    """What the ciphertext of a file depends on beside its content and the key."""

    file_id: bytes
    first_nonce: bytes
    """The nonce of block 0, from which those of the others are counted."""

    def nonces(self, first_block: int, count: int) -> bytes:
        """Return the nonces of a run of blocks, one behind the other.

        The number of the block is added to the last eight bytes, which wrap around.
        """
        prefix = self.first_nonce[:-_COUNTER_BYTES]
        start = int.from_bytes(self.first_nonce[-_COUNTER_BYTES:], "big") + first_block
        return b"".join(
            [
                prefix + (number % _COUNTERS).to_bytes(_COUNTER_BYTES, "big")
                for number in range(start, start + count)
            ]
        )


# A path is the encrypted one, relative to the root, which is b"".


def dir_iv(path: bytes) -> bytes:
    """Return the IV of the names in the directory `path`."""
    return _derive(path, _DIR_IV)


def file_ivs(path: bytes) -> FileIvs:
    """Return the IVs of the file `path`."""
    return FileIvs(_derive(path, _FILE_ID), _derive(path, _FIRST_BLOCK))


def symlink_nonce(path: bytes) -> bytes:
    """Return the nonce for the target of the symlink `path`.

    gocryptfs goes one step too far down, to an entry of the symlink with its own name. What
    decrypts takes any nonce, but the view would be another one.
    """
    return _derive(path + b"/" + path.rpartition(b"/")[2], _SYMLINK)


def xattr_nonce(path: bytes, stored_name: bytes) -> bytes:
    """Return the nonce for the value of the attribute that `path` has as `stored_name`."""
    return _derive(path + b"\0" + stored_name, _XATTR)


def _derive(path: bytes, purpose: bytes) -> bytes:
    return hashlib.sha256(path + b"\0" + purpose).digest()[:_IV_BYTES]
