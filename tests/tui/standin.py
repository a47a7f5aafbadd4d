"""An in-memory stand-in of `Vaults`: no mounts, no processes, no keyring.

It behaves as the real one does towards a caller: the same errors in the same cases, which
`test_standin.py` asks of both. Tests turn its knobs (`keyring`, `busy`, `steps`) to bring
about what takes a broken machine otherwise.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from standinkeys import StandInKeys
from standinlisting import StandInKeyring, StandInListing, StandInRemoval
from standintasks import StandInTasks
from standinvolume import StandInVolume

from vaultui.model.errors import (
    CipherdirMissing,
    MountBusy,
    NotOpen,
    VaultuiError,
    VaultUnknown,
)
from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.vaults import (
    Batch,
    Event,
    EventKind,
    Events,
    Flavour,
    Guard,
    GuardState,
    Holder,
    Key,
    LockMode,
    LockOutcome,
    Moment,
    OpenFile,
    PasswordSource,
    ProgramSettings,
    Status,
    StepName,
    Unlocked,
    UnlockOptions,
    VaultEntry,
    VaultStatus,
)
from vaultui.vaults.timeline import moments

EPOCH = 1_700_000_000.0
"""The wall clock of the stand-in: 22:13:20 on 14 November 2023 in UTC."""


class StandInWatch:
    """A watch whose descriptor a test makes readable."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._read

    def consume(self) -> bool:
        changed = False
        while True:
            try:
                changed = bool(os.read(self._read, 4096))
            except BlockingIOError:
                return changed

    def notify(self) -> None:
        os.write(self._write, b"!")

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


class StandInLogbook:
    """The logs that a test wrote."""

    def __init__(self, vaults: StandIn) -> None:
        self._vaults = vaults

    def path(self, name: str) -> Path:
        return Path("/home/ada/.local/state/vaultui/log") / f"{self._vaults.entry(name).id}.log"

    def version(self, name: str) -> tuple[int, int]:
        return (len(self._vaults.logs.get(name, [])), 0)

    async def tail(self, name: str, lines: int = 200) -> list[str]:
        self._vaults.entry(name)
        return self._vaults.logs.get(name, [])[-lines:]

    async def timeline(self, name: str) -> list[Moment]:
        return moments(await self.tail(name, 4000))

    async def save(self, name: str) -> Path:
        self._vaults.fail()
        return Path(f"/home/ada/vaultui-{name}.log")


class StandInSettings:
    """What the settings of the program mean."""

    def __init__(self) -> None:
        self.program = ProgramSettings()

    async def set(self, key: str, value: str) -> None:
        self.program = dataclasses.replace(self.program, **{key: value})


