"""Both libraries that may derive a key by scrypt, against a third implementation."""

from __future__ import annotations

import hashlib
import sys

import pytest
from programs import run_program

from vaultui.crypto.hazmat import kdf
from vaultui.model.secret import Secret

both = pytest.mark.parametrize("has_sse2", [True, False], ids=["libsodium", "openssl"])


@both
@pytest.mark.parametrize(
    ("password", "n", "r", "p", "size"),
    [
        (b"correct horse battery", 1024, 8, 1, 32),
        (b"\0" * 2048, 2, 8, 1, 64),
        (b"x", 1 << 14, 8, 3, 32),
        ("Grüße".encode(), 4096, 16, 2, 33),
    ],
)
def test_it_derives_what_python_derives(
    monkeypatch: pytest.MonkeyPatch,
    has_sse2: bool,
    password: bytes,
    n: int,
    r: int,
    p: int,
    size: int,
) -> None:
    monkeypatch.setattr(kdf, "_HAS_SSE2", has_sse2)
    salt = b"0123456789abcdef0123456789abcdef"
    expected = hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=1 << 28, dklen=size)
    with kdf.scrypt(Secret(bytearray(password)), salt, n, r, p, size) as key:
        assert key.view == expected


@both
def test_memory_that_is_not_there_is_a_memory_error(has_sse2: bool) -> None:
    limit = 1 << 30
    code = f"""
import resource
from vaultui.crypto.hazmat import kdf
from vaultui.model.secret import Secret
kdf._HAS_SSE2 = {has_sse2}
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
try:
    kdf.scrypt(Secret(bytearray(b"x")), bytes(32), 1 << 21, 8, 1, 32)
except MemoryError:
    print("refused")
"""
    done = run_program((sys.executable, "-I", "-c", code)).check()
    assert done.stdout == b"refused\n"
