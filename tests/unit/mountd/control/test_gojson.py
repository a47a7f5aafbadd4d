"""Complaints about what is not JSON; the right column is what gocryptfs 2.3 and 2.6 answered."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultui.mountd.control.gojson import complaint

ANSWERS = {
    b"": "unexpected end of JSON input",
    b" \n": "unexpected end of JSON input",
    b"{": "unexpected end of JSON input",
    b'{"a"': "unexpected end of JSON input",
    b'{"a":"b': "unexpected end of JSON input",
    b"[" * 4000: "unexpected end of JSON input",
    b"}": "invalid character '}' looking for beginning of value",
    b"NaN": "invalid character 'N' looking for beginning of value",
    b"+1": "invalid character '+' looking for beginning of value",
    b".5": "invalid character '.' looking for beginning of value",
    b"\x00": "invalid character '\\x00' looking for beginning of value",
    b"\xff": "invalid character '\u00ff' looking for beginning of value",
    b"\xc2\x80": "invalid character '\u00c2' looking for beginning of value",
    b"\x80": "invalid character '\\u0080' looking for beginning of value",
    b"\xef\xbb\xbf{}": "invalid character '\u00ef' looking for beginning of value",
    b"[1,]": "invalid character ']' looking for beginning of value",
    b'{"a":,}': "invalid character ',' looking for beginning of value",
    b"{\"a\":'b'}": "invalid character '\\'' looking for beginning of value",
    b'{"a":\\}': "invalid character '\\\\' looking for beginning of value",
    b"{a:1}": "invalid character 'a' looking for beginning of object key string",
    b'{"a":1,}': "invalid character '}' looking for beginning of object key string",
    b'{"a" "b"}': "invalid character '\"' after object key",
    b'{"a":1 2}': "invalid character '2' after object key:value pair",
    b"[1 2]": "invalid character '2' after array element",
    b'{"a":1}{"b":2}': "invalid character '{' after top-level value",
    b"01": "invalid character '1' after top-level value",
    b"nonsense": "invalid character 'o' in literal null (expecting 'u')",
    b"nul": "invalid character ' ' in literal null (expecting 'l')",
    b"truX": "invalid character 'X' in literal true (expecting 'e')",
    b"-": "invalid character ' ' in numeric literal",
    b"1.": "invalid character ' ' after decimal point in numeric literal",
    b"1e": "invalid character ' ' in exponent of numeric literal",
    b'"a\nb"': "invalid character '\\n' in string literal",
    b'"\x1f"': "invalid character '\\x1f' in string literal",
    b'"\\x"': "invalid character 'x' in string escape code",
    b'"\\u12g4"': "invalid character 'g' in \\u hexadecimal character escape",
}


@pytest.mark.parametrize(("data", "text"), ANSWERS.items(), ids=lambda value: repr(value)[:40])
def test_the_words_are_those_of_go(data: bytes, text: str) -> None:
    assert complaint(data) == text


@given(st.text('{}[]",:\\ \n01e-+.u"aE').map(str.encode) | st.binary(max_size=12))
def test_what_is_complained_about_is_what_is_not_json(data: bytes) -> None:
    try:
        json.loads(data.decode("utf-8", "surrogateescape"), parse_constant=_refuse)
    except ValueError:
        assert complaint(data)
    else:
        assert not complaint(data)


@settings(max_examples=40)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    )
)
def test_json_is_not_complained_about(value: object) -> None:
    assert complaint(json.dumps(value).encode()) == ""
    assert (
        complaint(json.dumps(value, indent=1, ensure_ascii=False).encode("utf-8", "replace")) == ""
    )


def _refuse(name: str) -> None:
    raise ValueError(name)
