"""A secret that must be read by a person once: the master key of a new vault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from vaultui.model.secret import Secret
from vaultui.tui.glyphs import Glyphs

_GROUP = 8
_GROUPS_PER_LINE = 4


class SecretText(Widget):
    """Shows bytes as hexadecimal digits in groups of eight.

    It cannot be selected or copied, shows dots in a screenshot, and wipes the secret when it
    goes. The digits exist as text only while they are drawn.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    SecretText { width: auto; height: auto; color: $accent; text-style: bold; padding: 1 2; }
    """

    def __init__(self, glyphs: Glyphs, secret: Secret, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._glyphs = glyphs
        self._secret = secret
        self._hidden = False

    def hide(self, hidden: bool) -> None:
        """Show dots instead of the digits, or the digits again."""
        self._hidden = hidden
        self.refresh()

    def ends_with(self, typed: str) -> bool:
        """Return whether `typed` is the last group of digits, in either case."""
        with self._secret.view as view:
            return typed.strip().lower() == view[-_GROUP // 2 :].hex() and bool(typed.strip())

    def render(self) -> Content:
        with self._secret.view as view:
            digits = self._glyphs.secret * (2 * len(view)) if self._hidden else view.hex()
        groups = [digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP)]
        lines = (
            " ".join(groups[start : start + _GROUPS_PER_LINE])
            for start in range(0, len(groups), _GROUPS_PER_LINE)
        )
        return Content("\n".join(lines))

    def on_unmount(self) -> None:
        self._secret.wipe()


@contextmanager
def hidden_secrets(screen: Screen[Any]) -> Iterator[None]:
    """Hide every secret on a screen while its picture is taken."""
    secrets = list(screen.query(SecretText))
    for secret in secrets:
        secret.hide(True)
    try:
        yield
    finally:
        for secret in secrets:
            secret.hide(False)
