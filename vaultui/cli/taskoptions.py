"""What the options of `run` and `tasks save` say, as a request."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import Any

from vaultui.cli.session import Session
from vaultui.model.errors import TaskCommandInvalid, TaskOptionInvalid, UsageError
from vaultui.model.language import N_
from vaultui.vaults import Driver, TaskRequest, WrongValue, request_of, values_of
from vaultui.vaults.paths import absolute
from vaultui.vaults.taskvalues import KEYS

_OPTIONS = {"terminal": "--tty"}


def request_given(session: Session) -> TaskRequest:
    """Return what is to be run: a command, or a saved task as it is changed by the options.

    Raises UsageError, TaskOptionInvalid or SavedTaskUnknown.
    """
    arguments = session.arguments
    if arguments.detach and (arguments.interactive or arguments.terminal):
        raise UsageError(what=N_("What is left to itself has no input and no terminal"))
    if arguments.command is not None:
        if arguments.task is not None:
            raise UsageError(what=N_("Give a saved task or a command, not both"))
        _check_words(arguments.command)
        return _from_here(_request({**given(arguments), "command": arguments.command}))
    if arguments.task is None:
        raise UsageError(what=N_("Say what to run: vaultui run NAME -- COMMAND"))
    saved = session.vaults.tasks.saved_task(arguments.name, arguments.task)
    return _request({**values_of(saved), **given(arguments)}, arguments.task)


def request_to_save(arguments: Namespace) -> TaskRequest:
    """Return what is to be saved; raises UsageError or TaskOptionInvalid."""
    if arguments.command is None:
        raise UsageError(what=N_("Say what to save: vaultui tasks save NAME TASK -- COMMAND"))
    _check_words(arguments.command)
    return _request({**given(arguments), "command": arguments.command}, arguments.task)


def given(arguments: Namespace) -> dict[str, Any]:
    """Return the options that were given, by the names that the settings have for them."""
    return {
        key: getattr(arguments, key)
        for key in KEYS
        if key != "command" and getattr(arguments, key) not in (None, False)
    }


def _request(values: dict[str, Any], saved: str = "") -> TaskRequest:
    try:
        return request_of(_with_whole_paths(values), saved)
    except WrongValue as error:
        if error.key == "command":
            raise TaskCommandInvalid(reason=error.args[0]) from error
        option = _OPTIONS.get(error.key, f"--{error.key.replace('_', '-')}")
        texts = error.value if isinstance(error.value, list) else [error.value]
        value = " ".join(map(str, texts))
        raise TaskOptionInvalid(option=option, value=value, reason=error.args[0]) from error


def _check_words(command: list[str]) -> None:
    """Raise TaskCommandInvalid for a whole command line in quotes, as for `sh -c`."""
    if len(command) == 1 and "/" not in command[0] and len(command[0].split()) > 1:
        raise TaskCommandInvalid(reason=N_("all of it is quoted as one word"))


def _from_here(request: TaskRequest) -> TaskRequest:
    """Return a command that begins where we are, as behind sudo or env.

    What has a view of its own begins in the vault, and so does what is saved: it is run from
    elsewhere as well.
    """
    from dataclasses import replace

    if request.workdir or request.driver is not Driver.COMMAND:
        return request
    try:
        return replace(request, workdir=os.getcwd())
    except FileNotFoundError as error:
        here, reason = os.environ.get("PWD", "."), N_("there is no such directory")
        raise TaskOptionInvalid(option="--workdir", value=here, reason=reason) from error


def _with_whole_paths(values: dict[str, Any]) -> dict[str, Any]:
    """Return values whose directories are named from where we are, or in a view from the vault."""
    whole = dict(values)
    if rootfs := whole.get("rootfs"):
        whole["rootfs"] = absolute(rootfs)
    workdir = whole.get("workdir", "/")
    if not workdir.startswith(("/", "${")):
        ours = whole.get("driver", Driver.COMMAND.value) == Driver.COMMAND.value
        whole["workdir"] = absolute(workdir) if ours else f"${{VAULT_MOUNT}}/{workdir}"
    return whole
