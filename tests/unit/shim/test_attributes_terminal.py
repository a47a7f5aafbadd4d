"""A new process and the terminal of its session: taken, given up, and in the foreground of it."""

import errno
import os
import pty
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from capabilities import needs
from procfacts import foreground_group, terminal

from vaultui.linux import controllingterminal
from vaultui.shim import attributes
from vaultui.wire import framing
from vaultui.wire.attributes import Attributes
from vaultui.wire.launchspec import LaunchSpec, StepFailed

SLEEP = ("/bin/sleep", "600")


@dataclass
class Session:
    """A session with a terminal, and the process that was started in it by its leader."""

    leader: int
    pid: int
    failed: StepFailed | None


Start = Callable[..., Session]


@pytest.fixture
def slaves() -> Iterator[list[int]]:
    """Return two terminals; the first is that of the session."""
    pairs = [pty.openpty() for _ in range(2)]
    yield [slave for _, slave in pairs]
    for pair in pairs:
        for fd in pair:
            os.close(fd)


@pytest.fixture
def start_in_session(slaves: list[int]) -> Iterator[Start]:
    """Return a function that starts a program from the leader of a session with a terminal."""
    sessions: list[Session] = []

    def run(wanted: Attributes, fds: Sequence[int]) -> Session:
        reading, status = os.pipe()
        answer, told = os.pipe()
        spec = LaunchSpec("test", SLEEP, {}, tuple(fds), wanted)
        leader = os.fork()
        if leader == 0:
            try:
                os.setsid()
                controllingterminal.take(slaves[0])
                pid = attributes.start(spec, fds, status)
                os.close(status)
                os.write(told, str(pid).encode())
                os.close(told)
                os.waitpid(pid, 0)
            finally:
                os._exit(0)
        os.close(status)
        os.close(told)
        pid = int(os.read(answer, 20))
        os.close(answer)
        failed = framing.read_message(reading, StepFailed)
        os.close(reading)
        sessions.append(Session(leader, pid, failed))
        return sessions[-1]

    yield run
    for session in sessions:
        if session.failed is None:
            os.kill(session.pid, signal.SIGKILL)
        os.waitpid(session.leader, 0)


def number(fd: int) -> int:
    return os.fstat(fd).st_rdev


def test_a_process_gets_the_foreground_although_it_asks_from_the_background(
    start_in_session: Start, slaves: list[int]
) -> None:
    """Without more it would be stopped with SIGTTOU."""
    session = start_in_session(Attributes(new_session=False, foreground=slaves[0]), ())
    assert session.failed is None
    assert terminal(session.pid) == number(slaves[0])
    assert foreground_group(session.pid) == os.getpgid(session.pid) == session.pid
    assert os.getsid(session.pid) == session.leader


def test_a_terminal_of_another_session_has_no_foreground_for_us(
    start_in_session: Start, slaves: list[int]
) -> None:
    wanted = Attributes(new_session=False, foreground=slaves[1])
    failed = start_in_session(wanted, ()).failed
    assert failed is not None
    assert (failed.step, failed.errno) == ("foreground", errno.ENOTTY)


def test_a_terminal_becomes_that_of_the_new_session(
    start_in_session: Start, slaves: list[int]
) -> None:
    session = start_in_session(Attributes(controlling_terminal=3), (0, 1, 2, slaves[1]))
    assert session.failed is None
    assert terminal(session.pid) == number(slaves[1])
    assert foreground_group(session.pid) == session.pid
    assert terminal(session.leader) == number(slaves[0])


@pytest.mark.parametrize(
    ("new_session", "errno_of_it"), [(True, errno.ENOTTY), (False, errno.EPERM)]
)
def test_a_terminal_that_cannot_be_taken(
    start_in_session: Start, slaves: list[int], new_session: bool, errno_of_it: int
) -> None:
    """It is none, or our session has one already."""
    null = os.open(os.devnull, os.O_RDWR)
    fd = null if new_session else slaves[1]
    wanted = Attributes(new_session=new_session, controlling_terminal=0)
    failed = start_in_session(wanted, (fd,)).failed
    os.close(null)
    assert failed is not None
    assert (failed.step, failed.errno) == ("terminal", errno_of_it)


def test_a_process_gives_up_the_terminal_and_its_session_keeps_it(
    start_in_session: Start, slaves: list[int]
) -> None:
    session = start_in_session(Attributes(new_session=False, drop_terminal=True), ())
    assert session.failed is None
    assert terminal(session.pid) == 0
    assert terminal(session.leader) == number(slaves[0])


def test_a_process_without_a_terminal_has_none_to_give_up(start_in_session: Start) -> None:
    session = start_in_session(Attributes(drop_terminal=True), ())
    assert session.failed is None
    assert terminal(session.pid) == 0


@needs("root")
def test_a_terminal_that_cannot_be_found_cannot_be_given_up(start_in_session: Start) -> None:
    wanted = Attributes(new_session=False, drop_terminal=True, chroot="/usr")
    failed = start_in_session(wanted, ()).failed
    assert failed is not None
    assert (failed.step, failed.errno) == ("terminal", errno.ENOENT)
