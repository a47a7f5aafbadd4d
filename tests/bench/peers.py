"""What is measured: programs that show a directory through a mount, and the disk below them.

All have one shape, that of `MountedVolume`: made once, then mounted and unmounted as often as a
workload wants a cold start. Each has the settings that it takes if nobody says anything, but the
derivation of the key: where a program lets it be cheap it is, since only *unlock* is about that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from mounting import Gocryptfs, MountedVolume, Vaultfs
from programs import run_program
from waiting import wait_until

DEFAULT_SCRYPT = ("-scryptn", "16")
OURS = "vaultfs"
_TICKS = os.sysconf("SC_CLK_TCK")


class Foreign(MountedVolume):
    """A program with a command line of its own, that runs in the foreground as a child of ours."""

    variables: ClassVar[Mapping[str, str]] = {}
    ready_s: ClassVar[float] = 60.0

    @classmethod
    def command(cls) -> str:
        return cls.argv0

    def create(self) -> None:
        """Make the directory; with some there is no command for more, and the first mount does."""
        self.cipherdir.mkdir(parents=True, exist_ok=True)

    def mount_words(self) -> tuple[str, ...]:
        """Return what comes after the program's name."""
        raise NotImplementedError

    def start(self) -> subprocess.Popen[bytes]:
        assert self.process is None, "it is mounted already"
        self.mountpoint.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self.process = process = subprocess.Popen(
                (self.command(), *self.mount_words()),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self.environment(),
                start_new_session=True,
            )
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(self.password + b"\n")
        return process

    def mount(self) -> None:
        process = self.start()
        try:
            wait_until(self._ready_or_ended, self.ready_s, f"{self.argv0} is mounted")
            assert process.poll() is None, f"{self.argv0} ended: {process.returncode}\n{self.log}"
        except BaseException:
            self.kill()
            raise

    def environment(self) -> dict[str, str]:
        # Some keep notes on each volume in a home.
        return {**os.environ, "HOME": os.fspath(self.base), **self.variables}


class Encfs(Foreign):
    argv0 = "encfs"

    def mount_words(self) -> tuple[str, ...]:
        return ("-f", "-S", "--standard", str(self.cipherdir), str(self.mountpoint))


class Cryfs(Foreign):
    """Its scrypt takes a gigabyte and ten seconds and more, and nothing makes it cheaper.

    So it stays mounted where others are remounted, and what it has in its own memory is warm.
    """

    argv0 = "cryfs"
    ready_s = 300.0
    variables: ClassVar[Mapping[str, str]] = {
        "CRYFS_FRONTEND": "noninteractive",
        "CRYFS_NO_UPDATE_CHECK": "true",
    }

    def mount_words(self) -> tuple[str, ...]:
        return ("-f", str(self.cipherdir), str(self.mountpoint))


class Securefs(Foreign):
    argv0 = "securefs"

    def create(self) -> None:
        super().create()
        password = self.password + b"\n"
        # The more rounds of Argon2 the dearer, and as many as take seconds if nobody says.
        cheap = () if DEFAULT_SCRYPT[0] in self.init_options[2:] else ("-r", "1")
        run_program((self.argv0, "create", *cheap, self.cipherdir), password * 2, 60).check()

    def mount_words(self) -> tuple[str, ...]:
        return ("mount", str(self.cipherdir), str(self.mountpoint))


class Bindfs(Foreign):
    """No encryption: what a mount in C costs at least."""

    argv0 = "bindfs"

    def mount_words(self) -> tuple[str, ...]:
        return ("-f", str(self.cipherdir), str(self.mountpoint))


class Disk(MountedVolume):
    """A directory on the disk that all the others have theirs on; nothing is mounted."""

    argv0 = "disk"

    @classmethod
    def command(cls) -> str:
        return "true"

    def create(self) -> None:
        self.mountpoint.mkdir(parents=True)

    def mount(self) -> None:
        pass

    def unmount(self) -> None:
        pass

    def kill(self) -> None:
        pass


