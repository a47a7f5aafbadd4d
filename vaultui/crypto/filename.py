"""Names of directory entries and of extended attributes, encrypted or plain.

`Names` is what a volume offers, whatever its scheme: `NameCipher` for names in EME, with an
IV for each directory or one for all, and `PlainNames` for plaintext names.
"""

from __future__ import annotations

from typing import Final, Protocol

from vaultui.crypto.hazmat.eme import BLOCK, Eme
from vaultui.format.names import (
    DIR_IV_BYTES,
    BadName,
    NameTooLong,
    check_plain_name,
    decode_padded,
    decode_raw,
    encode_padded,
    encode_raw,
    hash_long_name,
)

__all__ = ["FIXED_IV", "BadName", "NameCipher", "NameTooLong", "Names", "PlainNames"]

XATTR_PREFIX: Final = b"user.gocryptfs."
FIXED_IV: Final = bytes(DIR_IV_BYTES)
"""What stands in for a directory's IV where there is none."""
_XATTR_TWEAK: Final = b"xattr_name_iv_xx"
_CACHED: Final = 16_384
"""Names kept per generation and direction: about 10 MB when all are full."""
_MAX_PADDED: Final = 256
"""A name of 255 bytes with its padding."""
_PADDINGS: Final = [bytes((count,)) * count for count in range(BLOCK + 1)]


class Names(Protocol):
    """How names are stored. Usable from several threads; the same in, the same out."""

    @property
    def is_plain(self) -> bool:
        """Whether names lie on disk as they are, and none of them has a meaning of its own."""

    @property
    def uses_dir_iv(self) -> bool:
        """Whether each directory has its own IV. Where not, FIXED_IV stands in for it."""

    @property
    def padded(self) -> bool:
        """Whether base64 ends in `=`: that of names, of symlink targets and of attributes."""

    def encrypt(self, name: bytes, dir_iv: bytes, /) -> bytes:
        """Return the name on disk; it may be too long for a file system (`hash_long_name`).

        Raises BadName for what cannot be a name, NameTooLong above 255 bytes.
        """

    def decrypt(self, cname: bytes, dir_iv: bytes, /) -> bytes:
        """Return the name that is stored as `cname`; raises BadName.

        `cname` is the full encrypted name: of a hashed entry, what its companion holds.
        """

    def hash_long_name(self, cname: bytes, /) -> bytes:
        """Return the hashed name of `cname` in the alphabet of this volume."""

    def encrypt_xattr_name(self, name: bytes, /) -> bytes:
        """Return the name under which the attribute `name` (with its namespace) is stored."""

    def decrypt_xattr_name(self, cname: bytes, /) -> bytes:
        """Return the name of the attribute stored as `cname`; raises BadName."""


class _EncryptedXattrNames:
    """What both kinds of names have: those of attributes are always encrypted."""

    def __init__(self, key: bytes | bytearray | memoryview, raw64: bool) -> None:
        self._eme = Eme(key)
        self.padded = not raw64
        self._encode = encode_raw if raw64 else encode_padded
        self._decode = decode_raw if raw64 else decode_padded

    def hash_long_name(self, cname: bytes) -> bytes:
        """Return the hashed name of `cname` in the alphabet of this volume."""
        return hash_long_name(cname, padded=self.padded)

    def encrypt_xattr_name(self, name: bytes) -> bytes:
        """Return the name under which the attribute `name` (with its namespace) is stored."""
        return XATTR_PREFIX + self._encode(self._eme.encrypt(_XATTR_TWEAK, _pad(name)))

    def decrypt_xattr_name(self, cname: bytes) -> bytes:
        """Return the name of the attribute stored as `cname`; raises BadName."""
        if not cname.startswith(XATTR_PREFIX):
            raise BadName("it is not an attribute of the vault")
        name = self._open(cname[len(XATTR_PREFIX) :], _XATTR_TWEAK)
        if not name or b"\0" in name:
            raise BadName("it is empty or contains a NUL byte")
        return name

    def _open(self, cname: bytes, tweak: bytes) -> bytes:
        block = self._decode(cname)
        if not block or len(block) % BLOCK:
            raise BadName(f"it holds {len(block)} bytes, not whole blocks of {BLOCK}")
        if len(block) > _MAX_PADDED:
            raise NameTooLong
        return _unpad(self._eme.decrypt(tweak, block))


