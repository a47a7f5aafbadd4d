"""Which vaults of other managers can be brought into the list, and why others can't."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.linux.mountinfo import leads_to, mount_at, read_mounts
from vaultui.model.errors import VaultuiError
from vaultui.model.language import Phrase
from vaultui.vaults.discovery import CONF, REVERSE_CONF, name_for
from vaultui.vaults.duration import parse_duration
from vaultui.vaults.entry import VaultEntry, check_name
from vaultui.vaults.managers import gnomevaults, plasmavault, sirikali
from vaultui.vaults.managers.listed import Homes, Listed
from vaultui.vaults.paths import absolute

MANAGERS: Final = {"sirikali": sirikali, "plasma": plasmavault, "vaults": gnomevaults}
"""The managers whose lists are read, by the words that name them on a command line."""

_OTHER_KINDS: Final = {
    "cryfs.config": "CryFS",
    ".cryfs.config": "CryFS",
    ".encfs6.xml": "EncFS",
    "encfs6.xml": "EncFS",
    ".securefs.json": "securefs",
    "vault.cryptomator": "Cryptomator",
    "masterkey.cryptomator": "Cryptomator",
    ".ecryptfs.config": "eCryptfs",
}
"""Kinds of vaults by a file in their directory, for those that only look like ours in a list."""


@dataclass(frozen=True)
class Importable:
    """A vault of another manager, as it would be added."""

    manager: str
    name: str
    cipherdir: str
    mountpoint: str = ""
    """Empty: where vaults open by default."""
    read_only: bool = False
    idle_timeout_s: float | None = None
    config_path: str = ""
    key_file: str = ""
    reverse: bool = False
    reason: str = ""
    """Why it can't be added; empty where it can."""


def read_lists(homes: Homes, managers: Collection[str] = ()) -> list[Listed]:
    """Return what the lists of the managers say; all of them where none is named."""
    chosen = [MANAGERS[name] for name in MANAGERS if not managers or name in managers]
    return [listed for manager in chosen for listed in manager.read(homes)]


def judge(lists: Iterable[Listed], known: Sequence[VaultEntry]) -> list[Importable]:
    """Return what the lists come to, those that can't be added with the reason.

    Looks into the directories, so that it may have to wait for a drive or a server.
    """
    names = [entry.name for entry in known]
    found: list[Importable] = []
    for listed in lists:
        item = _judged(listed, known, found, names)
        if not item.reason:
            names.append(item.name)
        found.append(item)
    return found


def _judged(
    listed: Listed, known: Sequence[VaultEntry], before: Sequence[Importable], names: Sequence[str]
) -> Importable:
    called = listed.name or listed.cipherdir
    if listed.problem:
        reason = Phrase("it could not be read: {reason}", reason=listed.problem)
        return Importable(listed.manager, called, listed.cipherdir, reason=reason)
    reason_not = _why_not(listed, known, before)
    if reason_not:
        return Importable(listed.manager, called, listed.cipherdir, reason=reason_not)
    return Importable(
        listed.manager,
        _name(listed, names),
        absolute(listed.cipherdir),
        _mountpoint(listed),
        listed.read_only,
        _seconds(listed.idle_timeout),
        absolute(listed.config_path) if listed.config_path else "",
        absolute(listed.key_file) if listed.key_file else "",
        listed.reverse or _has(listed.cipherdir, REVERSE_CONF),
    )


def _why_not(
    listed: Listed, known: Sequence[VaultEntry], before: Sequence[Importable]
) -> Phrase | None:
    """Return why a vault can't be added, or None."""
    if listed.kind not in ("", "gocryptfs"):
        return _of_kind(listed.kind)
    if not listed.cipherdir.startswith(("/", "~/")) or not _are_paths(listed):
        return Phrase("it is not in a directory of this machine")
    cipherdir = absolute(listed.cipherdir)
    real, mounts = os.path.realpath(cipherdir), read_mounts()
    for entry in known:
        if leads_to(entry.cipherdir, real, mounts):
            return Phrase("it is in the list already, as {name}", name=entry.name)
    if any(not item.reason and os.path.realpath(item.cipherdir) == real for item in before):
        return Phrase("it is listed twice")
    if not os.path.isdir(cipherdir):
        return Phrase("its directory {path} is not there", path=cipherdir)
    if listed.config_path or _has(cipherdir, CONF) or _has(cipherdir, REVERSE_CONF):
        return None
    other = next((kind for file, kind in _OTHER_KINDS.items() if _has(cipherdir, file)), "")
    if other:
        return _of_kind(other)
    return Phrase("there is no volume config in {path}", path=cipherdir)


def _are_paths(listed: Listed) -> bool:
    """Tell whether what a list has for paths can be some: any text can stand in one."""
    try:
        places = (listed.cipherdir, listed.mountpoint, listed.config_path, listed.key_file)
        return not any(b"\0" in os.fsencode(place) for place in places)
    except UnicodeEncodeError:
        return False


def _of_kind(kind: str) -> Phrase:
    return Phrase("it is of the kind {kind}, and only those of gocryptfs open here", kind=kind)


def _has(cipherdir: str, file: str) -> bool:
    return os.path.lexists(os.path.join(absolute(cipherdir), file))


def _name(listed: Listed, names: Sequence[str]) -> str:
    """Return the name that the manager has for it, changed where it can't be one of ours."""
    wished = listed.name.strip().replace("/", "-")
    try:
        check_name(wished)
    except VaultuiError:
        wished = ""
    return name_for(wished or listed.cipherdir, names, whole=bool(wished))


def _mountpoint(listed: Listed) -> str:
    """Return the place where it opens, if it could be made there; else that is the default."""
    if not listed.mountpoint.startswith(("/", "~/")):
        return ""
    place = absolute(listed.mountpoint)
    usable = mount_at(place) is not None or os.path.isdir(os.path.dirname(place))
    return place if usable else ""


def _seconds(idle_timeout: str) -> float | None:
    try:
        return parse_duration(idle_timeout)
    except ValueError:
        return None  # empty, or in units of gocryptfs that are none of ours: 1.5h


def default_homes() -> Homes:
    """Return where the managers of the current user keep their lists."""
    home = Path.home()
    value = os.environ.get("XDG_CONFIG_HOME", "")
    return Homes(home, Path(value) if value.startswith("/") else home / ".config")
