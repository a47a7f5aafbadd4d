"""Requests and replies on the control socket.

gocryptfs's protocol: one JSON object per read, no framing, replies in one line. Ours
ride on it under the extra key "Vaultui", which gocryptfs ignores:

    {"EncryptPath": "a/b"}                     {"Result":"…","ErrNo":0,"ErrText":"","WarnText":""}
    {"Vaultui": {"type": "StatusRequest"}}     {"Result":"","ErrNo":0,"ErrText":"","WarnText":"",
                                                "Vaultui": {"type": "Status", …}}

A request of ours that fails is answered by ErrorReply. A line of a reply may be longer than
the 5000 bytes that gocryptfs's own client reads; only our own client asks for such.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Any

from vaultui.model.records import record
from vaultui.wire.autolock import Guard
from vaultui.wire.conflictcopy import ConflictCopy

MAX_REQUEST = 4999
"""Bytes. gocryptfs closes the connection on a read that fills its 5000-byte buffer."""
EXTENSION_KEY = "Vaultui"
MAX_WAIT_S = 3600.0


@record(frozen=True)
class PathReply:
    """The four fields of gocryptfs's reply, in their order on the wire."""

    Result: str
    ErrNo: int
    ErrText: str
    WarnText: str


@record(frozen=True)
class StatusRequest:
    pass


@record(frozen=True)
class EventsRequest:
    since: int = 0
    """Events with a greater sequence number are returned."""
    wait_s: float = 0.0
    """While there is none, the answer waits so long for one, at most MAX_WAIT_S."""


@record(frozen=True)
class ExtendRequest:
    """Put the idle lock off: at least `seconds` from now pass before it fires.

    A lock that waits until the vault is free is given up.
    """

    seconds: float


@record(frozen=True)
class PauseRequest:
    paused: bool


@record(frozen=True)
class LockRequest:
    """Unmount politely.

    Answered by LockReply before the backend ends, or by ErrorReply (mount-busy, hook-failed).
    """

    reason: str = "request"
    lazy: bool = False
    when_free: bool = False
    """A vault in use is no error: it is locked as soon as nobody uses it. LockReply says so."""
    skip_hooks: bool = False
    """Do without what is to be run before, and end it where it runs."""


@record(frozen=True)
class StayOpenRequest:
    """Give up a lock that waits until the vault is free. Answered by IdleReply."""

    after_tasks: bool = False
    """A temporary vault stays open when its last hold has ended, and is temporary no more."""


@record(frozen=True)
class CloseAtRequest:
    """Lock at another time, whoever uses the vault then. Answered by IdleReply."""

    closes_at: float
    """In seconds since the epoch; 0 for never."""


@record(frozen=True)
class ConflictsRequest:
    """List the conflict copies of sync clients. Walks the whole tree, and may take a while."""


@record(frozen=True)
class Hold:
    """A process, usually the keeper of a task, that the vault is kept open for.

    While it lives the vault counts as used: no idle lock fires, and a polite lock is refused
    with `title` among the holders. Its end is noticed by its pidfd, so a kill ends it, too.
    """

    pid: int
    start: int
    """As in `RunState`, against a pid that was given to somebody else."""
    title: str


@record(frozen=True)
class HoldRequest:
    """Keep the vault open for one more process. Answered by Held, or ErrorReply (not-open).

    A process that has ended already is a hold that has ended: that is no error.
    """

    hold: Hold


@record(frozen=True)
class ReleaseRequest:
    """End a hold whose process goes on. Answered by Held, also where there is no such hold."""

    hold: Hold


@record(frozen=True)
class Held:
    temporary: bool
    """The vault was opened for such holds alone, and locks itself when the last of them ends."""


Request = (
    StatusRequest
    | EventsRequest
    | ExtendRequest
    | PauseRequest
    | LockRequest
    | StayOpenRequest
    | CloseAtRequest
    | ConflictsRequest
    | HoldRequest
    | ReleaseRequest
)


@record(frozen=True)
class Opener:
    pid: int
    command: str


@record(frozen=True)
class OpenFile:
    path: str
    """Plaintext path below the mount, without a leading slash; as last known after a rename."""
    handles: int
    writable: bool
    openers: tuple[Opener, ...] = ()
    """Of a moment ago, where finding out takes longer than an answer may: those of a file that was
    opened just now come with the next one."""


