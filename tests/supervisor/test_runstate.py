"""Records of a run are believed where the kernel agrees; damaged ones are as good as none."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from vaultui.linux import process
from vaultui.supervisor.runstate import (
    backend_alive,
    clear_run_dir,
    keeper_alive,
    load_exit,
    load_run,
    prepare_run_dir,
)
from vaultui.wire import codec
from vaultui.wire.runrecords import ExitState, RunState


@pytest.fixture
def run() -> RunState:
    """A run whose backend and keeper are this very process."""
    own = (os.getpid(), process.start_time(os.getpid()))
    return RunState("0" * 16, "Work", "/c", "/m", "", "", False, *own, *own, 1.0, process.boot_id())


@pytest.fixture
def ended(run: RunState) -> ExitState:
    return ExitState(run.backend_pid, 0, None, False, False, 1.0, 2.0, 0.1, 0.1, 1)


def write(path: Path, record: object) -> None:
    path.write_bytes(codec.encode(record))


def test_a_run_is_loaded_and_its_processes_are_looked_up(tmp_path: Path, run: RunState) -> None:
    write(tmp_path / "run.json", run)
    assert load_run(tmp_path) == run
    assert backend_alive(run)
    assert keeper_alive(run)


def test_a_pid_that_belongs_to_another_process_now_is_not_the_backend(run: RunState) -> None:
    assert not backend_alive(replace(run, backend_start=run.backend_start - 1))
    assert not keeper_alive(replace(run, keeper_start=run.keeper_start - 1))


def test_a_run_of_another_boot_is_none(tmp_path: Path, run: RunState) -> None:
    write(tmp_path / "run.json", replace(run, boot_id="another"))
    assert load_run(tmp_path) is None


@pytest.mark.parametrize("damage", [b"", b"{", b'{"type": "RunState"}', b'{"type": "ExitState"}'])
def test_a_damaged_record_is_none(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "run.json").write_bytes(damage)
    (tmp_path / "exit.json").write_bytes(damage)
    assert load_run(tmp_path) is None
    assert load_exit(tmp_path) is None


def test_nothing_on_record_is_none(tmp_path: Path) -> None:
    assert load_run(tmp_path / "missing") is None
    assert load_exit(tmp_path / "missing") is None


def test_an_exit_belongs_to_the_run_with_its_pid(
    tmp_path: Path, run: RunState, ended: ExitState
) -> None:
    write(tmp_path / "run.json", run)
    write(tmp_path / "exit.json", ended)
    assert load_exit(tmp_path) == ended
    # An earlier keeper was slow, and wrote after the next start.
    write(tmp_path / "exit.json", replace(ended, pid=ended.pid + 1))
    assert load_exit(tmp_path) is None


def test_clearing_removes_the_records_and_keeps_the_directory(
    tmp_path: Path, run: RunState
) -> None:
    for name in ("run.json", "exit.json", "ctl.sock", "lock"):
        (tmp_path / name).write_bytes(b"")
    clear_run_dir(tmp_path)
    clear_run_dir(tmp_path)
    assert os.listdir(tmp_path) == ["lock"]


def test_what_a_keeper_had_written_of_a_record_when_it_was_killed_is_cleared(
    tmp_path: Path,
) -> None:
    for name in (".run.json.0123456789ab.tmp", ".exit.json.0123456789ab.tmp"):
        (tmp_path / name).write_bytes(b"{")
    clear_run_dir(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_new_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        prepare_run_dir(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    prepare_run_dir(tmp_path / "a" / "b")
