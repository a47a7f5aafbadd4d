"""A recovery key on a sheet for printing: its QR code and its text, as an SVG file.

It is written piece by piece, so that it is never put together in memory. What is on the disk
then is the person's to print, and to delete.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from vaultui.model.secret import Secret
from vaultui.vaults.keys import RecoveryKey
from vaultui.vaults.newfile import NewFile

_GROUP: Final = 6
"""Five characters and the dash behind them."""
_GROUPS_IN_LINE: Final = 5
_MODULE_MM: Final = 2
_WIDTH_MM: Final = 150


def write_sheet(file: NewFile, vault: str, key: RecoveryKey) -> None:
    """Write the sheet for the vault called `vault`; return when it is on the disk."""
    side = math.isqrt(len(key.qr))
    edge_mm = side * _MODULE_MM
    height_mm = edge_mm + 80
    file.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH_MM}mm" height="{height_mm}mm" '
        f'viewBox="0 0 {_WIDTH_MM} {height_mm}" '
        'text-anchor="middle" font-family="monospace" font-size="6">\n'
        '<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="50%" y="12">Recovery key of {escape(vault)}</text>\n'
        f'<text x="50%" y="19" font-size="4">made {time.strftime("%Y-%m-%d")}</text>\n'
        '<path shape-rendering="crispEdges" '
        f'transform="translate({(_WIDTH_MM - edge_mm) / 2} 30) scale({_MODULE_MM})" d="'
    )
    for row, column in _dark_modules(key.qr, side):
        file.write(f"M{column} {row}h1v1h-1z")
    file.write('"/>\n')
    with key.text.view as text:
        step = _GROUP * _GROUPS_IN_LINE
        for number, start in enumerate(range(0, len(text), step)):
            file.write(f'<text x="50%" y="{edge_mm + 46 + 9 * number}">')
            file.write(text[start : start + step - 1])
            file.write("</text>\n")
    file.write("</svg>\n")
    file.finish()


def _dark_modules(qr: Secret, side: int) -> Iterator[tuple[int, int]]:
    with qr.view as modules:
        for place, dark in enumerate(modules):
            if dark:
                yield divmod(place, side)
