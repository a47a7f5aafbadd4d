"""The colours. Every state has one, and never only one: its glyph and its word stand beside it."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

from vaultui.model.states import VaultState

VAULTUI: Final = Theme(
    name="vaultui",
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

VARIABLE_DEFAULTS: Final = {"muted": "#808890"}
"""What other themes do not define; a grey that reads on dark and on light."""

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
