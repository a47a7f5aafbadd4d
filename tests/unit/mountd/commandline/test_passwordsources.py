"""Passwords from files, programs and standard input: one line, no more and no less."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vaultui.model.errors import (
    PasswordEmpty,
    PasswordSourceFailed,
    PasswordTooLong,
    VaultuiError,
)
from vaultui.mountd.commandline.passwordsources import read_new_password, read_password


def content(files: tuple[str, ...] = (), program: tuple[str, ...] = ()) -> bytes:
    with read_password(files, program) as secret:
        return bytes(secret.view)


def refusal(files: tuple[str, ...] = (), program: tuple[str, ...] = ()) -> type[VaultuiError]:
    with pytest.raises(VaultuiError) as failure:
        read_password(files, program)
    assert failure.value.exit_code == 9
    return type(failure.value)


@pytest.fixture
def stdin() -> Iterator[int]:
    """Return the writing end of what is standard input now."""
    kept = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    yield writing
    os.dup2(kept, 0)
    os.close(kept)


def test_standard_input_is_read_up_to_the_end_of_the_line_only(stdin: int) -> None:
    os.write(stdin, b"old pass\nnew\xff\nrest")
    os.close(stdin)
    assert content() == b"old pass"
    with read_new_password((), ()) as new:
        assert bytes(new.view) == b"new\xff"
    assert os.read(0, 10) == b"rest"


def test_the_end_of_standard_input_ends_the_password(stdin: int) -> None:
    os.write(stdin, b"no newline")
    os.close(stdin)
    assert content() == b"no newline"


def test_an_empty_line_is_refused(stdin: int) -> None:
    os.write(stdin, b"\n")
    os.close(stdin)
    assert refusal() is PasswordEmpty


def test_a_password_may_have_2048_bytes_and_no_more(stdin: int) -> None:
    os.write(stdin, b"x" * 2048 + b"\n" + b"y" * 2049 + b"\n")
    os.close(stdin)
    assert len(content()) == 2048
    assert refusal() is PasswordTooLong


def test_a_file_gives_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(b"from a file\nsecond line\n")
    assert content(files=(str(path),)) == b"from a file"


def test_several_files_are_joined(tmp_path: Path) -> None:
    for name, data in (("a", b"one"), ("b", b"two\n")):
        (tmp_path / name).write_bytes(data)
    assert content(files=(str(tmp_path / "a"), str(tmp_path / "b"))) == b"onetwo"


def test_a_file_that_gives_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\nx")
    assert refusal(files=(str(tmp_path / "empty"),)) is PasswordSourceFailed
    assert refusal(files=(str(tmp_path / "nothing"),)) is PasswordSourceFailed
    assert refusal(files=(str(tmp_path),)) is PasswordSourceFailed


def test_a_program_gives_its_first_line() -> None:
    assert content(program=("echo from a program",)) == b"from a program"
    assert content(program=("printf", r"a b\nc")) == b"a b"


def test_a_program_gets_no_shell() -> None:
    assert content(program=("echo $HOME; x",)) == b"$HOME; x"


@pytest.mark.parametrize(
    "program",
    [("",), ("false",), ("true",), ("no-such-program-here",), ("sh", "-c", "echo x; exit 3")],
)
def test_a_program_that_fails_or_prints_nothing_is_told(program: tuple[str, ...]) -> None:
    assert refusal(program=program) is PasswordSourceFailed


def test_a_program_that_prints_a_lot_is_read_to_its_end() -> None:
    assert content(program=("sh", "-c", "echo first; seq 100000")) == b"first"


def test_a_program_that_prints_for_ever_is_not_waited_for() -> None:
    assert refusal(program=("yes", "password")) is PasswordSourceFailed
