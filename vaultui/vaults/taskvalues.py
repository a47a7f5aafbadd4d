"""A task request as plain values by name: those of the settings file, and of the shell's options.

    [vault.tasks.Backup]
    command = "restic backup ${VAULT_MOUNT}"
    limit = "memory=1G,time=2h"

Both sides spell what they have in the same words, and what is wrong is told in the same words.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from vaultui.model.errors import TaskNameInvalid, VaultNameInvalid
from vaultui.model.language import N_, Phrase
from vaultui.tasks.request import KNOWN, Surroundings, TaskRequest
from vaultui.vaults.duration import format_duration, parse_duration
from vaultui.vaults.entry import check_name
from vaultui.vaults.placetext import path_from_text
from vaultui.vaults.tasktext import (
    check_variable,
    format_bind,
    format_limits,
    parse_bind,
    parse_limits,
    parse_pairs,
)
from vaultui.wire.tasks import Driver

_CALM: Final = re.compile(r"[\w${}/.,:=@%+-]+", re.ASCII)
"""A word that shlex takes for itself."""
_FIELDS: Final = {
    "add_host": "add_hosts",
    "bind": "binds",
    "label": "labels",
    "namespace": "namespaces",
}
"""Fields of Surroundings that are called otherwise than their values here, of which each is one."""
_AROUND: Final = {name: name for name in vars(Surroundings()) if name not in _FIELDS.values()}
_AROUND.update(_FIELDS)


class WrongValue(ValueError):
    """A value that can't be: its key, and in `args` the reason in words."""

    def __init__(self, key: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.value = value


def check_task_name(name: str) -> None:
    """Raise TaskNameInvalid unless a task can be saved under this name, as a vault could be."""
    try:
        check_name(name)
    except VaultNameInvalid as error:
        raise TaskNameInvalid(name=repr(name), reason=error.details["reason"]) from error


def request_of(values: Mapping[str, Any], saved: str = "") -> TaskRequest:
    """Return the request that the values mean; raises WrongValue. `saved` is its name there."""
    read: dict[str, Any] = {}
    for key, value in values.items():
        reader = _READERS.get(key)
        if reader is None:
            raise WrongValue(key, value, Phrase("a task has no setting called {key}", key=key))
        try:
            read[key] = reader(key, value)
        except ValueError as error:
            raise WrongValue(key, value, error.args[0]) from error
    if "command" not in read:
        raise WrongValue("command", "", Phrase("this task has no {key}", key="command"))
    around = {_AROUND[key]: read.pop(key) for key in list(read) if key in _AROUND}
    limits, rlimits = read.pop("limit", parse_limits(()))
    grace_s = read.pop("grace", TaskRequest.grace_s)
    request = TaskRequest(
        **read,
        around=Surroundings(**around),
        limits=limits,
        rlimits=rlimits,
        grace_s=grace_s,
        saved=saved,
    )
    _check_known(request, values)
    return request


def values_of(request: TaskRequest) -> dict[str, Any]:
    """Return the values that `request_of` reads back; what is left out is at its default."""
    default = TaskRequest(command=())
    values: dict[str, Any] = {"command": _command_value(request.command)}
    if request.driver is not default.driver:
        values["driver"] = request.driver.value
    for key in ("title", "private", "read_only", "interactive", "terminal", "workdir"):
        if getattr(request, key) != getattr(default, key):
            values[key] = getattr(request, key)
    if request.env:
        values["env"] = dict(request.env)
    if limits := format_limits(request.limits, request.rlimits):
        values["limit"] = limits
    if request.grace_s != default.grace_s:
        values["grace"] = format_duration(request.grace_s)
    for key, field in _AROUND.items():
        value = getattr(request.around, field)
        if value != getattr(default.around, field):
            values[key] = _plain(value)
    return values


def _plain(value: Any) -> Any:
    """Return a field of Surroundings as TOML has it."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return [one if isinstance(one, str) else format_bind(one) for one in value]
    return value


def _command_value(command: tuple[str, ...]) -> str | list[str]:
    """Return a command as one text, where no word of it needs a quote."""
    return " ".join(command) if all(map(_CALM.fullmatch, command)) else list(command)


def _check_known(request: TaskRequest, values: Mapping[str, Any]) -> None:
    """Raise WrongValue where something is asked of a driver that it can't do."""
    driver = request.driver
    for key, field in _AROUND.items():
        if key in values and field not in KNOWN[driver]:
            others = ", ".join(other.value for other in Driver if field in KNOWN[other])
            reason = Phrase(
                "the driver {driver} has no use for it; it is for {others}",
                driver=driver.value,
                others=others,
            )
            raise WrongValue(key, values[key], reason)
    if driver is Driver.ENGINE and not request.around.image:
        raise WrongValue("driver", driver.value, N_("it needs an image"))
    if driver is Driver.OCI and not request.around.rootfs:
        raise WrongValue("driver", driver.value, N_("it needs a rootfs"))


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(Phrase("{key} is a text in quotes", key=key))
    return value


def _switch(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(Phrase("{key} is true or false, without quotes", key=key))
    return value


def _texts(key: str, value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(t and isinstance(t, str) for t in texts):
        raise ValueError(Phrase("{key} is a list of words, each in quotes", key=key))
    return tuple(texts)


def _table(key: str, value: object) -> dict[str, str]:
    """Return a table of texts; the shell gives the list of its NAME=value."""
    if not isinstance(value, dict):
        return parse_pairs(_texts(key, value))
    if not all(isinstance(text, str) for text in value.values()):
        raise ValueError(Phrase('{key} is a table, as in {{ NAME = "value" }}', key=key))
    return value


def _variables(key: str, value: object) -> dict[str, str]:
    variables = _table(key, value)
    for name, text in variables.items():
        check_variable(name)
        if "\0" in text:
            raise ValueError(Phrase("{key} is a text in quotes", key=name))
    return variables


def _command(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ValueError(N_("a quote in the command is not closed")) from error
    elif isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        words = list(value)
    else:
        raise ValueError(Phrase("{key} is a text in quotes, or a list of them", key=key))
    if not words or not words[0].strip():
        raise ValueError(N_("the command is empty"))
    if any("\0" in word for word in words):
        raise ValueError(N_("a word of the command has a zero byte"))
    return tuple(words)


def _driver(key: str, value: object) -> Driver:
    try:
        return Driver(value)
    except ValueError as error:
        choices = ", ".join(driver.value for driver in Driver)
        raise ValueError(Phrase("{key} is one of {choices}", key=key, choices=choices)) from error


def _path(key: str, value: object) -> str:
    path = path_from_text(_text(key, value))
    if path is None:
        raise ValueError(Phrase("{key} is a path that begins with / or ~/", key=key))
    return path


def _place(key: str, value: object) -> str:
    """Return a directory as the task sees it, which may begin with a variable."""
    return _text(key, value) if str(value).startswith("${") else _path(key, value)


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "command": _command,
    "driver": _driver,
    "title": _text,
    "private": _switch,
    "read_only": _switch,
    "interactive": _switch,
    "terminal": _switch,
    "env": _variables,
    "limit": lambda key, value: parse_limits(_texts(key, value)),
    "grace": lambda key, value: parse_duration(_text(key, value)),
    "workdir": _place,
    "user": _text,
    "rootfs": _path,
    "image": _text,
    "at": _path,
    "network": _text,
    "namespace": _texts,
    "dns": _texts,
    "dns_search": _texts,
    "add_host": _texts,
    "publish": _texts,
    "label": _table,
    "hostname": _text,
    "bind": lambda key, value: tuple(parse_bind(text) for text in _texts(key, value)),
    "seccomp": _text,
    "privileged": _switch,
    "runtime": _text,
}
KEYS: Final = tuple(_READERS)
"""The names of the values, in the order of the manual."""
