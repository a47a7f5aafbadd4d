"""Frames of an engine, in whatever pieces they come, and bytes in the other direction."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from vaultui.tasks.engines.stream import relay


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@contextmanager
def standing_in(*descriptors: int) -> Iterator[None]:
    """Let these be our standard streams, in their order."""
    kept = [os.dup(number) for number in range(len(descriptors))]
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    try:
        yield
    finally:
        for number, descriptor in enumerate(kept):
            os.dup2(descriptor, number)
            os.close(descriptor)


def relayed(pieces: list[bytes], *, framed: bool) -> tuple[bytes, bytes]:
    """Return what comes out of our standard output and error."""
    ours, theirs = socket.socketpair()
    out, err = os.memfd_create("out"), os.memfd_create("err")
    null = os.open(os.devnull, os.O_RDONLY)

    def speak() -> None:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for piece in pieces:
            theirs.sendall(piece)
        theirs.close()

    speaker = threading.Thread(target=speak)
    with ours:
        speaker.start()
        with standing_in(null, out, err):
            relay(ours, stdin=False, framed=framed)
        speaker.join()
    found = tuple(os.pread(descriptor, 1 << 22, 0) for descriptor in (out, err))
    for descriptor in (out, err, null):
        os.close(descriptor)
    return found[0], found[1]


@pytest.mark.parametrize("size", [1, 3, 8, 9, 70_000])
def test_frames_are_put_together_from_any_pieces(size: int) -> None:
    whole = frame(1, b"out") + frame(2, b"err") + frame(1, b"") + frame(1, b"more" * 1000)
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert relayed(pieces, framed=True) == (b"out" + b"more" * 1000, b"err")


def test_a_frame_that_breaks_off_is_passed_on_as_far_as_it_came() -> None:
    assert relayed([frame(1, b"whole"), frame(2, b"half of it")[:12]], framed=True) == (
        b"whole",
        b"half",
    )


def test_without_frames_all_bytes_are_output() -> None:
    assert relayed([frame(2, b"bytes")], framed=False) == (frame(2, b"bytes"), b"")


def test_what_is_given_goes_on_and_so_does_its_end() -> None:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    null = os.open(os.devnull, os.O_WRONLY)
    given = bytes(range(256)) * 2000
    heard = bytearray()

    def listen() -> None:
        while data := theirs.recv(1 << 16):
            heard.extend(data)
        theirs.close()

    def give() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(given)

    threads = [threading.Thread(target=listen), threading.Thread(target=give)]
    with ours:
        for thread in threads:
            thread.start()
        with standing_in(reading, null):
            relay(ours, stdin=True, framed=True)
        for thread in threads:
            thread.join()
    os.close(reading)
    os.close(null)
    assert bytes(heard) == given
