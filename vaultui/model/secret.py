"""Bytes that must not outlive their use."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Final, NoReturn, Self

_DIGITS: Final = b"0123456789abcdef"


class Secret:
    """A passphrase or key in a buffer that is wiped when the secret is no longer needed.

    The buffer is handed out as a memoryview, so that using it makes no copy; whoever
    makes one (a `bytes` for a library that insists) keeps it as short as it can. Neither
    text nor representation shows the content, and it can't be pickled or copied.
    """

    __slots__ = ("_buffer",)

    guard: ClassVar[Callable[[bytearray], object] | None] = None
    """Called with the buffer of each new secret, to keep it out of swap for instance."""

    def __init__(self, buffer: bytearray) -> None:
        """Take ownership of `buffer`: it is wiped with the secret."""
        self._buffer = buffer
        if Secret.guard is not None:
            Secret.guard(buffer)

    @property
    def view(self) -> memoryview:
        """The content; release it before `wipe`."""
        return memoryview(self._buffer)

    def copy(self) -> Secret:
        """Return an independent secret with the same content, for a second user of it."""
        return Secret(bytearray(self._buffer))

    def hexadecimal(self) -> Secret:
        """Return the content as hexadecimal digits in ASCII, which were never text."""
        digits = bytearray(2 * len(self._buffer))
        for place, byte in enumerate(self._buffer):
            digits[2 * place] = _DIGITS[byte >> 4]
            digits[2 * place + 1] = _DIGITS[byte & 15]
        return Secret(digits)

    def wipe(self) -> None:
        """Overwrite the content with zeros and empty the secret. Safe to call twice."""
        buffer, self._buffer = self._buffer, bytearray()
        # In place: an assignment of a slice of equal length does not move the buffer.
        buffer[:] = bytes(len(buffer))

    def __len__(self) -> int:
        return len(self._buffer)

    def __bool__(self) -> bool:
        return bool(self._buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.wipe()

    def __del__(self) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return f"<Secret of {len(self._buffer)} bytes>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret does not leave its process this way")
