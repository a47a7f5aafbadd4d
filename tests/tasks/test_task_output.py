"""What a task writes is kept in files of bounded size, and passed on byte for byte."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from capabilities import needs
from ownnamespace import run_in_namespace
from support import eventually
from taskstarting import TaskPlace

from vaultui.linux import mounting, process
from vaultui.tasks.running import RunningTask
from vaultui.tasks.streams import Streams

pytestmark = pytest.mark.anyio

FLOOD = "import os\nline = b'x' * 1023 + b'\\n'\nfor n in range(4096): os.write(1, line)"
"""Four megabytes: more than all pipes on the way hold together."""


class Reader:
    """Somebody who reads along on both streams."""

    def __init__(self) -> None:
        self.stdout, out = os.pipe()
        self.stderr, err = os.pipe()
        self.streams = Streams(stdout=out, stderr=err)

    def has_started(self) -> None:
        """Close our copies of the writing ends, so that the end of the task is the end of file."""
        os.close(self.streams.stdout)
        os.close(self.streams.stderr)

    async def all_of(self, fd: int) -> bytes:
        """Return everything up to the end of file."""
        return await asyncio.to_thread(_read_all, fd)

    def close(self) -> None:
        os.close(self.stdout)
        os.close(self.stderr)


async def started(place: TaskPlace, reader: Reader, **what: object) -> RunningTask:
    task = await place.run(streams=reader.streams, **what)
    reader.has_started()
    return task


async def test_both_streams_reach_the_reader_byte_for_byte_and_end(place: TaskPlace) -> None:
    reader = Reader()
    code = "import os\nos.write(1, bytes(range(256)) * 1000)\nos.write(2, b'\\xff\\0 no line')"
    task = await started(place, reader, code=code)
    out, err = await asyncio.gather(reader.all_of(reader.stdout), reader.all_of(reader.stderr))
    assert out == bytes(range(256)) * 1000
    assert err == b"\xff\0 no line"
    await task.wait()
    assert (task.directory / "stdout.log").read_bytes() == out
    assert (task.directory / "stderr.log").read_bytes() == err
    reader.close()


async def test_a_slow_reader_holds_the_task_up_and_misses_nothing(place: TaskPlace) -> None:
    reader = Reader()
    task = await started(place, reader, code=FLOOD)

    def is_held_up() -> bool:
        return "pipe" in Path(f"/proc/{task.record.task_pid}/wchan").read_text()

    await eventually(is_held_up, what="the task waits for the reader")
    # The keeper waits without being busy, and still listens.
    assert process.is_same_process(task.record.task_pid, task.record.task_start)
    out = await reader.all_of(reader.stdout)
    assert len(out) == 4 << 20
    end = await task.wait()
    assert end is not None
    assert end.exit.exit_code == 0
    reader.close()


async def test_a_task_whose_reader_is_slow_can_be_stopped(place: TaskPlace) -> None:
    reader = Reader()
    task = await started(place, reader, code=FLOOD, grace_s=5.0)
    await eventually(lambda: place.output(task))
    os.kill(task.record.keeper_pid, signal.SIGTERM)
    out = await reader.all_of(reader.stdout)
    assert 0 < len(out) < 4 << 20
    end = await task.wait()
    assert end is not None
    assert end.exit.signal == signal.SIGTERM
    reader.close()


async def test_the_end_does_not_wait_for_a_reader_who_does_not_read(place: TaskPlace) -> None:
    """What is left fits into a pipe, and stays in there for whoever reads it later."""
    reader = Reader()
    code = "import os\nos.write(1, b'x' * 65536)\nos.write(1, b'y' * 65536)"
    task = await started(place, reader, code=code)
    end = await task.wait()
    assert end is not None
    assert end.exit.exit_code == 0
    assert await reader.all_of(reader.stdout) == b"x" * 65536 + b"y" * 65536
    reader.close()


async def test_a_task_goes_on_when_its_reader_is_gone(place: TaskPlace) -> None:
    reader = Reader()
    task = await started(place, reader, code=FLOOD)
    reader.close()
    end = await task.wait()
    assert end is not None
    assert end.exit.exit_code == 0


async def test_without_a_reader_a_flood_is_not_held_up_and_the_files_stay_bounded(
    place: TaskPlace,
) -> None:
    task = await place.run(code=FLOOD, log_max_bytes=100_000, log_backups=2)
    await task.wait()
    sizes = {path.name: path.stat().st_size for path in task.directory.glob("stdout*")}
    assert set(sizes) == {"stdout.log", "stdout.log.1", "stdout.log.2"}
    assert max(sizes.values()) < 300_000


async def test_output_of_what_was_left_running_is_kept_to_its_end(place: TaskPlace) -> None:
    task = await place.run(
        sh="(trap 'echo last words; exit' TERM; echo; while :; do sleep 0.01; done) & "
        "while ! [ -s $TASK_DIR/../stdout.log ]; do sleep 0.01; done"
    )
    await task.wait()
    assert place.output(task) == "\nlast words\n"


async def test_a_directory_that_is_gone_holds_nobody_up(place: TaskPlace) -> None:
    task = await place.run(
        sh=f"rm -r {place.top}/tasks/*; {sys.executable} -I -c 'print(1 << 20000)' | od; exit 3"
    )
    everybody = place.processes(task)
    assert await task.wait() is None
    await place.until_gone(everybody)


def _read_all(fd: int) -> bytes:
    found = b""
    while piece := os.read(fd, 1 << 16):
        found += piece
    return found


@needs("user-namespaces")
def test_how_a_task_ended_is_on_record_though_it_has_filled_all_memory_that_it_may(
    tmp_path: Path,
) -> None:
    """It was lost, and a program that had done its work failed with a code of ours."""
    (tmp_path / "tasks").mkdir()
    fills = 'while echo; do :; done > "$TASK_DIR/fill"; head -c 1000000 /dev/zero; exit 5'

    async def fill(place: TaskPlace) -> None:
        end = await place.end(sh=fills)
        assert end.exit.exit_code == 5
        (directory,) = (place.top / "tasks").iterdir()
        left = {path.name for path in directory.iterdir()}
        assert left == {"task.json", "exit.json", "stdout.log", "stderr.log"}
        await place.close()

    def work() -> None:
        mounting.mount_tmpfs(str(tmp_path / "tasks"), 0o700, size="256k")
        asyncio.run(fill(TaskPlace(tmp_path)))

    run_in_namespace(work)
