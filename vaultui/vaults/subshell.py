"""A shell of the person's own inside of an open vault, on the terminal that we are on.

The child itself goes to the mount point: this process never touches one, since it may hang.
"""

from __future__ import annotations

import os
import pwd
from typing import Final

from vaultui.vaults import foreground

VARIABLE: Final = "VAULTUI_VAULT"
"""Set to the vault's name in the shell, for prompts and scripts."""

_ENTER: Final = 'cd -- "$1" && exec "$2"'


def in_shell() -> str:
    """Return the name of the vault whose shell started this program; empty outside of one."""
    return os.environ.get(VARIABLE, "")


async def run(name: str, directory: str) -> int:
    """Run a shell in `directory` to its end and return its exit status; raises LaunchFailed."""
    shell = os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    names = {VARIABLE: name}
    if os.path.basename(shell) == "bash":
        # The prompt of Debian's and Ubuntu's bash shows it. That of fish would call it a chroot.
        names["debian_chroot"] = name
    argv = ["/bin/sh", "-c", _ENTER, "sh", directory, shell]
    return await foreground.run(argv, program=shell, env=names)
