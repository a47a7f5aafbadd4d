"""Names in a cipher directory: the reserved ones, the long ones, and their base64 alphabet.

Nothing here needs a key. Names are bytes; base64url text is ASCII bytes too.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Final

CONF_NAME: Final = b"gocryptfs.conf"
REVERSE_CONF_NAME: Final = b".gocryptfs.reverse.conf"
"""What the config is called in a plain directory that is shown encrypted."""
DIR_IV_NAME: Final = b"gocryptfs.diriv"
LONG_PREFIX: Final = b"gocryptfs.longname."
NAME_SUFFIX: Final = b".name"

DIR_IV_BYTES: Final = 16
NAME_MAX: Final = 255
"""Longest name in bytes that Linux file systems take, and that the kernel shows."""
LONG_NAME_MAX_RANGE: Final = range(62, NAME_MAX + 1)
"""What LongNameMax may be: below 62 not even a hashed name with its suffix would fit."""
LONG_COMPANION_MAX: Final = 344
"""Bytes in the longest encrypted name: 255 bytes padded to 256, in padded base64."""

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


class BadName(Exception):
    """A name that is not what it should be, encrypted or plain; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NameTooLong(BadName):
    """A plain name of more than 255 bytes."""

    def __init__(self) -> None:
        super().__init__(f"it is longer than {NAME_MAX} bytes")


def check_plain_name(name: bytes) -> None:
    """Raise BadName unless `name` can be the plain name of a directory entry.

    The same check holds for names from the kernel and for decrypted ones: whoever can
    write to the cipher directory of a vault made by another program must not be able to
    make `..` or `a/b` appear inside the mount.
    """
    if len(name) > NAME_MAX:
        raise NameTooLong
    if not name:
        raise BadName("it is empty")
    if b"/" in name or b"\0" in name:
        raise BadName("it contains a slash or a NUL byte")
    if name in (b".", b".."):
        raise BadName("it is . or ..")


def is_long(cname: bytes) -> bool:
    """Tell whether `cname` is the hashed name of an entry whose encrypted name is too long."""
    return cname.startswith(LONG_PREFIX) and not cname.endswith(NAME_SUFFIX)


def is_companion(cname: bytes) -> bool:
    """Tell whether `cname` is the `.name` file beside a hashed entry."""
    return cname.startswith(LONG_PREFIX) and cname.endswith(NAME_SUFFIX)


def companion(hashed: bytes) -> bytes:
    """Return the name of the file that keeps the full encrypted name of a hashed entry."""
    return hashed + NAME_SUFFIX


def hash_long_name(cname: bytes, *, padded: bool = False) -> bytes:
    """Return the hashed name for an encrypted name; the hash is over its base64 text."""
    # It loads the system's libcrypto, which a password does not wait for.
    import hashlib

    digest = hashlib.sha256(cname).digest()
    return LONG_PREFIX + (encode_padded(digest) if padded else encode_raw(digest))


def encode_raw(data: bytes) -> bytes:
    """Return base64url without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def encode_padded(data: bytes) -> bytes:
    """Return base64url with padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL)


def decode_raw(text: bytes) -> bytes:
    """Return the bytes of base64url without padding; raises BadName.

    Strict: the text is refused unless it is exactly what `encode_raw` makes of the answer.
    Otherwise one name could be spelled in several ways, and the same plain name could appear
    twice in a directory.
    """
    return _decode(text, text + b"=" * (-len(text) % 4), encode_raw)


def decode_padded(text: bytes) -> bytes:
    """Return the bytes of base64url with padding, as strictly as `decode_raw`."""
    return _decode(text, text, encode_padded)


def _decode(text: bytes, padded: bytes, encode: Callable[[bytes], bytes]) -> bytes:
    try:
        data = binascii.a2b_base64(padded.translate(_FROM_URL))
    except binascii.Error as error:
        raise BadName("it is not base64") from error
    # binascii skips foreign characters and ignores trailing bits: encoding once more is
    # both the shortest and the strictest test.
    if encode(data) != text:
        raise BadName("it is not base64 as it should be written")
    return data
