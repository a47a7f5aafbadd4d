"""What the use cases are asked for beside a name, and what they give back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from vaultui.model.secret import Secret
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.status import VaultStatus
from vaultui.wire.control import Hold


class PasswordSource(Enum):
    """Where a password came from, as the time line tells it."""

    TYPED = "typed"
    KEYRING = "keyring"
    FILE = "file"
    DESCRIPTOR = "descriptor"
    COMMAND = "command"
    KEY_FILE = "key file"
    FIDO2 = "FIDO2 token"


@dataclass(frozen=True)
class UnlockOptions:
    """What one unlock does differently from the entry; None leaves the entry's choice."""

    read_only: bool | None = None
    idle_timeout_s: float | None = None
    mountpoint: str | None = None
    password_source: PasswordSource = PasswordSource.TYPED
    nonempty: bool = False
    hooks: bool = True
    """Whether what the vault has to be run when it is open, and before it is locked, is run."""
    closes_at: float | None = None
    """When it is locked whoever uses it, in seconds since the epoch; 0 for never."""
    hold: Hold | None = None
    """The process that it is opened for. A vault that is opened so locks itself when this and all
    else that holds it have ended; one that is open already is held, and stays as it is."""


@dataclass(frozen=True)
class Unlocked:
    status: VaultStatus
    already: bool
    """True when it was open before; the password was not looked at then."""


class LockMode(Enum):
    POLITE = "polite"
    """Unmount, or raise MountBusy."""
    WAIT = "wait"
    """Unmount as soon as nobody holds it."""
    LAZY = "lazy"
    """Take it out of sight now; whoever holds a file keeps it."""
    KILL = "kill"
    """End the processes that hold it, with KILL where TERM does not help, then unmount."""
    PANIC = "panic"
    """Out of sight at once; then its holders are killed, and the backend where that is not enough,
    so that no key stays in memory. What programs have not saved is lost."""


@dataclass(frozen=True)
class LockOutcome:
    already: bool
    """True when it was locked before."""
    detached: bool = False
    """True when it was taken out of sight while still held."""


@dataclass(frozen=True)
class Created:
    entry: VaultEntry
    master_key: Secret = field(repr=False)
    """Shown once, then wiped by whoever showed it."""
    derivation_s: float = 0.0
    """What deriving the key took, in seconds."""


@dataclass(frozen=True)
class PathAnswer:
    """Both sides of one path, relative to the mount point and to the cipher directory."""

    plain: str
    cipher: str
    error: str = ""
    """Why there is no answer; the paths are empty then."""
    warning: str = ""


@dataclass(frozen=True)
class KeyringState:
    label: str
    """The name that a person knows the keyring by: "GNOME Keyring", "KWallet"."""
    usable: bool
    reason: str = ""
    """Why it is not usable, in a few words."""


@dataclass(frozen=True)
class Finding:
    """One thing that `doctor` looked at."""

    name: str
    ok: bool
    text: str
    cure: str = ""
    required: bool = True
    """False: vaults open without it, only something comfortable is missing."""
