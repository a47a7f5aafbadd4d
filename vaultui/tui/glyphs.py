"""Every character that draws something, in two sets: Unicode, and plain ASCII for `--ascii`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vaultui.model.states import VaultState

_SPARKS = ("▁▂▃▄▅▆▇█", "_.:-=+*#")
_BAR = (("▓", "░"), ("#", "-"))
_SPINNER = ("◐◓◑◒", "|/-\\")
_TASKS = {
    "starting": ("◐", "~"),
    "running": ("●", "*"),
    "stopping": ("◑", "~"),
    "ended": ("○", "-"),
    "lost": ("✖", "x"),
}


@dataclass(frozen=True)
class Glyphs:
    """One set; `ascii` chooses which."""

    ascii: bool = False

    def state(self, state: VaultState) -> str:
        """Return the one character that stands for a state."""
        return state.ascii_glyph if self.ascii else state.glyph

    def task(self, state: str) -> str:
        """Return the one character that stands for a task that has not ended, or got lost."""
        return _TASKS[state][self.ascii]

    @property
    def yes(self) -> str:
        return "+" if self.ascii else "✓"

    @property
    def no(self) -> str:
        return "x" if self.ascii else "✖"

    @property
    def warn(self) -> str:
        return "!" if self.ascii else "▲"

    @property
    def star(self) -> str:
        """What a favourite has before its name."""
        return "*" if self.ascii else "★"

    @property
    def none(self) -> str:
        """What stands where there is nothing to say."""
        return "-" if self.ascii else "—"

    @property
    def dot(self) -> str:
        """Between two facts on one line."""
        return "|" if self.ascii else "·"

    @property
    def secret(self) -> str:
        """One typed character of a password."""
        return "*" if self.ascii else "•"

    @property
    def ellipsis(self) -> str:
        """What replaces text that was cut off; one cell wide in both sets."""
        return "~" if self.ascii else "…"

    @property
    def turners(self) -> tuple[str, str]:
        """What stands left and right of a value that the arrow keys change."""
        return ("<", ">") if self.ascii else ("‹", "›")

    def spinner(self, seconds: float) -> str:
        """Return the frame for a wait of `seconds`: eight frames a second."""
        frames = _SPINNER[self.ascii]
        return frames[int(seconds * 8) % len(frames)]

    def bar(self, fraction: float, width: int) -> tuple[str, str]:
        """Return the filled and the empty part of a bar; anything above 0 fills one cell."""
        fraction = min(1.0, max(0.0, fraction))
        filled = round(fraction * width) or int(fraction > 0)
        full, empty = _BAR[self.ascii]
        return full * filled, empty * (width - filled)

    def sparkline(self, values: Sequence[float], width: int) -> str:
        """Return `width` cells, the newest value on the right, scaled to the highest one."""
        levels = _SPARKS[self.ascii]
        recent = list(values)[-width:]
        top = max(recent, default=0.0)
        drawn = (
            levels[min(len(levels) - 1, round(value / top * (len(levels) - 1)))]
            if top > 0
            else levels[0]
            for value in recent
        )
        return "".join(drawn).rjust(width, levels[0])
