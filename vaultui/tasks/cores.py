"""What keeps a program that crashes from leaving a core: it has the files of a vault in it."""

from __future__ import annotations

import resource
from typing import Final

from vaultui.wire.attributes import Rlimit

CORE: Final = "core"


def no_core() -> Rlimit:
    """Return the limit with which no core is made.

    One byte, and not none: where cores go to a program, core(5), the kernel starts it for any
    limit but this one. Where we have none ourselves there is no way up.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    return Rlimit(CORE, 1, 1) if hard else Rlimit(CORE, 0, 0)
