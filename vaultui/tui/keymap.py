"""The keys of a person's own, by the ids of actions: from the settings, as Textual wants them."""

from __future__ import annotations

from collections.abc import Mapping

from textual.keys import _character_to_key

from vaultui.model.language import _
from vaultui.tui.actions import BY_ID
from vaultui.tui.moving import MOVES
from vaultui.tui.widgets.detail import TABS

_IDS = frozenset((*BY_ID, *(f"tab.{tab}" for tab in TABS), *(move.id for move in MOVES if move.id)))


def keymap(keys: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of the settings under Textual's names: `/` is "slash", `L` stays "L"."""
    return {
        action: ",".join(_named(key.strip()) for key in _split(text))
        for action, text in keys.items()
        if action in _IDS
    }


def complaint(keys: Mapping[str, str]) -> str:
    """Return a sentence about the first action that there is not; empty where all are known."""
    unknown = next((action for action in keys if action not in _IDS), None)
    return (
        ""
        if unknown is None
        else _("The settings give {id} a key: no action is called so.", id=unknown)
    )


def _split(text: str) -> list[str]:
    return [text] if text == "," else text.split(",")


def _named(key: str) -> str:
    *modifiers, last = key.split("+") if key != "+" else ("+",)
    return "+".join((*modifiers, _character_to_key(last) if len(last) == 1 else last))