class NameCipher(_EncryptedXattrNames):
    """Names under one key. The answer depends on the name and its directory's IV alone.

    That makes it safe to remember answers for as long as the key lives. Usable from
    several threads.
    """

    is_plain: Final = False

    def __init__(
        self,
        key: bytes | bytearray | memoryview,
        raw64: bool = True,
        *,
        uses_dir_iv: bool = True,
    ) -> None:
        super().__init__(key, raw64)
        self.uses_dir_iv = uses_dir_iv
        self._encrypted = _Recent()
        self._decrypted = _Recent()

    def encrypt(self, name: bytes, dir_iv: bytes) -> bytes:
        """Return the encrypted name as base64 text; it may be too long for a file system.

        Raises BadName for what cannot be a name, NameTooLong above 255 bytes.
        """
        key = (dir_iv, name)
        known = self._encrypted.get(key)
        if known is not None:
            return known
        check_plain_name(name)
        cname = self._encode(self._eme.encrypt(dir_iv, _pad(name)))
        self._encrypted.put(key, cname)
        return cname

    def note(self, name: bytes, dir_iv: bytes, cname: bytes) -> None:
        """Remember `cname` as what `encrypt` would return, from whoever knows it already."""
        self._encrypted.put((dir_iv, name), cname)

    def decrypt(self, cname: bytes, dir_iv: bytes) -> bytes:
        """Return the name whose base64 text is `cname`; raises BadName.

        `cname` is the full encrypted name: of a hashed entry, what its companion holds.
        """
        key = (dir_iv, cname)
        known = self._decrypted.get(key)
        if known is not None:
            return known
        name = self._open(cname, dir_iv)
        check_plain_name(name)
        self._decrypted.put(key, name)
        # Whoever lists a directory will look these names up next.
        self._encrypted.put((dir_iv, name), cname)
        return name


class PlainNames(_EncryptedXattrNames):
    """Names as they are. Only those of attributes are encrypted, in padded base64."""

    is_plain: Final = True
    uses_dir_iv: Final = False

    def __init__(self, key: bytes | bytearray | memoryview) -> None:
        super().__init__(key, raw64=False)

    def encrypt(self, name: bytes, dir_iv: bytes = b"") -> bytes:
        """Return `name`; raises BadName for what cannot be one, NameTooLong above 255 bytes."""
        check_plain_name(name)
        return name

    def decrypt(self, cname: bytes, dir_iv: bytes = b"") -> bytes:
        """Return `cname`; raises as `encrypt`."""
        check_plain_name(cname)
        return cname


def _pad(name: bytes) -> bytes:
    """PKCS#7 (RFC 5652, 6.3): 1 to 16 bytes, each saying how many there are."""
    return name + _PADDINGS[BLOCK - len(name) % BLOCK]


def _unpad(padded: bytes) -> bytes:
    count = padded[-1]
    if not 1 <= count <= BLOCK or not padded.endswith(_PADDINGS[count]):
        # EME has no tag, so this is where a wrong key, a foreign file or an entry moved
        # from another directory shows.
        raise BadName("it does not belong to this directory, or is damaged")
    return padded[:-count]


class _Recent:
    """A dictionary of the last few thousand answers, in two generations.

    When the young generation is full it becomes the old one, and the old one is dropped.
    That is nearly as good as least-recently-used, with one dictionary look-up for a hit.
    """

    __slots__ = ("_old", "_young")

    def __init__(self) -> None:
        self._young: dict[tuple[bytes, bytes], bytes] = {}
        self._old: dict[tuple[bytes, bytes], bytes] = {}

    def get(self, key: tuple[bytes, bytes]) -> bytes | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: tuple[bytes, bytes], answer: bytes) -> None:
        # Two threads may both turn the generations; that forgets answers and no more.
        if len(self._young) >= _CACHED:
            self._old = self._young
            self._young = {}
        self._young[key] = answer
