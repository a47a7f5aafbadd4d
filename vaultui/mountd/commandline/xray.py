"""`-xray`: what a file of a cipher directory consists of.

Nothing is decrypted: what is shown anybody sees who has the file and no password.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vaultui.cipherfs.metadata import BadDirIv, read_dir_iv
from vaultui.format import names, volumeconf
from vaultui.format.blocks import GCM, HEADER_BYTES, SIV, XCHACHA, BadHeader, Layout, parse_header
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import VaultuiError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.terminaltext import shown

_TAG_BYTES: Final = 16


@dataclass(frozen=True)
class _Cipher:
    """How the blocks of a content cipher are laid out."""

    title: str
    layout: Layout
    tag_first: bool = False
    """The tag stands before the ciphertext and not behind it."""


_GCM: Final = _Cipher("AES-GCM-256", GCM)
_SIV: Final = _Cipher("AES-SIV-512", SIV, tag_first=True)
_XCHACHA: Final = _Cipher("XChaCha20-Poly1305", XCHACHA)


class _NotCiphertext(Exception):
    """Ends an inspection; the text says what is wrong with the file."""


def inspect(path: str, *, aes_siv: bool = False, xchacha: bool = False) -> ExitCode:
    """Print what the file, link or directory of a cipher directory at `path` consists of.

    The flags choose the layout of blocks, which a file does not tell; without one it is that
    of AES-GCM. USAGE, as in gocryptfs-xray, for what cannot be read or is damaged.
    """
    cipher = _SIV if aes_siv else _XCHACHA if xchacha else _GCM
    try:
        for line in _describe(path, cipher):
            print(line)
    except _NotCiphertext as damage:
        print(damage)
    except OSError as error:
        print(f"{shown(path)}: {reason_of(error).lower()}", file=sys.stderr)
    else:
        return ExitCode.OK
    return ExitCode.USAGE


def _describe(path: str, cipher: _Cipher) -> Iterator[str]:
    if os.path.islink(path):
        sealed = _decode_target(os.readlink(os.fsencode(path)))
        if len(sealed) > cipher.layout.overhead:
            yield f"Symlink: {_parts(sealed, cipher)}, Len: {len(sealed)}"
            return
    # A link that holds no ciphertext is somebody's own, and leads to what is meant.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            yield _describe_directory(fd)
        elif stat.S_ISREG(mode):
            yield from _describe_file(fd, os.path.basename(os.fsencode(path)), cipher)
        else:
            raise _NotCiphertext("neither file, directory nor symlink: nothing in it is encrypted")
    finally:
        os.close(fd)


def _decode_target(target: bytes) -> bytes:
    """Return the sealed target of a symlink; empty if it is not base64."""
    for decode in (names.decode_raw, names.decode_padded):
        with contextlib.suppress(names.BadName):
            return decode(target)
    return b""


def _describe_directory(fd: int) -> str:
    try:
        return f"Directory IV: {read_dir_iv(fd).hex()}"
    except BadDirIv as error:
        raise _NotCiphertext(f"a directory without an IV: {error}") from None


def _describe_file(fd: int, name: bytes, cipher: _Cipher) -> Iterator[str]:
    start = os.pread(fd, HEADER_BYTES, 0)
    if not start:
        yield "empty file"
    elif name == names.DIR_IV_NAME:
        yield _describe_dir_iv(start)
    elif names.is_companion(name):
        yield _describe_companion(name, os.pread(fd, names.LONG_COMPANION_MAX + 1, 0))
    elif start.startswith(b"{"):
        yield _describe_conf(os.pread(fd, volumeconf.MAX_CONF_BYTES + 1, 0), os.fsdecode(name))
    else:
        yield from _describe_content(fd, start, cipher)


def _describe_dir_iv(data: bytes) -> str:
    if len(data) != names.DIR_IV_BYTES or not any(data):
        raise _NotCiphertext(
            f"no directory IV, which is 16 bytes, not all of them zero: {data.hex()}"
        )
    return f"Directory IV: {data.hex()}"


def _describe_companion(name: bytes, full: bytes) -> str:
    hashed = name.removesuffix(names.NAME_SUFFIX)
    if hashed not in (names.hash_long_name(full), names.hash_long_name(full, padded=True)):
        raise _NotCiphertext("not the long name of its entry: the hash of it is another")
    return f"Long name: {full.decode('ascii', 'replace')}"


def _describe_conf(data: bytes, name: str) -> str:
    try:
        conf = volumeconf.parse(data, name)
    except VaultuiError as error:
        raise _NotCiphertext(error.summary) from None
    return (
        f"Volume config: Creator: {shown(conf.creator)}, content: {conf.features.content}, "
        f"names: {conf.features.names} (-info shows it all)"
    )


def _describe_content(fd: int, start: bytes, cipher: _Cipher) -> Iterator[str]:
    try:
        file_id = parse_header(start)
    except BadHeader as error:
        raise _NotCiphertext(
            f"no file header: {error.reason}. Header hexdump: {start.hex()}"
        ) from (None)
    yield f"Header: Version: 2, Id: {file_id.hex()}, assuming {cipher.title} mode"
    layout = cipher.layout
    number = 0
    while block := os.pread(fd, layout.cipher_block, layout.cipher_offset(number)):
        if len(block) <= layout.overhead:
            raise _NotCiphertext(f"corrupt block: truncated data, len={len(block)}")
        line = (
            f"Block {number:2d}: {_parts(block, cipher)}, "
            f"Offset: {layout.cipher_offset(number):5d} Len: {len(block)}"
        )
        yield line if any(block) else f"{line} ({_zeros(len(block), layout)})"
        number += 1


def _parts(block: bytes, cipher: _Cipher) -> str:
    nonce, rest = block[: cipher.layout.nonce_bytes], block[cipher.layout.nonce_bytes :]
    tag = rest[:_TAG_BYTES] if cipher.tag_first else rest[-_TAG_BYTES:]
    return f"IV: {nonce.hex()}, Tag: {tag.hex()}"


def _zeros(size: int, layout: Layout) -> str:
    return "hole" if size == layout.cipher_block else "corrupt: a short block of zeros"
