"""Each process of a task is killed just before each of its steps, for each driver.

The task leaves strays of its own behind, in sessions of their own. Afterwards the vault must be
locked again by itself, what became of the task must be known, the next task must run, and nothing
may be left: no process, mount, control group, directory, socket, or container.
"""

from __future__ import annotations

import json
import os
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import leftovers
from mounting import Vaultfs
from podmanservice import IMAGE, PodmanService, root_archive
from programs import Completed, program, run_program
from waiting import wait_until

from tests.drills.harness import Drill, Row, Session
from tests.drills.stepkills import SETTLED_S, Killer, Rounds, share_out, steps_of, words_of

_ROLES_BY_NAME = {
    "vaultui-keeper": "keeper",
    "vaultui-warden": "warden",
    "vaultui-room": "room",
    "vaultui-init": "init of a room",
}
"""By what /proc/PID/comm says. The keeper of a mount has the name of that of a task."""
_ROLES_BY_WORDS = {
    "shim/__main__.py": "launcher",
    "vaultui.mountd": "backend",
    "vaultui.tasks.engines.runner": "runner",
    "vaultui.tasks.containers.runner": "runner",
    "runc\0": "runtime",
    "bin/vaultui\0": "front end",
}
"""By what a command line has, the first that fits."""
_ALL = (*_ROLES_BY_NAME.values(), *dict.fromkeys(_ROLES_BY_WORDS.values()))

_SCRIPT = 'cd "$VAULT_MOUNT"; echo text >>note; setsid sh -c "sleep 600; :" & sleep 0.05; echo done'
_KEPT = ("task.json", "exit.json", "failure.json", "out-of-memory", "stdout.log", "stderr.log")
_GROUPS = Path("/sys/fs/cgroup")


def run(session: Session) -> list[Row]:
    steps = steps_of(_TaskRounds, session.base / "t")
    done = share_out(session, _TaskRounds, steps, share=1.0)
    kinds = ("not ended", "not explained", "not locked again", "not run again", "left behind")
    return [
        *(Row(f"kills, {what}", str(count), "–") for what, count in sorted(done.kills.items())),
        Row("of these, before different steps", str(len(done.steps)), "–"),
        Row("steps that there are", str(len(steps)), "–"),
        *(Row(kind, str(session.count(Vaultfs, kind)), "–") for kind in kinds),
    ]


class _TaskRounds(Rounds):
    peer = Vaultfs
    options: ClassVar[dict[str, tuple[str, ...]]] = {
        "command": (),
        "private command": ("--private",),
        "isolated command": ("--driver", "isolated"),
        "private isolated command": ("--driver", "isolated", "--private"),
        "container": ("--driver", "oci", "--rootfs", "{root}", "--runtime", "runc"),
        "private container": ("--driver", "oci", "--rootfs", "{root}", "--private"),
        "container of an engine": ("--driver", "engine", "--image", IMAGE, "--network", "none"),
    }
    roles: ClassVar = dict.fromkeys(options, _ALL)

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        # Beside the home: it is no leftover of a task.
        self._engine = PodmanService(base.with_name(f"p{base.name[-1]}"))
        self.undo.enter_context(self._engine)
        self.env["DOCKER_HOST"] = self._engine.address
        self._root = base / "root"
        with tarfile.open(fileobj=BytesIO(root_archive())) as archive:
            archive.extractall(self._root, filter="fully_trusted")
        self._vaultui("add", self.cipherdir, "--name", "Work").check()
        self._vaultui("settings", "set", "allow_other", "true", "--vault", "Work").check()
        self._task_ids: set[str] = set()
        self._tasks = Path(self.env["XDG_RUNTIME_DIR"]) / "vaultui" / "tasks"

    @staticmethod
    def role_of(pid: int) -> str:
        words = words_of(pid)
        role = next((role for mark, role in _ROLES_BY_WORDS.items() if mark in words), "")
        if role != "launcher":
            return role
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return _ROLES_BY_NAME.get(name, role)

    def do(self, deed: str, killer: Killer) -> None:
        killer.during((program("vaultui"), *self._run(deed, "sh", "-c", _SCRIPT)), self.env)

    def _run(self, deed: str, *command: str) -> tuple[str | Path, ...]:
        options = (word.format(root=self._root) for word in self.options[deed])
        # By the variable, processes of the task are known to be of this home.
        given = ("--env", f"HOME_OF_ROUND={self.base}", "--grace", "1s")
        return ("run", "Work", "--password-file", self.password, *options, *given, "--", *command)

    def recover(self, what: str, seed: int) -> None:
        self._task_ids = {directory.name for directory in self._tasks.iterdir()}
        try:
            wait_until(self._is_over, SETTLED_S, "every task is over")
        except AssertionError:
            self.found("not explained", what, f"{self._states()}", seed)
        try:
            wait_until(self._is_locked, SETTLED_S, "the vault is locked")
        except AssertionError:
            self.found("not locked again", what, str(self._status()["state"]), seed)
        status = self._status()
        if status["state"] == "broken" and not status["explanation"]:
            self.found("not explained", what, "it is broken", seed)
        self._let_starts_be_old()
        again = self._vaultui(*self._run("command", "sh", "-c", 'cat "$VAULT_MOUNT/note"; exit 7'))
        if again.returncode != 7:
            self.found("not run again", what, again.text, seed)
        if not self._is_locked():
            self.found("not locked again", what, "after the next task", seed)
        for line in self._left():
            self.found("left behind", what, line, seed)
        self._vaultui("tasks", "clear").check()
        leftovers.sweep(self.base)

    def _let_starts_be_old(self) -> None:
        """A start whose front end was killed is known by its age, and put away by a later one."""
        for directory in self._tasks.iterdir():
            if not (directory / "task.json").exists():
                os.utime(directory, (0, 0))

    def _vaultui(self, *words: str | Path) -> Completed:
        return run_program((program("vaultui"), *words), env=self.env, timeout=60)

    def _states(self) -> list[str]:
        tasks = json.loads(self._vaultui("tasks", "--json").check().stdout)["tasks"]
        return [task["state"] for task in tasks]

    def _is_over(self) -> bool:
        return {"ended", "lost"}.issuperset(self._states())

    def _status(self) -> Any:
        (vault,) = json.loads(self._vaultui("status", "--json").check().stdout)["vaults"]
        return vault

    def _is_locked(self) -> bool:
        return self._status()["state"] in {"locked", "broken"}

    def _left(self) -> list[str]:
        lines = leftovers.after_grace(self.base)
        lines += [f"the container {name}" for name in self._engine.containers()]
        for task in self._task_ids:
            lines += [f"the control group {path}" for path in _GROUPS.glob(f"**/vaultui-{task}")]
        for directory in self._tasks.iterdir():
            names = {path.name for path in directory.iterdir()}
            lines += [f"{name} of a task" for name in sorted(names - set(_KEPT))]
        runtime = Path(self.env["XDG_RUNTIME_DIR"])
        lines += [str(path) for path in runtime.rglob("*") if path.is_socket()]
        return lines


DRILL = Drill(
    "tasks",
    "Processes killed at each step of a task",
    run,
    minutes=5.0,
    needs=("fuse", "podman", "ptrace"),
)
