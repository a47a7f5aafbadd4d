"""One task of the driver `engine`, as its runner does it: without a keeper, and without a vault."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podmanservice import IMAGE, PodmanService
from programs import exit_code
from waiting import wait_until

from vaultui.model.errors import VaultuiError
from vaultui.tasks.failure import read_failure
from vaultui.tasks.plan import BUNDLE_DIR, Job, TaskPlan, prepare
from vaultui.tasks.request import Surroundings, TaskRequest
from vaultui.wire.engine import ASKED_FILE
from vaultui.wire.tasks import OUT_OF_MEMORY_FILE, Driver

TASK_ID = "0123abcd"
NAME = f"vaultui-{TASK_ID}"
"""What the container of that task is called."""


@dataclass
class EngineTask:
    """One task of the driver, with its directory. The vault is a plain directory here."""

    service: PodmanService
    task_dir: Path
    vault: Path
    plan: TaskPlan | None = None
    """The last that was prepared."""

    def job(self, *command: str, job: dict[str, Any] | None = None, **request: Any) -> Job:
        """Return what is to run; `around` is a dictionary, and the network none by default."""
        around = {"image": IMAGE, "network": "none", **request.pop("around", {})}
        return Job(
            task_id=TASK_ID,
            task_dir=self.task_dir,
            vault_name="Work",
            mountpoint=str(self.vault),
            request=TaskRequest(
                command, driver=Driver.ENGINE, around=Surroundings(**around), **request
            ),
            **(job or {}),
        )

    def prepare(self, *command: str, **request: Any) -> TaskPlan:
        self.plan = prepare(self.job(*command, **request))
        return self.plan

    def start(self, *command: str, **request: Any) -> subprocess.Popen[bytes]:
        """Start the runner, with pipes for its streams."""
        plan = self.prepare(*command, **request)
        return subprocess.Popen(
            plan.argv,
            env=plan.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *command: str, input: bytes = b"", **request: Any) -> Ended:  # noqa: A002
        """Run it to its end, and see that its container is gone by then."""
        process = self.start(*command, **request)
        stdout, stderr = process.communicate(input, 60)
        assert self.service.containers() == []
        return Ended(exit_code(process), stdout, stderr.decode())

    def shown(self) -> Any:
        """Return what the engine tells of the container, once that runs."""
        return wait_until(self._running, 20, "the container runs")

    def _running(self) -> Any:
        (found,) = json.loads(self.service.podman("inspect", NAME).stdout or "[{}]") or [{}]
        return found if found.get("State", {}).get("Running") else None

    def out_of_memory(self) -> bool:
        return (self.task_dir / OUT_OF_MEMORY_FILE).exists()

    def failure(self) -> VaultuiError | None:
        return read_failure(self.task_dir)

    def take_down(self) -> None:
        """Do what a keeper does when the runner has ended, however that was."""
        assert self.plan is not None
        for words in self.plan.teardown.commands:
            subprocess.run(words, env=self.plan.env, check=True, timeout=30)

    @property
    def asked(self) -> Path:
        """The mark that there may be a container."""
        return self.task_dir / BUNDLE_DIR / ASKED_FILE

    def stty(self) -> str:
        """Return what the terminal of the container says of its size."""
        done = self.service.podman("exec", NAME, "sh", "-c", "stty size </proc/1/fd/0")
        return done.stdout.decode()


@dataclass(frozen=True)
class Ended:
    exit_code: int
    stdout: bytes
    stderr: str

    @property
    def lines(self) -> list[str]:
        assert self.exit_code == 0, self.stderr
        return self.stdout.decode().splitlines()
