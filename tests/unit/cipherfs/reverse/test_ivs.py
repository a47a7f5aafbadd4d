"""IVs are hashes of paths; those of blocks are counted from that of the first."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from vaultui.cipherfs.reverse import ivs

_WRAP = 1 << 64


def test_ivs_are_the_first_bytes_of_the_hash_of_path_and_purpose() -> None:
    assert ivs.dir_iv(b"") == hashlib.sha256(b"\0DIRIV").digest()[:16]
    assert ivs.file_ivs(b"a/b").file_id == hashlib.sha256(b"a/b\0FILEID").digest()[:16]
    assert ivs.file_ivs(b"a/b").first_nonce == hashlib.sha256(b"a/b\0BLOCK0IV").digest()[:16]
    assert (
        ivs.xattr_nonce(b"a/b", b"user.gocryptfs.x")
        == hashlib.sha256(b"a/b\0user.gocryptfs.x\0XATTRIV").digest()[:16]
    )


def test_the_nonce_of_a_symlink_has_its_name_twice_in_the_path() -> None:
    assert ivs.symlink_nonce(b"a/L") == hashlib.sha256(b"a/L/L\0SYMLINKIV").digest()[:16]
    assert ivs.symlink_nonce(b"L") == hashlib.sha256(b"L/L\0SYMLINKIV").digest()[:16]


def test_counting_nonces_wraps_in_the_low_half_and_leaves_the_high_one() -> None:
    file = ivs.FileIvs(bytes(16), b"\xab" * 8 + b"\xff" * 8)
    assert file.nonces(0, 3) == (
        b"\xab" * 8 + b"\xff" * 8 + b"\xab" * 8 + bytes(8) + b"\xab" * 8 + bytes(7) + b"\x01"
    )


@given(st.binary(min_size=16, max_size=16), st.integers(0, _WRAP - 1), st.integers(0, 40))
def test_a_run_of_nonces_is_the_nonces_of_its_blocks(first: bytes, block: int, count: int) -> None:
    file = ivs.FileIvs(bytes(16), first)
    run = file.nonces(block, count)
    assert run == b"".join(file.nonces(block + index, 1) for index in range(count))
    assert len(run) == 16 * count
