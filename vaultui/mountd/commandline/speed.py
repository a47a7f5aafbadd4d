"""`-speed`: how fast this machine encrypts content, in gocryptfs's table."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vaultui.crypto.hazmat.aead import Aead, AesGcm, AesSiv
from vaultui.crypto.hazmat.xchacha import XChaCha20Poly1305
from vaultui.format.blocks import FILE_ID_BYTES, PLAIN_BLOCK
from vaultui.model.exitcodes import ExitCode

_AD_BYTES: Final = 8 + FILE_ID_BYTES
"""A block's number and the ID of its file."""
_MEASURED_S: Final = 0.5
"""For each cipher; longer does not make the figure steadier on a machine that does more."""
_BATCH: Final = 64
"""Blocks between two looks at the clock."""

_CIPHERS: Final[tuple[tuple[str, Callable[[], Aead], str], ...]] = (
    ("AES-GCM-256-OpenSSL", lambda: AesGcm(os.urandom(32)), "selected in auto mode"),
    ("AES-SIV-512-OpenSSL", lambda: AesSiv(os.urandom(64)), "with -aessiv"),
    ("XChaCha20-Poly1305-Sodium", lambda: XChaCha20Poly1305(os.urandom(32)), "with -xchacha"),
)
"""What a row is called, the cipher, and a remark. The library at the end of the name is the one
that does the work; there is no other to choose with -openssl."""


def run() -> ExitCode:
    """Print the processor, and a line for each content cipher, which takes half a second."""
    print(f"cpu: {_processor()}")
    for name, make, remark in _CIPHERS:
        print(f"{name:<26}\t", end="", flush=True)
        print(f"{_megabytes_per_s(make()):7.2f} MB/s\t({remark})", flush=True)
    return ExitCode.OK


def _megabytes_per_s(aead: Aead) -> float:
    """Return how much plaintext a second is sealed, in blocks as files have them."""
    nonce = os.urandom(aead.layout.nonce_bytes)
    ad, plain = os.urandom(_AD_BYTES), bytes(PLAIN_BLOCK)
    sealed = bytearray(PLAIN_BLOCK + aead.layout.tag_bytes)
    blocks = 0
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < _MEASURED_S:
        for _ in range(_BATCH):
            aead.encrypt_into(nonce, plain, ad, sealed)
        blocks += _BATCH
    return blocks * PLAIN_BLOCK / passed / 1e6


def _processor() -> str:
    """Return the model of the processor, and whether it has instructions for AES."""
    model, flags = platform.machine(), ""
    with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as rows:
        for row in rows:
            field, _, value = row.partition(":")
            match field.strip():
                case "model name":
                    model = value.strip()
                case "flags" | "Features":
                    flags = value
                    break
    has_aes = "aes" in flags.split()
    return f"{model}; {'with' if has_aes else 'no'} AES acceleration"
