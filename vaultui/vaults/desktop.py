"""The desktop around us: its file manager, its notifications, its terminals. All may be missing."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from vaultui.linux import spawn
from vaultui.vaults.keyringclient import can_prompt, session_bus

START_TIMEOUT_S = 10.0
"""For handing a program over to a session of its own; what it does then is not waited for."""
NOTIFY_TIMEOUT_S = 2.0

_TERMINALS: dict[str, tuple[str, ...]] = {
    "xdg-terminal-exec": (),
    "x-terminal-emulator": ("-e",),
    "gnome-terminal": ("--",),
    "ptyxis": ("--",),
    "kgx": ("-e",),
    "konsole": ("-e",),
    "xfce4-terminal": ("-x",),
    "mate-terminal": ("-x",),
    "kitty": (),
    "alacritty": ("-e",),
    "foot": (),
    "wezterm": ("start", "--"),
    "xterm": ("-e",),
}
"""How each is told to run a command, in the order in which they are looked for."""


def open_folder(path: str) -> bool:
    """Show a folder in the file manager; False when there is no desktop or no xdg-open."""
    opener = shutil.which("xdg-open")
    return opener is not None and can_prompt() and _hand_over([opener, path])


def open_terminal(command: Sequence[str], preferred: str = "") -> bool:
    """Run a command in a new terminal window; False when there is none to be found.

    `preferred` is a terminal's name or command line, as a person gave it.
    """
    words = terminal_command(preferred)
    return bool(words) and can_prompt() and _hand_over([*words, *command])


def open_unlock_terminal(name: str, preferred: str = "") -> bool:
    """Ask for the password of a vault in a new terminal window; False when there is none."""
    return open_terminal([*own_program(), "unlock", name, "--open"], preferred)


def own_program() -> list[str]:
    """Return the words that start vaultui again, whatever PATH a desktop session has."""
    beside = Path(sys.prefix) / "bin" / "vaultui"
    found = str(beside) if beside.is_file() else shutil.which("vaultui")
    return [found] if found else [sys.executable, "-m", "vaultui"]


def terminal_command(preferred: str = "") -> list[str]:
    """Return what stands before a command so that it runs in a terminal; empty for none."""
    try:
        wished = shlex.split(preferred or os.environ.get("TERMINAL", ""))
    except ValueError:  # a quotation without end
        wished = []
    if wished and shutil.which(wished[0]):
        if len(wished) > 1:
            return wished  # a whole command line: its options are the person's own
        return [wished[0], *_TERMINALS.get(os.path.basename(wished[0]), ("-e",))]
    for name, options in _TERMINALS.items():
        found = shutil.which(name)
        if found:
            return [found, *options]
    return []


def notify(summary: str, body: str) -> bool:
    """Show a desktop notification; False when nobody shows it."""
    address = session_bus()
    if not address:
        return False
    # Late: D-Bus is needed for nothing else in this process.
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    where = DBusAddress(
        "/org/freedesktop/Notifications",
        bus_name="org.freedesktop.Notifications",
        interface="org.freedesktop.Notifications",
    )
    content: tuple[object, ...] = ("vaultui", 0, "vaultui", summary, body, [], {}, -1)
    call = new_method_call(where, "Notify", "susssasa{sv}i", content)
    try:
        with open_dbus_connection(bus=address) as connection:
            reply = connection.send_and_get_reply(call, timeout=NOTIFY_TIMEOUT_S)
    except (OSError, TimeoutError, DBusErrorResponse, RuntimeError, ValueError):
        return False
    return bool(reply.header.message_type.name == "method_return")


def _hand_over(words: Sequence[str]) -> bool:
    """Start a program that outlives us, as a child of nobody."""
    try:
        done = spawn.run(["setsid", "--fork", *words], timeout=START_TIMEOUT_S)
    except (OSError, TimeoutError):
        return False
    return done.returncode == 0
