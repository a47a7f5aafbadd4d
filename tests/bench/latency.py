"""How long somebody waits for an answer while others keep the mount busy."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mounting import Gocryptfs, Vaultfs

from tests.bench import peers
from tests.bench.figures import percentile
from tests.bench.report import PERCENTILES
from tests.bench.study import Figure, Study
from tests.bench.workload import KIB, MIB, Place, verify
from vaultui.supervisor.controlclient import ControlClient

SAMPLES, QUICK_SAMPLES = 1000, 200
PAUSE_S = 0.005
_LONGEST_S = 300
_FILES = 2000
_LISTED = 100


def studies(quick: bool) -> Iterator[Study]:
    samples = QUICK_SAMPLES if quick else SAMPLES
    yield Latency("while nothing else is done", 0, 0, samples)
    yield Latency("while a large file is written", 1, 0, samples)
    yield Latency("while four write and four read", 4, 4, samples)


class Latency(Study):
    """Milliseconds for a stat of a file nobody has asked about, an ls, and a control request."""

    group = "latency"

    def __init__(self, name: str, writers: int, readers: int, samples: int) -> None:
        self.name = name  # type: ignore[misc]
        self.writers, self.readers, self.samples = writers, readers, samples

    def measure(self, place: Place) -> Iterator[Figure]:
        base = place.base / f"latency-{self.writers}"
        base.mkdir(exist_ok=True)
        control = base / "ctl.sock"
        volume = peers.maker(place.program)(base, mount_options=("-ctlsock", str(control)))
        if not volume.cipherdir.exists():
            volume.create()
        volume.mount()
        try:
            for series, seconds in self._answers(place, volume.mountpoint, control).items():
                for percent in PERCENTILES:
                    yield series, percent, percentile(seconds, percent) * 1000, "ms"
            verify(volume.process is None or volume.process.poll() is None, "it is still there")
        finally:
            volume.kill()

    def _answers(self, place: Place, root: Path, control: Path) -> dict[str, list[float]]:
        elsewhere = root / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        # One directory to look for names in, in an order that no cache knows, and one to list.
        names = [f"{elsewhere}/file {number}" for number in range(_FILES)]
        for name in names:
            Path(name).touch()
        listed = root / "listed"
        listed.mkdir(exist_ok=True)
        for number in range(_LISTED):
            (listed / str(number)).touch()
        random.Random(1).shuffle(names)

        probes: dict[str, Callable[[int], object]] = {
            "stat": lambda number: os.lstat(names[number % _FILES]),
            "ls": lambda _: verify(len(os.listdir(listed)) == _LISTED, "ls lists everything"),
        }
        asked = {series: list[float]() for series in probes}
        with _load(place, root, self.writers, self.readers):
            for number in range(self.samples):
                for series, probe in probes.items():
                    begin = time.perf_counter()
                    probe(number)
                    asked[series].append(time.perf_counter() - begin)
                    time.sleep(PAUSE_S)
            for series, ask in _control(place.program, control).items():
                asked[series] = asyncio.run(_timed(ask, self.samples))
        return asked


@contextmanager
def _load(place: Place, root: Path, writers: int, readers: int) -> Iterator[None]:
    """Have files written and read over and over while the block runs."""
    written = [root / f"written {number}" for number in range(writers)]
    read = [root / f"read {number}" for number in range(readers)]
    size = 512 * MIB // place.scale.part // max(1, writers)
    block = ("-b", 128 * KIB, "-n", size // (128 * KIB), "-s", size, "-t", _LONGEST_S)
    if read:
        place.tools.io("fill", "-s", size, *read)
    processes = [
        subprocess.Popen(
            (place.tools.iowork, *map(str, (kind, *block, *files))),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )
        for kind, files in (("write", written), ("read", read))
        if files
    ]
    try:
        time.sleep(0.5)
        yield
        ended = [process for process in processes if process.poll() is not None]
        verify(not ended, "the load goes on while the answers are timed")
    finally:
        for process in processes:
            os.killpg(process.pid, 9)
            process.wait()


Asking = dict[str, Callable[[], Awaitable[object]]]


def _control(program: str, path: Path) -> Asking:
    """Return what asks a program's control socket: gocryptfs's request, and ours where it is."""

    async def encrypt_path() -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(os.fspath(path))
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        writer.write(json.dumps({"EncryptPath": "listed"}).encode())
        answer = json.loads(await reader.readline())
        writer.close()
        verify(answer["ErrNo"] == 0, f"the control socket answers: {answer}")

    made = peers.maker(program)
    if issubclass(made, Vaultfs):  # type: ignore[arg-type]
        status = ControlClient(path).status
        return {"control socket, a path": encrypt_path, "control socket, status": status}
    if issubclass(made, Gocryptfs):  # type: ignore[arg-type]
        return {"control socket, a path": encrypt_path}
    return {}


async def _timed(ask: Callable[[], Awaitable[object]], samples: int) -> list[float]:
    seconds = []
    for _ in range(samples):
        begin = time.perf_counter()
        await ask()
        seconds.append(time.perf_counter() - begin)
        await asyncio.sleep(PAUSE_S)
    return seconds
