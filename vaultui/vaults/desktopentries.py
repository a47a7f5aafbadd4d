"""Desktop entries: the application, "Lock all", and "Unlock NAME" for each vault.

https://specifications.freedesktop.org/desktop-entry-spec has the two layers of escaping.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from vaultui.linux import spawn
from vaultui.linux.durable import write_durably
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import DesktopEntryFailed
from vaultui.model.ids import VaultId
from vaultui.model.language import _
from vaultui.vaults.assets import find_asset
from vaultui.vaults.desktop import own_program, terminal_command
from vaultui.vaults.entry import VaultEntry

MAIN_ENTRIES = ("vaultui.desktop", "vaultui-lock-all.desktop")

_ICON = Path("icons", "hicolor", "scalable", "apps", "vaultui.svg")
_RESERVED = frozenset(" \t\n\"'\\><~|&;$*?#()`")
_UPDATE_TIMEOUT_S = 20.0


def install(
    entries: Iterable[VaultEntry], *, terminal: str = "", data_home: Path | None = None
) -> list[Path]:
    """Write the desktop entries and the icon, and return their files.

    With `terminal`, entries name that terminal instead of leaving the choice to the desktop.
    """
    base = _data_home() if data_home is None else data_home
    applications = base / "applications"
    written = [_write(base / _ICON, _asset("vaultui.svg"))]
    for name in MAIN_ENTRIES:
        text = _asset(name).decode("utf-8")
        written.append(_write(applications / name, _with_program(text, terminal).encode()))
    for entry in entries:
        text = unlock_entry(entry, terminal)
        written.append(_write(applications / entry_name(entry.id), text.encode()))
    _update(applications)
    return written


def uninstall(vault: VaultId, data_home: Path | None = None) -> None:
    """Remove the entry of a vault that is forgotten; nothing happens when there is none."""
    base = _data_home() if data_home is None else data_home
    with suppress(OSError):
        (base / "applications" / entry_name(vault)).unlink()


def uninstall_all(data_home: Path | None = None) -> list[Path]:
    """Remove every file that `install` may have written, and return those that were there."""
    base = _data_home() if data_home is None else data_home
    applications = base / "applications"
    files = [
        base / _ICON,
        *(applications / name for name in MAIN_ENTRIES),
        *sorted(applications.glob(entry_name(VaultId("[0-9a-f]" * 16)))),
    ]
    removed = []
    for file in files:
        with suppress(OSError):
            file.unlink()
            removed.append(file)
    if removed:
        _update(applications)
    return removed


def rename(entry: VaultEntry, data_home: Path | None = None) -> None:
    """Write the entry of a vault anew under its new name, where it has one."""
    file = (
        (_data_home() if data_home is None else data_home) / "applications" / entry_name(entry.id)
    )
    if file.exists():
        with suppress(DesktopEntryFailed):  # it still names the old one, and says so when started
            _write(file, unlock_entry(entry).encode())


def entry_name(vault: VaultId) -> str:
    """Return the file name of a vault's entry: by its id, since names may have any character."""
    return f"vaultui-unlock-{vault}.desktop"


def unlock_entry(entry: VaultEntry, terminal: str = "") -> str:
    """Return the text of the desktop entry that unlocks `entry`, in the language in use."""
    program = own_program()
    words = [*program, "--launcher"]
    if terminal:
        words.append(f"--terminal={terminal}")
    # As one word with its option, so that no name is taken for an option.
    words.append(f"--unlock={entry.name}")
    lines = {
        "Version": "1.4",
        "Type": "Application",
        "Name": _escaped(_("Unlock {name}", name=entry.name)),
        "GenericName": _("Encrypted Vault"),
        "Comment": _escaped(_("Open the encrypted vault {name}", name=entry.name)),
        "Exec": _escaped(exec_line(words)),
        "TryExec": _escaped(program[0]),
        "Icon": "vaultui",
        "Terminal": "false",
        "Categories": "System;Security;Filesystem;",
        "Keywords": _("vault;encryption;unlock;"),
    }
    return "[Desktop Entry]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


def exec_line(words: Sequence[str]) -> str:
    """Return the value of an Exec key, before the escaping that all values get."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    word = word.replace("%", "%%")
    if word and not _RESERVED.intersection(word):
        return word
    for character in '\\"`$':
        word = word.replace(character, "\\" + character)
    return f'"{word}"'


def _escaped(value: str) -> str:
    # A leading space would be eaten; names have none.
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _with_program(text: str, terminal: str) -> str:
    """Return a template with our full path, and with a terminal of the person's choice."""
    program = own_program()
    before = terminal_command(terminal) if terminal else []
    lines = []
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if key == "Exec" and equals:
            words = value.split()
            line = f"Exec={_escaped(exec_line([*before, *program, *words[1:]]))}"
        elif key == "TryExec":
            line = f"TryExec={_escaped(program[0])}"
        elif key == "Terminal" and before:
            line = "Terminal=false"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _data_home() -> Path:
    value = os.environ.get("XDG_DATA_HOME", "")
    return Path(value) if value.startswith("/") else Path.home() / ".local" / "share"


def _asset(name: str) -> bytes:
    try:
        return find_asset(name).read_bytes()
    except OSError as error:
        raise DesktopEntryFailed(path=name, reason=reason_of(error)) from error


def _write(path: Path, data: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, data, mode=0o644)
    except OSError as error:
        raise DesktopEntryFailed(path=str(path), reason=reason_of(error)) from error
    return path


def _update(applications: Path) -> None:
    """Refresh the desktop's cache where there is one; desktops also notice by themselves."""
    program = shutil.which("update-desktop-database")
    if program:
        with suppress(OSError, TimeoutError):
            spawn.run([program, "-q", str(applications)], timeout=_UPDATE_TIMEOUT_S)
