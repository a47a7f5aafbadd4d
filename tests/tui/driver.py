"""Driving the application as a person does: keys in, the text of the screen out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from support import eventually
from textual._context import visible_screen_stack
from textual.pilot import Pilot

from vaultui.tui.app import VaultuiApp
from vaultui.tui.veil import unveiled

Running = Callable[..., AbstractAsyncContextManager["Driver"]]


class Clock:
    """A clock that a test moves. Standing still, it keeps countdowns and spinners in place."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Driver:
    """The running application, and what a person does with it and sees of it."""

    pilot: Pilot[None]

    def __init__(self, app: VaultuiApp, clock: Clock) -> None:
        self.app = app
        self.clock = clock
        self.toasts: list[str] = []
        """What notifications said, newest last; they leave the screen after a while."""
        notify = app.notify

        def heard(message: str, **options: Any) -> None:
            self.toasts.append(message)
            notify(message, **options)

        app.notify = heard

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type text, letter by letter."""
        await self.press(*(_KEY_NAMES.get(character, character) for character in text))

    @property
    def text(self) -> str:
        """What the screen in front shows: a dialog without what lies behind it, or all of it."""
        # Textual says this before each picture. What an earlier one left may be screens that are
        # gone by now, or that would be drawn behind each other without an end.
        visible_screen_stack.set(self.app._background_screens)
        lines = self.app.screen._compositor.render_strips()
        boxes = self.app.screen.query(".dialog").results()
        box = next((box.region for box in boxes if box.display), None)
        if box is not None:
            lines = [line.crop(box.x, box.right) for line in lines[box.y : box.bottom]]
        return unveiled("\n".join(line.text for line in lines)).decode()

    @property
    def flat_text(self) -> str:
        """The same in one line, so that a sentence is found however it was wrapped."""
        return " ".join(self.text.replace("│", " ").replace("|", " ").split())

    async def sees(self, text: str, within: float = 20.0) -> None:
        """Wait until the screen in front shows `text`."""
        try:
            await eventually(lambda: text in self.flat_text, within)
        except AssertionError:
            raise AssertionError(f"{text!r} did not appear on\n{self.text}") from None
        await self.pilot.pause()

    async def loses(self, text: str, within: float = 20.0) -> None:
        """Wait until the screen in front shows `text` no more."""
        await eventually(lambda: text not in self.flat_text, within, f"{text!r} goes")
        await self.pilot.pause()

    async def hears(self, text: str, within: float = 20.0) -> None:
        """Wait until a notification says `text`."""
        try:
            await eventually(lambda: any(text in toast for toast in self.toasts), within)
        except AssertionError:
            raise AssertionError(f"{text!r} is not in {self.toasts}") from None

    async def comes_to(self, screen: str, within: float = 20.0) -> None:
        """Wait until the screen with this id is in front."""
        try:
            await eventually(lambda: self.app.screen.id == screen, within)
        except AssertionError:
            shown = f"{self.app.screen.id}, with {self.toasts}\n{self.text}"
            raise AssertionError(f"{screen!r} did not come; in front is {shown}") from None
        await self.pilot.pause()


_KEY_NAMES = {" ": "space", "/": "slash", ".": "full_stop", "-": "minus", "~": "tilde",
              "[": "left_square_bracket", "]": "right_square_bracket"}  # fmt: skip
