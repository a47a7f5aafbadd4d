"""Finding out about vaults: mount table, run files, control sockets, all vaults at once.

Nothing here touches a mount in the calling thread. What may hang (a cipher directory on a
dead network, a control socket, a mount of somebody else) is asked in parallel, with a limit.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Sequence
from dataclasses import replace

from vaultui.linux import fuseconn
from vaultui.linux.errnos import reason_of
from vaultui.linux.mountinfo import Mount, mount_at, read_mounts
from vaultui.model.errors import CipherdirMissing, VaultuiError
from vaultui.model.language import Phrase
from vaultui.model.states import VaultState
from vaultui.supervisor import logs, runstate
from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults.condition import Facts, derive, with_answer
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.paths import Paths
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.turns import doing_now
from vaultui.vaults.waiting import in_thread
from vaultui.wire.control import Status
from vaultui.wire.runrecords import RunState

ANSWER_TIMEOUT_S = 1.5
"""A healthy backend answers in milliseconds, whatever its data plane does."""

_unanswered: dict[str, float] = {}
"""Cipher directories that are being looked at, and since when in monotonic time."""

FSTYPES = frozenset(
    {"fuse.vaultfs", "fuse.vaultfs-reverse", "fuse.gocryptfs", "fuse.gocryptfs-reverse"}
)

_LOG_LINES = 5


async def observe_all(paths: Paths, entries: Sequence[VaultEntry]) -> list[VaultStatus]:
    """Return the states of `entries`, in their order."""
    mounts = read_mounts()
    return await asyncio.gather(*(observe(paths, entry, mounts) for entry in entries))


async def count_all(paths: Paths, statuses: Sequence[VaultStatus]) -> list[VaultStatus] | None:
    """Return `statuses` with what the backends count by now; None where more may have changed.

    For whoever has looked a moment ago, and is told of changes by a watch: disks, mount table
    and files are left alone.
    """
    counted = await asyncio.gather(*(_count(paths, status) for status in statuses))
    known = [status for status in counted if status is not None]
    return known if len(known) == len(counted) else None


async def _count(paths: Paths, status: VaultStatus) -> VaultStatus | None:
    before = status.detail
    if before is None:
        return status
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            answer = await ControlClient(paths.socket(status.entry.id)).status()
    except (TimeoutError, VaultuiError):
        return None
    return with_answer(status, answer) if _judged_by(answer) == _judged_by(before) else None


def _judged_by(answer: Status) -> tuple[object, ...]:
    """Return what the state of an open vault depends on."""
    return answer.pid, answer.busy_reason, answer.waits_to_lock


async def observe(
    paths: Paths, entry: VaultEntry, mounts: Sequence[Mount] | None = None, *, my_turn: bool = False
) -> VaultStatus:
    """Return the state of one vault. The holder of its turn passes `my_turn`, and sees past it."""
    run = runstate.load_run(paths.run_dir(entry.id))
    backend_alive = run is not None and runstate.backend_alive(run)
    try:
        mount, problem = await _look_at_disk(
            entry, run if backend_alive else None, read_mounts() if mounts is None else mounts
        )
        silent = False
    except TimeoutError:
        place = run.mountpoint if run and backend_alive else entry.mountpoint
        mount = mount_at(place, mounts)
        problem = Phrase("The cipher directory {path} does not answer.", path=entry.cipherdir)
        silent = True
    if mount is None and not backend_alive and run is not None:
        # A dead backend's mount may be where this one unlock had put it.
        mount = mount_at(run.mountpoint, mounts)
    facts = Facts(
        entry=entry,
        mount=mount if mount is not None and mount.fstype in FSTYPES else None,
        doing=None if my_turn else doing_now(paths, entry.id),
        run=run,
        exit=runstate.load_exit(paths.run_dir(entry.id)),
        backend_alive=backend_alive,
        keeper_alive=run is not None and runstate.keeper_alive(run),
        cipherdir_problem=problem,
        cipherdir_silent=silent,
    )
    if facts.mount is not None:
        facts = await _ask(facts, facts.mount)
    if facts.mount_answer is fuseconn.Answer.ALIVE and facts.mount not in read_mounts():
        # It was detached meanwhile, and what answered is the directory below.
        return await observe(paths, entry, my_turn=my_turn)
    status = derive(facts)
    if status.state is VaultState.BROKEN:
        lines = logs.tail(paths.log_file(entry.id), _LOG_LINES)
        return derive(replace(facts, log_lines=tuple(lines)))
    return status


async def _look_at_disk(
    entry: VaultEntry, run: RunState | None, mounts: Sequence[Mount]
) -> tuple[Mount | None, str]:
    """Return the vault's mount, and what is wrong with its cipher directory, if anything.

    Raises TimeoutError where that does not answer.
    """
    since = _unanswered.get(entry.cipherdir)
    if since is not None and time.monotonic() - since > ANSWER_TIMEOUT_S:
        raise TimeoutError  # one thread that waits for it is enough
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        return await in_thread(_look, entry, run, mounts)


def _look(
    entry: VaultEntry, run: RunState | None, mounts: Sequence[Mount]
) -> tuple[Mount | None, str]:
    _unanswered.setdefault(entry.cipherdir, time.monotonic())
    try:
        return find_mount(entry, run, mounts), cipherdir_problem(entry.cipherdir)
    finally:
        _unanswered.pop(entry.cipherdir, None)


def cipherdir_problem(cipherdir: str) -> str:
    """Return in a sentence why `cipherdir` is not a usable directory; empty when it is."""
    try:
        with os.scandir(cipherdir):
            return ""
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return CipherdirMissing(path=cipherdir).phrase
        return Phrase(
            "The cipher directory {path} cannot be read: {reason}.",
            path=cipherdir,
            reason=Phrase(reason_of(error)),
        )


def find_mount(entry: VaultEntry, run: RunState | None, mounts: Sequence[Mount]) -> Mount | None:
    """Return the mount that shows this vault, ours or a real gocryptfs's, or None."""
    if run is not None:
        mount = mount_at(run.mountpoint, mounts)
        if mount is not None and mount.fstype in FSTYPES:
            return mount
    ours = [mount for mount in mounts if mount.fstype in FSTYPES]
    mount = mount_at(entry.mountpoint, ours)
    if mount is not None and _shows(mount, entry):
        return mount
    return next((mount for mount in ours if _shows(mount, entry)), None)


def _shows(mount: Mount, entry: VaultEntry) -> bool:
    """Return whether the source of the mount names the cipher directory of `entry`.

    As fsname, commas were replaced: they would end the option.
    """
    wanted = (entry.cipherdir, os.path.realpath(entry.cipherdir))
    return mount.source in (*wanted, *(path.replace(",", "_") for path in wanted))


async def _ask(facts: Facts, mount: Mount) -> Facts:
    if facts.run is None or not facts.backend_alive:
        answer = await in_thread(fuseconn.ask, mount.mountpoint, ANSWER_TIMEOUT_S)
        return replace(facts, mount_answer=answer)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return replace(facts, answer=await ControlClient(facts.run.ctlsock).status())
    except TimeoutError:
        return facts
    except VaultuiError as error:
        return replace(facts, silence=error)
