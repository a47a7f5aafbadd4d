"""What is printed: words for people, JSON for programs, and where each of them goes.

Results go to standard output, everything about how it went to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from vaultui.model.errors import OutputFailed, VaultuiError
from vaultui.model.language import _
from vaultui.model.states import VaultState
from vaultui.model.terminaltext import shell_word as shell_word
from vaultui.model.terminaltext import shown as shown
from vaultui.model.values import clock as clock
from vaultui.model.values import listed as listed
from vaultui.model.values import place as place
from vaultui.model.values import size as size

_COLOURS = {
    VaultState.OPEN: "32",
    VaultState.UNLOCKING: "33",
    VaultState.LOCKING: "33",
    VaultState.BUSY: "33",
    VaultState.MISSING: "35",
    VaultState.BROKEN: "31",
    VaultState.HUNG: "31",
}
_PLAIN = str.maketrans({"…": "...", "–": "-", "—": "-"})


class Output:
    """Prints for one run of the program."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        ascii_only: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.as_json = as_json
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        encoding = (self.out.encoding or "ascii").lower().replace("-", "")
        self.ascii_only = ascii_only or encoding != "utf8"
        self._colour = self.out.isatty() and not os.environ.get("NO_COLOR")
        self._step_shown = False

    def data(self, value: Any, *, one_line: bool = False) -> None:
        """Print a value as JSON, in ASCII, and on a terminal over several lines if it may be."""
        indent = 2 if self.out.isatty() and not one_line else None
        self._print(json.dumps(value, indent=indent))

    def line(self, text: str = "") -> None:
        """Print one line of a result."""
        self.clear_step()
        self._print(self._encodable(text))

    def item(self, label: str, text: str) -> None:
        """Print text behind a label; in a terminal it goes on below itself, and breaks at words."""
        if self.out.isatty():
            text = _broken_at_words(label + text, self.out, subsequent_indent=" " * len(label))
            self.line(text)
        else:
            self.line(label + text)

    def path(self, path: Path) -> None:
        """Print a path and nothing else, in its own bytes, for `cd "$(vaultui locate …)"`."""
        with _told_as_output_failed():
            self.out.flush()
            self.out.buffer.write(os.fsencode(path) + b"\n")
            self.out.buffer.flush()

    def note(self, text: str) -> None:
        """Print a sentence beside the result."""
        self.clear_step()
        if self.err.isatty():
            indent = text[: len(text) - len(text.lstrip())]
            text = _broken_at_words(text, self.err, subsequent_indent=indent)
        with suppress(OSError):  # nobody is left to be told
            print(self._encodable(text, self.err), file=self.err, flush=True)

    def clear_screen(self) -> None:
        """Empty the terminal that the output goes to, for what is drawn again and again."""
        with _told_as_output_failed():
            self.out.write("\x1b[H\x1b[2J")

    def _print(self, text: str) -> None:
        """Print to standard output; raises OutputFailed, or BrokenPipeError for a reader gone."""
        with _told_as_output_failed():
            print(text, file=self.out, flush=True)

    def step(self, text: str) -> None:
        """Show what is being done now; only a person at a terminal sees it."""
        if not self.as_json and self.err.isatty():
            # What goes on in a second line could not be taken away again.
            text = _cropped(text, _columns(self.err) - 1)
            self.err.write(f"\r\x1b[K{self._encodable(text, self.err)}")
            self.err.flush()
            self._step_shown = True

    def clear_step(self) -> None:
        """Take away what `step` shows, before something else writes to the terminal."""
        if self._step_shown:
            self.err.write("\r\x1b[K")
            self.err.flush()
            self._step_shown = False

    def error(self, error: VaultuiError, about: str = "") -> None:
        """Print one sentence and its cure, or the error as JSON.

        `about` is the vault, where several were named and the sentence leaves open which it is.
        """
        if self.as_json and not isinstance(error, OutputFailed):
            with suppress(OutputFailed, BrokenPipeError):  # what it was about counts for more
                self.data({"error": error_data(error)})
            return
        whose = f"{shown(about)}: " if about else ""
        self.note(f"vaultui: {whose}{shown(error.summary)}")
        if error.hint:
            self.note(f"  {shown(error.hint)}")

    def state(self, state: VaultState) -> str:
        """Return glyph and word of a state, in colour where that is wanted."""
        glyph = state.ascii_glyph if self.ascii_only else state.glyph
        text = f"{glyph} {_(state.value)}"
        if self._colour and state in _COLOURS:
            return f"\x1b[{_COLOURS[state]}m{text}\x1b[0m"
        return text

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows under a head, each column as wide as it has to be."""
        lines = [head, *rows]
        widths = [max(width(line[i]) for line in lines) for i in range(len(head))]
        for line in lines:
            cells = [
                cell + " " * (size - width(cell)) for cell, size in zip(line, widths, strict=True)
            ]
            self.line("  ".join(cells).rstrip())

    def _encodable(self, text: str, stream: TextIO | None = None) -> str:
        if self.ascii_only:
            text = text.translate(_PLAIN)
        encoding = (stream or self.out).encoding or "ascii"
        return text.encode(encoding, "backslashreplace").decode(encoding)


def _columns(terminal: TextIO) -> int:
    return os.get_terminal_size(terminal.fileno()).columns or 80


def _cropped(text: str, cells: int) -> str:
    """Return as much of the beginning of `text` as fits."""
    while width(text) > cells:
        text = text[:-1]
    return text


def _broken_at_words(text: str, terminal: TextIO, *, subsequent_indent: str) -> str:
    columns = _columns(terminal)
    if width(text) <= columns:
        return text
    # Not worth the time of every start.
    import textwrap

    return textwrap.fill(
        text,
        max(columns, 20 + len(subsequent_indent)),
        subsequent_indent=subsequent_indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


@contextmanager
def _told_as_output_failed() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed(reason=error.strerror or str(error)) from error


def error_data(error: VaultuiError) -> dict[str, Any]:
    """Return an error as `--json` has it; `code` is the stable part."""
    wire = error.to_wire()
    return {key: wire[key] for key in ("code", "exit_code", "summary", "hint", "details")}


def width(text: str) -> int:
    """Return how many cells of a terminal `text` takes, colours not counted."""
    cells, escape = 0, False
    for character in text:
        if escape:
            escape = character != "m"
        elif character == "\x1b":
            escape = True
        elif not unicodedata.combining(character):
            cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells
