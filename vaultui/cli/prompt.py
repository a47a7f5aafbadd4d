"""Asking on the terminal, for a password most of all, whatever standard input and output are.

The echo is off while a password is typed, and on again whatever ends the prompt: a key, a
signal, or being stopped and continued.
"""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vaultui.model.errors import Cancelled, PasswordMismatch
from vaultui.model.language import N_, _
from vaultui.model.secret import Secret
from vaultui.vaults.passphrase import checked, protect

_LINE_MAX = 4096
"""A terminal gives no longer line; termios(3), N_TTY_BUF_SIZE."""


def has_terminal() -> bool:
    """Return whether there is a terminal to ask on."""
    try:
        os.close(open_terminal())
    except OSError:
        return False
    return True


def ask_password(question: str) -> Secret:
    """Return what is typed; raises Cancelled at end of file, PasswordEmpty for an empty line."""
    protect()
    tty = open_terminal()
    try:
        return checked(ask_line(tty, question, echo=False))
    finally:
        os.close(tty)


def confirmed(question: str, *, default: bool = False) -> bool:
    """Return whether a yes was typed; an empty line is the default."""
    tty = open_terminal()
    try:
        prompt = N_("{question} [Y/n] ") if default else N_("{question} [y/N] ")
        with ask_line(tty, _(prompt, question=question), echo=True) as answer:
            if not answer:
                return default
            with answer.view as view:
                return bytes(view[:1]).lower() in (b"y", _("yes")[:1].encode())
    finally:
        os.close(tty)


def ask_line(tty: int, question: str, *, echo: bool) -> Secret:
    """Return a line that is typed, empty or not; raises Cancelled at end of file."""
    with _asking(tty, question, echo=echo):
        return _read_line(tty)


def ask_new_password(what: str) -> Secret:
    """Return a new password that was typed twice; raises PasswordMismatch."""
    first = ask_password(_("New password for {what}: ", what=what))
    try:
        with (
            ask_password(_("The same again: ")) as second,
            second.view as again,
            first.view as typed,
        ):
            if typed != again:
                raise PasswordMismatch
    except BaseException:
        first.wipe()
        raise
    return first


def open_terminal() -> int:
    """Return a descriptor of the controlling terminal, or raise OSError."""
    return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def _read_line(tty: int) -> Secret:
    buffer = bytearray(_LINE_MAX)
    try:
        with memoryview(buffer) as view:
            size = os.readv(tty, [view])
        if size == 0:
            raise Cancelled(what=N_("The password prompt"))
        end = size - 1 if buffer[size - 1 : size] == b"\n" else size
        return Secret(buffer[:end])
    finally:
        buffer[:] = bytes(len(buffer))


@contextmanager
def _asking(tty: int, question: str, *, echo: bool) -> Iterator[None]:
    before = termios.tcgetattr(tty)
    asking = termios.tcgetattr(tty)
    # Canonical mode stays: the line can be corrected, and Ctrl-C is a signal as usual.
    asking[3] = (asking[3] & ~termios.ECHO) | termios.ICANON | termios.ISIG
    if echo:
        asking[3] |= termios.ECHO

    def ask() -> None:
        # Flushed first: what was typed before the question is no answer to it.
        termios.tcsetattr(tty, termios.TCSAFLUSH, asking)
        os.write(tty, question.encode("utf-8", "backslashreplace"))

    def stopped(number: int, _frame: FrameType | None) -> None:
        termios.tcsetattr(tty, termios.TCSAFLUSH, before)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
        # Here again after a SIGCONT.
        signal.signal(number, stopped)
        ask()

    handler = signal.signal(signal.SIGTSTP, stopped)
    newline_shown = False
    try:
        ask()
        yield
        newline_shown = echo
    finally:
        signal.signal(signal.SIGTSTP, handler)
        termios.tcsetattr(tty, termios.TCSAFLUSH, before)
        if not newline_shown:
            os.write(tty, b"\n")
