"""What it costs to make a key from a password, and how much of that is refused unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MIN_LOGN: Final = 10
MAX_LOGN: Final = 28
"""The range of gocryptfs's -scryptn. 28 takes 256 GiB of memory."""
DEFAULT_LOGN: Final = 16
_MAX_SCRYPT_WORK: Final = 8 << MAX_LOGN
"""Bound on N·r·p, a quarter of an hour of work: a config that asks for more is a trap, and
scrypt cannot be interrupted once it runs."""
_MIN_SCRYPT_SALT: Final = 32
KEY_BYTES: Final = 32
"""What comes out of a derivation."""

MAX_MEMORY_KIB: Final = 4 << 20
_MIN_MEMORY_KIB: Final = 1 << 10
MAX_LANES: Final = 64
"""Each lane is a thread."""
MAX_ARGON2ID_WORK: Final = 64 << 20
"""Bound on the KiB that are gone over in all passes together: a minute or two."""
ARGON2ID_SALT_BYTES: Final = 16
"""RFC 9106, section 3.1."""

MAX_WORK: Final = 256 * _MAX_SCRYPT_WORK
"""Bound on what all the derivations of one volume may do together: that of the dearest scrypt."""


class CostRefused(Exception):
    """A cost that is not tried; `reason` names it, as in "a scrypt cost N of 3"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """How scrypt stretches (RFC 7914); `n` is the number itself, not its logarithm."""

    salt: bytes
    n: int = 1 << DEFAULT_LOGN
    r: int = 8
    p: int = 1
    key_bytes: int = KEY_BYTES

    @property
    def logn(self) -> int:
        return self.n.bit_length() - 1

    @property
    def memory_bytes(self) -> int:
        """What deriving takes while it runs (RFC 7914, section 2)."""
        return 128 * self.n * self.r

    @property
    def work(self) -> int:
        """Bytes that are written and read while it runs."""
        return 2 * self.memory_bytes * self.p

    def check(self) -> None:
        """Raise CostRefused for what gocryptfs refuses, and for what would not end."""
        # Limits of the integers first, so that a sentence never carries a number of a
        # thousand digits.
        if not 1 << MIN_LOGN <= self.n <= 1 << MAX_LOGN:
            raise CostRefused(f"a scrypt cost N outside 2^{MIN_LOGN} to 2^{MAX_LOGN}")
        if self.n & (self.n - 1):
            raise CostRefused(f"a scrypt cost N of {self.n}, which is not a power of two")
        if not 8 <= self.r <= _MAX_SCRYPT_WORK or not 1 <= self.p <= _MAX_SCRYPT_WORK:
            raise CostRefused("a scrypt cost with r below 8 or p below 1, or with absurd ones")
        if self.n * self.r * self.p > _MAX_SCRYPT_WORK:
            raise CostRefused(f"scrypt with N={self.n} r={self.r} p={self.p}, which would not end")
        if len(self.salt) < _MIN_SCRYPT_SALT:
            raise CostRefused(
                f"a scrypt salt of {len(self.salt)} bytes, fewer than {_MIN_SCRYPT_SALT}"
            )
        if self.key_bytes != KEY_BYTES:
            raise CostRefused(f"a scrypt key that is not {KEY_BYTES} bytes long")

    def __str__(self) -> str:
        return f"scrypt N={self.n} r={self.r} p={self.p}"


@dataclass(frozen=True, slots=True)
class Argon2idCost:
    """How Argon2id stretches (RFC 9106): memory, passes over it, and lanes side by side.

    The default is the RFC's second recommended option, and the least that is chosen for
    anybody.
    """

    salt: bytes
    memory_kib: int = 64 << 10
    passes: int = 3
    lanes: int = 4

    @property
    def memory_bytes(self) -> int:
        return self.memory_kib << 10

    @property
    def work(self) -> int:
        """Bytes that are gone over while it runs."""
        return self.memory_bytes * self.passes

    def check(self) -> None:
        """Raise CostRefused for what is no protection, and for what would not end."""
        if not _MIN_MEMORY_KIB <= self.memory_kib <= MAX_MEMORY_KIB:
            raise CostRefused(
                f"an Argon2id memory outside {_MIN_MEMORY_KIB >> 10} to {MAX_MEMORY_KIB >> 10} MiB"
            )
        if not 1 <= self.lanes <= MAX_LANES:
            raise CostRefused(f"Argon2id with lanes outside 1 to {MAX_LANES}")
        if not 1 <= self.passes <= MAX_ARGON2ID_WORK // self.memory_kib:
            raise CostRefused("Argon2id without a pass, or with so many that it would not end")
        if len(self.salt) != ARGON2ID_SALT_BYTES:
            raise CostRefused(f"an Argon2id salt that is not {ARGON2ID_SALT_BYTES} bytes long")

    def __str__(self) -> str:
        return f"argon2id m={self.memory_kib}KiB t={self.passes} p={self.lanes}"


@dataclass(frozen=True, slots=True)
class NoCost:
    """No stretching: for keys that are random, where it would protect nothing."""

    @property
    def memory_bytes(self) -> int:
        return 0

    @property
    def work(self) -> int:
        return 0

    def check(self) -> None:
        """There is nothing that could be refused."""

    def __str__(self) -> str:
        return "none"


Cost = ScryptCost | Argon2idCost | NoCost
