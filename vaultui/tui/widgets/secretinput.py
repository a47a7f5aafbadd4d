"""The field for passwords: a buffer that can be wiped, and nothing that leaves it as text.

Textual's own `Input` keeps its value as `str`, hands it out in messages, and copies and cuts
it to the clipboard even when it shows bullets. Here the characters go into one bytearray of
fixed size, which never moves, is overwritten on every deletion, and leaves the field only as
a `Secret`.

Keys arrive one character at a time, and a paste in a buffer: see `tui.quietdriver`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from vaultui.model.language import _
from vaultui.model.secret import Secret
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.quietdriver import QuietPaste
from vaultui.tui.veil import Veil
from vaultui.vaults.protection import lock_buffer

CAPACITY = 2048
"""Bytes of UTF-8: the longest password that gocryptfs takes."""


class SecretInput(Widget, can_focus=True):
    """One line of bullets. It can be typed and pasted into, and cleared; not copied.

    F3 shows what is typed, for the long keys that are read off a paper.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Go on", show=False),
        Binding("backspace,ctrl+h", "delete_left", "Delete the last character", show=False),
        Binding("ctrl+u,ctrl+w,ctrl+k,delete", "clear", "Clear", show=False),
        Binding("f3", "reveal", "Show what is typed, or hide it", show=False),
        # Taken here so that the keys for copying do not reach the screen or the application.
        Binding("ctrl+c,super+c,ctrl+x", "refuse", "Passwords are not copied", show=False),
    ]
    DEFAULT_CSS = """
    SecretInput { height: 1; width: 1fr; background: $panel; color: $foreground; }
    SecretInput:focus { background: $primary 18%; }
    """

    class _About(Message):
        """A message about a field; the password is not in it."""

        def __init__(self, field: SecretInput) -> None:
            self.field = field
            super().__init__()

        @property
        def control(self) -> SecretInput:
            return self.field

    class Submitted(_About):
        """Enter was pressed."""

    class Changed(_About):
        """A character came or went."""

    def __init__(
        self,
        glyphs: Glyphs,
        placeholder: str = "",
        *,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._placeholder = placeholder
        self._buffer = bytearray(CAPACITY)
        lock_buffer(self._buffer)  # best effort: out of swap, if the limits allow it
        self._used = 0
        self._characters = 0
        self._veil: Veil | None = None
        """Over what is typed, while that is shown."""
        self._hidden = False

    @property
    def is_empty(self) -> bool:
        return self._used == 0

    def take(self) -> Secret:
        """Return what was typed as a secret that the caller wipes, and empty the field."""
        secret = self.copy()
        self.wipe()
        return secret

    def copy(self) -> Secret:
        """Return the same, and keep what was typed: it is wiped with the field at the latest."""
        return Secret(bytearray(memoryview(self._buffer)[: self._used]))

    def equals(self, other: SecretInput) -> bool:
        """Return whether two fields hold the same, without taking it out of them."""
        mine, theirs = memoryview(self._buffer), memoryview(other._buffer)
        return self._used == other._used and mine[: self._used] == theirs[: other._used]

    def wipe(self) -> None:
        """Overwrite the buffer and show an empty field."""
        self._buffer[:] = bytes(CAPACITY)
        self._used = self._characters = 0
        self.refresh()

    def hide(self, hidden: bool) -> None:
        """Show bullets whatever the person wants to see, or no more."""
        self._hidden = hidden
        self.refresh()

    def hint(self, text: str) -> None:
        """Show another text while the field is empty."""
        self._placeholder = text
        self.refresh()

    def _append(self, data: bytes | memoryview) -> None:
        if self._used + len(data) > CAPACITY:
            self.app.bell()
            self.notify(
                _("A password has at most {limit} bytes.", limit=CAPACITY),
                severity="warning",
                markup=False,
            )
            return
        self._buffer[self._used : self._used + len(data)] = data
        self._used += len(data)
        self._characters += sum(byte & 0xC0 != 0x80 for byte in data)  # their first bytes in UTF-8
        self._changed()

    def _changed(self) -> None:
        self.refresh()
        self.post_message(self.Changed(self))

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character:
            event.stop()
            event.prevent_default()
            self._append(event.character.encode("utf-8", "surrogateescape"))

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        if not isinstance(event, QuietPaste):  # without a terminal, as in tests
            event = QuietPaste(Secret(bytearray(event.text, "utf-8")))
        with event.content as content, content.view as view:
            end = next((i for i, byte in enumerate(view) if byte in b"\r\n\0"), len(view))
            if end:
                self._append(view[:end])

    def action_submit(self) -> None:
        self.post_message(self.Submitted(self))

    def action_delete_left(self) -> None:
        while self._used:
            self._used -= 1
            byte = self._buffer[self._used]
            self._buffer[self._used] = 0
            if byte & 0xC0 != 0x80:  # the first byte of a character in UTF-8
                self._characters -= 1
                break
        self._changed()

    def action_clear(self) -> None:
        self.wipe()
        self._changed()

    def action_reveal(self) -> None:
        if self._veil is None:
            self._veil = Veil()
        else:
            self._conceal()
        self.refresh()

    def _conceal(self) -> None:
        veil, self._veil = self._veil, None
        if veil is not None:
            veil.lift()

    def action_refuse(self) -> None:
        self.notify(_("Passwords are not copied."), markup=False)

    def render(self) -> Content:
        if not self._used and not self.has_focus:
            return Content.assemble((f" {self._placeholder}", "$muted"))
        room = max(0, self.size.width - 3)
        # The number of bullets stops telling the length where the field ends.
        dots = self._glyphs.secret * min(self._characters, room)
        if self._veil is not None and not self._hidden:
            dots = self._end_of_text(self._veil, room)
        cursor = (" ", "reverse") if self.has_focus else ("", "")
        hint = f" {self._placeholder}" if not self._used else ""
        return Content.assemble(" ", dots, cursor, (hint, "$muted"))

    def _end_of_text(self, veil: Veil, room: int) -> str:
        """Return stand-ins for the end of what was typed, as much of it as fits."""
        with memoryview(self._buffer) as view:
            bounds = [at for at in range(self._used) if view[at] & 0xC0 != 0x80] + [self._used]
            # One at a time: a string of them all could not be wiped.
            letters = [
                str(view[start:end], "utf-8", "replace")
                for start, end in pairwise(bounds[-room - 1 :])
            ]
        # What takes two cells, or none, or controls the terminal, is no letter of a password.
        shown = [letter if cell_len(letter) == 1 else "?" for letter in letters]
        return veil.cover(bytes(range(len(shown))), shown)

    def on_unmount(self) -> None:
        self._conceal()
        self.wipe()
