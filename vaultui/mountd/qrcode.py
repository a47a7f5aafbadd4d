"""QR codes, drawn by segno. Only a process that ends at once may draw one of a secret.

The library takes text, and keeps what it makes of it in objects that nobody can wipe: they go
with the process, whose memory no other can read.
"""

from __future__ import annotations

import segno

from vaultui.model.secret import Secret


def modules(text: Secret) -> Secret:
    """Return the QR code (ISO/IEC 18004) of an ASCII text, row by row, 1 for a dark module.

    It is square and without the quiet zone around it. A seventh of it may be damaged.
    """
    with text.view as view:
        drawn = segno.make_qr(str(view, "ascii"), error="m")
    size = len(drawn.matrix)
    modules = bytearray(size * size)
    for number, row in enumerate(drawn.matrix):
        modules[number * size : (number + 1) * size] = row
    return Secret(modules)
