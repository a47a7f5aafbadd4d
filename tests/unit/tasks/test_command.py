"""Proves where a program is looked for, and what is told when it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaultui.model.errors import TaskCommandNotExecutable, TaskCommandNotFound, TaskOptionInvalid
from vaultui.tasks import command
from vaultui.tasks.plan import Job
from vaultui.tasks.request import TaskRequest
from vaultui.wire.attributes import Rlimit
from vaultui.wire.tasks import Limits


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Return a directory with a program, and with a file that is none."""
    directory = tmp_path / "tools"
    directory.mkdir()
    (directory / "tool").write_text("#!/bin/sh\n")
    (directory / "tool").chmod(0o755)
    (directory / "text").write_text("words")
    return directory


def job(tmp_path: Path, **fields: object) -> Job:
    request = TaskRequest(**{"command": ("tool",), **fields})  # type: ignore[arg-type]
    return Job("01234567", tmp_path / "01234567", "Work", "/v/Work", request)


def test_a_program_is_looked_for_in_the_path_that_it_is_given(tmp_path: Path, tools: Path) -> None:
    plan = command.prepare(job(tmp_path, env={"PATH": str(tools)}))
    assert plan.argv == (str(tools / "tool"),)
    assert plan.env["VAULT_MOUNT"] == plan.attributes.cwd == plan.mountpoint == "/v/Work"
    with pytest.raises(TaskCommandNotFound):
        command.prepare(job(tmp_path, env={"PATH": str(tmp_path)}))


def test_a_path_is_seen_from_where_the_task_begins(tmp_path: Path, tools: Path) -> None:
    wanted = job(tmp_path, command=("./tool", "a"), workdir=str(tools))
    assert command.prepare(wanted).argv == (str(tools / "tool"), "a")


@pytest.mark.parametrize("name", ["text", "./text"])
def test_a_file_that_is_no_program_is_told_from_one_that_is_not_there(
    tmp_path: Path, tools: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(TaskCommandNotExecutable, match="Permission denied"):
        command.prepare(job(tmp_path, command=(name,), workdir=str(tools)))
    with pytest.raises(TaskCommandNotExecutable, match="it is a directory"):
        command.prepare(job(tmp_path, command=(str(tools),)))


def test_a_program_in_the_vault_is_not_looked_at_as_it_may_be_locked(tmp_path: Path) -> None:
    assert command.prepare(job(tmp_path, command=("${VAULT_MOUNT}/x",))).argv == ("/v/Work/x",)
    assert command.prepare(job(tmp_path, command=("./x",))).argv == ("/v/Work/x",)


def test_a_task_may_begin_in_a_directory_of_the_vault(tmp_path: Path) -> None:
    wanted = job(tmp_path, command=("/bin/sh",), workdir="${VAULT_MOUNT}/src")
    assert command.prepare(wanted).attributes.cwd == "/v/Work/src"
    with pytest.raises(TaskOptionInvalid, match="no such directory"):
        command.prepare(job(tmp_path, command=("/bin/sh",), workdir=str(tmp_path / "nowhere")))


def test_limits_of_each_process_are_given_to_it(tmp_path: Path, tools: Path) -> None:
    core = Rlimit("core", 0, 0)
    wanted = job(
        tmp_path,
        command=(str(tools / "tool"),),
        limits=Limits(open_files=100),
        rlimits=(core,),
    )
    assert command.prepare(wanted).attributes.rlimits == (core, Rlimit("nofile", 100, 100))
