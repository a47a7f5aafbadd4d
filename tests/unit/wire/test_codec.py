"""Every message of the wire floor survives its journey, and nothing else is taken for one.

The messages are found by looking, so a new one is tested without being listed here.
"""

import dataclasses
import enum
import inspect
import json
import os
import types
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultui.model.errors import ProtocolError
from vaultui.wire import (
    attributes,
    autolock,
    codec,
    control,
    engine,
    handshake,
    launchspec,
    oneshot,
    rooms,
    taskend,
    tasks,
)

MODULES = (
    *(attributes, autolock, control, engine, handshake),
    *(launchspec, oneshot, rooms, taskend, tasks),
)
MESSAGES = sorted(
    {
        kind
        for module in MODULES
        for _, kind in inspect.getmembers(module, dataclasses.is_dataclass)
    },
    key=lambda kind: kind.__name__,
)
by_message = pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)

# Paths are any bytes, as os.fsdecode shows them.
TEXT = st.one_of(st.text(), st.binary(max_size=40).map(os.fsdecode))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PLAIN = {
    str: TEXT,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
    Any: JSON,
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for all values of a field of type `kind`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(values_of(member) for member in arguments))
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=4).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXT, values_of(arguments[1]), max_size=4)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(
            kind, **{field.name: values_of(hints[field.name]) for field in dataclasses.fields(kind)}
        )
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    return values_of(kind.__supertype__)


def an_example(kind: type) -> Any:
    """Return some message of `kind`, always the same one."""
    simple = {str: "a", int: 7, bool: True, float: 0.5, Any: 1}
    hints = typing.get_type_hints(kind)

    def value(hint: Any) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint in simple:
            return simple[hint]
        if origin in (typing.Union, types.UnionType):
            return value(arguments[0])
        if origin is tuple:
            return (value(arguments[0]),)
        if origin is dict:
            return {"k": value(arguments[1])}
        if inspect.isclass(hint) and issubclass(hint, enum.Enum):
            return next(iter(hint))
        return an_example(hint)

    return kind(**{field.name: value(hints[field.name]) for field in dataclasses.fields(kind)})


def test_there_are_messages_to_test() -> None:
    names = {kind.__name__ for kind in MESSAGES}
    assert {"LaunchSpec", "MountSpec", "Ready", "Failed", "ExitState", "Status"} <= names


@by_message
@settings(max_examples=30)  # of each of forty messages
@given(data=st.data())
def test_a_message_decodes_to_itself_and_encodes_to_the_same_bytes(kind, data) -> None:
    message = data.draw(values_of(kind))
    encoded = codec.encode(message)
    decoded = codec.decode(encoded, kind)
    assert decoded == message
    assert codec.encode(decoded) == encoded
    assert encoded.isascii()


@by_message
def test_a_field_of_another_type_is_refused_by_name(kind) -> None:
    whole = json.loads(codec.encode(an_example(kind)))
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if hints[field.name] is Any:
            continue
        # No field of ours is a list of lists of lists, so this is wrong everywhere.
        with pytest.raises(ProtocolError) as caught:
            codec.decode(json.dumps({**whole, field.name: [[[]]]}).encode(), kind)
        assert field.name in str(caught.value.details["what"])


@by_message
def test_a_field_without_a_default_must_be_there_and_others_need_not(kind) -> None:
    whole = json.loads(codec.encode(an_example(kind)))
    for field in dataclasses.fields(kind):
        without = json.dumps({k: v for k, v in whole.items() if k != field.name}).encode()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            with pytest.raises(ProtocolError, match=f"{field.name} is missing"):
                codec.decode(without, kind)
        else:
            codec.decode(without, kind)


@by_message
def test_fields_of_a_newer_writer_are_ignored(kind) -> None:
    message = an_example(kind)
    newer = {**json.loads(codec.encode(message)), "added_later": {"x": [1]}}
    assert codec.decode(json.dumps(newer).encode(), kind) == message


def test_a_truth_value_is_not_a_number_and_a_number_is_not_a_truth_value() -> None:
    with pytest.raises(ProtocolError, match="should be int, not bool"):
        codec.decode(b'{"type": "Starting", "pid": true}', handshake.Starting)
    with pytest.raises(ProtocolError, match="should be bool, not int"):
        codec.decode(b'{"type": "PauseRequest", "paused": 1}', control.PauseRequest)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(number: str) -> None:
    data = b'{"type": "ExtendRequest", "seconds": %s}' % number.encode()
    with pytest.raises(ProtocolError, match="finite"):
        codec.decode(data, control.ExtendRequest)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"{'type': 1}"])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="not JSON"):
        codec.decode(data, oneshot.Done)


@pytest.mark.parametrize("data", [b"[]", b"1", b'"Done"', b"null"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="not an object"):
        codec.decode(data, oneshot.Done)


def test_a_message_of_another_type_is_refused() -> None:
    with pytest.raises(ProtocolError, match="of type 'Done'"):
        codec.decode(codec.encode(oneshot.Done()), handshake.Starting, handshake.Ready)


def test_a_message_that_is_too_large_is_not_even_parsed() -> None:
    with pytest.raises(ProtocolError, match="more than"):
        codec.decode(b" " * (codec.MAX_MESSAGE + 1), oneshot.Done)


def test_an_error_says_where_but_never_what_was_received() -> None:
    secret = "hunter2"
    data = json.dumps({"type": "Starting", "pid": secret}).encode()
    with pytest.raises(ProtocolError) as caught:
        codec.decode(data, handshake.Starting)
    assert caught.value.details["what"] == "Starting.pid"
    assert secret not in repr(caught.value.to_wire())
