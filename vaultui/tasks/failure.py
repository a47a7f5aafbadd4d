"""What a runner could not do: an error that goes to whoever asks for the task, now or later.

A runner is the task's process to everyone else, and it has begun by the time that it finds out.
So the error goes into the directory of the task, and the exit code is that of `run`.
"""

from __future__ import annotations

import json
from pathlib import Path

from vaultui.linux.durable import write_durably
from vaultui.model.errors import VaultuiError, from_wire
from vaultui.tasks.records import read_record
from vaultui.wire.tasks import FAILURE_FILE


def write_failure(task_dir: Path, error: VaultuiError) -> None:
    """Leave `error` for those who read the records of the task."""
    write_durably(task_dir / FAILURE_FILE, json.dumps(error.to_wire()).encode())


def read_failure(task_dir: Path) -> VaultuiError | None:
    """Return why the task could not begin, or None if it did or was no container."""
    try:
        wire = json.loads(read_record(task_dir / FAILURE_FILE))
    except (OSError, ValueError):
        return None
    return from_wire(wire) if isinstance(wire, dict) else None
