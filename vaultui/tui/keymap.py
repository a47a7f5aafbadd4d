"""The keys of a person's own, by the ids of actions: from the settings, as Textual wants them."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding
from textual.keys import _character_to_key

from vaultui.model.language import _
from vaultui.tui.actions import ACTIONS
from vaultui.tui.moving import MOVES
from vaultui.tui.widgets.detail import TABS

_MOVES = {str(move.id): move.key for move in MOVES if isinstance(move, Binding)}
_TABS = {f"tab.{tab}": str(number) for number, tab in enumerate(TABS, 1)}
_KEYS = {action.id: action.keys for action in ACTIONS} | _MOVES | _TABS
"""What there is to be given other keys, with those that it has by itself."""


def keymap(keys: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of the settings under Textual's names: `/` is "slash", `L` stays "L"."""
    return {
        action: ",".join(_named(key.strip()) for key in _split(text))
        for action, text in keys.items()
        if action in _KEYS
    }


def complaint(keys: Mapping[str, str]) -> str:
    """Return a sentence about the first action that there is not; empty where all are known."""
    unknown = next((action for action in keys if action not in _KEYS), None)
    return (
        ""
        if unknown is None
        else _("The settings give {id} a key: no action is called so.", id=unknown)
    )


def taken_by(key: str, keys: Mapping[str, str]) -> str:
    """Return the id of what a key does by now, with the keys of the settings; empty for nothing."""
    bound = _KEYS | keymap(keys)
    wanted = _named(key)
    return next((of for of, names in bound.items() if wanted in names.split(",")), "")


def _split(text: str) -> list[str]:
    return [text] if text == "," else text.split(",")


def _named(key: str) -> str:
    *modifiers, last = key.split("+") if key != "+" else ("+",)
    return "+".join((*modifiers, _character_to_key(last) if len(last) == 1 else last))
