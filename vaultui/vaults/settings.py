"""The text of the settings file: what it means, and how it is changed without losing a comment.

Reading goes through the standard library and is strict: an unknown key is a typo, and is
told with its line and column. Changing goes through tomlkit, which keeps everything that a
person wrote by hand.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from vaultui.model.errors import SettingsInvalid, VaultuiError
from vaultui.model.ids import VaultId
from vaultui.vaults.duration import format_duration, parse_duration
from vaultui.vaults.entry import MountOptions, VaultEntry, check_name

NEW_FILE = """\
# Settings of vaultui. Edit freely: vaultui changes only the entries that you change in it,
# and keeps comments and order. After a typo it says where, and goes on with the last good
# copy until the place is corrected.
#
# [[vault]]                      one for each vault
# name = "Work"                  what you call it
# cipherdir = "~/Sync/work.c"    where its encrypted files are
# mountpoint = "~/Vaults/Work"   where it opens; left out: ~/Vaults/NAME
# idle_timeout = "15m"           lock after so long without use; left out: never
# read_only = true               open it without the right to write; left out: false
# config = "~/work.conf"         volume config outside the cipher directory
# key_file = "~/work.key"        file that opens it, alone or together with the password
# reverse = true                 show a plain directory encrypted; left out: false
# id = "0123456789abcdef"        given by vaultui; ties the vault to its saved password
"""

_SWITCHES = {key: value for key, value in vars(MountOptions()).items() if isinstance(value, bool)}
"""Keys of the mount options that are true or false, with what they are when left out."""
_OF_VIEWS = ("exclude", "one_file_system")
_KEYS = (
    *("id", "name", "cipherdir", "mountpoint", "idle_timeout", "read_only", "config"),
    *("key_file", "reverse", "exclude", *_SWITCHES),
)
_ID = re.compile(r"[0-9a-f]{16}")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def parse_settings(data: bytes, path: Path, vaults_dir: Path) -> list[VaultEntry]:
    """Return the vaults in the settings text; raises SettingsInvalid with line and column."""
    return _Reader(data, path, vaults_dir).entries()


class _Reader:
    def __init__(self, data: bytes, path: Path, vaults_dir: Path) -> None:
        self._path = path
        self._vaults_dir = vaults_dir
        try:
            self._text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - data.rfind(b"\n", 0, error.start)
            raise self._invalid(line, column, "a byte there is not UTF-8") from error

    def entries(self) -> list[VaultEntry]:
        try:
            document = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise self._syntax(error) from error
        for key in document:
            if key != "vault":
                raise self._at(None, key, f"there is no setting called {key}")
        tables = document.get("vault", [])
        if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
            raise self._at(None, "vault", "a vault begins with [[vault]], in double brackets")
        entries: list[VaultEntry] = []
        for index, table in enumerate(tables):
            entry = self._entry(index, table)
            for other in entries:
                if other.name == entry.name:
                    raise self._at(index, "name", f"there are two vaults called {entry.name}")
                if other.id == entry.id:
                    raise self._at(index, "id", f"{other.name} has the same id")
            entries.append(entry)
        return entries

    def _entry(self, index: int, table: dict[str, Any]) -> VaultEntry:
        for key in table:
            if key not in _KEYS:
                raise self._at(index, key, f"a vault has no setting called {key}")
        name = self._string(index, table, "name")
        try:
            check_name(name)
        except VaultuiError as error:
            raise self._at(index, "name", error.summary.rstrip(".")) from error
        cipherdir = self._place(index, table, "cipherdir")
        mountpoint = str(self._vaults_dir / name)
        if "mountpoint" in table:
            mountpoint = self._place(index, table, "mountpoint")
        idle = 0.0
        if "idle_timeout" in table:
            try:
                idle = parse_duration(self._string(index, table, "idle_timeout"))
            except ValueError as error:
                raise self._at(index, "idle_timeout", str(error)) from error
        vault_id = id_of_place(cipherdir)
        if "id" in table:
            vault_id = VaultId(self._string(index, table, "id"))
            if not _ID.fullmatch(vault_id):
                raise self._at(index, "id", "an id has 16 digits of 0 to 9 and a to f")
        config = self._place(index, table, "config") if "config" in table else ""
        return VaultEntry(
            vault_id,
            name,
            cipherdir,
            mountpoint,
            idle,
            self._switch(index, table, "read_only", False),
            config,
            self._switch(index, table, "reverse", False),
            self._options(index, table),
            self._place(index, table, "key_file") if "key_file" in table else "",
        )

    def _options(self, index: int, table: dict[str, Any]) -> MountOptions:
        for key in _OF_VIEWS:
            if key in table and table.get("reverse") is not True:
                raise self._at(index, key, f"{key} is for a vault with reverse = true")
        patterns = table.get("exclude", [])
        if not isinstance(patterns, list) or not all(p and isinstance(p, str) for p in patterns):
            raise self._at(index, "exclude", "exclude is a list of patterns, each in quotes")
        switches = {key: self._switch(index, table, key, _SWITCHES[key]) for key in _SWITCHES}
        return MountOptions(**switches, exclude_patterns=tuple(patterns))

    def _switch(self, index: int, table: dict[str, Any], key: str, default: bool) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            raise self._at(index, key, f"{key} is true or false, without quotes")
        return value

    def _string(self, index: int, table: dict[str, Any], key: str) -> str:
        value = table.get(key)
        if value is None:
            raise self._at(index, key, f"this vault has no {key}")
        if not isinstance(value, str) or not value:
            raise self._at(index, key, f"{key} is a text in quotes")
        return value

    def _place(self, index: int, table: dict[str, Any], key: str) -> str:
        text = self._string(index, table, key)
        path = path_from_text(text)
        if path is None:
            raise self._at(index, key, f"{key} is a path that begins with / or ~/")
        return path

    def _syntax(self, error: tomllib.TOMLDecodeError) -> SettingsInvalid:
        # Python 3.14 has the place as attributes; the text of the message has had it always.
        message = str(error)
        match = _TOML_PLACE.search(message)
        lines = self._text.splitlines() or [""]
        line, column = len(lines), len(lines[-1]) + 1
        if match:
            message = message[: match.start()]
            if match[1]:
                line, column = int(match[1]), int(match[2])
        return self._invalid(line, column, message[:1].lower() + message[1:])

    def _at(self, index: int | None, key: str, reason: str) -> SettingsInvalid:
        return self._invalid(*_place_of(self._text, index, key), reason)

    def _invalid(self, line: int, column: int, reason: str) -> SettingsInvalid:
        return SettingsInvalid(path=str(self._path), line=line, column=column, reason=reason)


def _place_of(text: str, index: int | None, key: str) -> tuple[int, int]:
    """Return line and column, from 1, of a key of the vault `index`, or of the top level.

    tomllib gives values without places. Falls back to the vault's header, then to the
    first line, for the spellings (inline tables) that this search does not follow.
    """
    wanted = re.compile(rf"""\s*(?:\[+\s*)?(["']?){re.escape(key)}\1\s*[\].=]""")
    header = re.compile(r"\s*\[\[\s*vault\s*\]\]")
    vault, fallback = -1, (1, 1)
    for number, line in enumerate(text.splitlines(), start=1):
        if header.match(line):
            vault += 1
            if vault == index:
                fallback = (number, len(line) - len(line.lstrip()) + 1)
        if (index is None or vault == index) and wanted.match(line):
            return number, len(line) - len(line.lstrip()) + 1
    return fallback


def with_entry(text: str, entry: VaultEntry) -> str:
    """Return the settings with `entry` appended, or changed in place where its id is known."""
    import tomlkit
    from tomlkit.items import AoT

    document = tomlkit.parse(text or NEW_FILE)
    tables = document.get("vault")
    if not isinstance(tables, AoT):
        tables = tomlkit.aot()
        document["vault"] = tables
    wanted = _table_values(entry)
    for table, known in zip(tables, _ids(tables), strict=True):
        if known == entry.id:
            for key in _KEYS:
                if key in wanted and table.get(key) != wanted[key]:
                    table[key] = wanted[key]
                elif key not in wanted and key in table:
                    del table[key]
            return tomlkit.dumps(document)
    table = tomlkit.table()
    for key, value in wanted.items():
        table[key] = value
    tables.append(table)
    return tomlkit.dumps(document)


def without_entry(text: str, vault: VaultId) -> str:
    """Return the settings without the vault `vault`."""
    import tomlkit

    document = tomlkit.parse(text)
    tables = document.get("vault", [])
    for index, known in enumerate(_ids(tables)):
        if known == vault:
            del tables[index]
            break
    if not tables and "vault" in document:
        del document["vault"]
    return tomlkit.dumps(document)


def _ids(tables: Sequence[Any]) -> list[str]:
    return [
        str(table.get("id") or id_of_place(path_from_text(str(table["cipherdir"])) or ""))
        for table in tables
    ]


def _table_values(entry: VaultEntry) -> dict[str, str | bool | list[str]]:
    values: dict[str, str | bool | list[str]] = {
        "name": entry.name,
        "cipherdir": path_to_text(entry.cipherdir),
        "mountpoint": path_to_text(entry.mountpoint),
    }
    if entry.idle_timeout_s:
        values["idle_timeout"] = format_duration(entry.idle_timeout_s)
    if entry.read_only:
        values["read_only"] = True
    if entry.config_path:
        values["config"] = path_to_text(entry.config_path)
    if entry.key_file:
        values["key_file"] = path_to_text(entry.key_file)
    if entry.reverse:
        values["reverse"] = True
    options = vars(entry.options)
    values |= {key: options[key] for key in _SWITCHES if options[key] is not _SWITCHES[key]}
    if entry.options.exclude_patterns:
        values["exclude"] = list(entry.options.exclude_patterns)
    return values | {"id": entry.id}


def id_of_place(cipherdir: str) -> VaultId:
    """Return the id of a vault that was written by hand without one.

    It follows from the cipher directory, so that it stays when the vault is renamed.
    """
    return VaultId(hashlib.sha256(os.fsencode(cipherdir)).hexdigest()[:16])


def path_to_text(path: str) -> str:
    """Return an absolute path as the settings file has it.

    A path that is not UTF-8 cannot stand in TOML and becomes a file: URL, with its bytes as
    percent escapes.
    """
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "file://" + quote_from_bytes(os.fsencode(path))
    home = str(Path.home())
    if home != "/" and path.startswith(home + "/"):
        return "~" + path[len(home) :]
    return path


def path_from_text(text: str) -> str | None:
    """Return the absolute path that `path_to_text` wrote; None when it is not one."""
    if text.startswith("file:///"):
        return os.fsdecode(unquote_to_bytes(text.removeprefix("file://")))
    if text.startswith("~/"):
        text = str(Path.home()) + text[1:]
    if not text.startswith("/") or "\0" in text:
        return None
    # Not resolved: a link in the path stays what the person wrote.
    return os.path.normpath(text)
