"""Paths as the settings file has them, and the id that follows from one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from vaultui.model.ids import VaultId


def id_of_place(cipherdir: str) -> VaultId:
    """Return the id of a vault that was written by hand without one.

    It follows from the cipher directory, so that it stays when the vault is renamed.
    """
    return VaultId(hashlib.sha256(os.fsencode(cipherdir)).hexdigest()[:16])


def path_to_text(path: str) -> str:
    """Return an absolute path as the settings file has it.

    A path that is not UTF-8 cannot stand in TOML and becomes a file: URL, with its bytes as
    percent escapes.
    """
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "file://" + quote_from_bytes(os.fsencode(path))
    home = str(Path.home())
    if home != "/" and path.startswith(home + "/"):
        return "~" + path[len(home) :]
    return path


def path_from_text(text: str) -> str | None:
    """Return the absolute path that `path_to_text` wrote; None when it is not one."""
    if text.startswith("file:///"):
        text = os.fsdecode(unquote_to_bytes(text.removeprefix("file://")))
        return None if "\0" in text else text
    if text.startswith("~/"):
        text = str(Path.home()) + text[1:]
    if not text.startswith("/") or "\0" in text:
        return None
    # Not resolved: a link in the path stays what the person wrote.
    return os.path.normpath(text)
