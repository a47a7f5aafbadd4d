"""What is put away when a task has ended."""

from __future__ import annotations

import os
from pathlib import Path

from vaultui.linux.controlgroup import ControlGroup
from vaultui.shim.aftermath import Aftermath
from vaultui.wire.tasks import Driver, TaskKeeperSpec, TaskRecord, Teardown


def test_what_a_killed_keeper_was_writing_goes_with_the_rest(tmp_path: Path) -> None:
    for name in ("task.json", ".task.json.0123456789ab.tmp", "stdout.log"):
        (tmp_path / name).touch()
    (tmp_path / "bundle").mkdir()
    record = TaskRecord(tmp_path.name, "Test", "0" * 16, "Work", Driver.COMMAND, ("true",))
    teardown = Teardown(directories=(str(tmp_path / "bundle"),))
    spec = TaskKeeperSpec(record, str(tmp_path), teardown=teardown)
    directory = os.open(tmp_path, os.O_RDONLY)
    told: list[str] = []
    Aftermath(spec, directory, ControlGroup()).put_away(told.append)
    os.close(directory)
    assert told == []
    assert {path.name for path in tmp_path.iterdir()} == {"task.json", "stdout.log"}
