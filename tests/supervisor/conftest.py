"""Launches of a program that speaks the backend's side, and of the real one."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from support import wait_until

from vaultui.linux import process
from vaultui.model.secret import Secret
from vaultui.supervisor.launch import BACKEND, launch_backend
from vaultui.supervisor.oneshot import Outcome, run_oneshot
from vaultui.supervisor.repair import repair
from vaultui.supervisor.runstate import load_run
from vaultui.wire.handshake import MountSpec, Step
from vaultui.wire.oneshot import OneshotSpec
from vaultui.wire.runrecords import RunState

FAKE = (sys.executable, "-I", str(Path(__file__).parent / "fake_backend.py"))


@dataclass
class Place:
    """Directories of one vault, and its launches."""

    top: Path
    steps: list[Step] = field(default_factory=list)
    messages: list[object] = field(default_factory=list)
    earlier_children: list[int] = field(default_factory=lambda: _children())
    """Mounts that other tests share stay for the whole run."""

    @property
    def cipherdir(self) -> Path:
        return self.top / "c, ü"

    @property
    def mountpoint(self) -> Path:
        return self.top / "m"

    @property
    def run_dir(self) -> Path:
        return self.top / "run"

    @property
    def log_path(self) -> Path:
        return self.top / "log" / "work.log"

    @property
    def report(self) -> Path:
        """Where the fake backend describes itself."""
        return self.top / "report"

    async def launch(
        self, script: str = "", password: bytes = b"correct horse battery", **options
    ) -> RunState:
        """Start the fake backend with a script, or the real one without."""
        spec = self.fake(script)
        if not script:
            spec = replace(spec, vault_name="Work", config_path="")
        return await launch_backend(
            spec,
            Secret(bytearray(password)),
            run_dir=self.run_dir,
            log_path=self.log_path,
            argv=FAKE if script else BACKEND,
            **{"on_step": self.steps.append, **options},
        )

    def fake(self, script: str) -> MountSpec:
        """Return what the fake backend is told."""
        return MountSpec(
            vault_id="0123456789abcdef",
            vault_name=script,
            cipherdir=str(self.cipherdir),
            mountpoint=str(self.mountpoint),
            ctlsock=str(self.run_dir / "ctl.sock"),
            config_path=str(self.report),
        )

    async def once(self, spec: OneshotSpec, *secrets: bytes, **options: Any) -> Outcome:
        """Run a command of the fake backend."""
        given = [Secret(bytearray(secret)) for secret in secrets]
        return await run_oneshot(spec, given, self.messages.append, argv=FAKE, **options)

    def is_mounted(self) -> bool:
        """Look at the table itself, not through the code under test."""
        table = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        return any(line.split(" ")[4] == str(self.mountpoint) for line in table.splitlines())

    def processes(self) -> list[int]:
        """Return the processes that were started for this place and have not been reaped."""
        mark = os.fsencode(self.top)
        found = []
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                links = [
                    os.readlink(f"/proc/{name}/fd/{fd}") for fd in os.listdir(f"/proc/{name}/fd")
                ]
                words = Path(f"/proc/{name}/cmdline").read_bytes()
                if int(name) != os.getpid() and (
                    mark in words or any(link.startswith(str(self.top)) for link in links)
                ):
                    found.append(int(name))
        return found

    def children(self) -> list[int]:
        """Return the children of this process that came with the test, zombies too."""
        return [pid for pid in _children() if pid not in self.earlier_children]

    def assert_nothing_is_left(self) -> None:
        assert not self.is_mounted()
        assert os.listdir(self.run_dir) == []
        assert self.children() == []
        wait_until(lambda: self.processes() == [], what=f"{self.processes()} end")


def _children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in listed.split()]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    made.cipherdir.mkdir()
    made.mountpoint.mkdir()
    yield made
    _sweep(made)


def _sweep(place: Place) -> None:
    """End what a test left running on purpose."""
    run = load_run(place.run_dir)
    if run is not None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                pidfd = process.open_pidfd(run.backend_pid, run.backend_start)
                process.signal_pidfd(pidfd, number)
                process.wait_pidfd(pidfd, 10)
                os.close(pidfd)
        wait_until(
            lambda: not process.is_same_process(run.keeper_pid, run.keeper_start),
            what="the keeper ends",
        )
    asyncio.run(repair(place.run_dir, str(place.mountpoint)))
