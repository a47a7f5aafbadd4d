"""Starting programs: the only module of ours that does (the shim forks itself).

posix_spawn does the work: it is safe with threads and costs a fraction of a fork of a large
process. A child gets exactly the descriptors it is given, and default signal handling.
Everything here blocks; asyncio code calls `run` in a thread and waits for `Child.fileno()`.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import io
import os
import selectors
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Final

from vaultui.linux import process
from vaultui.model.records import record

NULL: Final = -3
"""In a list of descriptors: /dev/null goes here."""
CLOSED: Final = -1
"""In a list of descriptors: nothing goes here."""

MAX_OUTPUT: Final = 16 << 20
"""Bytes of output that `run` keeps of each stream; the rest is read and dropped."""

# Python ignores the first two, and an ignored signal stays ignored over an exec.
_RESTORED_SIGNALS: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)
_CHUNK: Final = 1 << 16


@record(frozen=True)
class Completed:
    returncode: int
    """Negative for the signal that ended it."""
    stdout: bytearray
    """A bytearray, so that whoever asked a program for a secret can wipe it."""
    stderr: bytearray


class Child:
    """A child process of ours, watched through its pidfd."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._returncode: int | None = None
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            # Where SIGCHLD is ignored the kernel may have reaped it by now, and nobody learns
            # how it ended. Something that is readable stands in for its pidfd.
            self._pidfd = os.eventfd(1)
            self._returncode = 0

    def fileno(self) -> int:
        """Return the pidfd: readable when the process has ended."""
        return self._pidfd

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while the process runs.

        The first answer reaps the process.
        """
        if self._returncode is None and self._pidfd >= 0:
            try:
                ended = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
            except ChildProcessError:
                # As above, only later.
                self._returncode = 0
            else:
                if ended is not None:
                    by_signal = ended.si_code != os.CLD_EXITED
                    self._returncode = -ended.si_status if by_signal else ended.si_status
        return self._returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end, at most `timeout` seconds, and return as `poll` does."""
        if self._returncode is None:
            process.wait_pidfd(self._pidfd, timeout)
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        process.signal_pidfd(self._pidfd, number)

    def kill(self) -> None:
        """Kill the process and close: reaped now or, if it can't end now, at a later start."""
        self.send_signal(signal.SIGKILL)
        if self.wait(1.0) is None:
            # The pidfd with it: whoever killed the process closes this object.
            _unreaped.append(copy.copy(self))
            self._pidfd = -1
        else:
            self.close()

    def close(self) -> None:
        """Close the pidfd; the process itself is not touched."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


# A process that waits for a hung FUSE server can't even be killed before the server answers
# or its connection is aborted. Nobody waits for it here; later starts look for its end.
_unreaped: list[Child] = []


def start(
    argv: Sequence[str],
    *,
    fds: Sequence[int] = (NULL, NULL, NULL),
    env: Mapping[str, str] | None = None,
    new_session: bool = True,
) -> Child:
    """Start a program and return it at once; raises OSError when it can't be executed.

    Index i of `fds` becomes descriptor i of the child, and nothing else is passed on. The
    environment is ours where `env` is None. argv[0] is looked up in PATH. A session of its
    own keeps the program from the terminal's signals.
    """
    _reap_abandoned()
    numbers = {number for number in fds if number >= 0}
    # Copies above every target, so that placing one never overwrites another.
    copies = {number: _copy_above(number, len(fds)) for number in numbers}
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        sources = {**copies, NULL: null}
        actions: list[tuple[int, int] | tuple[int, int, int]] = [
            (os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd >= len(fds)
        ]
        for target, number in enumerate(fds):
            if number == CLOSED:
                actions.append((os.POSIX_SPAWN_CLOSE, target))
            else:
                actions.append((os.POSIX_SPAWN_DUP2, sources[number], target))
        pid = os.posix_spawnp(
            argv[0],
            list(argv),
            dict(os.environ if env is None else env),
            file_actions=actions,
            setsid=new_session,
            setsigmask=(),
            setsigdef=_RESTORED_SIGNALS,
        )
    finally:
        os.close(null)
        for copy in copies.values():
            os.close(copy)
    return Child(pid)


def run(
    argv: Sequence[str],
    *,
    input: bytes | bytearray | memoryview | None = None,  # noqa: A002 - as subprocess calls it
    timeout: float,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    new_session: bool = True,
) -> Completed:
    """Run a program to its end and return what it wrote.

    Raises TimeoutError after `timeout` seconds, when the program has been killed, and
    OSError when it can't be executed. Each of `pass_fds` keeps its number. The program ends
    when it exits: output of descendants that live on is not waited for.
    """
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        stdout, from_stdout = _pipe(ours, theirs)
        stderr, from_stderr = _pipe(ours, theirs)
        stdin, feed = NULL, None
        if input is not None:
            stdin, feed = _feeding_pipe(ours, theirs)
        fds = [stdin, stdout, stderr]
        for number in sorted(pass_fds):
            fds += [CLOSED] * (number - len(fds))
            fds.append(number)
        child = start(argv, fds=fds, env=env, new_session=new_session)
        theirs.close()
        kept = {from_stdout: bytearray(), from_stderr: bytearray()}
        try:
            returncode = _exchange(child, feed, input or b"", kept, time.monotonic() + timeout)
        except BaseException:
            child.kill()
            raise
        child.close()
        return Completed(returncode, kept[from_stdout], kept[from_stderr])


def _exchange(
    child: Child,
    feed: io.FileIO | None,
    to_write: bytes | bytearray | memoryview,
    kept: dict[io.FileIO, bytearray],
    deadline: float,
) -> int:
    """Feed and read the child until it exits; return its exit status."""
    with selectors.DefaultSelector() as selector, memoryview(to_write) as pending:
        done = 0
        selector.register(child, selectors.EVENT_READ)
        for output in kept:
            selector.register(output, selectors.EVENT_READ)
        if feed is not None:
            selector.register(feed, selectors.EVENT_WRITE)
        while True:
            ready = {key.fileobj for key, _ in selector.select(deadline - time.monotonic())}
            for output in kept.keys() & ready:
                if not _keep(output, kept[output]):
                    selector.unregister(output)
            if feed is not None and feed in ready:
                try:
                    done += feed.write(pending[done : done + _CHUNK]) or 0
                except BrokenPipeError:
                    done = len(pending)
                if done == len(pending):
                    selector.unregister(feed)
                    feed.close()
            returncode = child.poll()
            if returncode is not None:
                break
            if time.monotonic() >= deadline:
                raise TimeoutError(f"process {child.pid} took too long")
    for output, content in kept.items():
        while _keep(output, content):
            pass
    return returncode


def _keep(output: io.FileIO, content: bytearray) -> bool:
    """Read what is there; return False at end of file, and when nothing is there."""
    data = output.read(_CHUNK)
    if not data:
        return False
    content += data[: MAX_OUTPUT - len(content)]
    return True


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, io.FileIO]:
    """Return a pipe that the child writes into: its end, and ours, which never blocks."""
    reading, writing = os.pipe()
    theirs.callback(os.close, writing)
    os.set_blocking(reading, False)
    return writing, ours.enter_context(io.FileIO(reading, "r"))


def _feeding_pipe(
    ours: contextlib.ExitStack, theirs: contextlib.ExitStack
) -> tuple[int, io.FileIO]:
    """Return a pipe that the child reads: its end, and ours, which never blocks."""
    reading, writing = os.pipe()
    theirs.callback(os.close, reading)
    os.set_blocking(writing, False)
    return reading, ours.enter_context(io.FileIO(writing, "w"))


def _copy_above(fd: int, minimum: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, minimum)


def _inheritable() -> list[int]:
    """Return descriptors that an exec would pass on: ours never are, a parent's may be."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own descriptor is closed by now
            if os.get_inheritable(int(name)):
                found.append(int(name))
    return found


def _reap_abandoned() -> None:
    for child in [child for child in _unreaped if child.poll() is not None]:
        _unreaped.remove(child)
        child.close()
