"""Bytes pass on in both directions, and who is slow holds up nobody else."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator

import pytest

from vaultui.tasks.relay import Flow, turn


@pytest.fixture
def pipes() -> Iterator[list[int]]:
    """Yield two pipes, as reading and writing end of the one and of the other."""
    fds = [*os.pipe(), *os.pipe()]
    yield fds
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            continue


def test_what_comes_in_goes_out_and_the_end_too(pipes: list[int]) -> None:
    source, feed, out, sink = pipes
    ended = []
    flow = Flow(source, sink, at_end=lambda: ended.append(True))
    os.write(feed, b"words")
    while not flow.waits_for_sink:
        turn([flow], ())
    turn([flow], ())
    assert os.read(out, 100) == b"words"
    os.close(feed)
    turn([flow], ())
    assert (flow.ended, ended) == (True, [True])


def test_a_sink_that_takes_nothing_holds_up_its_own_flow_alone(pipes: list[int]) -> None:
    source, feed, out, sink = pipes
    os.set_blocking(feed, False)
    os.set_blocking(sink, False)
    slow = Flow(source, sink)
    full = fcntl.fcntl(sink, fcntl.F_GETPIPE_SZ)
    assert os.write(sink, b"x" * full) == full
    ours, theirs = socket.socketpair()
    with ours, theirs:
        other = Flow(theirs.fileno(), theirs.fileno())
        os.write(feed, b"waits")
        ours.send(b"passes")
        for _ in range(4):
            turn([slow, other], (), 0)
        assert ours.recv(100) == b"passes"
    assert slow.waits_for_sink
    # As soon as there is room, it goes on where it was.
    while os.read(out, 1 << 16).strip(b"x") == b"":
        turn([slow], (), 0)


def test_a_reader_that_is_gone_ends_the_flow(pipes: list[int]) -> None:
    source, feed, out, sink = pipes
    flow = Flow(source, sink)
    os.write(feed, b"words")
    os.close(out)
    while not flow.ended:
        turn([flow], ())


def test_other_descriptors_are_told_and_time_passes_without_any(pipes: list[int]) -> None:
    source, feed, _out, _sink = pipes
    assert turn((), (source,), 0) is None
    os.write(feed, b"x")
    assert turn((), (source,), 0) == {source}
