"""Content of files on real mounts, with the compiled path and without: what comes back is what was
written, and what goes wrong is told in the same words.

The machine writes, appends, truncates, reads and reopens on a mount; a bytearray says what a file
holds. Reads come from the kernel's pages or, through O_DIRECT, from the mount itself. At the end
everything is read once more from a fresh mount, and then by the real gocryptfs.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from asking import Asking
from capabilities import needs
from faultydisk import FaultyDisk
from hotmount import HotMount
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from mounting import Gocryptfs
from ondisk import HEADER, places_by_inode
from programs import run_program

from vaultui.wire.control import EventKind

pytestmark = needs("fuse", "compiled")

BLOCK = 4096
CIPHER_BLOCK = BLOCK + 32
LIMIT = 40 * BLOCK
KERNEL_MAX = 1 << 20

ways = pytest.mark.parametrize("hot", [True, False], ids=["hot", "python"])


@contextlib.contextmanager
def mounted(base: Path, cipherdir: Path | None = None, *, hot: bool) -> Iterator[HotMount]:
    base.mkdir(exist_ok=True)
    with HotMount(base, hot=hot, cipherdir=cipherdir) as mount:
        yield mount


# --- any sequence of calls ---

offsets = st.one_of(
    st.builds(
        lambda block, delta: max(block * BLOCK + delta, 0), st.integers(0, 5), st.integers(-2, 2)
    ),
    st.integers(0, LIMIT),
)
sizes = st.one_of(
    st.integers(1, 40),
    st.builds(
        lambda block, delta: max(block * BLOCK + delta, 1), st.integers(0, 3), st.integers(-2, 2)
    ),
    st.integers(1, LIMIT),
)
FLAGS = (
    os.O_RDONLY,
    os.O_WRONLY,
    os.O_RDWR,
    os.O_RDWR | os.O_DIRECT,
    os.O_RDONLY | os.O_DIRECT,
    os.O_WRONLY | os.O_APPEND,
    os.O_RDWR | os.O_APPEND | os.O_DIRECT,
)


class MountedFileMachine(RuleBasedStateMachine):
    """One file on a mount, up to four descriptors, one model."""

    top: ClassVar[Path]
    final: ClassVar[dict[str, bytes]]
    """What all files hold that were left so far."""

    def __init__(self) -> None:
        super().__init__()
        self.path = self.top / f"file{len(self.final)}"
        self.handles: list[tuple[int, int]] = []
        self.model = bytearray()
        self.fill = 0

    @initialize(append=st.booleans())
    def make(self, append: bool) -> None:
        flags = os.O_RDWR | (os.O_APPEND if append else 0)
        self.handles = [(os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o644), flags)]

    def pick(self, index: int, accmode: int) -> tuple[int, int] | None:
        fit = [h for h in self.handles if h[1] & os.O_ACCMODE in (accmode, os.O_RDWR)]
        return fit[index % len(fit)] if fit else None

    @rule(flags=st.sampled_from(FLAGS))
    @precondition(lambda self: len(self.handles) < 4)
    def open(self, flags: int) -> None:
        self.handles.append((os.open(self.path, flags), flags))

    @rule()
    def open_truncating(self) -> None:
        os.close(os.open(self.path, os.O_WRONLY | os.O_TRUNC))
        self.model.clear()

    @rule(index=st.integers(0, 3))
    def close(self, index: int) -> None:
        if self.handles:
            os.close(self.handles.pop(index % len(self.handles))[0])

    @rule(index=st.integers(0, 3), offset=offsets, size=sizes)
    def write(self, index: int, offset: int, size: int) -> None:
        if (picked := self.pick(index, os.O_WRONLY)) is None:
            return
        fd, flags = picked
        self.fill += 1
        data = random.Random(self.fill).randbytes(size)
        if flags & os.O_APPEND:
            offset = len(self.model)
        assert os.pwrite(fd, data, offset) == size
        self.model.extend(bytes(max(0, offset - len(self.model))))
        self.model[offset : offset + size] = data

    @rule(index=st.integers(0, 3), back=st.integers(0, 2 * BLOCK), size=sizes)
    def write_near_the_end(self, index: int, back: int, size: int) -> None:
        self.write(index, max(0, len(self.model) - back), size)

    @rule(index=st.integers(0, 3), offset=offsets, size=sizes)
    def read(self, index: int, offset: int, size: int) -> None:
        if (picked := self.pick(index, os.O_RDONLY)) is not None:
            assert os.pread(picked[0], size, offset) == self.model[offset : offset + size]

    @rule(index=st.integers(0, 3), offset=offsets, size=st.integers(1, 100))
    def write_through_a_mapping(self, index: int, offset: int, size: int) -> None:
        picked = self.pick(index, os.O_WRONLY)
        if picked is None or picked[1] & os.O_ACCMODE != os.O_RDWR or picked[1] & os.O_DIRECT:
            return
        data = bytes(range(size))[: max(0, len(self.model) - offset)]
        if data:
            with mmap.mmap(picked[0], len(self.model)) as mapping:
                mapping[offset : offset + len(data)] = data
                mapping.flush()
            self.model[offset : offset + len(data)] = data

    @rule(size=offsets)
    def truncate(self, size: int) -> None:
        os.truncate(self.path, size)
        del self.model[size:]
        self.model.extend(bytes(size - len(self.model)))

    @rule()
    def make_anew(self) -> None:
        """Open descriptors stay with what has no name any more."""
        while self.handles:
            self.close(0)
        self.path.unlink()
        self.model.clear()
        self.make(append=False)

    @invariant()
    def size_is_known(self) -> None:
        if self.handles:
            assert os.fstat(self.handles[0][0]).st_size == len(self.model)

    def teardown(self) -> None:
        while self.handles:
            self.close(0)
        if self.path.exists():
            fd = os.open(self.path, os.O_RDONLY | os.O_DIRECT)
            try:
                assert os.pread(fd, LIMIT * 3, 0) == self.model
            finally:
                os.close(fd)
        self.final[self.path.name] = bytes(self.model)


def run_machine(base: Path, cipherdir: Path | None, *, hot: bool, examples: int) -> None:
    base.mkdir(exist_ok=True)
    final: dict[str, bytes] = {}
    with mounted(base, cipherdir, hot=hot) as mount:
        machine = type("Machine", (MountedFileMachine,), {"top": mount.mountpoint, "final": final})
        run_state_machine_as_test(
            machine, settings=settings(stateful_step_count=40, max_examples=examples)
        )
        kinds = {event["kind"] for event in events(mount)}
        mount.remount()
        assert {path.name: path.read_bytes() for path in mount.mountpoint.iterdir()} == final
    assert EventKind.CORRUPT_CONTENT not in kinds
    assert EventKind.INTERNAL_ERROR not in kinds
    with mount.by(Gocryptfs) as theirs:
        assert {path.name: path.read_bytes() for path in theirs.mountpoint.iterdir()} == final


def events(mount: HotMount) -> list[dict[str, Any]]:
    with Asking(mount.base / "ctl") as asking:
        found: list[dict[str, Any]] = asking.ours("EventsRequest")["events"]
        return found


@needs("gocryptfs")
@ways
def test_a_file_holds_what_any_sequence_of_calls_left(tmp_path: Path, hot: bool) -> None:
    run_machine(tmp_path / "base", None, hot=hot, examples=25 if hot else 5)


@needs("gocryptfs")
def test_the_same_where_the_disk_does_not_write_in_place(tmp_path: Path) -> None:
    with FaultyDisk(tmp_path) as disk:
        (disk.mountpoint / "cipher").mkdir()
        run_machine(tmp_path / "base", disk.mountpoint / "cipher", hot=True, examples=8)


@ways
@pytest.mark.parametrize("skip", [0, 1, BLOCK - 1])
def test_the_largest_requests_that_the_kernel_sends(tmp_path: Path, hot: bool, skip: int) -> None:
    data = random.Random(skip).randbytes(3 * KERNEL_MAX)
    with mounted(tmp_path / "base", hot=hot) as mount:
        fd = os.open(mount.mountpoint / "file", os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o644)
        try:
            os.pwrite(fd, b"x" * skip, 0)
            for at in range(0, len(data), KERNEL_MAX):
                assert os.pwrite(fd, data[at : at + KERNEL_MAX], skip + at) == KERNEL_MAX
            # Over what is there, so that nothing of it shows.
            os.pwrite(fd, data[:KERNEL_MAX], skip)
            for at in range(0, len(data), KERNEL_MAX):
                assert os.pread(fd, KERNEL_MAX, skip + at) == data[at : at + KERNEL_MAX]
        finally:
            os.close(fd)
        mount.remount()
        assert (mount.mountpoint / "file").read_bytes() == b"x" * skip + data


# --- that it is the compiled path ---


def test_reading_and_writing_asks_nothing_of_the_interpreter(tmp_path: Path) -> None:
    with mounted(tmp_path / "base", hot=True) as mount:
        path = mount.mountpoint / "file"
        data = os.urandom(300_000)
        (mount.mountpoint / "before").write_bytes(b"whatever is done once is done")
        names = ("create", "open", "read", "write", "release")
        before = mount.answered()
        in_python = mount.in_python()
        for _ in range(20):
            path.write_bytes(data)
            with path.open("r+b") as file:
                file.seek(5000)
                file.write(b"within a block")
                file.seek(100_000)
                file.write(bytes(20_000))
                file.seek(0, os.SEEK_END)
                file.write(b"behind the end")
            with path.open("ab") as file:
                file.write(b"appended")
            fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
            assert len(os.pread(fd, 1 << 20, 1)) == len(data) + len(b"behind the endappended") - 1
            os.close(fd)
            path.unlink()
        os.statvfs(mount.mountpoint)  # comes behind the last release
        after = mount.answered()
        assert all(after[name] >= before[name] + 20 for name in names)
        # Space is looked at once a second, by Python; what was looked at meanwhile stays hot.
        assert {name: mount.in_python()[name] for name in names} == {
            name: in_python[name] for name in names
        }
        status = mount.status()
        assert status["open_files"] == []
        assert status["bytes_written"] >= 20 * len(data)


def test_what_is_in_no_cache_comes_right_while_others_go_first(tmp_path: Path) -> None:
    """A request that would wait for the disk is put off behind those that came after it."""
    files = 6
    contents = [bytearray(random.Random(number).randbytes(2 << 20)) for number in range(files)]
    with mounted(tmp_path / "base", hot=True) as mount:
        paths = [mount.mountpoint / str(number) for number in range(files)]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        for _ in range(2):
            mount.unmount()
            _take_out_of_the_cache(mount.cipherdir)
            mount.mount()
            with ThreadPoolExecutor(files) as pool:
                list(pool.map(_read_and_write, paths, contents, range(files)))
        assert EventKind.CORRUPT_CONTENT not in {event["kind"] for event in events(mount)}
        mount.remount()
        for path, content in zip(paths, contents, strict=True):
            assert path.read_bytes() == content


def _take_out_of_the_cache(cipherdir: Path) -> None:
    for path in cipherdir.iterdir():
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def _read_and_write(path: Path, content: bytearray, seed: int) -> None:
    """Do so at random, in any sizes, and compare."""
    rng = random.Random(seed)
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    try:
        for _ in range(120):
            size = rng.choice((100, BLOCK, 3 * BLOCK, 128 << 10))
            at = rng.randrange(len(content) - size)
            if rng.random() < 0.5:
                at -= at % BLOCK
            if rng.random() < 0.5:
                assert os.pread(fd, size, at) == content[at : at + size]
            else:
                new = rng.randbytes(size)
                assert os.pwrite(fd, new, at) == size
                content[at : at + size] = new
    finally:
        os.close(fd)


# --- damage ---


def _changed(at: int) -> Callable[[bytearray], None]:
    def damage(stored: bytearray) -> None:
        stored[at] ^= 1

    return damage


def _zeroed(at: int, size: int) -> Callable[[bytearray], None]:
    def damage(stored: bytearray) -> None:
        stored[at : at + size] = bytes(len(stored[at : at + size]))

    return damage


def _cut(size: int) -> Callable[[bytearray], None]:
    def damage(stored: bytearray) -> None:
        del stored[size:]

    return damage


_SECOND = HEADER + CIPHER_BLOCK
DAMAGES = {
    "the version": _changed(1),
    "the file ID": _changed(2),
    "all of the header": _zeroed(0, HEADER),
    "half a header": _cut(9),
    "a header alone": _cut(HEADER),
    "the first nonce": _changed(HEADER),
    "the first block": _changed(HEADER + 100),
    "the first tag": _changed(HEADER + CIPHER_BLOCK - 1),
    "the second block": _changed(_SECOND + 2000),
    "the second nonce is zero": _zeroed(_SECOND, 16),
    "the second block is a hole": _zeroed(_SECOND, CIPHER_BLOCK),
    "the last block is zero": _zeroed(HEADER + 2 * CIPHER_BLOCK, CIPHER_BLOCK),
    "the last block is cut": _cut(HEADER + 2 * CIPHER_BLOCK + 700),
    "the last block has no content": _cut(HEADER + 2 * CIPHER_BLOCK + 20),
    "nothing is left": _cut(0),
}


def _outcomes(path: Path) -> list[object]:
    """Return what calls on a file come to, each an answer or an errno."""
    found: list[object] = []

    def attempt(call: Callable[[], object]) -> None:
        try:
            found.append(call())
        except OSError as error:
            found.append(errno.errorcode[error.errno or 0])

    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    try:
        attempt(lambda: os.fstat(fd).st_size)
        for offset in (0, 10, BLOCK, BLOCK + 10, 2 * BLOCK, 0):
            attempt(partial(os.pread, fd, 1000, offset))
        attempt(lambda: os.pread(fd, 4 * BLOCK, 0))
        for offset, size in (
            (BLOCK + 5, 10),
            (BLOCK - 5, 10),
            (BLOCK, BLOCK),
            (2 * BLOCK + 5, BLOCK),
            (0, 3 * BLOCK + 100),
        ):
            attempt(partial(os.pwrite, fd, b"w" * size, offset))
            attempt(lambda: os.pread(fd, 4 * BLOCK, 0))
    finally:
        os.close(fd)
    return found


@pytest.mark.timeout_s(240)
def test_damage_anywhere_is_told_as_without_the_compiled_path(tmp_path: Path) -> None:
    told = {}
    content = random.Random(0).randbytes(2 * BLOCK + 1000)
    for hot in (True, False):
        with mounted(tmp_path / f"{hot}", hot=hot) as mount:
            for name in DAMAGES:
                (mount.mountpoint / name).write_bytes(content)
            numbers = {name: (mount.mountpoint / name).stat().st_ino for name in DAMAGES}
            mount.unmount()
            places = places_by_inode(mount.cipherdir)
            for name, damage in DAMAGES.items():
                stored = bytearray(places[numbers[name]].read_bytes())
                damage(stored)
                places[numbers[name]].write_bytes(stored)
            mount.mount()
            outcomes = {name: _outcomes(mount.mountpoint / name) for name in DAMAGES}
            reports = [(event["kind"], event["path"], event["detail"]) for event in events(mount)]
            told[hot] = outcomes, reports
            assert mount.in_python()["read"] > 0
    assert told[True][0] == told[False][0]
    assert told[True][1] == told[False][1]
    assert "EIO" in told[True][0]["the first block"]
    assert {path for _, path, *_ in told[True][1]} >= {"the first block", "all of the header"}


# --- a full disk ---


@contextlib.contextmanager
def _small_disk(base: Path) -> Iterator[Path]:
    base.mkdir()
    run_program(("mount", "-t", "tmpfs", "-o", "size=4M", "small", os.fspath(base))).check()
    try:
        yield base
    finally:
        run_program(("umount", "-l", os.fspath(base))).check()


def _leave(disk: Path, size: int) -> None:
    """Fill the disk but for `size` bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "ballast").write_bytes(bytes(free - size))


