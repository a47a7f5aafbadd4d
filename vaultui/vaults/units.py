"""Units of the user's systemd, as files: written, enabled, read back, taken away.

Enabling is a link, as systemctl(1) makes it, so that it works where no systemd runs right now;
one that runs is told to look. See systemd.unit(5) for names and quoting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from vaultui.linux import spawn
from vaultui.linux.durable import write_durably
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import ScheduleInvalid, SystemdMissing, UnitNotWritten
from vaultui.vaults.desktop import own_program
from vaultui.vaults.waiting import in_thread

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.")
_KEPT: Final = ("XDG_CONFIG_HOME", "XDG_STATE_HOME")
"""What moves the places of vaultui: a unit must find the same ones."""
_ASKING_S: Final = 20.0
_MOMENT_S: Final = 2.0


def escaped(name: str) -> str:
    """Return a name as part of the name of a unit, as systemd-escape(1) does."""
    data = os.fsencode(name)
    return "".join(
        chr(byte) if byte in _PLAIN and (place or byte != ord(".")) else f"\\x{byte:02x}"
        for place, byte in enumerate(data)
    )


def unescaped(name: str) -> str:
    """Return the name that `escaped` gave this."""
    parts = re.split(r"\\x([0-9a-f]{2})", name)
    data = b"".join(
        bytes([int(part, 16)]) if place % 2 else part.encode() for place, part in enumerate(parts)
    )
    return os.fsdecode(data)


def command(*words: str, instance: bool = False) -> str:
    """Return a command of vaultui for ExecStart; with `instance` its last word is the unit's.

    The colon keeps systemd from replacing variables in it.
    """
    quoted = [f'"{_literal(word)}"' for word in (*own_program(), *words)]
    return ":" + " ".join([*quoted, *(['"%I"'] if instance else [])])


def described(text: str) -> str:
    """Return text for a value of a unit, where % would be a specifier."""
    return "".join(character if character.isprintable() else "?" for character in text).replace(
        "%", "%%"
    )


def environment() -> list[str]:
    """Return lines that give a unit what the paths of vaultui depend on."""
    return [
        f'Environment="{_literal(f"{name}={os.environ[name]}")}"'
        for name in _KEPT
        if os.environ.get(name, "").startswith("/")
    ]


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


class Units:
    """The directory of units of a user."""

    def __init__(self, directory: Path | None = None) -> None:
        config = os.environ.get("XDG_CONFIG_HOME", "")
        base = Path(config) if config.startswith("/") else Path.home() / ".config"
        self.directory = directory or base / "systemd" / "user"

    def write(self, unit: str, lines: Sequence[str]) -> Path:
        """Write a unit, over what was there; raises UnitNotWritten."""
        path = self.directory / unit
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, ("\n".join(lines) + "\n").encode(), mode=0o644)
        except OSError as error:
            raise UnitNotWritten(path=str(path), reason=reason_of(error)) from error
        return path

    def enable(self, unit: str, target: str, file: str) -> None:
        """Have `target` start a unit, which is described by `file`; raises UnitNotWritten."""
        link = self._link(unit, target)
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                link.unlink()
            link.symlink_to(self.directory / file)
        except OSError as error:
            raise UnitNotWritten(path=str(link), reason=reason_of(error)) from error

    def is_enabled(self, unit: str, target: str) -> bool:
        return self._link(unit, target).is_symlink()

    def disable(self, unit: str, target: str) -> list[Path]:
        """Have a target start a unit no longer; return what was removed."""
        return self._remove([self._link(unit, target)])

    def remove(self, pattern: str) -> list[Path]:
        """Remove units by a pattern of their names, with the links to them; return all of these."""
        found = [*self.directory.glob(pattern), *self.directory.glob(f"*.wants/{pattern}")]
        return self._remove(sorted(found))

    def lines(self, pattern: str) -> dict[str, list[str]]:
        """Return the lines of the units whose names a pattern has, by these names."""
        found = {}
        for path in sorted(self.directory.glob(pattern)):
            with suppress(OSError, UnicodeDecodeError):
                found[path.name] = path.read_text("utf-8").splitlines()
        return found

    def _link(self, unit: str, target: str) -> Path:
        return self.directory / f"{target}.wants" / unit

    def _remove(self, paths: Sequence[Path]) -> list[Path]:
        removed = []
        for path in paths:
            with suppress(OSError):
                path.unlink()
                removed.append(path)
        for directory in {path.parent for path in removed} - {self.directory}:
            with suppress(OSError):  # others are in there
                directory.rmdir()
        return removed


async def reload() -> bool:
    """Have the user's systemd read its units anew; return whether there is one."""
    return await _systemctl("daemon-reload")


async def restart(unit: str) -> bool:
    """Have a unit started, anew where it runs; return whether there is anybody to do so."""
    return await _systemctl("restart", unit)


async def stop(unit: str) -> bool:
    """Have a unit stopped; return whether there is anybody to do so."""
    return await _systemctl("stop", unit)


def reload_now(stopped: str) -> None:
    """Have a unit stopped whose file is gone, and the others read; waits for a moment at most."""
    with suppress(OSError, TimeoutError):
        spawn.run(["systemctl", "--user", "stop", stopped], timeout=_MOMENT_S)
        spawn.run(["systemctl", "--user", "daemon-reload"], timeout=_MOMENT_S)


async def check_calendar(when: str) -> None:
    """Raise ScheduleInvalid for what is no time of systemd.time(7), or SystemdMissing."""
    try:
        done = await in_thread(
            spawn.run,
            ["systemd-analyze", "calendar", "--", when],
            timeout=_ASKING_S,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, TimeoutError) as error:
        raise SystemdMissing(reason=reason_of(error)) from error
    if done.returncode:
        raise ScheduleInvalid(when=when, raw=done.stderr.decode(errors="replace").strip())


async def _systemctl(*words: str) -> bool:
    try:
        done = await in_thread(spawn.run, ["systemctl", "--user", *words], timeout=_ASKING_S)
    except (OSError, TimeoutError):
        return False
    return done.returncode == 0
