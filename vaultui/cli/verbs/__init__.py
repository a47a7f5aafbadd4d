"""The verbs, one module for each group; `find` imports the one that is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from vaultui.cli.session import Session

Verb = Callable[[Session], int]

_MODULES = {
    "seeing": ("list", "status", "activity", "ps", "path", "conflicts"),
    "opening": ("unlock", "repair", "extend", "pause"),
    "locking": ("lock", "panic"),
    "subshell": ("shell",),
    "running": ("run",),
    "tasks": ("tasks",),
    "knowing": ("add", "create"),
    "volume": ("info",),
    "checking": ("check",),
    "keys": ("slots", "passwd"),
    "recovery": ("recovery",),
    "settings": ("settings", "order"),
    "importing": ("import",),
    "removing": ("forget", "forget-password", "delete", "uninstall"),
    "automation": ("at-login",),
    "machine": ("doctor", "locate", "install-desktop", "completion"),
}


def find(verb: str) -> Verb:
    """Return the function of a verb, which returns the exit code."""
    for module, names in _MODULES.items():
        if verb in names:
            found = importlib.import_module(f"vaultui.cli.verbs.{module}")
            return cast("Verb", getattr(found, verb.replace("-", "_") + "_verb"))
    raise AssertionError(f"{verb} has no module")
