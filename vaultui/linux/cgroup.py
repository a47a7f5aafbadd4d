"""What the control group of a process knows about it: kills for want of memory."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def oom_kills(pid: int | str = "self") -> tuple[str, int]:
    """Return the memory cgroup of a process, and how many processes the kernel killed in it.

    ("", 0) where that can't be read. A kill shows as a plain SIGKILL, and this counter is
    what tells the two apart; it counts every process of the group.
    """
    counter = _counter_file(pid)
    try:
        lines = counter.read_text("ascii").splitlines() if counter else []
    except OSError:
        return "", 0
    for line in lines:
        name, _, count = line.partition(" ")
        if name == "oom_kill":
            return str(counter), int(count)
    return "", 0


def _counter_file(pid: int | str) -> Path | None:
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    unified = None
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):  # cgroup v1, and hybrid set-ups
            return _ROOT / "memory" / path.lstrip("/") / "memory.oom_control"
        if not controllers:
            unified = _ROOT / path.lstrip("/") / "memory.events"
    return unified
