"""One task of the driver `oci`, as its runner does it: without a keeper or a real vault."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from capabilities import UNPRIVILEGED_UID
from mounting import detach
from ordinaryuser import as_user, let_others_in
from programs import exit_code, run_program

from vaultui.model.errors import VaultuiError
from vaultui.tasks import oci
from vaultui.tasks.containers.spec import ContainerSpec
from vaultui.tasks.failure import read_failure
from vaultui.tasks.plan import Job
from vaultui.tasks.request import Surroundings, TaskRequest
from vaultui.wire import codec
from vaultui.wire.tasks import OUT_OF_MEMORY_FILE, Driver

_PASSWD = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n"
_GROUP = "root:x:0:\nann:x:1000:\nmusic:x:77:bob,ann\nwheel:x:10:bob\n"

_PREPARE = """
import pickle, sys
from vaultui.tasks import oci
oci.prepare(pickle.load(sys.stdin.buffer))
"""

_WITHOUT_HYBRID = """#!/bin/sh
flags=--mount
[ "$(id -u)" = 0 ] || flags="--map-root-user --mount"
exec unshare $flags --propagation unchanged \\
    sh -c 'mount -t tmpfs none /sys/fs/cgroup/unified && exec {crun} "$@"' crun "$@"
"""
"""crun refuses to work where there are control groups of both versions with controllers. A mount
namespace with those of version 1 alone makes this machine one that it knows."""


def make_system(top: Path) -> Path:
    """Make a system of BusyBox in `top`, with three users."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    for name in ("bin", "etc", "root", "home/ann"):
        (top / name).mkdir(parents=True)
    shutil.copy(busybox, top / "bin/busybox")
    for applet in run_program((busybox, "--list")).check().stdout.decode().split():
        if applet != "busybox":
            (top / "bin" / applet).symlink_to("busybox")
    (top / "etc/passwd").write_text(_PASSWD)
    (top / "etc/group").write_text(_GROUP)
    let_others_in(top)
    top.chmod(0o755)
    return top


def make_crun(top: Path) -> str:
    """Return the path of a crun that works on this machine."""
    crun = shutil.which("crun")
    assert crun is not None
    controllers = Path("/sys/fs/cgroup/unified/cgroup.controllers")
    if not (controllers.exists() and controllers.read_text().split()):
        return crun
    script = top / "crun"
    script.write_text(_WITHOUT_HYBRID.format(crun=crun))
    script.chmod(0o755)
    let_others_in(top)
    return str(script)


@dataclass
class ContainerTask:
    """One task of the driver, with its directory; another file system stands in for the vault."""

    rootfs: Path
    top: Path
    runtime: str = "runc"
    of_user: bool = False
    """An ordinary user's; it needs the capability of that name."""
    before: tuple[str, ...] = ()
    """Words that go before the runner's, to run it somewhere else."""
    task_id: str = field(init=False)
    task_dir: Path = field(init=False)
    vault: Path = field(init=False)

    def __post_init__(self) -> None:
        self.task_dir, self.vault = self.top / "task", self.top / "vault"
        for directory in (self.task_dir, self.task_dir / "scratch", self.vault):
            directory.mkdir(mode=0o700, parents=True)
            if self.of_user and os.geteuid() == 0:
                os.chown(directory, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
        if self.of_user:
            let_others_in(self.top)
        self.mount_vault()
        # Containers of one machine share the names of their control groups.
        self.task_id = os.urandom(4).hex()

    def mount_vault(self) -> None:
        """Have something mounted where the vault would be; whoever made this takes it off."""
        owner = UNPRIVILEGED_UID if self.of_user else os.getuid()
        options = f"mode=700,uid={owner},gid={owner}"
        run_program(("mount", "-t", "tmpfs", "-o", options, "vault", self.vault)).check()

    def job(self, *command: str, job: dict[str, Any] | None = None, **request: Any) -> Job:
        """Return what is to run; `around` is a dictionary."""
        around = {"rootfs": str(self.rootfs), "runtime": self.runtime}
        around |= request.pop("around", {})
        return Job(
            task_id=self.task_id,
            task_dir=self.task_dir,
            vault_name="Work",
            mountpoint=str(self.vault),
            request=TaskRequest(
                command, driver=Driver.OCI, around=Surroundings(**around), **request
            ),
            **{"allow_other": True, **(job or {})},
        )

    def prepare(self, *command: str, **request: Any) -> tuple[str, ...]:
        """Return how the runner is started, by whom it is for."""
        job = self.job(*command, **request)
        if not self.of_user:
            return oci.prepare(job).argv

        run_program((*as_user(), sys.executable, "-c", _PREPARE), pickle.dumps(job)).check()
        return (*as_user(), *oci.RUNNER, str(self._spec_file))

    def start(self, *command: str, **request: Any) -> subprocess.Popen[bytes]:
        """Start the runner, with pipes for its streams."""
        argv = (*self.before, *self.prepare(*command, **request))
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *command: str, input: bytes = b"", **request: Any) -> Ended:  # noqa: A002
        """Run it to its end, and see that nothing of its container is left by then."""
        process = self.start(*command, **request)
        stdout, stderr = process.communicate(input, 60)
        assert self.containers() == []
        return Ended(exit_code(process), stdout, stderr.decode())

    def sh(self, script: str, **request: Any) -> Ended:
        return self.run("sh", "-c", script, **request)

    @property
    def _spec_file(self) -> Path:
        return self.task_dir / "bundle" / "container.json"

    def config(self) -> Any:
        """Return what the runtime was given."""
        return json.loads((self.task_dir / "bundle" / "config.json").read_bytes())

    def containers(self) -> list[str]:
        """Return what the runtime still knows."""
        state = self.task_dir / "bundle" / "state"
        return sorted(path.name for path in state.iterdir()) if state.exists() else []

    def failure(self) -> VaultuiError | None:
        return read_failure(self.task_dir)

    def ran_out_of_memory(self) -> bool:
        return (self.task_dir / OUT_OF_MEMORY_FILE).exists()

    def spec(self) -> ContainerSpec:
        """Return what the runner is told."""
        return codec.decode(self._spec_file.read_bytes(), ContainerSpec)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        detach(self.vault)


@dataclass(frozen=True)
class Ended:
    exit_code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        assert self.exit_code == 0, self.stderr
        return self.stdout.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()
