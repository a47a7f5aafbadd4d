"""A program for `test_secrets`: types a password into the form, and crashes if told to.

Run with Textual's recorders asked for by the environment. Arguments: "open" to leave the
recorders on, as the control of the experiment, or "closed"; then "crash" or "quit".
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from standin import demo
from support import eventually

from vaultui.cli.main import run as run_program
from vaultui.tui.app import VaultuiApp
from vaultui.tui.recorders import close_recorders
from vaultui.tui.widgets.secretinput import SecretInput

PASSWORD = "Zq7Xw9Vk"


async def type_the_password(app: VaultuiApp, crash: bool) -> None:
    async with app.run_test() as pilot:
        await eventually(lambda: app.live.loaded, what="the vaults are listed")
        await pilot.pause()
        await pilot.press("j", "u")
        await eventually(lambda: isinstance(app.focused, SecretInput), what="the form is there")
        await pilot.press(*PASSWORD)
        if crash:
            app.screen.query_one(SecretInput).call_next(fail, PASSWORD)
        await pilot.pause(0.1)


def fail(password: str) -> None:
    raise RuntimeError("what nobody expected, near " + password)


def main() -> int:
    if sys.argv[1] == "closed":
        close_recorders()
        app = VaultuiApp(demo())
    else:
        app = VaultuiApp.__new__(VaultuiApp)
        # The control: the same application without what closes the recorders.
        import vaultui.tui.app

        vaultui.tui.app.detach_devtools = lambda _app: None
        app.__init__(demo())
    asyncio.run(type_the_password(app, crash=sys.argv[2] == "crash"))
    return 0


if __name__ == "__main__":
    sys.exit(run_program([], lambda _ascii: main()))
