"""Takes the pictures in screenshots/: the installed application in tmux, on real vaults.

    make screenshots                 all of them
    make screenshots ARGS="home"     one

Home, runtime directory, D-Bus, keyring and desktop are of this run's own, and everything is
locked and removed at its end. What tmux holds of the screen, colours included, becomes an
SVG through Rich, and that a PNG through rsvg-convert.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import TerminalTheme

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from desktopbus import desktop
from programs import private_home, program, run_program
from tmuxterminal import Terminal
from waiting import wait_until

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "screenshots"
PASSWORD = b"correct horse battery staple"
THEME = TerminalTheme((16, 20, 27), (217, 223, 231), [(16, 20, 27)] * 8)


class Scene:
    """A home with vaults in it, and the application on its screen."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.home = base / "home"

    def make_vaults(self) -> None:
        """Make four vaults, two of them by the real gocryptfs, and unlock two."""
        (self.base / "password").write_bytes(PASSWORD + b"\n")
        for name, idle in (("Work", "15m"), ("Taxes", "10m"), ("Photos", "1h"), ("Letters", "")):
            cipherdir = self.home / "Sync" / f"{name.lower()}.c"
            cipherdir.mkdir(parents=True)
            run_program(
                ("gocryptfs", "-q", "-init", "-passfile", self.base / "password", cipherdir)
            ).check()
            extra = ("--idle", idle) if idle else ()
            self.vaultui("add", cipherdir, "--name", name, *extra)
        for name in ("Work", "Photos"):
            self.vaultui("unlock", name, "--password-file", self.base / "password")
        for path, size in (
            ("Work/plans/budget 2027.ods", 48_000),
            ("Work/letters/to the bank.odt", 21_000),
            ("Work/backup.tar", 24 << 20),
            ("Photos/2026/IMG_0417.raw", 3 << 20),
        ):
            target = self.home / "Vaults" / path
            script = 'mkdir -p "${1%/*}"; head -c "$2" /dev/urandom > "$1"'
            run_program(("sh", "-ec", script, "sh", target, str(size))).check()

    def vaultui(self, *words: str | Path) -> None:
        run_program((program("vaultui"), *words), timeout=60).check()

    @contextmanager
    def holder(self, path: str, cwd: str, command: str = "libreoffice") -> Iterator[None]:
        """Run a process that holds a file of a vault and reads on in it, as an editor would."""
        script = 'cd "$2" && exec 3<> "$1"; while cat <&3 > /dev/null; do sleep 0.2; done'
        # A copy of the shell under the name that a person would expect to see there.
        shell = self.base / "bin" / command
        shell.parent.mkdir(exist_ok=True)
        if not shell.exists():
            shutil.copy("/bin/sh", shell)
        vaults = self.home / "Vaults"
        with subprocess.Popen((shell, "-c", script, command, vaults / path, vaults / cwd)) as held:
            try:
                yield
            finally:
                held.kill()

    @contextmanager
    def traffic(self) -> Iterator[None]:
        """Read and write in Work, so that its rates have something to draw."""
        script = (
            'cd "$1"; n=0; while :; do n=$(((n + 7) % 11)); '
            "head -c $((n * 900000)) backup.tar | tail -c 1 > /dev/null; "
            "head -c $((n * 90000)) /dev/zero > scratch; sleep 0.4; done"
        )
        work = self.home / "Vaults/Work"
        with subprocess.Popen(("sh", "-c", script, "sh", work)) as busy:
            try:
                yield
            finally:
                busy.kill()

    @contextmanager
    def screen(self, columns: int, rows: int) -> Iterator[Terminal]:
        """Start the application in a terminal of a size; leave it at the end."""
        # A directory for each: the server before may not have let go of its socket yet.
        place = Path(tempfile.mkdtemp(dir=self.base))
        with Terminal(place, columns=columns, rows=rows) as terminal:
            terminal.start(program("vaultui"))
            yield terminal


def save(terminal: Terminal, name: str) -> None:
    """Write what the terminal shows as NAME.svg and NAME.png."""
    captured = terminal._tmux("capture-pane", "-p", "-e", "-N").stdout.decode()
    # One decoder for all of it: a colour holds until another one comes, over ends of lines.
    texts = list(AnsiDecoder().decode(captured))
    width = max(text.cell_len for text in texts)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(
            width=width, record=True, file=nowhere, color_system="truecolor", force_terminal=True
        )
        for text in texts:
            console.print(text, no_wrap=True, overflow="ignore", crop=False)
        svg = console.export_svg(title="vaultui", theme=THEME, unique_id=f"vaultui-{name}")
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")
    with tempfile.NamedTemporaryFile("w", suffix=".svg", encoding="utf-8") as adapted:
        adapted.write(_for_rsvg(svg))
        adapted.flush()
        run_program(
            ("rsvg-convert", "--zoom", "1.25", adapted.name, "-o", PICTURES / f"{name}.png")
        ).check()
    print(f"screenshots/{name}.svg and .png")


def _for_rsvg(svg: str) -> str:
    """Return the picture as rsvg-convert draws it right.

    It drops spaces at the beginning of a text and knows no textLength, so spaces are kept by
    xml:space and the font has a size at which one letter is as wide as a cell.
    """
    svg = svg.replace("<text ", '<text xml:space="preserve" ').replace("&#160;", " ")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", "DejaVu Sans Mono, monospace").replace(
        "font-size: 20px", "font-size: 20.26px"
    )