class StandIn:
    """What the application needs of `Vaults`."""

    def __init__(self, *, vaults_dir: str = "/home/ada/Vaults") -> None:
        self.vaults_dir = vaults_dir
        self.passwords: dict[str, str] = {}
        self.saved: dict[str, str] = {}
        self.keyring = StandInKeyring(self)
        self.keyring_answers = asyncio.Event()
        self.keyring_answers.set()
        self.keyring_error: VaultuiError | None = None
        self.derive = asyncio.Event()
        """Cleared by a test: an unlock waits in its first step."""
        self.derive.set()
        self.busy: dict[str, list[Holder]] = {}
        self.let_go = asyncio.Event()
        """Set by a test, or by the last holder's end: whoever waits to lock may."""
        self.settings = StandInSettings()
        self.logbook = StandInLogbook(self)
        self.settings_warning: VaultuiError | None = None
        self.found: list[Path] = []
        self.failure: VaultuiError | None = None
        """Raised by the next use case that changes something."""
        self.logs: dict[str, list[str]] = {}
        self.timeline: dict[str, list[Event]] = {}
        self.calls: list[str] = []
        self.looks = 0
        self.counted_times = 0
        self.cancelled: list[str] = []
        self.the_watch: StandInWatch | None = None
        self._statuses: dict[VaultId, VaultStatus] = {}
        self.flavours: dict[str, Flavour] = {}
        """What was created, by the name of the vault."""
        self._count = 0
        self.volume = StandInVolume(self)
        self.keys = StandInKeys(self)
        self.batch = Batch(self)
        self.tasks = StandInTasks(self)
        self.listing = StandInListing(self)
        self.removal = StandInRemoval(self)

    # -- for tests --------------------------------------------------------------------------

    def put(
        self,
        name: str,
        *,
        state: VaultState = VaultState.LOCKED,
        password: str = "secret",
        cipherdir: str = "",
        mountpoint: str = "",
        idle_timeout_s: float = 0.0,
        reverse: bool = False,
        key_file: str = "",
        **changes: object,
    ) -> VaultEntry:
        """Register a vault in a state; `changes` are fields of its status."""
        self._count += 1
        entry = VaultEntry(
            id=VaultId(f"{self._count:016x}"),
            name=name,
            cipherdir=cipherdir or f"/home/ada/Sync/{name.lower()}.c",
            mountpoint=mountpoint or f"{self.vaults_dir}/{name}",
            idle_timeout_s=idle_timeout_s,
            reverse=reverse,
            key_file=key_file,
        )
        self.passwords[name] = password
        status = VaultStatus(
            entry,
            state,
            mounted=state.is_mounted,
            mountpoint=entry.mountpoint,
            idle_timeout_s=idle_timeout_s,
        )
        self._statuses[entry.id] = status
        if state in {VaultState.OPEN, VaultState.BUSY}:
            self._open(entry, UnlockOptions())
            self.change(name, state=state)
        self.change(name, **changes)
        return entry

    def drop(self, entry: VaultEntry) -> None:
        """Take a vault out of the list."""
        del self._statuses[entry.id]

    def replace(self, entry: VaultEntry) -> None:
        """Change what is known of the vault with the id of `entry`."""
        self._statuses[entry.id] = dataclasses.replace(self._statuses[entry.id], entry=entry)

    def change(self, name: str, **changes: object) -> None:
        """Change fields of a vault's status; those that `Status` shares change in both."""
        status = self.status_of(name)
        if status.detail is not None:
            shared = {
                field: value for field, value in changes.items() if hasattr(status.detail, field)
            }
            if "open_files" in changes and isinstance(changes["open_files"], tuple):
                changes["open_files"] = len(changes["open_files"])
                shared["open_file_count"] = changes["open_files"]
            elif "open_files" in shared:
                shared["open_file_count"] = shared.pop("open_files")
            changes.setdefault("detail", dataclasses.replace(status.detail, **shared))
        own = {field: value for field, value in changes.items() if hasattr(status, field)}
        self._statuses[status.entry.id] = dataclasses.replace(status, **own)

    def _open(self, entry: VaultEntry, options: UnlockOptions) -> None:
        timeout = entry.idle_timeout_s if options.idle_timeout_s is None else options.idle_timeout_s
        mountpoint = options.mountpoint or entry.mountpoint
        read_only = entry.opens_read_only if options.read_only is None else options.read_only
        detail = Status(
            version="1",
            pid=4711,
            vault_id=entry.id,
            vault_name=entry.name,
            cipherdir=entry.cipherdir,
            mountpoint=mountpoint,
            read_only=read_only,
            opened_at=EPOCH - 3600,
            password_source=options.password_source.value,
            closes_at=options.closes_at or 0.0,
            idle_timeout_s=timeout,
            idle_left_s=timeout or None,
            idle_warning_s=min(60.0, timeout / 2),
            idle_paused=False,
            last_activity_s=0.0,
            busy_reason="",
            open_file_count=0,
            open_files=(),
            bytes_read=0,
            bytes_written=0,
            operations={},
            rss_bytes=44 << 20,
            last_event=1,
            autolock=(
                Guard("idle", GuardState.ACTIVE if timeout else GuardState.OFF),
                *(Guard(name, GuardState.ACTIVE) for name in ("sleep", "screen", "logout")),
            ),
        )
        self.timeline[entry.name] = [
            Event(1, EPOCH - 3600, EventKind.UNLOCKED, detail=options.password_source.value)
        ]
        self._statuses[entry.id] = VaultStatus(
            entry,
            VaultState.OPEN,
            mounted=True,
            mountpoint=mountpoint,
            read_only=read_only,
            backend_pid=4711,
            keeper_pid=4709,
            keeper_alive=True,
            opened_at=EPOCH - 3600,
            idle_timeout_s=timeout,
            idle_left_s=timeout or None,
            last_activity_s=0.0,
            open_files=0,
            rss_bytes=44 << 20,
            detail=detail,
        )

    def _close(self, status: VaultStatus) -> None:
        self._statuses[status.entry.id] = VaultStatus(
            status.entry,
            VaultState.LOCKED,
            mountpoint=status.entry.mountpoint,
            idle_timeout_s=status.entry.idle_timeout_s,
        )

    def status_of(self, name: str) -> VaultStatus:
        for status in self._statuses.values():
            if status.entry.name == name:
                return status
        raise VaultUnknown(name=name, similar="")

    def fail(self) -> None:
        """Raise the failure that a test has prepared."""
        if self.failure is not None:
            error, self.failure = self.failure, None
            raise error

    # -- what is known ----------------------------------------------------------------------

    def entries(self) -> list[VaultEntry]:
        return [status.entry for status in self._statuses.values()]

    def entry(self, name: str) -> VaultEntry:
        return self.status_of(name).entry

    async def statuses(self) -> list[VaultStatus]:
        self.looks += 1
        return list(self._statuses.values())

    async def counted(self, statuses: Sequence[VaultStatus]) -> list[VaultStatus] | None:
        self.counted_times += 1
        now = [self._statuses.get(status.entry.id) for status in statuses]
        changed = any(
            new is None or (new.state, new.backend_pid) != (old.state, old.backend_pid)
            for old, new in zip(statuses, now, strict=True)
        )
        return None if changed else [status for status in now if status is not None]

    async def status(self, name: str) -> VaultStatus:
        return self.status_of(name)

    async def recover(self) -> list[VaultStatus]:
        return []

    def watch(self) -> StandInWatch:
        self.the_watch = StandInWatch()
        return self.the_watch

    # -- open and close ---------------------------------------------------------------------

    async def unlock(
        self,
        name: str,
        key: Key,
        *,
        options: UnlockOptions | None = None,
        on_step: Callable[[StepName, str], None] | None = None,
    ) -> Unlocked:
        options = options or UnlockOptions()
        self.calls.append(f"unlock {name} {options.password_source.value}")
        status = self.status_of(name)
        if status.state in {VaultState.OPEN, VaultState.BUSY}:
            return Unlocked(status, already=True)
        self.fail()
        if status.state is VaultState.MISSING:
            raise CipherdirMissing(path=status.entry.cipherdir)
        report = on_step or (lambda _name, _words: None)
        if self.keys.has_token(name):
            report(StepName.TOUCHING, "Touch the token…")
        else:
            report(StepName.DERIVING, "Deriving key")
        try:
            await self.derive.wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        await self.keys.verify(name, key)
        report(StepName.MOUNTING, "Mounting")
        self._open(status.entry, options)
        return Unlocked(self.status_of(name), already=False)

    async def lock(
        self, name: str, mode: LockMode = LockMode.POLITE, *, skip_hooks: bool = False
    ) -> LockOutcome:
        self.calls.append(f"lock {name} {mode.value}{' without hooks' * skip_hooks}")
        status = self.status_of(name)
        if not status.mounted:
            return LockOutcome(already=True)
        if not skip_hooks:
            self.fail()
        holders = self.busy.get(name, [])
        if mode is LockMode.POLITE and holders:
            raise MountBusy(name=name, holders=", ".join(holder.command for holder in holders))
        if mode is LockMode.WAIT and holders:
            await self.let_go.wait()
        if mode in {LockMode.KILL, LockMode.PANIC}:
            self.busy.pop(name, None)
        self._close(status)
        return LockOutcome(already=False, detached=mode is LockMode.LAZY and bool(holders))

    async def lock_when_free(self, name: str) -> bool:
        self.needs_open(name)
        self.calls.append(f"lock {name} when free")
        self.change(name, waits_to_lock="request")
        return True

    async def stay_open(self, name: str, *, after_tasks: bool = False) -> None:
        self.needs_open(name)
        self.calls.append(f"stay open {name}")
        self.change(name, waits_to_lock="")

    async def repair(self, name: str) -> VaultStatus:
        self.calls.append(f"repair {name}")
        self._close(self.status_of(name))
        return self.status_of(name)

    async def extend(self, name: str, seconds: float) -> float | None:
        self.needs_open(name)
        self.calls.append(f"extend {name} {seconds:.0f}")
        left = max(self.status_of(name).idle_left_s or 0.0, seconds)
        self.change(name, idle_left_s=left)
        return left

    async def pause(self, name: str, paused: bool) -> None:
        self.needs_open(name)
        self.change(name, idle_paused=paused)

    async def events(self, name: str, since: int = 0) -> Events:
        self.needs_open(name)
        return Events(tuple(event for event in self.timeline[name] if event.seq > since))

    def needs_open(self, name: str) -> VaultStatus:
        status = self.status_of(name)
        if not status.mounted:
            raise NotOpen(name=name, state=status.state.value)
        return status

    # -- who holds it -----------------------------------------------------------------------

    async def holders(self, name: str) -> list[Holder]:
        self.status_of(name)
        return list(self.busy.get(name, []))

    async def signal_holder(self, holder: Holder, signal: int) -> bool:
        self.calls.append(f"signal {holder.pid} {signal}")
        for holders in self.busy.values():
            holders[:] = [other for other in holders if other.pid != holder.pid]
            if not holders:
                self.let_go.set()
        return True

    # -- the machine ------------------------------------------------------------------------

    async def open_folder(self, name: str) -> bool:
        self.needs_open(name)
        self.calls.append(f"folder {name}")
        return True

    async def shell(self, name: str, *, key: Key | None = None) -> int:
        if key is None:
            self.needs_open(name)
        else:
            await self.keys.verify(name, key)
        self.calls.append(f"{'shell' if key is None else 'private shell'} {name}")
        return 0


