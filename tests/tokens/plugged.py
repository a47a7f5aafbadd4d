"""Software tokens that programs see as /dev/hidrawN: CTAPHID (section 11.2) over a socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from pathlib import Path
from typing import Final

from authenticator import ERR, Authenticator, Refused

REPORT: Final = 64
_INIT, _CBOR, _CANCEL, _KEEPALIVE, _ERROR = 0x86, 0x90, 0x91, 0xBB, 0xBF
_CHANNEL: Final = 0x00C0FFEE
_PROCESSING, _WAITS_FOR_TOUCH = 1, 2
_KEEPALIVE_S: Final = 0.1


class Finger:
    """Who touches the token: at once, when told to, or never."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.is_there.set()
        self.is_awaited = threading.Event()
        self.gives_up = False
        """The token's patience ends at once."""


class PluggedToken:
    """A token in the place of /dev/hidrawN, until `unplug`."""

    def __init__(self, sockets: Path, name: str, authenticator: Authenticator) -> None:
        self.device = f"/dev/{name}"
        self.authenticator = authenticator
        self.finger = Finger()
        self.was_cancelled = threading.Event()
        self._is_pulled = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(sockets / name))
        self._listener.listen()
        self._path = sockets / name
        self._thread = threading.Thread(target=self._accept, name=name)
        self._thread.start()

    def unplug(self) -> None:
        """Take the device away. Whoever has it open reads its end."""
        self._path.unlink(missing_ok=True)
        self._is_pulled.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(ConnectionError, BrokenPipeError):
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        while message := self._receive(connection):
            channel, command, data = message
            if command == _INIT:
                answer = struct.pack(">8sIBBBBB", data, _CHANNEL, 2, 5, 0, 0, 0x04 | 0x08)
            elif command == _CBOR:
                answer = self.authenticator.answer(data, lambda: self._wait(connection))
            elif command == _CANCEL:
                continue
            else:
                command, answer = _ERROR, bytes([ERR.INVALID_COMMAND])
            self._send(connection, channel, command, answer)

    def _receive(self, connection: socket.socket) -> tuple[int, int, bytes] | None:
        packet = connection.recv(2 * REPORT)
        if not packet:
            return None
        # The first byte of what is written to hidraw is the number of the report: none here.
        assert len(packet) == 1 + REPORT
        assert packet[0] == 0
        channel, command, size = struct.unpack_from(">IBH", packet, 1)
        data = packet[8:]
        while len(data) < size:
            data += connection.recv(2 * REPORT)[6:]
        return channel, command, data[:size]

    def _send(self, connection: socket.socket, channel: int, command: int, data: bytes) -> None:
        head = struct.pack(">IBH", channel, command, len(data))
        connection.send((head + data[: REPORT - len(head)]).ljust(REPORT, b"\0"))
        rest = data[REPORT - len(head) :]
        for number, start in enumerate(range(0, len(rest), REPORT - 5)):
            head = struct.pack(">IB", channel, number)
            connection.send((head + rest[start : start + REPORT - 5]).ljust(REPORT, b"\0"))

    def _wait(self, connection: socket.socket) -> None:
        """Wait for the finger, and say so ten times a second; sections 11.2.9.1.5 and .7."""
        finger = self.finger
        while not self._is_pulled.is_set():
            if self._is_cancelled(connection):
                self.was_cancelled.set()
                raise Refused(ERR.KEEPALIVE_CANCEL)
            # Whoever has gone may have cancelled before.
            with contextlib.suppress(BrokenPipeError):
                self._send(connection, _CHANNEL, _KEEPALIVE, bytes([_WAITS_FOR_TOUCH]))
            finger.is_awaited.set()
            if finger.gives_up:
                raise Refused(ERR.USER_ACTION_TIMEOUT)
            if finger.is_there.wait(_KEEPALIVE_S):
                return
        raise ConnectionResetError

    def _is_cancelled(self, connection: socket.socket) -> bool:
        """Tell whether CANCEL has come. Raises ConnectionAbortedError when nothing can come."""
        while True:
            try:
                packet = connection.recv(2 * REPORT, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                continue  # told once, where our last words were not read; theirs are behind it
            if not packet:
                raise ConnectionAbortedError
            return packet[5] == _CANCEL


class Bus:
    """Where tokens are plugged in."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets
        self._tokens: list[PluggedToken] = []

    def plug(self, authenticator: Authenticator | None = None) -> PluggedToken:
        name = f"hidraw{len(self._tokens)}"
        token = PluggedToken(self._sockets, name, authenticator or Authenticator())
        self._tokens.append(token)
        return token

    def clear(self) -> None:
        for token in self._tokens:
            with contextlib.suppress(OSError):
                token.unplug()
        self._tokens.clear()
