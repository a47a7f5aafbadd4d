"""Plasma Vault's list: plasmavaultrc, a file of KConfig, with a group for each cipher directory.

Which groups are vaults is told by the keys of [EncryptedDevices]. From its kded/engine/vault.cpp,
and from KConfig's src/core/kconfigini.cpp what its files look like.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from vaultui.linux.errnos import reason_of
from vaultui.vaults.managers.listed import Homes, Listed, contents

NAME = "Plasma Vault"

_DEVICES = "EncryptedDevices"
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))")
_ESCAPES = {b"s": b" ", b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
_HOME = re.compile(r"\$(?:HOME\b|\{HOME\})")

_Groups = dict[str, dict[str, str]]


def read(homes: Homes) -> Iterator[Listed]:
    """Yield the vaults, in the order of the list."""
    file = homes.config / "plasmavaultrc"
    try:
        groups = parse_kconfig(contents(file), home=str(homes.home))
    except FileNotFoundError:
        return
    except OSError as error:
        yield Listed(NAME, str(file), problem=reason_of(error))
        return
    for cipherdir in groups.get(_DEVICES, {}):
        group = groups.get(cipherdir, {})
        yield Listed(
            NAME,
            name=group.get("name", ""),
            cipherdir=cipherdir,
            mountpoint=group.get("mountPoint", ""),
            kind=group.get("backend", ""),
        )


def parse_kconfig(data: bytes, *, home: str) -> _Groups:
    """Return the groups of a KConfig file; nested ones, and what is no entry, are passed over."""
    groups: _Groups = {}
    entries: dict[str, str] | None = None
    for line in (line.strip() for line in data.splitlines()):
        if line.startswith(b"["):
            name = line[1:].removesuffix(b"[$i]").removesuffix(b"]")
            entries = None if b"]" in name else groups.setdefault(_plain(name), {})
        elif entries is not None and b"=" in line and not line.startswith(b"#"):
            key, _, value = line.partition(b"=")
            key, bracket, options = key.strip().partition(b"[")
            text = _plain(value.strip())
            if bracket and options.startswith(b"$") and b"e" in options:
                text = _HOME.sub(lambda _: home, text)
            entries[_plain(key)] = text
    return groups


def _plain(escaped: bytes) -> str:
    def character(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes([int(match[1], 16)])
        return _ESCAPES.get(match[2], match[0])

    return os.fsdecode(_ESCAPE.sub(character, escaped))
