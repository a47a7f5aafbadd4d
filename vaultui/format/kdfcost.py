"""What it costs to make a key from a password, and how much of that is refused unseen."""

from __future__ import annotations

from typing import Final

from vaultui.model.records import record

MIN_LOGN: Final = 10
MAX_LOGN: Final = 28
"""The range of gocryptfs's -scryptn. 28 takes 256 GiB of memory."""
DEFAULT_LOGN: Final = 16
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1
"""What gocryptfs makes, whatever N is."""
_MIN_SCRYPT_SALT: Final = 32
KEY_BYTES: Final = 32
"""What comes out of a derivation."""

MAX_MEMORY_KIB: Final = 4 << 20
_MIN_MEMORY_KIB: Final = 1 << 10
MAX_LANES: Final = 64
"""Each lane is a thread."""
MAX_ARGON2ID_WORK: Final = 64 << 20
"""Bound on the KiB that are gone over in all passes together, which is `MAX_WORK`."""
ARGON2ID_SALT_BYTES: Final = 16
"""RFC 9106, section 3.1."""

MAX_WORK: Final = MAX_ARGON2ID_WORK << 10
"""Bound on the bytes that all derivations of one volume may go over together: a minute or two.

Whoever can write the config decides how long a wrong password keeps us busy, and a derivation
cannot be interrupted. Sixteen keys of a second each, on a fast machine, stay below the bound. Only
the plain scrypt of gocryptfs may go beyond, which is old practice: there the memory that is
needed for it is the bound, at some three seconds for each GiB that the machine has."""


class CostRefused(Exception):
    """A cost that is not tried; `reason` names it, as in "a scrypt cost N of 3"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@record(frozen=True)
class ScryptCost:
    """How scrypt stretches (RFC 7914); `n` is the number itself, not its logarithm."""

    salt: bytes
    n: int = 1 << DEFAULT_LOGN
    r: int = _SCRYPT_R
    p: int = _SCRYPT_P
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
        """Raise CostRefused for what gocryptfs refuses, and for what would take minutes."""
        # Limits of the integers first, so that a sentence never carries a number of a
        # thousand digits.
        if not 1 << MIN_LOGN <= self.n <= 1 << MAX_LOGN:
            raise CostRefused(f"a scrypt cost N outside 2^{MIN_LOGN} to 2^{MAX_LOGN}")
        if self.n & (self.n - 1):
            raise CostRefused(f"a scrypt cost N of {self.n}, which is not a power of two")
        if not _SCRYPT_R <= self.r <= MAX_WORK or not _SCRYPT_P <= self.p <= MAX_WORK:
            raise CostRefused("a scrypt cost with r below 8 or p below 1, or with absurd ones")
        if self.work > MAX_WORK and (self.r, self.p) != (_SCRYPT_R, _SCRYPT_P):
            raise CostRefused(
                f"scrypt with N={self.n} r={self.r} p={self.p}, which would take minutes"
            )
        if len(self.salt) < _MIN_SCRYPT_SALT:
            raise CostRefused(
                f"a scrypt salt of {len(self.salt)} bytes, fewer than {_MIN_SCRYPT_SALT}"
            )
        if self.key_bytes != KEY_BYTES:
            raise CostRefused(f"a scrypt key that is not {KEY_BYTES} bytes long")

    def __str__(self) -> str:
        return f"scrypt N={self.n} r={self.r} p={self.p}"


@record(frozen=True)
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
        """Raise CostRefused for what is no protection, and for what would take minutes."""
        if not _MIN_MEMORY_KIB <= self.memory_kib <= MAX_MEMORY_KIB:
            raise CostRefused(
                f"an Argon2id memory outside {_MIN_MEMORY_KIB >> 10} to {MAX_MEMORY_KIB >> 10} MiB"
            )
        if not 1 <= self.lanes <= MAX_LANES:
            raise CostRefused(f"Argon2id with lanes outside 1 to {MAX_LANES}")
        if not 1 <= self.passes <= MAX_ARGON2ID_WORK // self.memory_kib:
            raise CostRefused("Argon2id without a pass, or with so many that it would take minutes")
        if len(self.salt) != ARGON2ID_SALT_BYTES:
            raise CostRefused(f"an Argon2id salt that is not {ARGON2ID_SALT_BYTES} bytes long")

    def __str__(self) -> str:
        return f"argon2id m={self.memory_kib}KiB t={self.passes} p={self.lanes}"


@record(frozen=True)
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
