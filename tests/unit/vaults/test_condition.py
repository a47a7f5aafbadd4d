"""Every state that a vault can be in follows from facts, and says why where that is a question."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vaultui.linux.fuseconn import Answer
from vaultui.linux.mountinfo import Mount
from vaultui.model.errors import BackendUnreachable
from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.vaults.condition import Facts, derive
from vaultui.vaults.entry import VaultEntry
from vaultui.wire.control import Status
from vaultui.wire.runrecords import ExitState, RunState

ENTRY = VaultEntry(VaultId("0" * 16), "Work", "/c", "/m", idle_timeout_s=900.0)
MOUNT = Mount(7, 1, "0:50", "/", "/m", "fuse.vaultfs", "/c", ("rw", "nosuid"))
RUN = RunState("0" * 16, "Work", "/c", "/m", "/s", "/l", False, 100, 1, 99, 1, 1000.0, "boot")
EXIT = ExitState(100, 0, None, False, False, 1000.0, 2000.0, 0.0, 0.0, 0)
ANSWER = Status(
    version="1",
    pid=100,
    vault_id="0" * 16,
    vault_name="Work",
    cipherdir="/c",
    mountpoint="/m",
    read_only=False,
    opened_at=1234.0,
    password_source="typed",
    idle_timeout_s=600.0,
    idle_left_s=432.0,
    idle_paused=False,
    last_activity_s=168.0,
    busy_reason="",
    open_file_count=3,
    open_files=(),
    bytes_read=10,
    bytes_written=20,
    operations={},
    rss_bytes=30,
    last_event=1,
)
OPEN = Facts(ENTRY, mount=MOUNT, run=RUN, backend_alive=True, keeper_alive=True, answer=ANSWER)
KILLED = replace(EXIT, exit_code=None, signal=9)


@pytest.mark.parametrize(
    ("facts", "state", "word"),
    [
        pytest.param(Facts(ENTRY), VaultState.LOCKED, "", id="nothing there"),
        pytest.param(Facts(ENTRY, run=RUN, exit=EXIT), VaultState.LOCKED, "", id="locked well"),
        pytest.param(
            Facts(ENTRY, run=RUN, exit=replace(EXIT, exit_code=15)),
            VaultState.LOCKED,
            "",
            id="ended by SIGTERM",
        ),
        pytest.param(
            Facts(ENTRY, run=RUN, backend_alive=True),
            VaultState.LOCKED,
            "still hold",
            id="locked lazily",
        ),
        pytest.param(
            Facts(ENTRY, doing=VaultState.UNLOCKING), VaultState.UNLOCKING, "", id="unlocking"
        ),
        pytest.param(
            replace(OPEN, doing=VaultState.UNLOCKING, answer=None),
            VaultState.UNLOCKING,
            "",
            id="mounted but not ready",
        ),
        pytest.param(OPEN, VaultState.OPEN, "", id="open"),
        pytest.param(
            replace(OPEN, keeper_alive=False), VaultState.OPEN, "keeper", id="open without keeper"
        ),
        pytest.param(
            Facts(ENTRY, mount=replace(MOUNT, fstype="fuse.gocryptfs"), mount_answer=Answer.ALIVE),
            VaultState.OPEN,
            "gocryptfs",
            id="open by the real program",
        ),
        pytest.param(
            replace(OPEN, run=RUN, backend_alive=False, answer=None, mount_answer=Answer.ALIVE),
            VaultState.OPEN,
            "outside vaultui",
            id="mounted by another after ours died",
        ),
        pytest.param(
            replace(OPEN, answer=replace(ANSWER, busy_reason="bash (12) has it as its cwd")),
            VaultState.BUSY,
            "bash (12)",
            id="busy",
        ),
        pytest.param(replace(OPEN, doing=VaultState.LOCKING), VaultState.LOCKING, "", id="locking"),
        pytest.param(
            Facts(ENTRY, cipherdir_problem="It is gone."),
            VaultState.MISSING,
            "gone",
            id="missing",
        ),
        pytest.param(Facts(ENTRY, run=RUN, exit=KILLED), VaultState.BROKEN, "SIGKILL", id="killed"),
        pytest.param(
            Facts(ENTRY, run=RUN, exit=replace(EXIT, exit_code=None, signal=9, oom_killed=True)),
            VaultState.BROKEN,
            "memory",
            id="out of memory",
        ),
        pytest.param(
            Facts(ENTRY, run=RUN, exit=replace(EXIT, mount_detached=True)),
            VaultState.BROKEN,
            "ended",
            id="left a dead mount",
        ),
        pytest.param(
            Facts(ENTRY, mount=MOUNT, run=RUN, mount_answer=Answer.DEAD),
            VaultState.BROKEN,
            "keeper was gone",
            id="backend and keeper killed",
        ),
        pytest.param(
            Facts(ENTRY, mount=MOUNT, run=RUN, keeper_alive=True, mount_answer=Answer.DEAD),
            VaultState.BROKEN,
            "clearing up",
            id="just killed",
        ),
        pytest.param(
            Facts(ENTRY, mount=MOUNT, mount_answer=Answer.DEAD),
            VaultState.BROKEN,
            "dead",
            id="somebody else's dead mount",
        ),
        pytest.param(
            replace(OPEN, answer=None), VaultState.HUNG, "does not answer", id="silent backend"
        ),
        pytest.param(
            replace(OPEN, answer=None, silence=BackendUnreachable(name="Work", reason="refused")),
            VaultState.HUNG,
            "refused",
            id="unreachable backend",
        ),
        pytest.param(
            Facts(ENTRY, mount=MOUNT, mount_answer=Answer.HUNG),
            VaultState.HUNG,
            "does not answer",
            id="somebody else's hung mount",
        ),
    ],
)
def test_facts_amount_to_a_state(facts: Facts, state: VaultState, word: str) -> None:
    status = derive(facts)
    assert status.state is state
    assert word in status.explanation
    assert bool(word) == bool(status.explanation)


def test_an_open_vault_shows_what_its_backend_says() -> None:
    status = derive(OPEN)
    assert (status.backend_pid, status.keeper_pid) == (100, 99)
    assert (status.opened_at, status.idle_timeout_s, status.idle_left_s) == (1234.0, 600.0, 432.0)
    assert (status.open_files, status.bytes_read, status.bytes_written) == (3, 10, 20)
    assert status.mounted


def test_a_vault_without_an_answer_shows_no_counters() -> None:
    status = derive(Facts(ENTRY))
    assert status.open_files is None
    assert status.idle_left_s is None
    assert status.idle_timeout_s == 900.0
    assert not status.mounted


def test_pids_of_processes_that_ended_are_not_shown() -> None:
    status = derive(Facts(ENTRY, run=RUN, exit=KILLED))
    assert status.backend_pid is None
    assert status.keeper_pid is None


def test_an_unlock_elsewhere_shows_the_real_mount_point() -> None:
    other: Any = replace(MOUNT, mountpoint="/elsewhere", options=("ro", "nosuid"))
    status = derive(replace(OPEN, mount=other))
    assert status.mountpoint == "/elsewhere"
    assert status.read_only


def test_log_lines_go_with_a_broken_vault_alone() -> None:
    lines = ("one", "two")
    assert derive(Facts(ENTRY, run=RUN, exit=KILLED, log_lines=lines)).log_lines == lines
    assert derive(replace(OPEN, log_lines=lines)).log_lines == ()
