"""The conversation between the front end and its keyring helper.

    front end                                        keyring helper
        │ ── KeyringRequest on standard input ──▶         │
        │ ── the password, for SAVE ──▶                   │
        │ ◀── KeyringAnswer  or  Failed(error) ───────────│  then end of file
        │ ◀── the password, for GET that found one ───────│

The helper lives for one request: a keyring that hangs is ended with its process, which
could not be done to a thread.
"""

from __future__ import annotations

from enum import Enum

from vaultui.model.records import record


class KeyringOperation(Enum):
    GET = "get"
    SAVE = "save"
    DELETE = "delete"
    CLEAR = "clear"
    """Delete every password of ours, of vaults that nobody knows any more, too."""
    STATE = "state"


@record(frozen=True)
class KeyringRequest:
    operation: KeyringOperation
    account: str = ""
    """The vault's id: a saved password survives a renaming."""
    vault_name: str = ""
    """For words only."""
    may_prompt: bool = False
    """Something here can ask a person for the keyring's own password."""


@record(frozen=True)
class KeyringAnswer:
    keyring: str
    """The name that a person knows it by."""
    found: bool = False
    """For GET and DELETE: there was one."""
    count: int = 0
    """For CLEAR: how many there were."""
    locked: bool = False
    """For STATE: it has to be unlocked first."""
