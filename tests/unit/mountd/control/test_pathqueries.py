"""gocryptfs's half of the control socket; the texts are what gocryptfs 2.6 answered."""

from __future__ import annotations

import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.mountd.control.pathqueries import answer, canonical, encode, parse
from vaultui.wire.control import PathReply


def ask(text: str) -> PathReply:
    request, complaint = parse(text.encode())
    assert not complaint
    return answer(request, lambda path: b"E:" + path, lambda path: b"D:" + path)


def test_both_directions_and_keys_in_any_case() -> None:
    assert ask('{"EncryptPath": "a/b"}').Result == "E:a/b"
    assert ask('{"decryptpath": "a/b"}\n').Result == "D:a/b"


def test_a_request_names_one_path() -> None:
    assert ask('{"EncryptPath": "a", "DecryptPath": "b"}').ErrText == "ambiguous"
    for empty in ("{}", "null", '{"EncryptPath": null}', '{"Other": 1}'):
        assert ask(empty) == PathReply("", -1, "empty input", "")


def test_a_path_with_detours_is_answered_with_a_warning() -> None:
    reply = ask('{"EncryptPath": "/dir//file/"}')
    assert reply.Result == "E:dir/file"
    assert reply.WarnText == (
        "Non-canonical input path '/dir//file/' has been interpreted as 'dir/file'."
    )


@pytest.mark.parametrize("path", [".", "/", "//", "..", "../x", "/../x", "a/../.."])
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    assert canonical(path) == ""
    reply = ask(json.dumps({"EncryptPath": path}))
    assert (reply.ErrNo, reply.ErrText) == (-1, "empty input after canonicalization")
    assert reply.WarnText == f"Non-canonical input path '{path}' has been interpreted as ''."


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (errno.ENOENT, 2, "no such file or directory"),
        (errno.ENOTDIR, -1, "not a directory"),
        (errno.EBADMSG, -1, "bad message"),
        (errno.ENAMETOOLONG, -1, "file name too long"),
        (errno.EINVAL, -1, "bad message"),
    ],
)
def test_a_failure_is_told_in_the_words_of_go(number: int, code: int, text: str) -> None:
    def fails(_path: bytes) -> bytes:
        raise OSError(number, "whatever")

    reply = answer({"EncryptPath": "a"}, fails, fails)
    assert (reply.Result, reply.ErrNo, reply.ErrText) == ("", code, text)


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"nonsense", "JSON Unmarshal error: "),
        (b'{"EncryptPath":"a"}{"EncryptPath":"b"}', "JSON Unmarshal error: "),
        (b"[" * 4000, "JSON Unmarshal error: "),
        (b'"\xff"', "JSON Unmarshal error: json: cannot unmarshal string into Go value"),
        (
            b'{"EncryptPath":5}',
            (
                "JSON Unmarshal error: json: cannot unmarshal number into Go struct field "
                "RequestStruct.EncryptPath of type string"
            ),
        ),
        (b"[]", "JSON Unmarshal error: json: cannot unmarshal array into Go value"),
    ],
)
def test_what_is_no_request_is_complained_about(data: bytes, start: str) -> None:
    request, complaint = parse(data)
    assert request == {}
    assert complaint.startswith(start)


def test_the_first_wrong_field_is_complained_about() -> None:
    _, complaint = parse(b'{"DecryptPath": [], "EncryptPath": 5}')
    assert complaint.endswith("array into Go struct field RequestStruct.DecryptPath of type string")


def test_a_request_with_absurd_numbers_or_depth_is_answered() -> None:
    assert parse(b'{"x":' + b"9" * 4900 + b"}") == ({"x": float("inf")}, "")
    number = parse(b'{"x":-12}')[0]["x"]
    assert (number, type(number)) == (-12, int)
    assert parse(b"[" * 2490 + b"]" * 2490)[1].startswith("JSON Unmarshal error: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("A", "illegal base64 data at input byte 0"),
        ("AAAAA", "illegal base64 data at input byte 4"),
        ("AB", "illegal base64 data at input byte 0"),
        ("AAB", "illegal base64 data at input byte 2"),
        ("AAAAAB", "illegal base64 data at input byte 4"),
        ("AA!A", "illegal base64 data at input byte 2"),
        ("AAAAAAA=", "illegal base64 data at input byte 7"),
        ("a b\n", "characters CR or LF in base64"),
        ("caf\u00e9", "illegal base64 data at input byte 3"),
        ("AA", "bad message"),
        ("", "bad message"),
    ],
)
def test_what_is_wrong_with_base64_is_told_in_the_words_of_go(name: str, text: str) -> None:
    def fails(_path: bytes) -> bytes:
        raise OSError(errno.EBADMSG, "whatever", name.encode())

    assert answer({"DecryptPath": "a"}, fails, fails).ErrText == text
    assert answer({"EncryptPath": "a"}, fails, fails).ErrText == "bad message"


def test_a_path_that_no_system_call_takes_is_a_bad_message() -> None:
    def opens(path: bytes) -> bytes:
        os.close(os.open(path, os.O_RDONLY))
        return path

    assert answer({"EncryptPath": "a\0b"}, opens, opens).ErrText == "bad message"
    assert answer({"EncryptPath": "\ud800"}, opens, opens).ErrText == "bad message"


def test_a_reply_is_one_line_with_four_fields_in_order() -> None:
    assert encode(PathReply("ü<b>&\u2028", 0, "", "")) == (
        '{"Result":"ü\\u003cb\\u003e\\u0026\\u2028","ErrNo":0,"ErrText":"","WarnText":""}\n'.encode()
    )


def test_names_that_are_not_utf_8_go_through() -> None:
    for data in (json.dumps({"EncryptPath": "a\udcff"}).encode(), b'{"EncryptPath":"a\xff"}'):
        request, _ = parse(data)
        reply = answer(request, lambda path: path + b"\xfe", lambda path: path)
        line = encode(reply)
        assert json.loads(line)["Result"].encode("utf-8", "surrogateescape") == b"a\xff\xfe"


_FIELDS = st.sampled_from(["EncryptPath", "DecryptPath", "encryptpath", "Other"])
_VALUES = st.text() | st.none() | st.integers() | st.lists(st.text(), max_size=2)
_REQUESTS = st.dictionaries(_FIELDS, _VALUES).map(lambda value: json.dumps(value).encode())
_BYTES_IN_STRINGS = st.binary().map(lambda value: b'{"DecryptPath":"' + value + b'"}')


@given(st.binary(max_size=64) | _REQUESTS | _BYTES_IN_STRINGS)
def test_every_request_gets_one_line_of_json(data: bytes) -> None:
    def missing(path: bytes) -> bytes:
        raise OSError(errno.EBADMSG, "no such name", path.split(b"/")[0])

    request, complaint = parse(data)
    reply = PathReply("", -1, complaint, "") if complaint else answer(request, bytes, missing)
    line = encode(reply)
    assert line.count(b"\n") == 1
    assert list(json.loads(line)) == ["Result", "ErrNo", "ErrText", "WarnText"]