def home(scene: Scene) -> None:
    held = scene.holder("Work/plans/budget 2027.ods", "Work/plans")
    with held, scene.traffic(), scene.screen(120, 30) as terminal:
        terminal.shows("● open", "Open files", "keyring:")
        # A minute of rates makes the whole picture; a quarter of it is enough of one.
        wait_until(lambda: sum(terminal.screen().count(bar) for bar in "▂▃▄▅▆▇█") > 30, 60, "rates")
        save(terminal, "home")


def unlock(scene: Scene) -> None:
    with scene.screen(100, 28) as terminal:
        terminal.shows("○ locked", "Mounted at", "idle ✓")
        terminal.press("G", "k", "k")
        terminal.press("u")
        terminal.shows("Unlock Taxes", "Password")
        terminal.type("not the password")
        terminal.press("Enter")
        terminal.shows("Password incorrect")
        terminal.type("correct horse")
        terminal.shows("•••••••••••••")
        save(terminal, "unlock")
        terminal.press("Escape")


def busy(scene: Scene) -> None:
    with (
        scene.holder("Photos/2026/IMG_0417.raw", "Photos/2026", "darktable"),
        scene.screen(110, 30) as terminal,
    ):
        terminal.shows("● open", "Mounted at")
        terminal.press("G", "k", "l")
        terminal.shows("is in use", "darktable")
        save(terminal, "busy")
        terminal.press("Escape")


def narrow(scene: Scene) -> None:
    with scene.screen(60, 20) as terminal:
        terminal.shows("● open", "Letters")
        save(terminal, "narrow")


def paths(scene: Scene) -> None:
    with scene.screen(120, 24) as terminal:
        terminal.shows("● open", "Mounted at")
        terminal.press("4")
        terminal.shows("A path of this vault")
        terminal.type("letters/to the bank.odt")
        terminal.shows("Ciphertext")
        save(terminal, "paths")


def keys(scene: Scene) -> None:
    """Give Letters more keys; it is the vault that no other scene opens."""
    password = ("--password-file", scene.base / "password")
    stick = scene.home / "stick.key"
    for words in (
        ("--make-key-file", stick, "--label", "stick on the key ring"),
        ("--recovery", "--qr-svg", scene.home / "sheet.svg", "--label", "in the safe"),
    ):
        scene.vaultui("slots", "Letters", "add", *words, *password)
    with scene.screen(100, 26) as terminal:
        terminal.shows("○ locked", "Mounted at")
        terminal.press("G", "K")
        terminal.shows("Keys of Letters", "in the safe")
        save(terminal, "keys")
        terminal.press("Escape")


def activity(scene: Scene) -> None:
    """Show the time line of Work, with a slip and a busy lock in it."""
    wrong = scene.base / "wrong"
    wrong.write_bytes(b"not the password\n")
    scene.vaultui("lock", "Work", "--kill")
    run_program((program("vaultui"), "unlock", "Work", "--password-file", wrong), timeout=60)
    scene.vaultui("unlock", "Work", "--password-file", scene.base / "password")
    scene.vaultui("extend", "Work", "20m")
    with scene.screen(120, 24) as terminal:
        terminal.shows("● open", "Mounted at")
        terminal.press("3")
        terminal.shows("could not unlock", "put off")
        save(terminal, "activity")


def tasks(scene: Scene) -> None:
    """Show what is saved, what has run, and one that is running."""
    for name, command in (
        ("Backup", 'echo "scan finished"; sleep 2; echo "snapshot 4f1c2d7e saved"'),
        ("Publish", "echo linking; echo 'ada.o: no such file' >&2; exit 2"),
        ("Sync", 'for file in plans letters; do echo "sending $file/"; done; sleep 600'),
    ):
        scene.vaultui("tasks", "save", "Work", name, "--", "sh", "-c", command)
    scene.vaultui("run", "Work", "Backup", "--detach")
    run_program((program("vaultui"), "run", "Work", "Publish"), timeout=60)
    with scene.screen(120, 26) as terminal:
        terminal.shows("● open", "Mounted at", "keyring:")
        terminal.press("5")
        terminal.shows("› saved", "exit code 2", "✓ done")
        terminal.press("j", "j")
        terminal.press("Enter")
        terminal.shows("● running", "sending letters/")
        save(terminal, "tasks")
        terminal.press("t")
        terminal.shows("stopped")


def light(scene: Scene) -> None:
    scene.vaultui("settings", "set", "theme", "light")
    try:
        with scene.screen(120, 24) as terminal:
            terminal.shows("● open", "Open files", "keyring:", "AES-256-GCM")
            save(terminal, "light")
    finally:
        scene.vaultui("settings", "unset", "theme")


SCENES: dict[str, Callable[[Scene], None]] = {
    "home": home,
    "unlock": unlock,
    "busy": busy,
    "narrow": narrow,
    "paths": paths,
    "keys": keys,
    "activity": activity,
    "tasks": tasks,
    "light": light,
}


def main(names: list[str]) -> int:
    """Take the pictures that are named, or all, in a session of this run's own."""
    # Short: the path of a socket below it may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="vaultui-pictures-", dir="/tmp") as name:
        base = Path(name)
        environment = private_home(base)
        os.environ.clear()
        os.environ.update(environment, COLORTERM="truecolor", LANG="C.UTF-8")
        with desktop(base) as machine:
            os.environ.update(machine.environment)
            _take(Scene(base), names or list(SCENES))
    return 0


def _take(scene: Scene, names: list[str]) -> None:
    run_program(("gnome-keyring-daemon", "--unlock", "--components=secrets"), b"pictures").check()
    try:
        scene.make_vaults()
        for name in names:
            SCENES[name](scene)
    finally:
        run_program((program("vaultui"), "lock", "--all", "--kill"), timeout=60)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
