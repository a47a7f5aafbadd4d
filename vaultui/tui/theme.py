"""The colours, in four themes. No state is told by colour alone: glyph and word stand beside it.

`ansi` takes the sixteen colours of the terminal as its owner has chosen them. With NO_COLOR it
is used as well, and Textual then leaves even those away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

from vaultui.model.language import N_
from vaultui.model.states import VaultState

_DARK: Final = Theme(
    name="dark",
    primary="#5eb8b0",
    secondary="#7d9cc6",
    accent="#e0af68",
    success="#8fce8b",
    warning="#e8b75a",
    error="#f0737d",
    foreground="#d9dfe7",
    background="#10141b",
    surface="#151b24",
    panel="#1d2530",
    dark=True,
    variables={
        "muted": "#8593a3",
        "button-focus-text-style": "bold underline",
        "button-color-foreground": "#10141b",
        "border": "#5eb8b0",
        "border-blurred": "#34404f",
        "block-cursor-foreground": "#eef4f8",
        "block-cursor-background": "#24505a",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#212b37",
        "block-cursor-blurred-foreground": "#d9dfe7",
        "block-cursor-blurred-text-style": "none",
        "input-cursor-background": "#d9dfe7",
        "input-cursor-foreground": "#10141b",
        "input-selection-background": "#5eb8b0 35%",
        "scrollbar": "#34404f",
        "scrollbar-background": "#151b24",
        "scrollbar-corner-color": "#151b24",
    },
)

_LIGHT: Final = Theme(
    name="light",
    primary="#0b6b66",
    secondary="#3a639b",
    accent="#8a4b00",
    success="#1f6f34",
    warning="#8a5200",
    error="#b3202c",
    foreground="#1d2733",
    background="#f7f9fb",
    surface="#ffffff",
    panel="#e6ebf0",
    dark=False,
    variables={
        "muted": "#586675",
        "button-focus-text-style": "bold underline",
        "button-color-foreground": "#ffffff",
        "border": "#0b6b66",
        "border-blurred": "#b6c1cc",
        "block-cursor-foreground": "#10202c",
        "block-cursor-background": "#bfe0dd",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e1e8ee",
        "block-cursor-blurred-foreground": "#1d2733",
        "block-cursor-blurred-text-style": "none",
        "input-cursor-background": "#1d2733",
        "input-cursor-foreground": "#ffffff",
        "input-selection-background": "#0b6b66 30%",
        "scrollbar": "#b6c1cc",
        "scrollbar-background": "#eef2f5",
        "scrollbar-corner-color": "#eef2f5",
    },
)

_HIGH_CONTRAST: Final = Theme(
    name="high-contrast",
    primary="#66e0ff",
    secondary="#9fc8ff",
    accent="#ffd700",
    success="#5dff8f",
    warning="#ffd700",
    error="#ff8a8a",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
    variables={
        "muted": "#d0d0d0",
        "button-focus-text-style": "bold underline",
        "button-color-foreground": "#000000",
        "border": "#ffd700",
        "border-blurred": "#9a9a9a",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-background": "#0046b8",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#3a3a3a",
        "block-cursor-blurred-foreground": "#ffffff",
        "block-cursor-blurred-text-style": "none",
        "input-cursor-background": "#ffffff",
        "input-cursor-foreground": "#000000",
        "input-selection-background": "#0046b8",
        "scrollbar": "#ffffff",
        "scrollbar-background": "#3a3a3a",
        "scrollbar-corner-color": "#3a3a3a",
    },
)

_ANSI: Final = Theme(
    name="ansi",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_blue",
    accent="ansi_yellow",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        # Grey would be unreadable in some palettes on a light ground, in others on a dark one.
        "muted": "ansi_default",
        "border": "ansi_cyan",
        "border-blurred": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "block-cursor-blurred-foreground": "ansi_default",
        "block-cursor-blurred-background": "ansi_default",
        "block-cursor-blurred-text-style": "underline",
        "block-hover-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-background": "ansi_default",
        "input-cursor-text-style": "reverse",
        "input-selection-foreground": "ansi_default",
        "input-selection-background": "ansi_default",
        "button-focus-text-style": "reverse",
        "button-color-foreground": "ansi_default",
        "scrollbar": "ansi_cyan",
        "scrollbar-background": "ansi_default",
        "scrollbar-corner-color": "ansi_default",
    },
)

THEMES: Final = (_DARK, _LIGHT, _HIGH_CONTRAST, _ANSI)
"""The first is what is taken where nobody chose."""

THEME_WORDS: Final[Mapping[str, str]] = {
    "dark": N_("Dark"),
    "light": N_("Light"),
    "high-contrast": N_("High contrast"),
    "ansi": N_("The colours of the terminal"),
}

COLOURLESS: Final = _ANSI.name

STATE_COLOURS: Final[dict[VaultState, str]] = {
    VaultState.LOCKED: "$muted",
    VaultState.UNLOCKING: "$accent",
    VaultState.OPEN: "$success",
    VaultState.BUSY: "$warning",
    VaultState.LOCKING: "$accent",
    VaultState.MISSING: "$warning",
    VaultState.BROKEN: "$error",
    VaultState.HUNG: "$error",
}
"""Names of theme variables, so that another theme recolours the states too."""


def rich_colour(variables: Mapping[str, str], name: str) -> str:
    """Return the colour of a theme variable, `$muted`, as Rich knows it; empty for none.

    Cells of tables and lines of logs are Rich text, which has neither variables nor Textual's
    names for the colours of the terminal.
    """
    return variables.get(name.removeprefix("$"), "").removeprefix("ansi_")
