"""Frames keep their borders on pipes, in pieces of any size, and bad ones are refused."""

import contextlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.model.errors import ProtocolError
from vaultui.model.secret import Secret
from vaultui.wire import codec, framing
from vaultui.wire.handshake import Starting
from vaultui.wire.oneshot import Done, InfoSpec


@contextlib.contextmanager
def pipe_with(data: bytes) -> Iterator[int]:
    """Yield the reading end of a pipe that holds `data` and then ends."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)


def framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


def test_messages_and_a_secret_come_out_in_order_and_then_nothing() -> None:
    reading, writing = os.pipe()
    framing.write_message(writing, InfoSpec("/c"))
    framing.write_secret(writing, Secret(bytearray(b"pass\0word\n")))
    framing.write_message(writing, Done())
    os.close(writing)
    try:
        assert framing.read_message(reading, InfoSpec) == InfoSpec("/c")
        with framing.read_secret(reading) as secret, secret.view as view:
            assert bytes(view) == b"pass\0word\n"
        assert framing.read_message(reading, Done) == Done()
        assert framing.read_message(reading, Done) is None
    finally:
        os.close(reading)


def test_reading_a_message_leaves_what_follows_in_the_pipe() -> None:
    with pipe_with(framed(codec.encode(Done())) + b"rest") as reading:
        framing.read_message(reading, Done)
        assert os.read(reading, 100) == b"rest"


@pytest.mark.parametrize("data", [b"\0\0\0", b"\0\0\0\5{}", framed(b"{}")[:-1]])
def test_a_frame_that_is_cut_off_is_an_error(data: bytes) -> None:
    with pipe_with(data) as reading, pytest.raises(ProtocolError, match="cut off"):
        framing.read_message(reading, Done)


def test_a_frame_that_claims_too_much_is_refused_before_it_is_read() -> None:
    with pipe_with(b"\xff\xff\xff\xff") as reading, pytest.raises(ProtocolError, match="more than"):
        framing.read_message(reading, Done)


def test_a_secret_that_is_missing_or_too_long_is_refused() -> None:
    with pipe_with(b"") as reading, pytest.raises(ProtocolError, match="missing"):
        framing.read_secret(reading)
    with pipe_with(framed(bytes(5000))) as reading, pytest.raises(ProtocolError, match="more than"):
        framing.read_secret(reading)


def test_writing_to_a_reader_that_is_gone_is_a_broken_pipe() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(BrokenPipeError):
            framing.write_message(writing, Done())
    finally:
        os.close(writing)


@given(pids=st.lists(st.integers(), max_size=6), cuts=st.lists(st.integers(1, 20), min_size=1))
def test_a_stream_in_pieces_of_any_size_gives_the_same_messages(pids, cuts) -> None:
    messages = [Starting(pid) for pid in pids]
    stream = b"".join(framed(codec.encode(message)) for message in messages)
    buffer, received, turn = framing.FrameBuffer(Starting), [], 0
    while stream:
        size = cuts[turn % len(cuts)]
        received += buffer.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert received == messages


def test_a_stream_that_claims_too_much_is_refused_at_once() -> None:
    with pytest.raises(ProtocolError, match="too many"):
        framing.FrameBuffer(Done).feed(b"\xff\xff\xff\xff")
