"""Whether a FIDO2 token opens a vault, by a look at its volume config.

A program that is started to read the config would tell as much, but takes as long as a key to
derive; this is asked before each unlock from a shell.
"""

from __future__ import annotations

import os
from pathlib import Path

from vaultui.format.features import FeatureFlag
from vaultui.format.volumeconf import MAX_CONF_BYTES, parse
from vaultui.model.errors import VaultuiError
from vaultui.vaults.discovery import CONF, REVERSE_CONF
from vaultui.vaults.entry import VaultEntry


def has_token(entry: VaultEntry) -> bool:
    """Tell whether it is a token; False too where that can't be told. May block for long."""
    name = REVERSE_CONF if entry.reverse else CONF
    path = Path(entry.config_path or os.path.join(entry.cipherdir, name))
    try:
        if not path.is_file():  # a pipe can be read once, and by somebody else
            return False
        with path.open("rb") as file:
            return parse(file.read(MAX_CONF_BYTES + 1), str(path)).features.has(FeatureFlag.FIDO2)
    except (OSError, VaultuiError):
        return False  # unlocking says it better