@record(frozen=True)
class Status:
    version: str
    pid: int
    vault_id: str
    vault_name: str
    cipherdir: str
    mountpoint: str
    read_only: bool
    opened_at: float
    """Seconds since the epoch."""
    password_source: str
    idle_timeout_s: float
    """0 when there is no idle lock."""
    idle_left_s: float | None
    """None without an idle lock, while paused, and while open files keep the vault active."""
    idle_paused: bool
    last_activity_s: float
    """Seconds since a read, write, open, listing or change."""
    busy_reason: str
    """Why the last idle lock could not unmount; empty when it was not tried or went well."""
    open_file_count: int
    open_files: tuple[OpenFile, ...]
    """At most 256 of them."""
    bytes_read: int
    bytes_written: int
    operations: dict[str, int]
    rss_bytes: int
    last_event: int
    features: tuple[str, ...] = ()
    derivation_s: float = 0.0
    """What deriving the key took when it was opened, in seconds."""
    inodes: int = 0
    """How many the backend remembers for the kernel."""
    autolock: tuple[Guard, ...] = ()
    """What locks it by itself; none of a backend that does not know."""
    idle_warning_s: float = 0.0
    """So long before the idle lock it is announced; 0 for not at all."""
    waits_to_lock: str = ""
    """Why it is locked as soon as nobody uses it ("request", "screen" …); empty when it is not."""
    holds: tuple[Hold, ...] = ()
    """The processes that it is kept open for, the oldest first."""
    temporary: bool = False
    """It locks itself when the last of them has ended."""
    closes_at: float = 0.0
    """When it is locked whoever uses it then, in seconds since the epoch; 0 for never."""
    hooks_s: float = 0.0
    """What its hooks may take before a lock; 0 where it has none."""


class EventKind(Enum):
    UNLOCKED = "unlocked"
    LOCKED = "locked"
    LOCK_BUSY = "lock-busy"
    WAITING_TO_LOCK = "waiting-to-lock"
    """It is locked as soon as nobody uses it; the detail says why."""
    STAYS_OPEN = "stays-open"
    """An occasion to lock has passed, or a lock that waited was given up."""
    HOLDERS_ENDED = "holders-ended"
    """Processes that used the vault were ended, so that it could be locked."""
    IDLE_WARNING = "idle-warning"
    IDLE_RESET = "idle-reset"
    EXTENDED = "extended"
    PAUSED = "paused"
    RESUMED = "resumed"
    CORRUPT_CONTENT = "corrupt-content"
    CORRUPT_NAME = "corrupt-name"
    CORRUPT_METADATA = "corrupt-metadata"
    INTERNAL_ERROR = "internal-error"
    STORAGE_FULL = "storage-full"
    GUARD_MISSING = "guard-missing"
    """One of the guards of Status.autolock is not in force."""
    GUARD_ACTIVE = "guard-active"
    HOLD_BEGAN = "hold-began"
    """A task, or something else with a name, needs the vault open; the detail is that name."""
    HOLD_ENDED = "hold-ended"
    TIME_WARNING = "time-warning"
    """The time at which it is locked is near."""
    HOOK_FAILED = "hook-failed"
    """A command that is run after an unlock or before a lock; the detail says which and how."""


@record(frozen=True)
class Event:
    seq: int
    """Counts from 1 within one backend."""
    at: float
    """Seconds since the epoch."""
    kind: EventKind
    path: str = ""
    """Plaintext path where there is one, else the ciphertext path."""
    detail: str = ""


@record(frozen=True)
class Events:
    events: tuple[Event, ...]
    dropped: int = 0
    """Events after `since` that the ring no longer held."""


@record(frozen=True)
class IdleReply:
    idle_left_s: float | None
    idle_paused: bool


@record(frozen=True)
class LockReply:
    waiting: bool = False
    """It is in use, and locked as soon as it is not; only with `when_free`."""


@record(frozen=True)
class Conflicts:
    copies: tuple[ConflictCopy, ...]
    """At most 256 of them."""
    count: int


@record(frozen=True)
class ErrorReply:
    error: dict[str, Any] = field(default_factory=dict)
    """As `VaultuiError.to_wire` gives it."""


Reply = Status | Events | IdleReply | LockReply | Conflicts | Held | ErrorReply
