"""The list of Vaults, the GNOME application: user_config_v2.toml, before that user_config.toml.

In the first a table is called by a UUID and has a name in it, in the second it is called by the
name. From its src/user_config_manager.rs and src/legacy/user_config.rs; most people have it as
a Flatpak.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vaultui.linux.errnos import reason_of
from vaultui.model.language import Phrase
from vaultui.vaults.managers.listed import Homes, Listed, contents

NAME = "Vaults"

_FLATPAK = "io.github.mpobaschnig.Vaults"
_FILES = ("user_config_v2.toml", "user_config.toml")
"""The first that is there: the second is left where the first was made of it."""


def read(homes: Homes) -> Iterator[Listed]:
    """Yield the vaults, in the order of the file."""
    for config in homes.configs(_FLATPAK):
        file = next((config / name for name in _FILES if (config / name).exists()), None)
        if file is not None:
            yield from _vaults_in(file)


def _vaults_in(file: Path) -> Iterator[Listed]:
    try:
        tables = tomllib.loads(contents(file).decode("utf-8"))
    except OSError as error:
        yield Listed(NAME, str(file), problem=reason_of(error))
        return
    except (ValueError, RecursionError):
        yield Listed(NAME, str(file), problem=Phrase("it is not TOML as it should be"))
        return
    for key, table in tables.items():
        # Outside of the Flatpak the name of the file is anybody's.
        if isinstance(table, dict) and "encrypted_data_directory" in table:
            yield _listed(key, table)


def _listed(key: str, table: dict[str, Any]) -> Listed:
    return Listed(
        NAME,
        name=str(table.get("name", key)),
        cipherdir=str(table["encrypted_data_directory"]),
        mountpoint=str(table.get("mount_directory", "")),
        kind=str(table.get("backend", "")).lower(),
    )
