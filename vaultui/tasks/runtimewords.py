"""What OCI runtimes print when a container has no such program, or may not execute it.

No runtime or engine has another way to tell; the clients of engines make their exit codes 126 and
127 of these words as well.
"""

from __future__ import annotations

import re
from typing import Final

from vaultui.model.errors import TaskCommandNotExecutable, TaskCommandNotFound, VaultuiError
from vaultui.model.language import N_

_NO_SUCH_PROGRAM: Final = re.compile(
    r"executable file (?:`[^`]*` )?not found|exec: \S+: stat \S+: no such file or directory"
)
_NO_PROGRAM: Final = re.compile(r"exec: \S+: (?:permission denied|is a directory)|open executable")


def about_program(program: str, words: str, raw: str) -> VaultuiError | None:
    """Return what runc or crun says of `program` in `words`, or None if it is something else."""
    unquoted = words.replace('"', "")
    if _NO_SUCH_PROGRAM.search(unquoted):
        return TaskCommandNotFound(program=program, raw=raw)
    if _NO_PROGRAM.search(unquoted):
        reason = N_("Permission denied")
        return TaskCommandNotExecutable(program=program, reason=reason, raw=raw)
    return None
