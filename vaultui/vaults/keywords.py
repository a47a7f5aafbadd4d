"""Keys, and what became of them, in the words of a person."""

from __future__ import annotations

import time
from typing import Final

from vaultui.vaults.keys import Compatibility, KeysChanged
from vaultui.vaults.savedpassword import SavedPassword
from vaultui.wire.oneshot import SlotInfo

_KINDS: Final = {
    "password": "password",
    "key-file": "key file",
    "password+key-file": "password and key file",
    "recovery-key": "recovery key",
    "fido2-token": "FIDO2 token",
}
_COMPATIBILITY: Final = {
    Compatibility.UNCHANGED: "",
    Compatibility.LOST: (
        "gocryptfs does not open it from now on, until one password under scrypt is all that "
        "is left."
    ),
    Compatibility.REGAINED: "It is in the format of gocryptfs again, which opens it.",
}
_SAVED: Final = {
    SavedPassword.UNTOUCHED: "",
    SavedPassword.REPLACED: "The saved password is replaced as well.",
    SavedPassword.DELETED: "The saved password opened nothing any more, and is deleted.",
    SavedPassword.STALE: "The saved password could not be replaced in the keyring.",
}


def kind_in_words(kind: str) -> str:
    """Return a kind of key in words; of a kind that is not known, its name."""
    return _KINDS.get(kind, kind)


def made_on(slot: SlotInfo) -> str:
    """Return the day on which a key was made, here; empty where it is not known."""
    return time.strftime("%Y-%m-%d", time.localtime(slot.created)) if slot.created else ""


def key_in_words(slot: SlotInfo) -> str:
    """Return a key as a sentence names it: recovery key “in the safe”, made 2026-11-22."""
    label = f" “{slot.label}”" if slot.label else ""
    made = f", made {made_on(slot)}" if slot.created else ""
    return f"{kind_in_words(slot.kind)}{label}{made}"


def compatibility_in_words(compatibility: Compatibility) -> str:
    """Return what a change means for gocryptfs as a sentence; nothing where it means nothing."""
    return _COMPATIBILITY[compatibility]


def change_in_words(changed: KeysChanged) -> str:
    """Return what a change of keys brought with it, in as many sentences as that takes."""
    sentences = [_COMPATIBILITY[changed.compatibility], _SAVED[changed.saved]]
    if changed.problem is not None:
        sentences.append(changed.problem.summary)
    return " ".join(filter(None, sentences))
