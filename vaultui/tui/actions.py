"""Every action of the application: its id, keys and words, and when it does not apply.

One table feeds the key bindings, the key bar, the command palette and the help. An action
that does not apply now is dim in the bar, and its key says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding

from vaultui.model.language import N_, _
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
    """A few words, and a sentence without its point. Both are shown through `_`, like `group`."""
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
    if status.detail is not None and status.detail.temporary:
        return ""  # it is made to stay
    words = {
        VaultState.OPEN: N_("{name} is open already."),
        VaultState.BUSY: N_("{name} is open already."),
        VaultState.UNLOCKING: N_("{name} is being unlocked."),
        VaultState.LOCKING: N_("{name} is being locked."),
        VaultState.MISSING: N_("The cipher directory of {name} is not there."),
        VaultState.HUNG: N_("{name} hangs: lock it first."),
    }
    return _about(status, words.get(status.state, ""))


def _lock(status: VaultStatus) -> str:
    words = {
        VaultState.LOCKED: N_("{name} is locked already."),
        VaultState.MISSING: N_("{name} is not open."),
        VaultState.UNLOCKING: N_("{name} is being unlocked; Esc in its dialog cancels that."),
        VaultState.BROKEN: N_("{name} is broken: R repairs it."),
    }
    return _about(status, words.get(status.state, ""))


def _needs_open(status: VaultStatus) -> str:
    return "" if status.state in _ALIVE else _about(status, N_("{name} is {state}, not open."))


def _needs_idle_lock(status: VaultStatus) -> str:
    reason = _needs_open(status)
    if not reason and not status.idle_timeout_s:
        return _about(status, N_("{name} has no idle lock."))
    return reason


def _needs_locked(status: VaultStatus) -> str:
    if status.state in _CLOSED or status.state is VaultState.MISSING:
        return ""
    return _about(status, N_("{name} is {state}: lock it first."))


def _needs_volume(status: VaultStatus) -> str:
    missing = status.state is VaultState.MISSING
    return _about(status, N_("The cipher directory of {name} is not there.")) if missing else ""


def _needs_ciphertext(status: VaultStatus) -> str:
    if status.entry.reverse:
        return _about(status, N_("{name} shows a plain directory encrypted: nothing to check."))
    if status.mounted and not status.read_only:
        return _about(status, N_("{name} is open for writing: lock it before a check."))
    return _needs_volume(status)


def _runnable(status: VaultStatus) -> str:
    words = {
        VaultState.UNLOCKING: N_("{name} is being unlocked."),
        VaultState.LOCKING: N_("{name} is being locked."),
        VaultState.MISSING: N_("The cipher directory of {name} is not there."),
        VaultState.HUNG: N_("{name} hangs: lock it first."),
    }
    return _about(status, words.get(status.state, ""))


def _private(status: VaultStatus) -> str:
    if status.state in _ALIVE:
        return _about(status, N_("{name} is open already, so nothing is private; s opens a shell."))
    return _runnable(status)


def _always(_status: VaultStatus) -> str:
    return ""


def _about(status: VaultStatus, message: str) -> str:
    if not message:
        return ""
    return _(message, name=shown(status.entry.name), state=_(status.state.value))


_VAULT, _VAULTS, _VIEW, _PROGRAM = N_("Vault"), N_("Vaults"), N_("View"), N_("Program")

ACTIONS: Final = (
    Action("vault.unlock", "u", N_("Unlock"), N_("Unlock the vault, or those that are marked"),
           _VAULT, _unlock, 2),
    Action("vault.lock", "l", N_("Lock"), N_("Lock the vault, or those that are marked"), _VAULT,
           _lock, 3),
    Action("vault.folder", "o", N_("Open folder"), N_("Show it in the file manager"), _VAULT,
           _needs_open, 9),
    Action("vault.shell", "s", N_("Shell"), N_("Open a shell inside of it"), _VAULT, _needs_open,
           6),
    Action("vault.private-shell", "A", N_("Private shell"),
           N_("Open a shell that alone sees it, while it stays locked for all others"), _VAULT,
           _private),
    Action("vault.run", "r", N_("Run"), N_("Run a command against it"), _VAULT, _runnable, 7),
    Action("vault.copy-path", "y", N_("Copy path"), N_("Copy the path of the mount point"), _VAULT,
           _always),
    Action("vault.processes", "p", N_("Processes"), N_("Show which processes hold it"), _VAULT,
           _needs_open, 10),
    Action("vault.extend", "e", N_("Extend"), N_("Put the idle lock off by 15 minutes"), _VAULT,
           _needs_idle_lock, 8),
    Action("vault.pause", "z", N_("Pause"), N_("Pause the idle lock, or let it run again"), _VAULT,
           _needs_idle_lock),
    Action("vault.repair", "R,f5", N_("Repair"), N_("Refresh; detach the mount of a broken vault"),
           _VAULT, _always),
    Action("vault.keys", "K", N_("Keys"), N_("List its keys: add, try, remove; a recovery key"),
           _VAULT, _needs_volume, 14),
    Action("vault.password", "P", N_("Password"),
           N_("Change its password, or how the key is derived"), _VAULT, _needs_volume),
    Action("vault.forget-password", "F", N_("Forget password"),
           N_("Delete its password from the keyring"), _VAULT, _always),
    Action("vault.info", "v", N_("Volume"),
           N_("Show what it is made of, and keep a copy of its volume config"), _VAULT,
           _needs_volume),
    Action("vault.check", "V", N_("Check"), N_("Read all of it, and report what is damaged"),
           _VAULT, _needs_ciphertext),
    Action("vault.conflicts", "C", N_("Conflicts"), N_("List conflict copies of a sync client"),
           _VAULT, _needs_open),
    Action("vault.settings", "c", N_("Settings"),
           N_("Settings of the vault: when it locks, where it opens, how"), _VAULT, _always),
    Action("vault.favourite", "asterisk", N_("Favourite"),
           N_("Show it before the others, or no longer so"), _VAULT, _always, 0, "*"),
    Action("vault.up", "shift+up,less_than_sign", N_("Move up"), N_("Move it up in the list"),
           _VAULT, _always, 0, "<"),
    Action("vault.down", "shift+down,greater_than_sign", N_("Move down"),
           N_("Move it down in the list"), _VAULT, _always, 0, ">"),
    Action("vault.mark", "space", N_("Mark"),
           N_("Mark it, for u and l with several; Esc clears the marks"), _VAULT, _always),
    Action("vault.forget", "d", N_("Forget"), N_("Take it off the list; its files stay"), _VAULT,
           _needs_locked),
    Action("vault.delete", "D", N_("Delete"), N_("Delete it with all its files"), _VAULT,
           _needs_locked),
    Action("vaults.add", "a", N_("Add"), N_("Add an existing vault"), _VAULTS, None, 5),
    Action("vaults.create", "n", N_("New"), N_("Create a new vault"), _VAULTS, None, 11),
    Action("vaults.import", "i", N_("Import"),
           N_("Take over the lists of SiriKali, Plasma Vault and GNOME Vaults"), _VAULTS),
    Action("vaults.extend", "E", N_("Extend all"),
           N_("Put off every idle lock that was announced"), _VAULTS),
    Action("vaults.lock-all", "L", N_("Lock all"), N_("Lock every open vault"), _VAULTS, None, 12),
    Action("vaults.panic", "exclamation_mark", N_("Panic"),
           N_("Lock everything at once, and end whatever holds a vault"), _VAULTS, None, 0, "!"),
    Action("view.filter", "slash", N_("Filter"),
           N_("Show only the vaults that match; Esc clears"), _VIEW, None, 0, "/"),
    Action("view.freeze", "f", N_("Freeze"), N_("Stop refreshing, or go on"), _VIEW),
    Action("view.maximise", "plus", N_("Maximise"), N_("Give the pane the whole screen"), _VIEW,
           None, 0, "+"),
    Action("app.help", "question_mark,f1", N_("Help"), N_("Show the keys"), _PROGRAM, None, 1,
           "?"),
    Action("app.commands", "colon", N_("Commands"), N_("Search all commands"), _PROGRAM, None, 13,
           "^p"),
    Action("app.settings", "S", N_("Settings"), N_("Settings of the program, and its keys"),
           _PROGRAM),
    Action("app.quit", "q", N_("Quit"), N_("Quit; open vaults stay open"), _PROGRAM, None, 4),
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
        return _("There is no vault yet: n creates one, a adds an existing one.")
    return action.why_not(status)
