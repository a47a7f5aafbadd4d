"""Explicit password sources: the first line, nothing kept, and failures that say what was wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vaultui.model.errors import PasswordEmpty, PasswordSourceFailed, PasswordTooLong
from vaultui.model.secret import Secret
from vaultui.vaults.passphrase import MAX_BYTES, from_command, from_descriptor, from_file


def text(secret: Secret) -> bytes:
    with secret, secret.view as view:
        return bytes(view)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"pw\n", b"pw"),
        (b"pw", b"pw"),
        (b"pw\r\n", b"pw\r"),
        (b" pw with spaces \nsecond line\n", b" pw with spaces "),
        (b"\xff\xfe\n", b"\xff\xfe"),
        (b"x" * MAX_BYTES, b"x" * MAX_BYTES),
        (b"x" * MAX_BYTES + b"\n", b"x" * MAX_BYTES),
    ],
)
def test_the_first_line_is_the_password(content: bytes, password: bytes, tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(content)
    assert text(from_file(str(tmp_path / "pw"))) == password


@pytest.mark.parametrize("content", [b"", b"\n", b"\npw\n"])
def test_an_empty_first_line_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(content)
    with pytest.raises(PasswordEmpty):
        from_file(str(tmp_path / "pw"))


def test_a_whole_file_is_not_taken_for_a_password(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(PasswordTooLong):
        from_file(str(tmp_path / "pw"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PasswordSourceFailed) as failed:
        from_file(str(tmp_path / "gone"))
    assert str(tmp_path / "gone") in failed.value.summary
    assert "No such file" in failed.value.summary


def test_a_directory_is_no_password_file(tmp_path: Path) -> None:
    with pytest.raises(PasswordSourceFailed):
        from_file(str(tmp_path))


def test_a_descriptor_is_read_in_pieces() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"in pieces\n")
        assert text(from_descriptor(reading)) == b"in pieces"
    finally:
        os.close(reading)
        os.close(writing)


def test_a_closed_descriptor_is_told() -> None:
    with pytest.raises(PasswordSourceFailed) as failed:
        from_descriptor(987)
    assert "descriptor 987" in failed.value.summary


def test_a_program_gives_its_first_line() -> None:
    assert text(from_command("printf 'one\\ntwo\\n'")) == b"one"


def test_no_shell_reads_the_command() -> None:
    assert text(from_command("echo '$HOME; ls'")) == b"$HOME; ls"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("false", "ended with 1"),
        ("no-such-program-here", "No such file"),
        ("'unclosed", "quotation"),
        ("", "no program"),
    ],
)
def test_a_program_that_fails_is_told(command: str, reason: str) -> None:
    with pytest.raises(PasswordSourceFailed) as failed:
        from_command(command)
    assert reason in failed.value.summary


def test_a_failing_program_does_not_put_its_words_into_the_error() -> None:
    with pytest.raises(PasswordSourceFailed) as failed:
        from_command("sh -c 'echo hunter2; exit 3'")
    assert "hunter2" not in repr(failed.value.to_wire())


def test_a_program_that_prints_nothing_gives_no_password() -> None:
    with pytest.raises(PasswordEmpty):
        from_command("true")
