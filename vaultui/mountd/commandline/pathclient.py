"""`-encrypt-paths` and `-decrypt-paths`: asking the control socket of a mount, line by line."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from typing import Final

from vaultui.linux import unixsocket
from vaultui.linux.errnos import reason_of
from vaultui.model.exitcodes import ExitCode
from vaultui.model.terminaltext import quoted
from vaultui.wire.control import MAX_REQUEST

_ANSWER_S: Final = 10.0
"""gocryptfs's own client waits as long."""
_STEP: Final = 1 << 16


class _Refused(Exception):
    """The answer to one path is an error; the text says which."""


def translate_paths(socket_path: str, *, decrypt: bool, separator: bytes = b"\n") -> ExitCode:
    """Print the translation of each path on standard input, as the mount behind the socket
    knows it.

    Complaints go to standard error with the number of the line, and make the answer USAGE;
    a path that has no translation leaves no line in the output.
    """
    field = "DecryptPath" if decrypt else "EncryptPath"
    answer = ExitCode.OK
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_S)
            with unixsocket.address(socket_path) as address:
                connection.connect(address)
            for number, path in enumerate(_pieces(0, separator), 1):
                where = f"at input line {number} {quoted(os.fsdecode(path))}"
                try:
                    result, warning = _ask(connection, field, path)
                except _Refused as refusal:
                    answer = ExitCode.USAGE
                    print(f"error {where}: {refusal}", file=sys.stderr)
                    continue
                if warning:
                    print(f"warning {where}: {warning}", file=sys.stderr)
                # Whoever asks through a pipe, one path at a time, waits for this one.
                sys.stdout.buffer.write(result + separator)
                sys.stdout.buffer.flush()
    except OSError as error:
        print(f"fatal: {socket_path}: {reason_of(error)}", file=sys.stderr)
        return ExitCode.USAGE
    return answer


def _pieces(fd: int, separator: bytes) -> Iterator[bytes]:
    """Yield what `fd` gives, cut at `separator`, each piece as soon as it is there."""
    rest = b""
    while data := os.read(fd, _STEP):
        *whole, rest = (rest + data).split(separator)
        yield from whole
    if rest:
        yield rest


def _ask(connection: socket.socket, field: str, path: bytes) -> tuple[bytes, str]:
    """Return the translation of `path` and a warning, which is mostly empty."""
    # Bytes that are not UTF-8 travel as lone surrogates, in JSON's escapes.
    request = json.dumps({field: os.fsdecode(path)}).encode("ascii")
    if len(request) > MAX_REQUEST:
        raise _Refused("the path is too long for a request")
    connection.sendall(request)
    line = b""
    while not line.endswith(b"\n"):
        data = connection.recv(_STEP)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "it closed the connection")
        line += data
    try:
        reply = json.loads(line)
        failed, result = reply["ErrNo"], reply["Result"]
        why, warning = str(reply["ErrText"]), str(reply["WarnText"])
        translated = os.fsencode(result)
    except (ValueError, TypeError, KeyError):
        raise OSError(errno.EPROTO, "its answer cannot be understood") from None
    if failed:
        raise _Refused(f"errno {failed}: {why}")
    return translated, warning
