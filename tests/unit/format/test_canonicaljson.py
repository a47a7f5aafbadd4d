"""Proves the canonical form of JSON against RFC 8785."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultui.format import canonicaljson


def test_the_order_of_names_is_that_of_utf_16() -> None:
    # Section 3.2.3 of the RFC: by code points the emoji would come after U+FB33.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    text = canonicaljson.encode(dict.fromkeys(names, 0)).decode()
    assert list(json.loads(text)) == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]


def test_text_is_escaped_as_little_as_possible() -> None:
    # Section 3.2.2.2.
    assert canonicaljson.encode('€$\x0f\nA\'B"\\\\"/\x7f') == (
        '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"'.encode()
    )


def test_no_space_is_left() -> None:
    value = {"b": [1, {"d": None, "c": True}], "a": -3}
    assert canonicaljson.encode(value) == b'{"a":-3,"b":[1,{"c":true,"d":null}]}'


@pytest.mark.parametrize("value", [1.5, {"a": [0.0]}, 1 << 53, -(1 << 53), "\ud800", {"\udc00": 1}])
def test_what_has_more_than_one_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        canonicaljson.encode(value)
