"""One vault as the registry knows it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from vaultui.linux.mountinfo import leads_to, read_mounts
from vaultui.model.errors import VaultExists, VaultNameInvalid
from vaultui.model.ids import VaultId
from vaultui.model.language import N_, Phrase
from vaultui.wire.autolock import LockOn, WhenBusy

NAME_MAX = 64
"""Characters of a vault's name: it becomes a directory name and has a column on the screen."""


@dataclass(frozen=True)
class MountOptions:
    """What is unusual about the mount of a vault. The names are those of MountSpec."""

    allow_other: bool = False
    """Other users may enter, as far as the modes of the files let them."""
    shared_storage: bool = False
    """Other machines write into the cipher directory at the same time."""
    acl: bool = False
    """Access control lists are kept and obeyed."""
    exec: bool = True
    """Programs in the vault can be run."""
    dev: bool = False
    suid: bool = False
    kernel_cache: bool = False
    """What was read stays in memory from one opening of a file to the next."""
    exclude_patterns: tuple[str, ...] = ()
    """What an encrypted view leaves out, in the syntax of gitignore(5)."""
    one_file_system: bool = False
    """An encrypted view shows other file systems below its directory as empty."""


@dataclass(frozen=True)
class AutoLock:
    """When a vault is locked beside its idle lock. The names are those of MountSpec."""

    lock_on: tuple[LockOn, ...] = tuple(LockOn)
    when_busy: WhenBusy = WhenBusy.RETRY
    notify: bool = True
    """Tell about it as a desktop notification."""


@dataclass(frozen=True)
class VaultHooks:
    """What is run when a vault was opened, and before it is locked: lines for sh, in turn.

    The names are those of MountSpec.
    """

    after_unlock: tuple[str, ...] = ()
    before_lock: tuple[str, ...] = ()


@dataclass(frozen=True)
class VaultEntry:
    """What is known about a vault without looking at it. Paths are absolute text."""

    id: VaultId
    name: str
    cipherdir: str
    mountpoint: str
    idle_timeout_s: float = 0.0
    """0 for never."""
    read_only: bool = False
    config_path: str = ""
    """Empty: the one in the cipher directory."""
    reverse: bool = False
    """The other way round: `cipherdir` is plain, and its encrypted view is what opens."""
    options: MountOptions = MountOptions()
    key_file: str = ""
    """Path of a file that is a key of it, alone or together with a password; empty for none."""
    autolock: AutoLock = AutoLock()
    favourite: bool = False
    open_for_s: float = 0.0
    """It is locked so long after it was opened, whoever uses it then; 0 for never."""
    hooks: VaultHooks = VaultHooks()

    @property
    def opens_read_only(self) -> bool:
        """Whether it opens without the right to write, by choice or because it is a view."""
        return self.read_only or self.reverse


def check_name(name: str) -> None:
    """Raise VaultNameInvalid unless `name` can be a vault's name.

    It is used as a directory name and on command lines, so no slash and no leading dash.
    """
    if not name or len(name) > NAME_MAX:
        reason: str = (
            Phrase("it has {count} characters", count=len(name)) if name else N_("it is empty")
        )
    elif not name.isprintable():
        reason = N_("it has characters that cannot be printed")
    elif name != name.strip():
        reason = N_("it begins or ends with a space")
    elif "/" in name:
        reason = N_("it has a slash")
    elif name.startswith("-"):
        reason = N_("it starts with a dash")
    elif name in {".", ".."}:
        reason = N_("it means a directory")
    else:
        return
    raise VaultNameInvalid(name=repr(name), reason=reason)


def check_unique(entry: VaultEntry, known: Sequence[VaultEntry]) -> None:
    """Raise VaultExists where name, cipher directory or mount point belong to another vault."""
    real = os.path.realpath(entry.cipherdir)
    mounts = read_mounts()
    for other in known:
        if leads_to(other.cipherdir, real, mounts):
            what = N_("directory")
        elif other.name == entry.name:
            what = N_("name")
        elif other.mountpoint == entry.mountpoint:
            what = N_("mount point")
        else:
            continue
        raise VaultExists(what=what, name=other.name, cipherdir=other.cipherdir)
