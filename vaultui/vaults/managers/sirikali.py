"""SiriKali's favourites: one JSON file each, below SiriKali/favorites of the configuration.

It does not say of which kind a vault is, and looks into the directory itself. Passwords can
stand in these files; what we do not name here is not kept. From its src/favorites.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vaultui.linux.errnos import reason_of
from vaultui.model.language import Phrase
from vaultui.vaults.managers.listed import Homes, Listed, contents

NAME = "SiriKali"

_FLATPAK = "io.github.mhogomchungu.sirikali"
_TEXTS = {
    "volumePath": "cipherdir",
    "mountPointPath": "mountpoint",
    "configFilePath": "config_path",
    "keyFilePath": "key_file",
    "idleTimeOut": "idle_timeout",
}
"""Its names of what is text, and ours."""


def read(homes: Homes) -> Iterator[Listed]:
    """Yield the favourites, by the names of their files."""
    for config in homes.configs(_FLATPAK):
        for file in sorted((config / "SiriKali" / "favorites").glob("*.json")):
            try:
                favourite = json.loads(contents(file))
                if not isinstance(favourite, dict):
                    raise ValueError
                yield _listed(favourite)
            except OSError as error:
                yield Listed(NAME, file.name, problem=reason_of(error))
            except (ValueError, RecursionError):
                yield Listed(NAME, file.name, problem=Phrase("it is not JSON as it should be"))


def _listed(favourite: dict[str, Any]) -> Listed:
    texts = {ours: _text(favourite, theirs) for theirs, ours in _TEXTS.items()}
    return Listed(
        NAME,
        name="",
        reverse=favourite.get("reverseMode") is True,
        # Three states: "true", "false", and empty for what was never asked.
        read_only=_text(favourite, "mountReadOnly") == "true",
        **texts,
    )


def _text(favourite: dict[str, Any], key: str) -> str:
    value = favourite.get(key, "")
    if not isinstance(value, str):
        raise ValueError(key)
    return value
