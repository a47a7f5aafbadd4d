"""OCI runtimes, runc and crun for two: which one there is, and the commands that all of them know.

What these do is written in the OCI runtime specification, under "Operations".
"""

from __future__ import annotations

import os
import re
import shutil
from typing import Final

from vaultui.linux import spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import ContainerNotCreated, RuntimeMissing, VaultuiError
from vaultui.model.language import N_, Phrase
from vaultui.tasks.containers.spec import PID_FILE, STATE_DIR, ContainerSpec
from vaultui.tasks.runtimewords import about_program

KNOWN: Final = ("runc", "crun")
"""In the order in which they are looked for."""

_OF_ROOT: Final = "/usr/local/sbin:/usr/sbin:/sbin"
_ANSWER_S: Final = 20.0
_LOGGED: Final = re.compile(
    r'^time="[^"]*" level=(?:error|fatal) msg="((?:[^"\\]|\\.)*)"', re.MULTILINE
)
"""A line of runc's, which writes its words as logfmt does."""
_MOST_WORDS: Final = 300


def found(asked: str) -> tuple[str, ...]:
    """Return the runtime's path, and what it is always told; raises RuntimeMissing.

    `asked` is a name or a path, or empty for the first of KNOWN that is installed.
    """
    if not asked:
        names = " ".join(KNOWN)
        path = next(filter(None, map(_which, KNOWN)), None)
        if path is None:
            raise RuntimeMissing(runtime=Phrase("neither of {names} is on PATH", names=names))
    else:
        path = _which(asked)
        if path is None:
            raise RuntimeMissing(runtime=Phrase("{program} is no program", program=asked))
    path = os.path.abspath(path)
    try:
        said = spawn.run((path, "--version"), timeout=_ANSWER_S)
    except (OSError, TimeoutError) as error:
        reason = reason_of(error)
        raise RuntimeMissing(runtime=f"{path}: {reason}") from error
    # It would make a group of its own at the top of the tree, where no limit of ours holds.
    options = ("--cgroup-manager=disabled",) if said.stdout.startswith(b"crun ") else ()
    return (path, *options)


def _which(program: str) -> str | None:
    """Return where a program is, also among those for root, which not every user has on PATH."""
    return shutil.which(program) or shutil.which(program, path=_OF_ROOT)


def create_command(spec: ContainerSpec, console: str) -> tuple[str, ...]:
    """Return what makes the container, up to where its program waits for `start`.

    `console` is the socket for its terminal, empty for none.
    """
    return (
        *_to(spec, "create"),
        f"--bundle={spec.bundle}",
        f"--pid-file={os.path.join(spec.bundle, PID_FILE)}",
        *((f"--console-socket={console}",) if console else ()),
        spec.container_id,
    )


def start_command(spec: ContainerSpec) -> tuple[str, ...]:
    return (*_to(spec, "start"), spec.container_id)


def delete_command(spec: ContainerSpec) -> tuple[str, ...]:
    """Return what kills the container if it runs, and takes away all that is left of it.

    It may be run again, and where there is nothing.
    """
    return (*_to(spec, "delete"), "--force", spec.container_id)


def failure_of(spec: ContainerSpec, printed: str) -> VaultuiError:
    """Return the error for a container that there was none of, after what the runtime printed."""
    logged = [re.sub(r"\\(.)", r"\1", words) for words in _LOGGED.findall(printed)]
    lines = logged or [line for line in printed.splitlines() if line.strip()]
    words = lines[-1].strip() if lines else ""
    if (error := about_program(spec.command[0], words, raw=printed)) is not None:
        return error
    maker = os.path.basename(spec.runtime[0])
    reason = words[-_MOST_WORDS:] or N_("it said nothing")
    return ContainerNotCreated(maker=maker, reason=reason, raw=printed)


def _to(spec: ContainerSpec, verb: str) -> tuple[str, ...]:
    return (*spec.runtime, f"--root={os.path.join(spec.bundle, STATE_DIR)}", verb)
