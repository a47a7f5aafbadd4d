"""A shell of the person's own inside of an open vault, on the terminal that we are on.

The shell goes to the mount point, or a child that becomes it: this process never touches one,
since it may hang. A private shell is a task with a terminal of its own.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from vaultui.vaults import foreground
from vaultui.vaults.key import Key
from vaultui.vaults.outcomes import UnlockOptions
from vaultui.vaults.unlocking import StepReport

if TYPE_CHECKING:
    from vaultui.vaults.service import Vaults

VARIABLE: Final = "VAULTUI_VAULT"
"""Set to the vault's name in the shell, for prompts and scripts."""

_ENTER: Final = 'cd -- "$1" && exec "$2"'


def in_shell() -> str:
    """Return the name of the vault whose shell started this program; empty outside of one."""
    return os.environ.get(VARIABLE, "")


async def run(name: str, directory: str) -> int:
    """Run a shell in `directory` to its end and return its exit status; raises LaunchFailed."""
    shell = _own_shell()
    argv = ["/bin/sh", "-c", _ENTER, "sh", directory, shell]
    return await foreground.run(argv, program=shell, env=_names(name, shell))


async def run_privately(
    vaults: Vaults,
    name: str,
    key: Key,
    options: UnlockOptions,
    *,
    on_step: StepReport | None,
    on_open: Callable[[], None],
) -> int:
    """Run a shell that has the vault for itself to its end and return its exit status.

    `on_open` is called when it is about to be seen. Raises what starting a task raises.
    """
    # Late: a shell in a vault that is open needs none of it.
    from vaultui.tasks.request import TaskRequest
    from vaultui.vaults import terminaltask
    from vaultui.vaults.taskstatus import exit_code_of

    shell = _own_shell()
    request = TaskRequest((shell,), private=True, terminal=True, env=_names(name, shell))
    status = await terminaltask.run(
        vaults, name, request, key, options=options, on_step=on_step, on_open=on_open
    )
    assert status.end is not None
    return exit_code_of(status.end)


def _own_shell() -> str:
    return os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"


def _names(name: str, shell: str) -> dict[str, str]:
    """Return what the environment of the shell has of its vault."""
    names = {VARIABLE: name}
    if os.path.basename(shell) == "bash":
        # The prompt of Debian's and Ubuntu's bash shows it. That of fish would call it a chroot.
        names["debian_chroot"] = name
    return names
