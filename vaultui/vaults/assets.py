"""Where the icon and the desktop entries lie: in the checkout, or below share/ when installed."""

from __future__ import annotations

import sysconfig
from pathlib import Path

_FOLDERS = {".desktop": "applications", ".svg": "icons/hicolor/scalable/apps"}


def find_asset(name: str) -> Path:
    """Return the file called `name`, such as "vaultui.svg" or "vaultui.desktop".

    The checkout wins, since an editable install puts nothing below share/. Raises
    FileNotFoundError where neither has it: the installation is not whole.
    """
    checkout = Path(__file__).parents[2] / "assets" / name
    if checkout.is_file():
        return checkout
    installed = Path(sysconfig.get_path("data"), "share", _FOLDERS[checkout.suffix], name)
    if not installed.is_file():
        raise FileNotFoundError(2, "No such file or directory", str(installed))
    return installed