def _fits(path: Path, data: bytes, at: int) -> bool:
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    try:
        return os.pwrite(fd, data, at) == len(data)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    finally:
        os.close(fd)


@needs("root")
def test_what_does_not_fit_fails_as_without_the_compiled_path_and_leaves_the_file(
    tmp_path: Path,
) -> None:
    told = {}
    sizes = (0, 1, 100, BLOCK, 5000, 40_000)
    for hot in (True, False):
        with (
            _small_disk(tmp_path / f"disk{hot}") as disk,
            mounted(tmp_path / f"{hot}", disk / "cipher", hot=hot) as mount,
        ):
            outcomes = []
            files: dict[Path, bytes] = {}
            for size in sizes:
                for at in (0, size // 2, size):
                    for amount in (10, BLOCK, 9000, 100_000):
                        path = mount.mountpoint / f"{size} {at} {amount}"
                        (disk / "ballast").unlink(missing_ok=True)
                        before = random.Random(size).randbytes(size)
                        path.write_bytes(before)
                        _leave(disk, 8192)
                        new = random.Random(amount).randbytes(amount)
                        fits = _fits(path, new, at)
                        outcomes.append((path.name, fits))
                        files[path] = before[:at] + new + before[at + amount :] if fits else before
                        assert path.read_bytes() == files[path], path
                        if len(files) % 8 == 0:
                            (disk / "ballast").unlink()
                            mount.remount()
                            assert {path: path.read_bytes() for path in files} == files
                            for path in files:
                                path.unlink()
                            files.clear()
            kinds = [event["kind"] for event in events(mount)]
            told[hot] = outcomes, kinds.count(EventKind.STORAGE_FULL)
    assert told[True] == told[False]
    assert 10 < sum(fits for _, fits in told[True][0]) < len(told[True][0]) - 10


def test_a_disk_that_stops_within_a_write_leaves_the_old_bytes_and_its_errno(
    tmp_path: Path,
) -> None:
    """Each write comes out half at first, and then fails, as does the second try in Python."""
    content = os.urandom(10 * BLOCK)
    with FaultyDisk(tmp_path) as disk:
        (disk.mountpoint / "cipher").mkdir()
        with mounted(tmp_path / "base", disk.mountpoint / "cipher", hot=True) as mount:
            path = mount.mountpoint / "file"
            path.write_bytes(content)
            for offset, size in ((0, BLOCK), (100, 3 * BLOCK), (9 * BLOCK, 5 * BLOCK)):
                fd = os.open(path, os.O_RDWR | os.O_DIRECT)
                try:
                    # The write in C, and not what puts the old bytes back.
                    disk.fail("write", errno.EDQUOT, after=1, times=1, short=True)
                    os.pwrite(fd, b"n" * size, offset)
                    assert disk.heal() == ["write"]
                    assert os.pread(fd, size, offset) == b"n" * size
                    os.pwrite(fd, content[offset : offset + size], offset)
                    os.ftruncate(fd, len(content))
                finally:
                    os.close(fd)
            mount.remount()
            assert path.read_bytes() == content


# --- numbers that are used again ---


@ways
def test_a_new_file_may_have_the_number_of_one_that_somebody_still_looks_at(
    tmp_path: Path, hot: bool
) -> None:
    with mounted(tmp_path / "base", hot=hot) as mount:
        held = []
        try:
            for i in range(30):
                path = mount.mountpoint / f"file{i}"
                path.write_bytes(b"old" * i)
                held.append(os.open(path, os.O_PATH))
                path.unlink()
                again = mount.mountpoint / f"again{i}"
                again.write_bytes(b"%d" % i)
                assert again.read_bytes() == b"%d" % i
        finally:
            for fd in held:
                os.close(fd)
        mount.remount()
        for i in range(30):
            assert (mount.mountpoint / f"again{i}").read_bytes() == b"%d" % i
