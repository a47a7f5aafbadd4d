"""The conversation between the front end and a mount backend that it started.

    front end                                        mount backend
        │ ── MountSpec, then its secrets, on fd 4 ──▶     │
        │ ◀── Starting(pid) ──────────────────────────────│  before anything that can fail
        │ ◀── Step("touching") ───────────────────────────│  only with a FIDO2 token
        │ ◀── Step("deriving") ───────────────────────────│  the control socket is open by now
        │ ◀── Step("mounting") ───────────────────────────│
        │ ◀── Ready(pid, mount_id)  or  Failed(error) ────│  exactly one of them, then end of file
        │ ◀── SIGUSR1, with -notifypid ───────────────────│  a hint: confirmed with the mount table

*Started* and *ready* are two events. End of file before Ready or Failed means that the
backend died. Commands that end by themselves speak the same way: see `wire.oneshot`. Secrets follow
their message as frames of their own; one that there is none of is an empty frame.

What opens a volume is a secret and two fields of each Spec. The secret is the password, or a
recovery key typed in its place; with `key_file` alone it is empty; with `fido2_device` it is the
PIN of the token, or empty for a token without one.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from vaultui.model.records import record
from vaultui.wire.autolock import LockOn, WhenBusy
from vaultui.wire.control import Hold

WIRE_VERSION = 1


@record(frozen=True)
class MountSpec:
    """Serve a volume. One secret follows: what opens it."""

    vault_id: str
    vault_name: str
    cipherdir: str
    mountpoint: str
    ctlsock: str
    """Empty for none."""
    config_path: str = ""
    """Empty: gocryptfs.conf in the cipher directory."""
    read_only: bool = False
    read_write: bool = False
    """Storage that can't be written is an error, and not a reason to mount read-only."""
    idle_timeout_s: float = 0.0
    """0 for never."""
    idle_warning_s: float = 60.0
    """So long before the idle lock it is announced, but never for more than half of its time;
    0 for not at all."""
    lock_on: tuple[LockOn, ...] = ()
    when_busy: WhenBusy = WhenBusy.RETRY
    closes_at: float = 0.0
    """When it is locked, whoever uses it then, in seconds since the epoch; 0 for never."""
    after_unlock: tuple[str, ...] = ()
    """Lines for sh that are run, as the user of the backend, when it is open."""
    before_lock: tuple[str, ...] = ()
    """The same before it is locked. Who asks for a lock is refused where one of them fails;
    what locks by itself tells of it, and locks."""
    notify: bool = False
    """Tell on the desktop what a person should know about the vault."""
    hold: Hold | None = None
    """Whom it is opened for, where that is one process. Such a vault is temporary: it locks itself
    when this hold, and all that were added to it, have ended."""
    language: str = ""
    """What it is told in, as a code; empty for the language of the locale."""
    fsname: str = ""
    nonempty: bool = False
    allow_other: bool = False
    force_owner: tuple[int, ...] = ()
    """User and group that everything is shown to belong to; empty for the real ones."""
    suid: bool = False
    dev: bool = False
    exec: bool = True
    kernel_options: tuple[str, ...] = ()
    """Options for the kernel or fusermount3, as they are and behind all others."""
    context: str = ""
    """SELinux context for the whole mount; empty for none."""
    acl: bool = False
    """Have the kernel enforce POSIX access control lists."""
    xattrs: bool = True
    """False hides extended attributes and refuses new ones."""
    shared_storage: bool = False
    """Others change the cipher directory: nothing is believed without looking again."""
    kernel_cache: bool = False
    """The kernel keeps cached pages over an open, whatever happened to the backing file."""
    serialize_reads: bool = False
    prealloc: bool = True
    bad_names: tuple[str, ...] = ()
    """Patterns of undecryptable names on disk that are shown all the same."""
    conflict_copies: bool = False
    """Show conflict copies of sync clients under plain names; `bad_names` win."""
    reverse: bool = False
    """Show a plain directory encrypted, read-only. `cipherdir` is the plain one then."""
    exclude: tuple[str, ...] = ()
    """Of a reverse mount: plaintext paths from the root that are left out."""
    exclude_patterns: tuple[str, ...] = ()
    """Of a reverse mount: patterns in the syntax of gitignore(5) that are left out."""
    one_file_system: bool = False
    master_key_flags: tuple[str, ...] = ()
    """Where it is not empty the secret is the master key, and no config is read: these are
    the features of the volume, as a config names them."""
    long_name_max: int = 0
    """With `master_key_flags`: longest encrypted name kept as it is; 0 for the default."""
    key_file: str = ""
    """Path of a file that is a key, alone or together with the password; empty for none."""
    fido2_device: str = ""
    """Path of the FIDO2 token that stands for the password, or "auto" for the only one that is
    plugged in; empty for none."""
    notify_pid: int = 0
    """SIGUSR1 goes there when the mount is ready; 0 for none."""
    fuse_debug: bool = False
    """Every request of the kernel goes to the log."""
    password_source: str = ""
    """How the password came, for the time line: "keyring", "typed", "file" …"""
    log_level: str = "info"
    version: int = WIRE_VERSION


@record(frozen=True)
class Starting:
    pid: int


class StepName(Enum):
    TOUCHING = "touching"
    """A FIDO2 token waits for somebody's finger. DERIVING follows."""
    DERIVING = "deriving"
    MOUNTING = "mounting"
    READING = "reading"
    WRITING = "writing"


@record(frozen=True)
class Step:
    name: StepName


@record(frozen=True)
class Ready:
    pid: int
    mount_id: int
    """Of /proc/self/mountinfo, so that the receiver can confirm it."""
    mountpoint: str
    derivation_s: float = 0.0
    """What deriving the key took, in seconds."""


@record(frozen=True)
class Failed:
    error: dict[str, Any]
    """As `VaultuiError.to_wire` gives it."""
