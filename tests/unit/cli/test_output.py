"""What is printed: safe for a terminal, aligned, encodable, and JSON where programs read it."""

from __future__ import annotations

import io
import json
import os
import shlex

import pytest

from vaultui.cli.output import Output, shell_word, shown, width
from vaultui.model.errors import AlreadyOpen, MountBusy, VaultUnknown, error_table
from vaultui.model.states import VaultState


def output(encoding: str = "utf-8", **options: bool) -> tuple[Output, io.BytesIO, io.BytesIO]:
    out, err = io.BytesIO(), io.BytesIO()
    made = Output(
        out=io.TextIOWrapper(out, encoding, write_through=True),
        err=io.TextIOWrapper(err, encoding, write_through=True),
        **options,
    )
    return made, out, err


def test_a_command_with_a_name_of_two_words_can_be_copied_from_a_hint() -> None:
    assert AlreadyOpen(name="My Work").hint == "Lock it first: vaultui lock 'My Work'"
    assert AlreadyOpen(name="Büro").hint == "Lock it first: vaultui lock Büro"
    for name in ("My Work", "it's", "$(reboot)", "a;b", "*", "~", "写真 1"):
        assert shlex.split(shell_word(name)) == [name]
    assert "\x1b" not in shell_word("a\x1b[2J")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain", "plain"),
        ("Ü 写真", "Ü 写真"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb", "a\\x0ab"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        (os.fsdecode(b"\xff"), "\\xff"),
        ("\u2028", "\\u2028"),
    ],
)
def test_what_would_steer_a_terminal_is_spelled_out(text: str, safe: str) -> None:
    assert shown(text) == safe


def test_columns_line_up_with_wide_characters_and_colours() -> None:
    made, out, _ = output()
    made.table(("A", "B"), [("写真", "1"), ("\x1b[32mab\x1b[0m", "2"), ("e\u0301", "3")])
    lines = out.getvalue().decode().splitlines()
    assert [width(line[: line.rindex(last)]) for line, last in zip(lines, "B123", strict=True)] == (
        [6, 6, 6, 6]
    )


def test_an_error_is_a_sentence_and_a_cure_beside_the_result() -> None:
    made, out, err = output()
    made.error(MountBusy(name="Work", holders="code (12)"))
    assert out.getvalue() == b""
    assert err.getvalue().decode().splitlines() == [
        "vaultui: Work is in use by code (12).",
        "  Close these, or lock with --wait, --kill or --lazy.",
    ]


def test_an_error_in_json_has_its_code_and_number() -> None:
    made, out, err = output(as_json=True)
    made.error(VaultUnknown(name="x", similar=""))
    error = json.loads(out.getvalue())["error"]
    assert (error["code"], error["exit_code"]) == ("vault-unknown", 41)
    assert err.getvalue() == b""


def test_every_error_of_the_table_can_be_told_even_without_its_details() -> None:
    made, _, err = output()
    for kind in error_table():
        made.error(kind())
    sentences = [line for line in err.getvalue().split(b"\n") if line.startswith(b"vaultui: ")]
    assert len(sentences) == len(error_table())


def test_what_the_encoding_cannot_say_is_escaped_and_not_a_crash() -> None:
    made, out, _ = output("ascii")
    made.line("Ü…")
    assert out.getvalue() == b"\\xdc...\n"
    assert made.state(VaultState.OPEN) == "* open"


def test_the_glyphs_have_an_ascii_twin() -> None:
    made, _, _ = output(ascii_only=True)
    assert all(made.state(state).isascii() for state in VaultState)
    made, _, _ = output()
    assert made.state(VaultState.BROKEN) == "✖ broken"


def test_steps_are_not_printed_where_nobody_watches() -> None:
    made, out, err = output()
    made.step("Deriving key…")
    assert out.getvalue() + err.getvalue() == b""


def test_json_is_ascii_and_carries_any_path() -> None:
    made, out, _ = output("ascii", as_json=True)
    made.data({"path": os.fsdecode(b"/\xff\xc3\xbc")})
    assert os.fsencode(json.loads(out.getvalue())["path"]) == b"/\xff\xc3\xbc"
