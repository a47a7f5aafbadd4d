"""A vault of a test that is opened for one task alone, and who is who in there."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mounting import Vaultfs
from taskstarting import STRAY, TaskPlace

from vaultui.linux import process
from vaultui.linux.descendants import descendants
from vaultui.model.secret import Secret
from vaultui.tasks.plan import TaskPlan
from vaultui.tasks.private import made_private, until_open
from vaultui.tasks.running import RunningTask
from vaultui.wire.attributes import Attributes
from vaultui.wire.handshake import MountSpec, StepName


@dataclass
class PrivateVault:
    place: TaskPlace
    volume: Vaultfs
    """Mounted nowhere."""
    backend_grace_s: float = 5.0
    steps: list[StepName] = field(default_factory=list)

    @property
    def mountpoint(self) -> str:
        return str(self.volume.mountpoint)

    @property
    def log_path(self) -> Path:
        return self.volume.base / "vault.log"

    async def waiting(
        self, sh: str, password: bytes = b"", plan: TaskPlan | None = None, **keeping: Any
    ) -> RunningTask:
        """Start a shell's command line in the vault, up to where it waits for GO.

        In it, $STRAY is Python code as in `taskstarting`.
        """
        plan = plan or TaskPlan(
            ("/bin/sh", "-c", sh),
            {"PATH": os.environ["PATH"], "STRAY": STRAY, "PYTHON": sys.executable},
            Attributes(cwd=self.mountpoint),
        )
        told = MountSpec("id", "Work", str(self.volume.cipherdir), self.mountpoint, "")
        plan, told = made_private(plan, told, self.log_path)
        assert plan.room is not None
        assert plan.room.backend is not None
        backend = replace(plan.room.backend, grace_s=self.backend_grace_s)
        launched = self.place.spec(
            *plan.argv,
            room=replace(plan.room, backend=backend),
            attributes=plan.attributes,
            **keeping,
        )
        launched.env.update(plan.env)
        with Secret(bytearray(password or self.volume.password)) as secret:
            task = await self.place.launch(launched, payload=told, secrets=[secret])
        await self.until_open(task)
        return task

    async def until_open(self, task: RunningTask) -> None:
        await until_open(task, "Work", self.log_path, lambda step: self.steps.append(step.name))

    async def running(self, sh: str, **how: Any) -> RunningTask:
        task = await self.waiting(sh, **how)
        await task.go()
        return task


def members(task: RunningTask) -> dict[str, int]:
    """Return the processes between the front end and the task, by what they are."""
    record = task.record
    found = {"keeper": record.keeper_pid, "warden": record.warden_pid, "room": record.task_pid}
    for pid in descendants(record.task_pid):
        name = process.command_name(pid)
        if process.parent_of(pid) == record.task_pid:
            found["init" if name == "vaultui-init" else "backend"] = pid
    if "init" in found:
        for pid in descendants(found["init"]):
            if process.parent_of(pid) == found["init"]:
                found["task"] = pid
    return found


def lists(pid: int | str, mountpoint: str) -> bool:
    """Return whether the mount table of a process has a mount there."""
    return f" {mountpoint} " in Path(f"/proc/{pid}/mountinfo").read_text()
