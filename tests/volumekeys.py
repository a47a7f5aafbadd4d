"""The keys of a volume, from its config and its password alone: nothing of ours computes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 16


def volume_keys(cipherdir: Path, password: bytes) -> dict[str, bytes]:
    """Return every key of a volume in the plain format with HKDF, by what it is."""
    conf = json.loads((cipherdir / "gocryptfs.conf").read_text())
    cost = conf["ScryptObject"]
    stretched = hashlib.scrypt(
        password,
        salt=base64.b64decode(cost["Salt"]),
        n=cost["N"],
        r=cost["R"],
        p=cost["P"],
        maxmem=256 * cost["N"] * cost["R"],
        dklen=cost["KeyLen"],
    )
    wrapping = _hkdf(stretched, b"AES-GCM file content encryption")
    wrapped = base64.b64decode(conf["EncryptedKey"])
    master = AESGCM(wrapping).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bytes(8))
    return {
        "scrypt_key": stretched,
        "wrapping_key": wrapping,
        "master_key": master,
        "content_key": _hkdf(master, b"AES-GCM file content encryption"),
        "names_key": _hkdf(master, b"EME filename encryption"),
    }


def _hkdf(key: bytes, info: bytes) -> bytes:
    """Return 32 bytes as RFC 5869 has it, with SHA-256 and without a salt: one block."""
    drawn = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(drawn, info + b"\x01", "sha256")
