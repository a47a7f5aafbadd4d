"""Passwords from explicit sources: a file, a descriptor, a program.

The first line counts, without its newline, as gocryptfs has it. The keyring and the prompt
are sources too, and have modules of their own.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from vaultui.linux import spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import PasswordEmpty, PasswordSourceFailed, PasswordTooLong
from vaultui.model.language import N_, Phrase
from vaultui.model.secret import Secret

MAX_BYTES = 2048
"""Longest password, as gocryptfs has it."""
COMMAND_TIMEOUT_S = 300.0
"""A program may ask a person, or wait for a token to be touched."""


def protect() -> None:
    """Keep this process out of core dumps and from being traced; call it before reading one."""
    # Late: it brings ctypes, and most runs of the program see no password.
    from vaultui.linux.hardening import protect_process

    protect_process()


def from_file(path: str) -> Secret:
    """Return the first line of a file."""
    try:
        fd = os.open(Path(path).expanduser(), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PasswordSourceFailed(source=path, reason=reason_of(error)) from error
    try:
        return _first_line(fd, path)
    finally:
        os.close(fd)


def from_descriptor(fd: int) -> Secret:
    """Return the first line of an open descriptor; the descriptor stays open."""
    return _first_line(fd, Phrase("descriptor {fd}", fd=fd))


def from_command(command: str) -> Secret:
    """Return the first line that a program prints; the words are split as a shell would.

    No shell runs it, so nothing in it is expanded.
    """
    source = "the program"
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise PasswordSourceFailed(source=source, reason=str(error).lower()) from error
    if not words:
        raise PasswordSourceFailed(source=source, reason=N_("no program was named"))
    source = words[0]
    try:
        # In our session: a pinentry on the terminal needs the terminal.
        done = spawn.run(words, timeout=COMMAND_TIMEOUT_S, new_session=False)
    except TimeoutError as error:
        reason = Phrase(
            "it took longer than {seconds} seconds",
            seconds=round(COMMAND_TIMEOUT_S),
        )
        raise PasswordSourceFailed(source=source, reason=reason) from error
    except OSError as error:
        raise PasswordSourceFailed(source=source, reason=reason_of(error)) from error
    try:
        if done.returncode != 0:
            reason = Phrase("it ended with {status}", status=done.returncode)
            raise PasswordSourceFailed(source=source, reason=reason)
        return checked(_cut(done.stdout))
    finally:
        done.stdout[:] = bytes(len(done.stdout))


def checked(password: Secret) -> Secret:
    """Return `password`, or wipe it and raise PasswordEmpty or PasswordTooLong."""
    if not password:
        raise PasswordEmpty
    if len(password) > MAX_BYTES:
        password.wipe()
        raise PasswordTooLong(limit=MAX_BYTES)
    return password


def _first_line(fd: int, source: str) -> Secret:
    # One byte more than allowed, and one for the newline: enough to tell "too long".
    buffer = bytearray(MAX_BYTES + 2)
    done = 0
    try:
        with memoryview(buffer) as view:
            while done < len(view) and b"\n" not in buffer[:done]:
                got = os.readv(fd, [view[done:]])
                if got == 0:
                    break
                done += got
        return checked(_cut(buffer, done))
    except OSError as error:
        raise PasswordSourceFailed(source=source, reason=reason_of(error)) from error
    finally:
        buffer[:] = bytes(len(buffer))


def _cut(buffer: bytearray, size: int | None = None) -> Secret:
    """Return a copy of the first line of `buffer`; the caller wipes the buffer."""
    end = len(buffer) if size is None else size
    newline = buffer.find(b"\n", 0, end)
    return Secret(buffer[: end if newline < 0 else newline])
