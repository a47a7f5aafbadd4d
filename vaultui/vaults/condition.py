"""From what was found out about a vault to the one state that it is in.

`derive` is a pure function over `Facts`, so every cell is tested without a mount. The order
of its questions matters: what the mount table says comes before what files remember.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from vaultui.linux.fuseconn import Answer
from vaultui.linux.mountinfo import Mount
from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, Phrase
from vaultui.model.states import VaultState
from vaultui.supervisor.exits import ended_badly, explain_exit
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.status import VaultStatus
from vaultui.wire.control import Status
from vaultui.wire.runrecords import ExitState, RunState


@dataclass(frozen=True)
class Facts:
    """What was found out about one vault, each thing by looking and not by remembering."""

    entry: VaultEntry
    mount: Mount | None = None
    """Of this vault, dead or alive, ours or the real gocryptfs's."""
    doing: VaultState | None = None
    """What the holder of the vault's turn is doing."""
    run: RunState | None = None
    exit: ExitState | None = None
    backend_alive: bool = False
    keeper_alive: bool = False
    cipherdir_problem: str = ""
    """Why the cipher directory is not usable; empty when it is there."""
    cipherdir_silent: bool = False
    """It did not answer: the drive or server that it is on hangs."""
    answer: Status | None = None
    silence: VaultuiError | None = None
    """Why there is no answer on the control socket, when it was asked."""
    mount_answer: Answer | None = None
    """What the mount itself answered; asked only where no backend of ours is running."""
    log_lines: tuple[str, ...] = ()


def derive(facts: Facts) -> VaultStatus:
    """Return the state that `facts` amount to."""
    state, explanation = _judge(facts)
    entry, run, answer = facts.entry, facts.run, facts.answer
    status = VaultStatus(
        entry=entry,
        state=state,
        mounted=facts.mount is not None,
        mountpoint=facts.mount.mountpoint if facts.mount else entry.mountpoint,
        read_only="ro" in facts.mount.options if facts.mount else entry.opens_read_only,
        backend_pid=run.backend_pid if run and facts.backend_alive else None,
        keeper_pid=run.keeper_pid if run and facts.keeper_alive else None,
        keeper_alive=facts.keeper_alive,
        opened_at=run.launched_at if run and facts.mount else None,
        idle_timeout_s=entry.idle_timeout_s,
        explanation=explanation,
        exit=facts.exit,
        log_lines=facts.log_lines if state is VaultState.BROKEN else (),
    )
    return status if answer is None else with_answer(status, answer)


def with_answer(status: VaultStatus, answer: Status) -> VaultStatus:
    """Return `status` with what its backend says of itself."""
    return replace(
        status,
        opened_at=answer.opened_at,
        idle_timeout_s=answer.idle_timeout_s,
        idle_left_s=answer.idle_left_s,
        idle_paused=answer.idle_paused,
        last_activity_s=answer.last_activity_s,
        open_files=answer.open_file_count,
        bytes_read=answer.bytes_read,
        bytes_written=answer.bytes_written,
        rss_bytes=answer.rss_bytes,
        detail=answer,
    )


def _judge(facts: Facts) -> tuple[VaultState, str]:
    if facts.mount is not None:
        return _judge_mounted(facts, facts.mount)
    if facts.doing is VaultState.UNLOCKING:
        return VaultState.UNLOCKING, ""
    if facts.exit is not None and ended_badly(facts.exit):
        return VaultState.BROKEN, _how_it_ended(facts.exit)
    if facts.cipherdir_problem:
        return VaultState.MISSING, facts.cipherdir_problem
    if facts.backend_alive:
        return VaultState.LOCKED, (
            N_(
                "Its mount backend runs: programs still hold files of it, as it was locked lazily, "
                "or the vaultui that was unlocking it has ended and it is about to open."
            )
        )
    return VaultState.LOCKED, ""


def _judge_mounted(facts: Facts, mount: Mount) -> tuple[VaultState, str]:
    if not facts.backend_alive:
        if facts.run is not None and facts.mount_answer is not Answer.ALIVE:
            return VaultState.BROKEN, _why_dead(facts)
        # Without a backend of ours it is somebody else's, also where ours once was.
        return _judge_foreign(facts, mount)
    if facts.doing is VaultState.LOCKING:
        return VaultState.LOCKING, ""
    if facts.doing is VaultState.UNLOCKING:
        # Mounted, but its backend has not said that it is ready.
        return VaultState.UNLOCKING, ""
    if facts.answer is None:
        reason = str(facts.silence.details.get("reason", "")) if facts.silence else ""
        if not reason:
            return VaultState.HUNG, N_("The mount backend runs but does not answer.")
        return VaultState.HUNG, Phrase(
            "The mount backend runs but does not answer: {reason}.", reason=Phrase(reason)
        )
    if facts.cipherdir_silent:
        return VaultState.HUNG, Phrase(
            "{problem} Whoever uses the vault waits for it.",
            problem=Phrase(facts.cipherdir_problem),
        )
    if facts.answer.waits_to_lock:
        return VaultState.BUSY, N_("It is in use, and is locked as soon as nobody uses it.")
    if facts.answer.busy_reason:
        return VaultState.BUSY, Phrase(
            "The idle lock is due, but {reason}.", reason=_held(facts.answer.busy_reason)
        )
    if not facts.keeper_alive:
        return VaultState.OPEN, N_(
            "Its keeper has ended, so nobody will tell how the backend ends."
        )
    return VaultState.OPEN, ""


def _held(words: str) -> Phrase:
    """Return what a backend says of who uses the vault, with the names as a value."""
    holders = words.removeprefix("held by ")
    return Phrase(words) if holders == words else Phrase("held by {processes}", processes=holders)


def _judge_foreign(facts: Facts, mount: Mount) -> tuple[VaultState, str]:
    """Judge a mount that vaultui did not make: fstab, a script, the real gocryptfs."""
    if facts.mount_answer is Answer.DEAD:
        return VaultState.BROKEN, N_("The mount is dead: the program that made it is gone.")
    if facts.mount_answer is Answer.HUNG:
        return VaultState.HUNG, N_("The program that made this mount does not answer.")
    if facts.doing is VaultState.LOCKING:
        return VaultState.LOCKING, ""
    program = mount.fstype.removeprefix("fuse.")
    return VaultState.OPEN, Phrase("It was opened by {program} outside vaultui.", program=program)


def _why_dead(facts: Facts) -> str:
    if facts.exit is not None:
        return _how_it_ended(facts.exit)
    if facts.keeper_alive:
        return N_("The mount backend has ended; its keeper is clearing up.")
    return Phrase("The mount backend ended: {how}.", how=explain_exit(None))


def _how_it_ended(ended: ExitState) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(ended.ended_at))
    return Phrase(
        "The mount backend ended at {when}: {how}.",
        when=when,
        how=explain_exit(ended),
    )
