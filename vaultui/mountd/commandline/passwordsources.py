"""Where a password comes from: a file, a program, the terminal, or standard input.

Every source fills a bytearray that becomes a Secret; no text object ever holds a password.
Standard input is read byte by byte up to the end of the line, because the next line may be
the new password, and belongs to whoever reads next.
"""

from __future__ import annotations

import os
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from vaultui.crypto.keyslots import PASSWORD_MAX
from vaultui.linux import hardening, spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import (
    PasswordEmpty,
    PasswordMismatch,
    PasswordSourceFailed,
    PasswordTooLong,
)
from vaultui.model.secret import Secret
from vaultui.model.terminaltext import quoted
from vaultui.mountd.console import log

_NEWLINE: Final = 0x0A
_MAX_OUTPUT: Final = 1 << 24
"""Bytes that a program may print behind the password."""


def read_password(
    passfiles: Sequence[str],
    extpass: Sequence[str],
    what: str = "Password",
    *,
    may_be_empty: bool = False,
) -> Secret:
    """Return the password from the first source that is named, else terminal or stdin.

    `what` is what a terminal is asked for. Raises PasswordEmpty, PasswordTooLong or
    PasswordSourceFailed. It may be empty where a key file is enough.
    """
    if passfiles:
        secret = _from_files(passfiles)
    elif extpass:
        secret = _from_program(extpass)
    elif os.isatty(0):
        secret = _from_terminal(f"{what}: ")
    else:
        log.info("Reading %s from stdin", what)
        secret = _line(0, "standard input")
    if may_be_empty and not secret:
        return secret
    return _checked(secret)


def read_new_password(
    passfiles: Sequence[str], extpass: Sequence[str], *, may_be_empty: bool = False
) -> Secret:
    """Return a new password; on a terminal it is asked for twice (PasswordMismatch)."""
    first = read_password(passfiles, extpass, may_be_empty=may_be_empty)
    if passfiles or extpass or not os.isatty(0):
        return first
    with _from_terminal("Repeat: ") as second, second.view as again, first.view as once:
        same = once == again
    if not same:
        first.wipe()
        raise PasswordMismatch
    return first


def _checked(secret: Secret) -> Secret:
    if not secret:
        raise PasswordEmpty
    if len(secret) > PASSWORD_MAX:
        secret.wipe()
        raise PasswordTooLong(limit=PASSWORD_MAX)
    return secret


def _line(fd: int, source: str) -> Secret:
    """Return what comes on `fd` up to the end of the line, without reading beyond it."""
    # Allocated at once and locked: a buffer that grows leaves copies behind.
    buffer = bytearray(PASSWORD_MAX + 1)
    hardening.lock_buffer(buffer)
    size = 0
    try:
        with memoryview(buffer) as view:
            while size < len(buffer):
                if os.readv(fd, [view[size : size + 1]]) == 0 or buffer[size] == _NEWLINE:
                    buffer[size] = 0
                    break
                size += 1
    except OSError as error:
        buffer[:] = bytes(len(buffer))
        raise PasswordSourceFailed(source=source, reason=reason_of(error)) from error
    return _cut(buffer, size)


def _cut(buffer: bytearray, size: int) -> Secret:
    """Return the first `size` bytes of `buffer` as a secret of their own, and wipe it."""
    secret = Secret(bytearray(size))
    with secret.view as target, memoryview(buffer) as source:
        target[:] = source[:size]
    buffer[:] = bytes(len(buffer))
    return secret


def _from_files(paths: Sequence[str]) -> Secret:
    """Return the first lines of all files, one after the other."""
    parts = []
    try:
        for path in paths:
            log.info('passfile: reading from file "%s"', path)
            parts.append(_first_line_of(path))
        whole = bytearray(sum(len(part) for part in parts))
        end = 0
        for part in parts:
            with part.view as view:
                whole[end : end + len(part)] = view
            end += len(part)
    finally:
        for part in parts:
            part.wipe()
    return Secret(whole)


def _first_line_of(path: str) -> Secret:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PasswordSourceFailed(source=path, reason=reason_of(error)) from error
    try:
        secret = _line(fd, path)
        if not secret:
            raise PasswordSourceFailed(source=path, reason="its first line is empty")
        if len(secret) <= PASSWORD_MAX and os.read(fd, 1):
            log.warning('passfile: "%s" goes on after its first line; the rest is ignored', path)
    finally:
        os.close(fd)
    return secret


def _from_program(words: Sequence[str]) -> Secret:
    """Return the first line that a program prints. It may ask at the terminal itself."""
    # One word list of gocryptfs: a single value is cut at spaces, and no shell sees it.
    argv = words[0].split(" ") if len(words) == 1 else list(words)
    shown = f"extpass program {quoted(argv[0])}"
    arguments = " ".join(quoted(word) for word in argv[1:])
    log.info("Reading password from %s, arguments: [%s]", shown, arguments)
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        child = spawn.start(argv, fds=(0, writing, 2), new_session=False)
    except (OSError, ValueError) as error:  # ValueError: its name is empty
        os.close(reading)
        reason = getattr(error, "strerror", None) or str(error)
        raise PasswordSourceFailed(source=shown, reason=reason) from error
    finally:
        os.close(writing)
    try:
        secret = _line(reading, shown)
    finally:
        # A program that prints more must not be ended by it: its exit status counts. One that
        # prints for ever must be.
        rest = _MAX_OUTPUT
        while rest > 0 and (piece := os.read(reading, 1 << 16)):
            rest -= len(piece)
        os.close(reading)
    status = child.wait()
    child.close()
    if status:
        secret.wipe()
        raise PasswordSourceFailed(source=shown, reason=f"it ended with {status}")
    if not secret:
        raise PasswordSourceFailed(source=shown, reason="it printed nothing")
    return secret


def _from_terminal(prompt: str) -> Secret:
    with _no_echo(0):
        os.write(2, prompt.encode())
        try:
            return _line(0, "the terminal")
        finally:
            os.write(2, b"\n")


@contextmanager
def _no_echo(fd: int) -> Iterator[None]:
    before = termios.tcgetattr(fd)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    # What was typed ahead stays, as in gocryptfs: programs type both passwords at once.
    termios.tcsetattr(fd, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
