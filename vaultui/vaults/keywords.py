"""Keys, and what became of them, in the words of a person."""

from __future__ import annotations

import time
from typing import Final

from vaultui.model.language import N_, _
from vaultui.vaults.keys import Compatibility, KeysChanged
from vaultui.vaults.savedpassword import SavedPassword
from vaultui.wire.oneshot import SlotInfo

_KINDS: Final = {
    "password": N_("password"),
    "key-file": N_("key file"),
    "password+key-file": N_("password and key file"),
    "recovery-key": N_("recovery key"),
    "fido2-token": N_("FIDO2 token"),
}
_COMPATIBILITY: Final = {
    Compatibility.UNCHANGED: "",
    Compatibility.LOST: (
        N_(
            "gocryptfs does not open it from now on, until one password under scrypt is all that "
            "is left."
        )
    ),
    Compatibility.REGAINED: N_("It is in the format of gocryptfs again, which opens it."),
}
_SAVED: Final = {
    SavedPassword.UNTOUCHED: "",
    SavedPassword.REPLACED: N_("The saved password is replaced as well."),
    SavedPassword.DELETED: N_("The saved password opened nothing any more, and is deleted."),
    SavedPassword.STALE: N_("The saved password could not be replaced in the keyring."),
}


def kind_in_words(kind: str) -> str:
    """Return a kind of key in words; of a kind that is not known, its name."""
    return _(_KINDS.get(kind, kind))


def made_on(slot: SlotInfo) -> str:
    """Return the day on which a key was made, here; empty where it is not known."""
    return time.strftime("%Y-%m-%d", time.localtime(slot.created)) if slot.created else ""


def key_in_words(slot: SlotInfo) -> str:
    """Return a key as a sentence names it: recovery key “in the safe”, made 2026-11-22."""
    label = f" “{slot.label}”" if slot.label else ""
    made = _(", made {day}", day=made_on(slot)) if slot.created else ""
    return f"{kind_in_words(slot.kind)}{label}{made}"


def compatibility_in_words(compatibility: Compatibility) -> str:
    """Return what a change means for gocryptfs as a sentence; nothing where it means nothing."""
    return _(_COMPATIBILITY[compatibility])


def change_in_words(changed: KeysChanged) -> str:
    """Return what a change of keys brought with it, in as many sentences as that takes."""
    sentences = [_(_COMPATIBILITY[changed.compatibility]), _(_SAVED[changed.saved])]
    if changed.problem is not None:
        sentences.append(changed.problem.summary)
    return " ".join(filter(None, sentences))
