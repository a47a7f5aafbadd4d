"""An hour of mixed load by several clients, through which nothing may grow for good.

The clients are processes that do what programs do: keep one file right over thousands of
changes, build and tear down trees, walk, append to one log, keep a database, map a file. Each
checks what it reads. Meanwhile descriptors, memory, inode table and threads of the backend
are sampled.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asking import Asking
from mounting import MountedVolume, Vaultfs

from tests.drills.harness import Drill, Row, Session
from vaultui.cipherfs import spareivs

_CLIENTS = ("file", "tree", "walk", "log", "log", "database", "mapping", "churn")
_SAMPLES = 120
_GIVING_BACK_S = 60.0
_MORE_MEMORY_KIB = 8 << 10
"""What memory may grow by from the second quarter to the last: fragments, and no leak that would
matter in a week."""


class Sample(NamedTuple):
    """What the backend has at one moment."""

    descriptors: int
    memory_kib: int
    threads: int
    inodes: int
    """0 for a program that does not tell."""


def run(session: Session) -> Sequence[Row]:
    """Put the load on our program and take samples to the end."""
    volume = Vaultfs(session.base, mount_options=("-ctlsock", str(session.base / "ctl")))
    with volume:
        before = _sample(volume)
        (volume.mountpoint / "walked").mkdir()
        samples = _under_load(session, volume)
        after = _given_back(session, volume, before)
    checked = volume.fsck()
    if checked.returncode:
        session.found(Vaultfs, f"-fsck: {checked.stdout[-500:]!r}", session.seed)
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    for what, limit in (
        ("descriptors", 16),
        ("memory_kib", _MORE_MEMORY_KIB),
        ("threads", 2),
        ("inodes", 2000),
    ):
        grown = _median(last, what) - _median(second, what)
        if grown > limit:
            session.found(Vaultfs, f"{what} grew by {grown}", session.seed)
    minutes = (time.monotonic() - session.began) / 60
    return [
        Row(f"clients, for {minutes:.0f} minutes", str(len(_CLIENTS)), "—"),
        *(
            Row(title, _course(before, second, last, after, what), "—", remark)
            for what, title, remark in (
                ("descriptors", "descriptors", "before, second quarter, last quarter, afterwards"),
                ("memory_kib", "memory in KiB", "medians of the quarters, most in brackets"),
                ("inodes", "inodes remembered", "afterwards the kernel was told to forget"),
                ("threads", "threads", ""),
            )
        ),
    ]


def _under_load(session: Session, volume: MountedVolume) -> list[Sample]:
    clients = [
        subprocess.Popen(
            (sys.executable, Path(__file__).with_name("soakclient.py"), kind, volume.mountpoint,
             str(session.seed + number), str(session.deadline)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for number, kind in enumerate(_CLIENTS)
    ]  # fmt: skip
    samples = []
    step = (session.deadline - session.began) / _SAMPLES
    try:
        while time.monotonic() < session.deadline and not any(c.poll() for c in clients):
            time.sleep(min(step, max(0.0, session.deadline - time.monotonic())))
            samples.append(_sample(volume))
            if len(samples) % 12 == 0:
                session.say(f"{samples[-1]}")
        for kind, client in zip(_CLIENTS, clients, strict=True):
            said = client.communicate(timeout=120)[0].decode()
            if client.returncode:
                session.found(Vaultfs, f"the client {kind} ended: {said[-800:]}", session.seed)
            else:
                session.say(f"{kind}: {said.strip()}")
    finally:
        for client in clients:
            client.kill()
            client.wait()
    return samples


def _sample(volume: MountedVolume) -> Sample:
    process = volume.process
    assert process is not None
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
    )
    with Asking(volume.base / "ctl") as ask:
        inodes = ask.ours("StatusRequest")["inodes"]
    return Sample(
        len(os.listdir(f"/proc/{process.pid}/fd")),
        int(status["VmRSS"].split()[0]),
        int(status["Threads"]),
        inodes,
    )


def _given_back(session: Session, volume: MountedVolume, before: Sample) -> Sample:
    """Return what the backend has when the load is over and the kernel was told to forget.

    It should be no more than before. Directories that are still there may be open, spare IVs
    are, and threads of a pool live on for a while; one answers here.
    """
    deadline = time.monotonic() + _GIVING_BACK_S
    while True:
        subprocess.run(("sync", "-f", volume.base), check=False)
        # Pages too: an inode that has some in memory is not forgotten.
        Path("/proc/sys/vm/drop_caches").write_text("3")
        now = _sample(volume)
        few = now.inodes <= before.inodes + len(_CLIENTS)
        closed = now.descriptors <= before.descriptors + now.inodes + spareivs.STOCK
        if few and closed and now.threads <= before.threads + 1:
            return now
        if time.monotonic() > deadline:
            session.found(Vaultfs, f"not given back: {now}, before {before}", session.seed)
            return now
        time.sleep(1)


def _median(samples: Sequence[Sample], what: str) -> int:
    return int(statistics.median(getattr(sample, what) for sample in samples))


def _course(
    before: Sample, second: Sequence[Sample], last: Sequence[Sample], after: Sample, what: str
) -> str:
    most = max(getattr(sample, what) for sample in (*second, *last))
    parts = (
        f"{getattr(before, what)}",
        f"{_median(second, what)}",
        f"{_median(last, what)} ({most})",
        f"{getattr(after, what)}",
    )
    return ", ".join(parts)


DRILL = Drill("soak", "Soak", run, minutes=60.0, needs=("fuse", "drop-caches"), apart=True)
