"""How keys of vaults, and what became of them, read on the screen."""

from __future__ import annotations

import time

from vaultui.tui.glyphs import Glyphs
from vaultui.tui.wording import shown
from vaultui.vaults import Compatibility, KeysChanged, SavedPassword, SlotInfo

_KINDS = {
    "password": "password",
    "key-file": "key file",
    "password+key-file": "password + key file",
    "recovery-key": "recovery key",
    "fido2-token": "FIDO2 token",
}
WITH_KEY_FILE = frozenset({"key-file", "password+key-file"})
"""The kinds of keys that a file is a part of."""

_COMPATIBILITY = {
    Compatibility.UNCHANGED: "",
    Compatibility.LOST: "gocryptfs does not open it from now on.",
    Compatibility.REGAINED: "gocryptfs opens it again.",
}
_SAVED = {
    SavedPassword.UNTOUCHED: "",
    SavedPassword.REPLACED: "The saved password is replaced as well.",
    SavedPassword.DELETED: "The saved password opened nothing any more, and is deleted.",
    SavedPassword.STALE: "The saved password opens nothing any more, and could not be replaced.",
}


def kind_in_words(kind: str) -> str:
    """Return a kind of key in words; of a kind that is not known, its name."""
    return _KINDS.get(kind, shown(kind))


def made_on(slot: SlotInfo, glyphs: Glyphs) -> str:
    """Return the day on which a key was made, 10 cells wide, where that is known."""
    if not slot.created:
        return glyphs.none
    return time.strftime("%Y-%m-%d", time.localtime(slot.created))


def key_in_words(slot: SlotInfo) -> str:
    """Return a key as a sentence names it: recovery key “in the safe”, made 2026-11-22."""
    parts = [kind_in_words(slot.kind)]
    if slot.label:
        parts[0] += f" “{shown(slot.label)}”"
    if slot.created:
        parts.append(time.strftime("made %Y-%m-%d", time.localtime(slot.created)))
    return ", ".join(parts)


def compatibility_in_words(compatibility: Compatibility) -> str:
    """Return what a change means for gocryptfs as a sentence; nothing where it means nothing."""
    return _COMPATIBILITY[compatibility]


def change_in_words(changed: KeysChanged) -> str:
    """Return what a change of keys brought with it, in as many sentences as that takes."""
    sentences = [_COMPATIBILITY[changed.compatibility], _SAVED[changed.saved]]
    if changed.problem is not None:
        sentences.append(shown(changed.problem.summary))
    return " ".join(filter(None, sentences))
