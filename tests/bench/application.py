"""What the application costs: `make bench-application`, on real vaults in a real terminal.

    first picture     from the start of the process until the list is on the screen
    at rest           processor time with ten vaults open, in front and behind other windows
    500 vaults        from a key until the screen that answers it is complete

The vaults are made by vaultfs with a cheap derivation, in a home of this run's own. A whole
run writes APPLICATION.md.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tui"))

from programs import private_home, program, run_program
from terminal import Terminal
from waiting import eventually

from tests.bench.report import machine

RESULTS = Path(__file__).with_name("APPLICATION.md")
SIZE = (120, 40)
OPEN_VAULTS = 10
MANY_VAULTS = 500
STARTS = 9
REST_S = 30.0
SETTLE_S = 4.0
"""The first states, the keyring's answer and the volume configs are read in the beginning."""
_TICKS = os.sysconf("SC_CLK_TCK")
_IN_FRONT, _BEHIND = "\x1b[I", "\x1b[O"
"""What a terminal says when its window gets or loses the focus (xterm's FocusIn, FocusOut)."""

Row = tuple[str, str, str]
Seconds = tuple[float, float]
"""What something took: by the clock on the wall, and of a processor. On a machine that has other
things to do as well, the second tells more."""


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="vaultui-cost-", dir="/tmp") as name:
        base = Path(name)
        os.environ.update(private_home(base))
        rows = [*first_picture(options.starts), *at_rest(base, options.seconds), *many_vaults()]
        text = _text(machine(base), rows)
    print(text)
    if not (options.quick or options.no_write):
        RESULTS.write_text(text)
    return 0


def first_picture(starts: int) -> Iterator[Row]:
    """Time starts with warm bytecode; there is no vault yet, so the empty state is the picture."""
    seconds: list[Seconds] = []
    for number in range(starts + 1):
        began = time.monotonic()
        with Terminal((program("vaultui"),), SIZE) as terminal:
            terminal.wait_for("No vaults yet")
            if number:  # the first one may have written bytecode
                wall = time.monotonic() - began
                seconds.append((wall, _cpu_s(terminal.process.pid)))
    yield _row(f"first picture, middle of {starts} starts", sorted(seconds)[starts // 2], 0.5)


@contextmanager
def _open_vaults(base: Path, count: int) -> Iterator[None]:
    password = base / "password"
    password.write_bytes(b"cost\n")
    try:
        for number in range(count):
            cipherdir = base / "home" / "Sync" / f"{number}.c"
            cipherdir.mkdir(parents=True)
            init = ("-init", "-q", "-scryptn", "10", "-passfile", password, cipherdir)
            run_program((program("vaultfs"), *init)).check()
            _verb("add", cipherdir, "--name", f"Vault {number}", "--idle", "1h")
            _verb("unlock", f"Vault {number}", "--password-file", password)
        yield
    finally:
        _verb("lock", "--all", "--kill")


def _verb(*words: str | Path) -> None:
    run_program((program("vaultui"), *words), timeout=60).check()


def at_rest(base: Path, seconds: float) -> Iterator[Row]:
    """Measure the share of one processor that the application takes while nothing is done."""
    with _open_vaults(base, OPEN_VAULTS), Terminal((program("vaultui"),), SIZE) as terminal:
        terminal.wait_for("Vault 9")
        for name, focus, limit in (("in front", _IN_FRONT, 3.0), ("behind", _BEHIND, 1.0)):
            terminal.type(focus)
            time.sleep(SETTLE_S)
            used = _cpu_s(terminal.process.pid)
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                time.sleep(1)
                assert terminal.shown  # a terminal that is not read from would hold it up
            share = 100 * (_cpu_s(terminal.process.pid) - used) / (time.monotonic() - began)
            yield f"{OPEN_VAULTS} vaults open, {name}", f"{share:.2f} % of one CPU", f"{limit:g} %"


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def many_vaults() -> list[Row]:
    """Time keys in a long list. In this process, where it can be seen when all is drawn."""
    from standin import StandIn
    from stillness import Threads, settled
    from textual.widgets import Input

    from vaultui.tui.app import VaultuiApp

    vaults = StandIn()
    for number in range(MANY_VAULTS):
        vaults.put(f"Vault {number:03}", idle_timeout_s=900.0)

    async def measure() -> list[Row]:
        app = VaultuiApp(vaults)
        async with app.run_test(size=SIZE) as pilot:
            await eventually(lambda: app.live.loaded and app.keyring is not None)
            await pilot.pause()
            gc.freeze()  # as the application does in a terminal

            async def timed(what: Callable[[], Awaitable[object]]) -> Seconds:
                wall, processor = time.monotonic(), time.process_time()
                await what()
                await settled(app, Threads())
                return time.monotonic() - wall, time.process_time() - processor

            async def pressed(*keys: str) -> list[Seconds]:
                async def press(key: str) -> None:
                    app.simulate_key(key)

                return [await timed(partial(press, key)) for key in keys]

            scrolling = await pressed(*["j"] * 60, *["k"] * 20, "G", "g", *["pagedown"] * 10)
            await pressed("slash")
            assert isinstance(app.focused, Input)
            filtering = await pressed(*"vault", "space", *"42", *["backspace"] * 8, *"499")
            anew = await timed(app.live.refresh)
        return [
            _row(f"{MANY_VAULTS} vaults, scrolling, the slowest key", max(scrolling), 0.05),
            _row(f"{MANY_VAULTS} vaults, filtering, the slowest key", max(filtering), 0.05),
            _row(f"{MANY_VAULTS} vaults, all states anew", anew, 0.05),
        ]

    return asyncio.run(measure())


def _row(name: str, seconds: Seconds, limit: float) -> Row:
    wall, processor = (f"{value * 1000:.0f} ms" for value in seconds)
    return name, f"{wall} ({processor} of a processor)", f"{limit * 1000:.0f} ms"


def _text(lines: list[str], rows: list[Row]) -> str:
    return "\n".join(
        [
            "# What the application costs",
            "",
            f"Written by `make bench-application` on {datetime.now(UTC):%Y-%m-%d}.",
            "",
            *lines,
            "",
            "| what | measured | allowed |",
            "|---|---:|---:|",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
        ]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-application", description=__doc__)
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--seconds", type=float, default=REST_S, help="of rest to measure")
    parser.add_argument("--quick", action="store_true", help="do not write the results")
    parser.add_argument("--no-write", action="store_true", help=f"leave {RESULTS.name} alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
