"""A client of the control socket for tests: bytes go out, one line comes back."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Asking:
    """One connection, for any number of requests."""

    def __init__(self, path: Path, timeout: float = 20.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))

    def raw(self, data: bytes) -> bytes:
        """Return the line that answers `data`; empty when the connection is closed on us."""
        try:
            self._socket.sendall(data)
            line = b""
            while not line.endswith(b"\n"):
                more = self._socket.recv(1 << 16)
                if not more:
                    break
                line += more
        except (BrokenPipeError, ConnectionResetError):
            return b""
        return line

    def path(self, **request: str) -> dict[str, Any]:
        """Return gocryptfs's reply to a request."""
        reply: dict[str, Any] = json.loads(self.raw(json.dumps(request).encode()))
        return reply

    def ours(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Return our own reply to a request of ours."""
        reply = json.loads(self.raw(json.dumps({"Vaultui": {"type": kind, **fields}}).encode()))
        extension: dict[str, Any] = reply["Vaultui"]
        return extension

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()
