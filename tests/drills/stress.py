"""Programs that other people wrote to break file systems, on both mounts.

fio writes in patterns and verifies what it reads back; the file system stressors of stress-ng do
every call that they know, several at once, and verify where they can; dbench plays what a file
server does. Each has its share of the time.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from mounting import MountedVolume

from tests.drills.harness import Drill, Row, Session

_STRESSORS = (
    *("access", "chmod", "dentry", "dir", "dup", "fallocate", "fcntl", "filename", "flock"),
    *("fstat", "getdent", "hdd", "link", "lockf", "mknod", "open", "rename", "seek", "symlink"),
    *("touch", "utime", "xattr"),
)
"""Of stress-ng, in its words. Those that work on a file or directory where they are started."""

_FIO = {
    "in place": ("--rw=randwrite", "--bs=1k-64k", "--size=24m"),
    "over the end": ("--rw=randrw", "--bsrange=512-100k", "--bs_unaligned", "--size=12m"),
    "through a mapping": ("--rw=randwrite", "--ioengine=mmap", "--bs=4k", "--size=8m"),
    "with fsync": ("--rw=write", "--bs=3333", "--fsync=16", "--size=4m"),
}

Work = Callable[[Path, int], tuple[str, str]]
"""Work in a directory for so many seconds. Returns what it did in words, and what was wrong."""


def run(session: Session) -> Sequence[Row]:
    """Let each program run on a mount of each kind."""
    rows = []
    tasks: list[tuple[str, str, Work]] = [
        *(
            (f"fio, {what}", "fio", lambda top, s, o=options: _fio(top, s, o, session.seed))
            for what, options in _FIO.items()
        ),
        (f"stress-ng, {len(_STRESSORS)} stressors", "stress-ng", _stress_ng),
        ("dbench", "dbench", _dbench),
    ]
    seconds = int(session.minutes * 60 / len(tasks) / len(session.peers))
    for what, program, work in tasks:
        if shutil.which(program) is None:
            rows.append(Row(what, "not run", "not run", f"no {program}"))
            continue
        cells = [_try(session, peer, what, work, max(5, seconds)) for peer in session.peers]
        rows.append(Row(what, *cells))
    return rows


def _try(session: Session, peer: type[MountedVolume], what: str, work: Work, seconds: int) -> str:
    """Return what one program did on one mount; what was wrong is a finding."""
    base = session.base / re.sub(r"\W+", "-", f"{peer.argv0} {what}")
    base.mkdir()
    with peer(base) as volume:
        top = volume.mountpoint / "top"
        top.mkdir()
        did, wrong = work(top, seconds)
        if volume.process is None or volume.process.poll() is not None:
            wrong = f"the mount ended: {volume.log[-500:]}"
        if wrong:
            session.found(peer, f"{what}: {wrong}", session.seed)
        shutil.rmtree(top, ignore_errors=True)
    checked = volume.fsck()
    if checked.returncode:
        session.found(peer, f"{what}, -fsck: {checked.stdout[-300:]!r}", session.seed)
    return did


def _fio(top: Path, seconds: int, options: Sequence[str], seed: int) -> tuple[str, str]:
    done = subprocess.run(
        (
            *("fio", "--name=drill", f"--directory={top}", "--verify=crc32c", "--verify_fatal=1"),
            *("--do_verify=1", "--verify_state_save=0", "--numjobs=2", "--group_reporting"),
            *(f"--randseed={seed}", f"--runtime={seconds}", *options),
        ),
        capture_output=True, text=True, check=False, cwd=top,
    )  # fmt: skip
    written = re.search(r"write:.*?\((\d+[kMG]?i?B)/", done.stdout) or re.search(
        r"WRITE:.*io=(\S+)", done.stdout
    )
    wrong = "" if done.returncode == 0 else (done.stderr or done.stdout)[-600:]
    return f"{written[1].split('(')[0] if written else '?'} verified", wrong


def _stress_ng(top: Path, seconds: int) -> tuple[str, str]:
    each = max(1, seconds // len(_STRESSORS))
    failed, ops = [], 0
    for name in _STRESSORS:
        done = subprocess.run(
            (
                *("stress-ng", f"--{name}", "2", "--timeout", f"{each}s", "--temp-path", top),
                *("--verify", "--metrics-brief", "--oomable", "--stdout"),
            ),
            capture_output=True, text=True, check=False, cwd=top,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if done.returncode not in (0, _NO_RESOURCE, _NOT_IMPLEMENTED):
            failed.append(f"{name}: {_first_failure(said)}")
        ops += sum(int(number) for number in re.findall(rf"\] {name} +(\d+)", said))
    return f"{ops} operations", "; ".join(failed)


_NO_RESOURCE, _NOT_IMPLEMENTED = 3, 4
"""Exit codes of stress-ng(1)."""


def _first_failure(said: str) -> str:
    return next((line[-200:] for line in said.splitlines() if "fail" in line), said[-200:])


def _dbench(top: Path, seconds: int) -> tuple[str, str]:
    done = subprocess.run(
        ("dbench", "-t", str(seconds), "-D", top, "4"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    rate = re.search(r"Throughput ([\d.]+ MB/sec)", done.stdout)
    ok = done.returncode == 0 and rate is not None
    return rate[1] if rate else "?", "" if ok else (done.stdout + done.stderr)[-400:]


DRILL = Drill("stress", "Programs that stress file systems", run, minutes=3.0)
