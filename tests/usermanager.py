"""A systemd of a user for tests: the real one, where none runs and beside one that does.

It has a mount namespace of its own, in which the machine counts as one that systemd runs on, a
control group of its own for a root, and no units but those of the test and the targets that
every manager needs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from programs import Completed, run_program
from waiting import wait_until

SYSTEMD = Path("/usr/lib/systemd/systemd")
_SYSTEM_UNITS = Path("/usr/lib/systemd/user")
_TARGETS = (
    *("basic.target", "default.target", "timers.target", "sockets.target", "paths.target"),
    *("shutdown.target", "exit.target", "systemd-exit.service", "app.slice"),
)
_ENTER = """
set -e
echo $$ > "$1/cgroup.procs"
exec unshare --cgroup sh -c "$2"
"""
_BEGIN = """
set -e
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system
if [ -d /sys/fs/cgroup/systemd ]; then
    mount -t tmpfs none /sys/fs/cgroup
    mkdir /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
else
    mount -t cgroup2 none /sys/fs/cgroup
fi
exec /usr/lib/systemd/systemd --user --unit=default.target --log-target=console
"""


class UserManager:
    """The manager that runs, and programs where it is."""

    def __init__(self, pid: int, log: Path) -> None:
        self._pid = pid
        self._log = log

    def __call__(self, *words: str | os.PathLike[str], timeout: float = 60.0) -> Completed:
        """Run a program where the mounts of the manager's services are."""
        inside = ("nsenter", "--mount", f"--target={self._pid}", "--", *words)
        return run_program(inside, timeout=timeout)

    def systemctl(self, *words: str) -> str:
        """Return what systemctl(1) prints, which may fail."""
        return self("systemctl", "--user", "--no-pager", *words).stdout.decode().strip()

    def state(self, unit: str) -> str:
        return self.systemctl("is-active", unit)

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")


@contextlib.contextmanager
def user_manager(base: Path) -> Iterator[UserManager]:
    """Run a systemd in the environment of the test; `base` is a directory for what it needs."""
    units = base / "units"
    units.mkdir()
    for name in _TARGETS:
        shutil.copy(_SYSTEM_UNITS / name, units)
    own = Path(os.environ["HOME"], ".config", "systemd", "user")
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{own}:{units}"}
    log, socket = base / "systemd.log", Path(os.environ["XDG_RUNTIME_DIR"], "systemd", "private")
    with _control_group() as group, log.open("wb") as output:
        begin = ("unshare", "--mount", "sh", "-c", _ENTER, "sh", str(group), _BEGIN)
        with subprocess.Popen(begin, env=environment, stdout=output, stderr=output) as manager:
            try:
                made = UserManager(manager.pid, log)
                wait_until(lambda: socket.exists() or manager.poll() is not None)
                assert manager.poll() is None, made.log
                wait_until(lambda: made.state("default.target") == "active", what=made.log)
                yield made
            finally:
                manager.terminate()  # whatever it runs is stopped first
                try:
                    manager.wait(30)
                except subprocess.TimeoutExpired:
                    manager.kill()


@contextlib.contextmanager
def _control_group() -> Iterator[Path]:
    """Make a control group, and remove it with what was made below it."""
    named = Path("/sys/fs/cgroup/systemd")
    group = (named if named.is_dir() else named.parent) / f"vaultui-test-{os.urandom(4).hex()}"
    group.mkdir()
    try:
        yield group
    finally:
        for directory, _names, _files in os.walk(group, topdown=False):
            wait_until(lambda directory=directory: _removed(directory), what=f"{directory} is gone")


def _removed(group: str) -> bool:
    try:
        Path(group).rmdir()
    except OSError:
        return False
    return True
