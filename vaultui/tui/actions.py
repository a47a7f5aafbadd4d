"""Every action of the application: its id, keys and words, and when it does not apply.

One table feeds the key bindings, the key bar, the command palette and the help. An action
that does not apply now is dim in the bar, and its key says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding

from vaultui.model.states import VaultState
from vaultui.tui.wording import shown
from vaultui.vaults import VaultStatus

_ALIVE = frozenset({VaultState.OPEN, VaultState.BUSY})
_CLOSED = frozenset({VaultState.LOCKED, VaultState.BROKEN})


@dataclass(frozen=True)
class Action:
    """`why_not` returns a sentence, or an empty text when the action applies to a vault."""

    id: str
    """Stable: a keymap names actions by it."""
    keys: str
    label: str
    help: str
    group: str
    why_not: Callable[[VaultStatus], str] | None = None
    """None for an action that needs no vault."""
    rank: int = 0
    """Place in the key bar; the highest ranks go first when there is no room. 0: not there."""
    key_text: str = ""
    """How the keys are shown; else the first of them."""

    @property
    def shown_key(self) -> str:
        return self.key_text or self.keys.partition(",")[0]


def _unlock(status: VaultStatus) -> str:
    name = shown(status.entry.name)
    return {
        VaultState.OPEN: f"{name} is open already.",
        VaultState.BUSY: f"{name} is open already.",
        VaultState.UNLOCKING: f"{name} is being unlocked.",
        VaultState.LOCKING: f"{name} is being locked.",
        VaultState.MISSING: f"The cipher directory of {name} is not there.",
        VaultState.HUNG: f"{name} hangs: lock it first.",
    }.get(status.state, "")


def _lock(status: VaultStatus) -> str:
    name = shown(status.entry.name)
    return {
        VaultState.LOCKED: f"{name} is locked already.",
        VaultState.MISSING: f"{name} is not open.",
        VaultState.UNLOCKING: f"{name} is being unlocked; Esc in its dialog cancels that.",
        VaultState.BROKEN: f"{name} is broken: R repairs it.",
    }.get(status.state, "")


def _needs_open(status: VaultStatus) -> str:
    if status.state in _ALIVE:
        return ""
    return f"{shown(status.entry.name)} is {status.state.value}, not open."


def _needs_idle_lock(status: VaultStatus) -> str:
    reason = _needs_open(status)
    if not reason and not status.idle_timeout_s:
        reason = f"{shown(status.entry.name)} has no idle lock."
    return reason


def _forget(status: VaultStatus) -> str:
    if status.state in _CLOSED or status.state is VaultState.MISSING:
        return ""
    return f"{shown(status.entry.name)} is {status.state.value}: lock it first."


def _keys(status: VaultStatus) -> str:
    if status.state is VaultState.MISSING:
        return f"The cipher directory of {shown(status.entry.name)} is not there."
    return ""


def _always(_status: VaultStatus) -> str:
    return ""


ACTIONS: Final = (
    Action("vault.unlock", "u", "Unlock", "Unlock the vault", "Vault", _unlock, 2),
    Action("vault.lock", "l", "Lock", "Lock the vault", "Vault", _lock, 3),
    Action("vault.folder", "o", "Open folder", "Show it in the file manager", "Vault",
           _needs_open, 6),
    Action("vault.copy-path", "y", "Copy path", "Copy the path of the mount point", "Vault",
           _always),
    Action("vault.processes", "p", "Processes", "Show which processes hold it", "Vault",
           _needs_open, 8),
    Action("vault.extend", "e", "Extend", "Put the idle lock off by 15 minutes", "Vault",
           _needs_idle_lock, 7),
    Action("vault.pause", "z", "Pause", "Pause the idle lock, or let it run again", "Vault",
           _needs_idle_lock),
    Action("vault.repair", "R,f5", "Repair", "Refresh; detach the mount of a broken vault",
           "Vault", _always),
    Action("vault.keys", "K", "Keys", "List its keys: add, try, remove; a recovery key", "Vault",
           _keys, 12),
    Action("vault.password", "P", "Password", "Change its password, or how the key is derived",
           "Vault", _keys),
    Action("vault.conflicts", "C", "Conflicts", "List conflict copies of a sync client", "Vault",
           _needs_open),
    Action("vault.forget", "d", "Forget", "Take it off the list; its files stay", "Vault",
           _forget),
    Action("vaults.add", "a", "Add", "Add an existing vault", "Vaults", None, 5),
    Action("vaults.create", "n", "New", "Create a new vault", "Vaults", None, 9),
    Action("vaults.lock-all", "L", "Lock all", "Lock every open vault", "Vaults", None, 10),
    Action("view.filter", "slash", "Filter", "Show only the vaults that match; Esc clears",
           "View", None, 0, "/"),
    Action("view.freeze", "f", "Freeze", "Stop refreshing, or go on", "View"),
    Action("view.maximise", "plus", "Maximise", "Give the pane the whole screen", "View", None,
           0, "+"),
    Action("app.help", "question_mark,f1", "Help", "Show the keys", "Program", None, 1, "?"),
    Action("app.commands", "colon", "Commands", "Search all commands", "Program", None, 11, "^p"),
    Action("app.quit", "q", "Quit", "Quit; open vaults stay open", "Program", None, 4),
)  # fmt: skip

BY_ID: Final = {action.id: action for action in ACTIONS}


def bindings() -> list[Binding]:
    """Return the key bindings of a screen that shows vaults."""
    return [
        Binding(action.keys, f"perform('{action.id}')", action.help, id=action.id, show=False)
        for action in ACTIONS
    ]


def refusal(action: Action, status: VaultStatus | None) -> str:
    """Return why `action` does not apply to what is selected, or an empty text."""
    if action.why_not is None:
        return ""
    if status is None:
        return "There is no vault yet: n creates one, a adds an existing one."
    return action.why_not(status)
