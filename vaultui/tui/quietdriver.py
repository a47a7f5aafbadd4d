"""Textual's driver, without its copies of what is typed, pasted and shown.

The original reads keys in strings of as many as arrive at once, and hands a paste on as one
string. Here bytes arrive in a buffer that is wiped and go on one by one: Python has a single
object for each character of ASCII, which tells nothing. A paste stays in a buffer of its own
until somebody asks for its text.
"""

from __future__ import annotations

import os
import selectors
import signal
from codecs import getincrementaldecoder
from collections.abc import Iterator
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final, cast

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from vaultui.model.secret import Secret
from vaultui.tui.veil import UnveilingOutput

if TYPE_CHECKING:
    from textual.app import App

_CHUNK: Final = 4096
_LONGEST_PASTE: Final = 1 << 16
"""Bytes; the rest is dropped. Every field of ours is a single line."""
_PASTE_BEGINS: Final = b"\x1b[200~"
_PASTE_ENDS: Final = b"\x1b[201~"
_TICK_S: Final = 0.1
"""How often the parser is asked whether an Escape was one: as Textual has it."""


class QuietPaste(events.Paste):
    """A paste whose text comes into being when it is asked for."""

    def __init__(self, content: Secret) -> None:
        super(events.Paste, self).__init__()
        self.content = content

    @property
    def text(self) -> str:  # type: ignore[override] # there it is an attribute, read alone
        with self.content.view as view:
            return str(view, "utf-8", "replace").replace("\0", "")


# Textual derives it from the name of the class; whoever handles a paste handles this one.
QuietPaste.handler_name = events.Paste.handler_name


class TerminalInput:
    """Makes events of what a terminal sends, as Textual does, but for the pastes."""

    def __init__(self) -> None:
        self._parser = XTermParser()
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._pasted = bytearray(_LONGEST_PASTE + len(_PASTE_ENDS) - 1)
        self._size = 0
        self._marker = _PASTE_BEGINS
        self._matched = 0

    def feed(self, data: memoryview) -> Iterator[Message]:
        """Yield the events that `data` completes."""
        for byte in data:
            pasting = self._marker is _PASTE_ENDS
            self._match(byte)
            if not pasting:
                if character := self._decode(bytes((byte,))):
                    yield from self._parser.feed(character)
            elif self._marker is _PASTE_BEGINS:
                yield from self._end_paste()
            elif self._size < len(self._pasted):
                self._pasted[self._size] = byte
                self._size += 1

    def tick(self) -> Iterator[Message]:
        """Yield what has waited long enough for more to come, such as a lone Escape."""
        yield from self._parser.tick()

    def close(self) -> None:
        self._pasted[:] = bytes(len(self._pasted))
        for _ in self._parser.feed(""):
            pass

    def _match(self, byte: int) -> None:
        """Notice the marker that the mode of now ends with, and change the mode."""
        if byte != self._marker[self._matched]:
            self._matched = int(byte == self._marker[0])
            return
        self._matched += 1
        if self._matched == len(self._marker):
            self._marker = _PASTE_ENDS if self._marker is _PASTE_BEGINS else _PASTE_BEGINS
            self._matched = 0

    def _end_paste(self) -> Iterator[Message]:
        # All of the marker but its last byte was taken for content.
        size = self._size - len(_PASTE_ENDS) + 1
        with memoryview(self._pasted) as view:
            content = Secret(bytearray(view[:size]))
            view[: self._size] = bytes(self._size)
        self._size = 0
        for event in self._parser.feed(_PASTE_ENDS.decode()):
            yield QuietPaste(content) if isinstance(event, events.Paste) else event


class QuietDriver(LinuxDriver):
    """Reads from and writes to the terminal without keeping any of it."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        assert self._file is not None, "there is a terminal"
        self._file = cast("TextIOWrapper", UnveilingOutput(self._file))

    def run_input_thread(self) -> None:
        terminal = TerminalInput()
        buffer = bytearray(_CHUNK)
        with selectors.SelectSelector() as selector, memoryview(buffer) as view:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_TICK_S) and not self._take(terminal, view):
                    # The kernel tells the shell alone, which may not hand it on.
                    os.kill(os.getpid(), signal.SIGHUP)
                    break
                for event in terminal.tick():
                    self.process_message(event)
        terminal.close()

    def _take(self, terminal: TerminalInput, view: memoryview) -> bool:
        """Pass on what was typed; False when the terminal is gone."""
        try:
            size = os.readv(self.fileno, [view])
        except OSError:  # EIO of one that was closed
            return False
        for event in terminal.feed(view[:size]):
            self.process_message(event)
        view[:size] = bytes(size)
        return size > 0
