"""Proves the driver for a terminal: the keys and pastes of Textual, and no text left behind."""

from __future__ import annotations

from textual import events
from textual.message import Message

from vaultui.model.secret import Secret
from vaultui.tui import quietdriver
from vaultui.tui.quietdriver import QuietPaste, TerminalInput


def fed(*pieces: bytes) -> list[Message]:
    terminal = TerminalInput()
    return [event for piece in pieces for event in terminal.feed(memoryview(piece))]


def described(found: list[Message]) -> list[str]:
    return [
        f"paste {event.text!r}" if isinstance(event, events.Paste) else getattr(event, "key", "?")
        for event in found
    ]


def test_letters_keys_and_sequences_are_what_they_are_to_textual() -> None:
    typed = "aß€ \r\t\x7f\x03".encode() + b"\x1b[A\x1bOP\x1b[15~\x1b[97;;97u"
    names = ["a", "ß", "euro_sign", "space", "enter", "tab", "backspace", "ctrl+c"]
    assert described(fed(typed)) == [*names, "up", "f1", "f5", "a"]


def test_a_letter_that_arrives_in_two_pieces_is_one() -> None:
    assert described(fed(b"\xe2\x82", b"\xac")) == ["euro_sign"]


def test_bytes_that_are_no_text_end_nothing() -> None:
    assert len(fed(b"\xff", b"a")) == 2


def test_a_paste_is_whole_however_it_arrives() -> None:
    sent = b"x\x1b[200~two \xc3\xbc\nlines \x1b[201 \x1b[20\x1b[201~y"
    expected = ["x", "paste 'two ü\\nlines \\x1b[201 \\x1b[20'", "y"]
    assert described(fed(sent)) == expected
    assert described(fed(*(bytes((byte,)) for byte in sent))) == expected


def test_a_paste_of_nothing_and_the_next_one() -> None:
    assert described(fed(b"\x1b[200~\x1b[201~\x1b[200~b\x1b[201~")) == ["paste ''", "paste 'b'"]


def test_a_paste_that_is_too_long_is_cut_and_what_follows_it_is_heard() -> None:
    long = b"p" * (quietdriver._LONGEST_PASTE + 100)
    paste, key = fed(b"\x1b[200~" + long + b"\x1b[201~k")
    assert isinstance(paste, QuietPaste)
    assert len(paste.content) == quietdriver._LONGEST_PASTE
    assert described([key]) == ["k"]


def test_a_paste_is_handled_by_whoever_handles_pastes() -> None:
    assert QuietPaste(Secret(bytearray(b"a"))).handler_name == events.Paste("a").handler_name


def test_a_paste_that_was_taken_is_in_no_buffer_of_the_driver() -> None:
    terminal = TerminalInput()
    (paste,) = terminal.feed(memoryview(b"\x1b[200~a password\x1b[201~"))
    assert isinstance(paste, QuietPaste)
    paste.content.wipe()
    assert not any(terminal._pasted)
    assert paste.text == ""
