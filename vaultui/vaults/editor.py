"""The editor of the person's choice, for the settings file."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Final

from vaultui.model.errors import LaunchFailed
from vaultui.model.language import Phrase
from vaultui.vaults import foreground

_USUAL: Final = ("editor", "sensible-editor", "nano", "vi")


async def edit(path: str) -> int:
    """Open a file in the editor, on this terminal, and return the editor's exit status.

    VISUAL and EDITOR may hold options, too. Raises LaunchFailed where there is no editor.
    """
    words = editor()
    if not words:
        reason = Phrase("no editor was found; set EDITOR to yours")
        raise LaunchFailed(program="editor", step="exec", reason=reason)
    return await foreground.run([*words, path], program=words[0])


def editor() -> list[str]:
    """Return the command of the editor; empty where there is none."""
    for variable in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(os.environ.get(variable, ""))
        except ValueError:  # a quotation without end
            continue
        if words and shutil.which(words[0]):
            return words
    return next(([program] for program in _USUAL if shutil.which(program)), [])
