"""Filling in variables: ${VAULT_MOUNT}, ${VAULT_NAME}, ${TASK_DIR}, and those of the request.

Nothing is split, and no shell looks at it: a word stays one word, whatever a value has in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from vaultui.model.errors import TaskCommandInvalid
from vaultui.model.language import N_

MOUNT: Final = "VAULT_MOUNT"
NAME: Final = "VAULT_NAME"
TASK_DIR: Final = "TASK_DIR"
_ONE_WORD: Final = (MOUNT, NAME, TASK_DIR)

_VARIABLE: Final = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with each ${NAME} of `values` replaced by its value.

    Any other ${NAME} stays as it is, for the program to see; so does, without its first
    dollar sign, $${NAME} of a name that would be replaced.
    """

    def value(match: re.Match[str]) -> str:
        escaped, name = match.groups()
        if name not in values:
            return match[0]
        return match[0][1:] if escaped else values[name]

    return _VARIABLE.sub(value, text)


def environment_of(env: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a request with `own` filled into their values, and `own` itself.

    One variable does not stand for another: their order means nothing.
    """
    return {name: filled_in(value, own) for name, value in env.items()} | dict(own)


def command_of(command: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Return a command with everything filled in; raises TaskCommandInvalid.

    The name of the program has to be one word afterwards, too. What stands for a path, or for
    a name that the vault has, may have spaces and is one word all the same.
    """
    if not command:
        raise TaskCommandInvalid(reason=N_("there is none"))
    program = filled_in(command[0], values)
    given = [
        values[name]
        for escaped, name in _VARIABLE.findall(command[0])
        if name in values and name not in _ONE_WORD and not escaped
    ]
    if not program.strip():
        raise TaskCommandInvalid(reason=N_("the name of the program is empty"))
    if any(len(value.split()) > 1 for value in given):
        raise TaskCommandInvalid(reason=N_("what stands for the program is more than one word"))
    return (program, *(filled_in(word, values) for word in command[1:]))
