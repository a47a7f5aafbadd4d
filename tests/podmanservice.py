"""A container engine for tests: Podman behind its Docker-compatible socket, with all it keeps in
a directory of the test's own, and with an image that is made on the spot.

Nothing is fetched. The network of its containers is that of the machine or none, unless a test
asks for another.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import tarfile
from pathlib import Path
from typing import Self

from mounting import detach
from programs import Completed, exit_code, run_program
from waiting import wait_until

IMAGE = "localhost/vaultui-test:1"
"""BusyBox, and nothing else; its user is root."""
IMAGE_OF_A_USER = "localhost/vaultui-test-user:1"
"""The same with the user 1000."""


class PodmanService:
    """The engine itself. Everything of it lies below `base`, whose path must be short: Podman
    takes 50 characters for what is one level below."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.socket = base / "engine.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What DOCKER_HOST says of it."""
        return f"unix://{self.socket}"

    def podman(self, *words: str | Path, input: bytes = b"") -> Completed:  # noqa: A002
        """Run Podman's own command line on what this engine keeps."""
        return run_program((*self._command(), *words), input, 60, env=self._env())

    def containers(self) -> list[str]:
        """Return the names of all containers that there are, running or not."""
        listed = self.podman("ps", "--all", "--format", "{{.Names}}").check()
        return listed.stdout.decode().split()

    def import_image(self, name: str, *changes: str) -> None:
        """Make an image of BusyBox."""
        words = [word for change in changes for word in ("--change", change)]
        self.podman("import", "--quiet", *words, "-", name, input=root_archive()).check()

    def start(self) -> None:
        self._process = subprocess.Popen(
            (*self._command(), "system", "service", "--time=0", self.address),
            env=self._env(),
            # Where conmon 2.1.6 leaves a file when a container is out of memory.
            cwd=self.base,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._answers, 20, "the engine listens")

    def stop(self) -> None:
        """End the engine as its machine's reboot would: containers go on, but nobody answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            exit_code(self._process)
            self._process = None

    def remove(self) -> None:
        """Remove all containers, and everything else that is not a plain file."""
        self.podman("rm", "--all", "--force", "--time=0")
        self.stop()
        detach(self.base)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.socket)) == 0

    def _command(self) -> tuple[str, ...]:
        # In a VM without systemd and with both kinds of control groups mounted, crun and the
        # overlay driver have troubles of their own.
        return (
            *("podman", f"--root={self.base}/storage", f"--runroot={self.base}/run"),
            *(f"--tmpdir={self.base}/tmp", "--storage-driver=vfs", "--runtime=runc"),
            *("--cgroup-manager=cgroupfs", "--events-backend=file"),
        )

    def _env(self) -> dict[str, str]:
        # The conmon of a container has it too, so that it is found if it is left.
        home = self.base / "home"
        return {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}

    def __enter__(self) -> Self:
        (self.base / "home").mkdir(parents=True)
        with contextlib.ExitStack() as undo:
            undo.callback(self.remove)
            self.import_image(IMAGE)
            self.import_image(IMAGE_OF_A_USER, "USER 1000")
            self.start()
            undo.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.remove()


def root_archive() -> bytes:
    """Return a tar archive with a root file system of BusyBox alone."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    applets = run_program((busybox, "--list")).check().stdout.decode().split()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(busybox, "bin/busybox")
        for applet in applets:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            if applet != "busybox":
                tar.addfile(link)
        tar.addfile(tarfile.TarInfo("etc/plain"))
    return archive.getvalue()