def demo() -> StandIn:
    """Return three vaults as the pictures show them."""
    vaults = StandIn()
    vaults.put(
        "Work",
        state=VaultState.OPEN,
        idle_timeout_s=900.0,
        idle_left_s=432.0,
        last_activity_s=468.0,
        bytes_read=412 << 20,
        bytes_written=7 << 20,
        open_files=(
            OpenFile("plans/2024 budget.ods", 2, True),
            OpenFile("letters/to the bank.odt", 1, False),
        ),
    )
    vaults.put("Taxes", idle_timeout_s=600.0)
    vaults.put(
        "Photos",
        state=VaultState.BUSY,
        idle_timeout_s=300.0,
        idle_left_s=None,
        open_files=17,
        explanation="The idle lock is due, but 2 processes hold it.",
    )
    vaults.busy["Photos"] = [
        Holder(4242, "darktable", 1000, "open", "/home/ada/Vaults/Photos/2023/IMG_0417.raw"),
        Holder(4242, "darktable", 1000, "map", "/home/ada/Vaults/Photos/library.db"),
        Holder(5150, "bash", 1000, "cwd", "/home/ada/Vaults/Photos/2023"),
    ]
    vaults.logs["Work"] = [
        "2023-11-13 18:02:11,310 ERROR   Password incorrect.",
        "2023-11-13 18:02:11 keeper: the backend (pid 4102) ended: exit code 12",
        "2023-11-13 18:02:24,006 INFO    unlocked: typed",
        "2023-11-13 18:47:02,551 INFO    locked: idle",
        "2023-11-13 18:47:02 keeper: the backend (pid 4115) ended: exit code 0",
        "2023-11-14 21:13:20,118 INFO    unlocked: keyring",
        "2023-11-14 21:31:40,290 WARNING corrupt-content: 'letters/to the bank.odt': block 3",
        "2023-11-14 22:01:20,002 INFO    idle-warning: 60 s",
        "2023-11-14 22:02:51,733 INFO    extended: 900 s",
    ]
    return vaults


__all__ = ["EPOCH", "PasswordSource", "StandIn", "StandInWatch", "demo"]
