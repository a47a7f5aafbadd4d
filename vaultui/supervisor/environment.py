"""What a backend inherits of the environment: names that are listed here, and no others.

A process that holds keys is not steered by LD_PRELOAD or PYTHONPATH of whoever started the
front end, and nothing that a shell exported by mistake lands in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from vaultui.model.switches import SWITCHES

_NAMES: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ"),
        *("LANG", "LANGUAGE", "XDG_RUNTIME_DIR", "XDG_SESSION_ID"),
        *("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"),
        *SWITCHES,
    }
)


def backend_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of `environ` that a backend gets, and a PATH in any case."""
    kept = {
        name: value for name, value in environ.items() if name in _NAMES or name.startswith("LC_")
    }
    kept.setdefault("PATH", os.defpath)
    return kept
