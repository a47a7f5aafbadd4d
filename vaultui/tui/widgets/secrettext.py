"""Secrets that a person must read once: the master key of a new vault, a recovery key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Protocol, TypeVar, cast

from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from vaultui.model.secret import Secret
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.veil import Veil

_HEXADECIMAL = b"0123456789abcdef"
_Part = TypeVar("_Part")


class ShownSecret(Widget):
    """Owns a secret and shows it until it goes; then the secret is wiped.

    It cannot be selected or copied, and shows nothing of the secret in a screenshot. As text
    the secret is there for the terminal alone: it is drawn behind a veil.
    """

    ALLOW_SELECT = False

    def __init__(self, glyphs: Glyphs, secret: Secret, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._glyphs = glyphs
        self._secret = secret
        self._veil = Veil()
        self._hidden = False

    def hide(self, hidden: bool) -> None:
        """Show something in the place of the secret, or the secret again."""
        self._hidden = hidden
        self.refresh()

    def on_unmount(self) -> None:
        self._veil.lift()
        self._secret.wipe()


class MasterKeyText(ShownSecret):
    """Shows a master key as hexadecimal digits, in groups of eight."""

    DEFAULT_CSS = """
    MasterKeyText { width: auto; height: auto; color: $accent; text-style: bold; padding: 1 2; }
    """
    _GROUP = 8
    _GROUPS_PER_LINE = 4

    def ends_with(self, typed: Secret) -> bool:
        """Return whether `typed` is the last group of digits, in either case."""
        with self._digits() as digits, digits.view as view, typed.view as given:
            # The letters among the digits differ from their capitals in this bit, the others not.
            small = bytearray(byte | 0x20 for byte in given)
            same = small == view[-self._GROUP :]
            small[:] = bytes(len(small))
            return same

    def _digits(self) -> Secret:
        """Return the hexadecimal digits, for the caller to wipe."""
        with self._secret.view as view:
            nibbles = (nibble for byte in view for nibble in (byte >> 4, byte & 15))
            digits = bytearray(2 * len(view))
            for place, nibble in enumerate(nibbles):
                digits[place] = _HEXADECIMAL[nibble]
        return Secret(digits)

    def render(self) -> Content:
        with self._digits() as secret, secret.view as view:
            digits = self._veil.cover(view)
        if self._hidden:
            digits = self._glyphs.secret * len(digits)
        groups = [
            digits[start : start + self._GROUP] for start in range(0, len(digits), self._GROUP)
        ]
        return Content("\n".join(" ".join(line) for line in _lines(groups, self._GROUPS_PER_LINE)))


class RecoveryKeyText(ShownSecret):
    """Shows a recovery key in its groups, which are numbered as messages about mistakes are."""

    DEFAULT_CSS = """
    RecoveryKeyText { width: auto; height: auto; padding: 1 2; }
    """
    _GROUPS_PER_LINE = 5

    def render(self) -> Content:
        with self._secret.view as view:
            drawn = self._veil.cover(view)
            between = [place for place, byte in enumerate(view) if byte == ord("-")]
        groups = [drawn[start + 1 : end] for start, end in pairwise((-1, *between, len(drawn)))]
        if self._hidden:
            groups = [self._glyphs.secret * len(group) for group in groups]
        cells = [
            Content.assemble((f"{number:>2} ", "$muted"), (group, "bold $accent"))
            for number, group in enumerate(groups, 1)
        ]
        lines = (Content("   ").join(line) for line in _lines(cells, self._GROUPS_PER_LINE))
        return Content("\n").join(lines)


def _lines(parts: list[_Part], length: int) -> Iterator[list[_Part]]:
    for start in range(0, len(parts), length):
        yield parts[start : start + length]


class _Hideable(Protocol):
    def hide(self, hidden: bool) -> None: ...


@contextmanager
def hidden_secrets(screens: Sequence[Screen[Any]]) -> Iterator[None]:
    """Hide every secret on these screens while a picture is taken of them."""

    def hide(hidden: bool) -> None:
        for screen in screens:
            for widget in screen.query("ShownSecret, SecretInput"):
                cast("_Hideable", widget).hide(hidden)
            # A dialog keeps a picture of what lies behind it.
            screen.refresh()

    hide(True)
    try:
        yield
    finally:
        hide(False)
