"""Composition root of the front end: a verb, or the application when there is none."""

from __future__ import annotations

import gc
import sys

from vaultui.cli.main import run


def main() -> None:
    """Entry point of `vaultui`."""
    sys.exit(run(sys.argv[1:], _start_application))


def _start_application(ascii_only: bool) -> int:
    # What modules make while they are loaded is here to stay: looking for garbage in it, over and
    # over, would be a tenth of the time until the first picture. The application goes on with it.
    gc.disable()
    # Late: Textual takes longer to import than a verb takes to run.
    from vaultui.tui.app import run as run_application
    from vaultui.vaults import Vaults

    vaults = Vaults.open()
    return run_application(vaults, ascii_only=ascii_only or vaults.program.ascii)


if __name__ == "__main__":
    main()
