"""Volumes that exist for a test: made, mounted by a program in a process of its own, cleaned up.

`Gocryptfs` is the real program, `Vaultfs` is ours; they share every method, because they
share a command line, and `by` hands one volume from one to the other.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypeVar

from programs import Completed, exit_code, program, run_program
from waiting import wait_until

CHEAP_SCRYPT = ("-scryptn", "10")
READY_TIMEOUT_S = 30.0

M = TypeVar("M", bound="MountedVolume")


class MountedVolume:
    """A volume and its mount. `with` makes the volume if it is not there yet, and mounts it."""

    argv0: ClassVar[str]

    def __init__(
        self,
        base: Path,
        *,
        password: bytes = b"correct horse battery",
        cipherdir: Path | None = None,
        mountpoint: Path | None = None,
        init_options: Sequence[str] = (),
        mount_options: Sequence[str] = (),
        under: Sequence[str] = (),
    ) -> None:
        """`under` are the words of a program that runs the mounting one, such as strace."""
        self.base = base
        self.password = password
        self.cipherdir = base / "cipher" if cipherdir is None else cipherdir
        self.mountpoint = base / "plain" if mountpoint is None else mountpoint
        self.init_options = (*CHEAP_SCRYPT, *init_options)
        self.mount_options = tuple(mount_options)
        self._under = tuple(under)
        self.process: subprocess.Popen[bytes] | None = None
        # A volume that several tests share belongs to none of them: a remount within one
        # must not carry that one's home, by which its leftovers are found.
        # TMPDIR, because gocryptfs leaves a directory behind for each of its checks.
        self._env = {**os.environ, "TMPDIR": os.fspath(base)}
        self._log = base / f"{Path(self.argv0).name}.log"

    @classmethod
    def command(cls) -> str:
        """Return the program to run."""
        raise NotImplementedError

    def by(self, other: type[M], *, mount_options: Sequence[str] = ()) -> M:
        """Return the same volume, to be served by another program at the same mount point."""
        return other(
            self.base,
            password=self.password,
            cipherdir=self.cipherdir,
            mountpoint=self.mountpoint,
            mount_options=mount_options,
        )

    @property
    def log(self) -> str:
        """All that the mounted program printed so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def create(self) -> None:
        """Make the volume; raises AssertionError with the program's words when it does not."""
        self.cipherdir.mkdir(parents=True, exist_ok=True)
        self.run("-init", "-q", *self.init_options, self.cipherdir).check()

    def run(
        self,
        *words: str | os.PathLike[str],
        input: bytes | None = None,  # noqa: A002
    ) -> Completed:
        """Run the program with `words`; the password is its input unless another is given."""
        given = self.password + b"\n" if input is None else input
        return run_program((self.command(), *words), given, timeout=60, env=self._env)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the program that will mount, give it the password, and return at once."""
        assert self.process is None, "it is mounted already"
        self.mountpoint.mkdir(parents=True, exist_ok=True)
        self._told_before = len(self.log)
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                (
                    *self._under,
                    self.command(),
                    "-fg",
                    "-nosyslog",
                    *self.mount_options,
                    os.fspath(self.cipherdir),
                    os.fspath(self.mountpoint),
                ),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )
        self.process = process
        assert process.stdin is not None
        # It may have ended before it read the password; its log says why.
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(self.password + b"\n")
        return process

    def mount(self) -> None:
        """Mount, and return when the kernel lists the mount and the root answers."""
        process = self.start()
        try:
            wait_until(self._ready_or_ended, READY_TIMEOUT_S, f"{self.argv0} is mounted")
            assert process.poll() is None, f"{self.argv0} ended: {process.returncode}\n{self.log}"
        except BaseException:
            self.kill()
            raise

    def unmount(self) -> None:
        """Unmount politely and wait for the program's end, which must be 0."""
        process = self.process
        assert process is not None, "it is not mounted"
        if self.is_mounted():
            # A program may still look at its own fresh mount (go-fuse opens a file in it once),
            # and until it is done the kernel calls the mount busy.
            wait_until(self._try_to_unmount, 20, f"{self.mountpoint} is unmounted")
        returncode = exit_code(process)
        self.process = None
        assert returncode == 0, f"{self.argv0} ended with {returncode}\n{self.log}"

    def remount(self) -> None:
        """Unmount and mount again, so that nothing is answered from the kernel's caches."""
        self.unmount()
        self.mount()

    def kill(self) -> None:
        """End the program at once and detach what it leaves in the mount table."""
        process, self.process = self.process, None
        if process is not None:
            if self._under:
                # What runs it has the same session, and would leave it behind.
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                # gocryptfs looks at its own fresh mount once. Killed at that moment it waits for
                # itself, until the kernel is told to end the connection.
                run_program(("umount", "-f", self.mountpoint))
                process.wait(10)
        detach(self.mountpoint)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code that follows."""
        process = self.process
        assert process is not None, "it is not mounted"
        process.send_signal(number)
        returncode = exit_code(process)
        self.process = None
        return returncode

    def is_mounted(self) -> bool:
        """Tell from the kernel's mount table, without touching the mount."""
        return os.fspath(self.mountpoint) in mountpoints_below(self.mountpoint)

    def peak_memory_kib(self) -> int:
        """Return the largest resident memory of the program so far; 0 when it is not there."""
        if self.process is None:
            return 0
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) if found else 0

    def fsck(self) -> Completed:
        """Check the volume, which must not be mounted."""
        return self.run("-fsck", self.cipherdir)

    def info(self) -> str:
        """Return what -info prints."""
        return self.run("-info", self.cipherdir).check().stdout.decode()

    def _try_to_unmount(self) -> bool:
        return run_program(("fusermount3", "-u", self.mountpoint)).returncode == 0

    def _ready_or_ended(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            return True
        return self.is_mounted() and self.mountpoint.is_dir()

    def __enter__(self) -> Self:
        if not (self.cipherdir / "gocryptfs.conf").exists():
            self.create()
        self.mount()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None or self.process is None or self.process.poll() is not None:
            died = self.process is not None and self.process.poll() not in (None, 0)
            code = self.process.returncode if self.process is not None else None
            self.kill()
            assert error is not None or not died, f"{self.argv0} died: {code}\n{self.log}"
            return
        try:
            self.unmount()
        finally:
            self.kill()


class Gocryptfs(MountedVolume):
    """The real program, from the distribution."""

    argv0 = "gocryptfs"

    @classmethod
    def command(cls) -> str:
        return "gocryptfs"

    def _ready_or_ended(self) -> bool:
        if not super()._ready_or_ended():
            return False
        # go-fuse opens a file in its own fresh mount, and ends with a failure where somebody
        # has unmounted that by then. Afterwards it tells.
        assert self.process is not None
        told = self.log[self._told_before :]
        return self.process.poll() is not None or "Filesystem mounted and ready." in told


class Vaultfs(MountedVolume):
    """Our mount backend under its own name."""

    argv0 = "vaultfs"

    @classmethod
    def command(cls) -> str:
        return program("vaultfs")


def mountpoints_below(top: str | os.PathLike[str]) -> list[str]:
    """Return the mount points at or below `top`, deepest last, as the kernel lists them.

    Read here and not by the code under test, which might be wrong about it.
    """
    prefix = os.fspath(top)
    found = []
    for line in os.fsdecode(Path("/proc/self/mountinfo").read_bytes()).splitlines():
        path = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split(" ")[4])
        if path == prefix or path.startswith(prefix + "/"):
            found.append(path)
    return found


def detach(mountpoint: str | os.PathLike[str]) -> None:
    """Take every mount at `mountpoint` out of the mount table, dead or alive."""
    for path in reversed(mountpoints_below(mountpoint)):
        run_program(("fusermount3", "-u", "-z", path))
    for path in reversed(mountpoints_below(mountpoint)):
        run_program(("umount", "-l", path))