PROGRAMS: dict[str, type[MountedVolume]] = {
    "gocryptfs": Gocryptfs,
    OURS: Vaultfs,
    "encfs": Encfs,
    "cryfs": Cryfs,
    "securefs": Securefs,
    "bindfs": Bindfs,
    "disk": Disk,
}
STAY_MOUNTED = frozenset({"cryfs"})
LACKS: dict[str, frozenset[str]] = {"bindfs": frozenset({"unlock"}), "disk": frozenset({"unlock"})}
"""The workloads that mean nothing for a program: these two have no key."""
BESIDE = ("encfs", "cryfs", "securefs", "bindfs", "disk")
"""Those that are measured beside the two that are compared."""


class UnknownProgram(ValueError):
    pass


def maker(word: str) -> Callable[..., MountedVolume]:
    """Return what makes a volume for a program's name, or for the path of another build of one.

    A path is that of a gocryptfs, or of something with its command line; a name that has
    `vaultfs` in it is one of ours.
    """
    if word in PROGRAMS:
        made = PROGRAMS[word]
        if made not in (Disk, Vaultfs) and shutil.which(made.command()) is None:
            raise UnknownProgram(f"{word} is not installed")
        return made
    if "/" not in word or shutil.which(word) is None:
        raise UnknownProgram(f"{word!r} is no program; there are {', '.join(PROGRAMS)}, or a path")
    base = Vaultfs if OURS in Path(word).name else Gocryptfs

    class Other(base):  # type: ignore[misc, valid-type]
        argv0 = Path(word).name

        @classmethod
        def command(cls) -> str:
            return word

    return Other


def installed(words: Iterable[str]) -> list[str]:
    """Return the programs that are there; tell of the others."""
    found = []
    for word in words:
        try:
            maker(word)
        except UnknownProgram as error:
            print(f"{error}, and is left out")
        else:
            found.append(word)
    return found


def version(word: str) -> str:
    """Return what a program says of its version, in one line."""
    made = maker(word)
    asked = {
        "cryfs": (("cryfs", "--version"), Cryfs.variables),
        "securefs": (("securefs", "version"), {}),
        "encfs": (("encfs", "--version"), {}),
        "bindfs": (("bindfs", "--version"), {}),
    }
    if word == "disk":
        return ""
    words, variables = asked.get(word, ((made.command(), "-version"), {}))  # type: ignore[attr-defined]
    done = run_program(words, env={**os.environ, **variables})
    lines = (done.stdout or done.stderr).decode("utf-8", "replace").splitlines()
    said = " ".join(next((line for line in lines if line.strip()), "unknown").split())
    if any(letter.isdigit() for letter in said) or shutil.which("dpkg-query") is None:
        return said
    # Debian builds securefs without the version that it would say.
    package = run_program(("dpkg-query", "-W", "-f", "${Version}", word))
    return f"{word} {package.stdout.decode()}"


def cpu_s(volume: MountedVolume) -> float:
    """Return the processor time of a mount's processes so far, in seconds."""
    total = 0
    for number, pid in enumerate(_pids(volume)):
        stat = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        # Those of its children that have ended, as well, for the first one.
        total += sum(int(field) for field in stat[11 : 13 if number else 15])
    return total / _TICKS


def peak_kib(volume: MountedVolume) -> int:
    """Return the largest resident memory of a mount's processes so far, added up."""
    total = 0
    for pid in _pids(volume):
        for line in _read(f"/proc/{pid}/status").splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total


def _pids(volume: MountedVolume) -> list[int]:
    """Return the process that was started, and all that it has started and not left behind."""
    found = [volume.process.pid] if volume.process is not None else []
    for pid in found:  # grows while it is read
        for thread in _threads(pid):
            found += [int(child) for child in _read(f"/proc/{pid}/task/{thread}/children").split()]
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _read(path: str) -> str:
    """Return what /proc has to say; nothing about what has just ended."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""
