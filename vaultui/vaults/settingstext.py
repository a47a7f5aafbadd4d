"""Changing the text of the settings file without losing a comment or an order.

Values go through tomlkit. Whole vaults are moved and removed as stretches of lines, each with
the comment right above it: to TOML such a comment belongs to the vault before.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultui.model.ids import VaultId
from vaultui.vaults.duration import format_duration
from vaultui.vaults.entry import AutoLock, VaultEntry
from vaultui.vaults.placetext import id_of_place, path_from_text, path_to_text
from vaultui.vaults.setting import KEYMAP, OPTIONS, PROGRAM, VAULT, Value
from vaultui.vaults.settingsfile import ProgramSettings

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

NEW_FILE = """\
# Settings of vaultui. Edit freely: vaultui changes only the entries that you change in it,
# and keeps comments and order. After a typo it says where, and goes on with the last good
# copy until the place is corrected. `vaultui settings` lists all there is; so does
# `man vaultui.toml`. Settings of the whole program come first:
#
# theme = "dark"                 or light, high-contrast, ansi
# idle_timeout = "15m"           lock after so long without use; left out: never
# lock_on = ["sleep", "screen", "logout"]   and then, too; this is what it is, left out
#
# [[vault]]                      one for each vault
# name = "Work"                  what you call it
# cipherdir = "~/Sync/work.c"    where its encrypted files are
# mountpoint = "~/Vaults/Work"   where it opens; left out: ~/Vaults/NAME
# idle_timeout = "15m"           lock after so long without use; left out: as above
# read_only = true               open it without the right to write; left out: false
# config = "~/work.conf"         volume config outside the cipher directory
# key_file = "~/work.key"        file that opens it, alone or together with the password
# reverse = true                 show a plain directory encrypted; left out: false
# id = "0123456789abcdef"        given by vaultui; ties the vault to its saved password

"""

_VAULT_HEADER = re.compile(r"\s*\[\[\s*vault\s*\]\]")
_HEADER = re.compile(r"\s*\[")


def with_entry(text: str, entry: VaultEntry, program: ProgramSettings) -> str:
    """Return the settings with `entry` appended; what is as it would be left out is left out."""
    import tomlkit
    from tomlkit.items import Array

    document = tomlkit.parse(text or NEW_FILE)
    values = _table_values(entry, program)
    tables = document.get("vault")
    if isinstance(tables, Array):
        tables.append({**values})
    else:
        if tables is None:
            tables = tomlkit.aot()
            document["vault"] = tables
        table = tomlkit.table()
        table.update(values)
        tables.append(table)
    return tomlkit.dumps(document)


def with_value(text: str, vault: VaultId | None, key: str, value: Value | None) -> str:
    """Return the settings with one of them changed, or taken out where `value` is None.

    Without a vault it is a setting of the program.
    """
    import tomlkit

    document = tomlkit.parse(text or NEW_FILE)
    if vault is None and key in PROGRAM and key not in document:
        return text if value is None else _with_first(text or NEW_FILE, key, value)
    table: Any = document
    if vault is not None:
        tables: Any = document.get("vault", [])
        table = tables[_ids(tables).index(vault)]
        if "id" not in table:
            # It would follow from the cipher directory, which may be what changes.
            table["id"] = vault
    elif key.startswith(f"{KEYMAP}."):
        key = key.removeprefix(f"{KEYMAP}.")
        table = _keymap(document, key)
    if value is None:
        table.pop(key, None)
    elif table.get(key) != value:
        table[key] = value
    changed = tomlkit.dumps(document)
    return changed if changed.endswith("\n") else changed + "\n"


def _with_first(text: str, key: str, value: Value) -> str:
    """Return the settings with a setting of the program that was not in there.

    tomlkit would put it right below a comment that is about something else.
    """
    import tomlkit

    pieces = _pieces(text)
    head = pieces[0]
    while head and not head[-1].strip():
        head.pop()
    if head and head[-1].startswith("#"):
        head.append("\n")
    head.append(f"{key} = {tomlkit.item(value).as_string()}\n")
    return _joined(pieces)


def without_entry(text: str, vault: VaultId) -> str:
    """Return the settings without the vault `vault`, and without the comment right above it."""
    known = _known(text)
    return _arranged(text, [place for place, other in enumerate(known) if other != vault])


def with_order(text: str, order: Sequence[VaultId]) -> str:
    """Return the settings with the vaults in another order; those not named come last."""
    known = _known(text)
    places = [known.index(vault) for vault in order if vault in known]
    return _arranged(text, [*places, *(p for p in range(len(known)) if p not in places)])


def _arranged(text: str, places: Sequence[int]) -> str:
    """Return the settings with the vaults of `places`, in that order, and no others."""
    tables = tomllib.loads(text).get("vault", [])
    wanted = [tables[place] for place in places]
    if wanted == tables:
        return text
    pieces = _pieces(text)
    slots = [number for number, piece in enumerate(pieces) if _is_vault(piece)]
    if len(slots) == len(tables):
        by_slot = dict(zip(slots, [pieces[slots[place]] for place in places], strict=False))
        kept = [
            by_slot.get(number, piece)
            for number, piece in enumerate(pieces)
            if number in by_slot or number not in slots
        ]
        changed = _joined(kept)
        if tomllib.loads(changed).get("vault", []) == wanted:
            return changed
    # Inline tables in a list, or a line within a text that looks like a header.
    import tomlkit

    document = tomlkit.parse(text)
    document["vault"] = wanted
    return tomlkit.dumps(document)


def _pieces(text: str) -> list[list[str]]:
    """Return the lines before the first table, and those of each table from its comment on."""
    pieces: list[list[str]] = [[]]
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line):
            before = pieces[-1]
            above = _comment_above(before)
            if len(above) == len(before):  # it begins the file, and is about all of it
                above = []
            del before[len(before) - len(above) :]
            pieces.append(above)
        pieces[-1].append(line)
    return pieces


def _is_vault(piece: Sequence[str]) -> bool:
    return any(_VAULT_HEADER.match(line) for line in piece)


def _joined(pieces: Sequence[Sequence[str]]) -> str:
    """Return the text of the pieces, with an empty line before each table."""
    text = ""
    for piece in pieces:
        if text and not text.endswith("\n"):
            text += "\n"
        if text and piece and not text.endswith("\n\n"):
            text += "\n"
        text += "".join(piece)
    return text


def _comment_above(lines: Sequence[str]) -> list[str]:
    above: list[str] = []
    for line in reversed(lines):
        if not line.lstrip().startswith("#"):
            break
        above.insert(0, line)
    return above


def _keymap(document: TOMLDocument, key: str) -> Any:
    """Return the table of the keymap that has, or is to have, the keys of an action.

    What TOML took for tables within tables (vault.lock without quotes) is written flat.
    """
    import tomlkit

    table: Any = document.get(KEYMAP)
    if table is None:
        table = tomlkit.table()
        document[KEYMAP] = table
    first, _, rest = key.partition(".")
    below = table.get(first)
    if rest and hasattr(below, "pop"):
        below.pop(rest, None)
    return table


def _known(text: str) -> list[str]:
    return _ids(tomllib.loads(text).get("vault", []))


def _ids(tables: Sequence[Any]) -> list[str]:
    return [
        str(table.get("id") or id_of_place(path_from_text(str(table["cipherdir"])) or ""))
        for table in tables
    ]


def _table_values(entry: VaultEntry, program: ProgramSettings) -> dict[str, Value]:
    values: dict[str, Value] = {
        "name": entry.name,
        "cipherdir": path_to_text(entry.cipherdir),
    }
    if entry.mountpoint != str(Path(program.vaults_dir, entry.name)):
        values["mountpoint"] = path_to_text(entry.mountpoint)
    if entry.idle_timeout_s != program.idle_timeout_s:
        values["idle_timeout"] = format_duration(entry.idle_timeout_s)
    if entry.read_only:
        values["read_only"] = True
    if entry.favourite:
        values["favourite"] = True
    if entry.config_path:
        values["config"] = path_to_text(entry.config_path)
    if entry.key_file:
        values["key_file"] = path_to_text(entry.key_file)
    if entry.reverse:
        values["reverse"] = True
    values |= _autolock_values(entry.autolock, program.autolock)
    options = vars(entry.options)
    values |= {key: options[key] for key in OPTIONS if options[key] is not VAULT[key].default}
    if entry.options.exclude_patterns:
        values["exclude"] = list(entry.options.exclude_patterns)
    return values | {"id": entry.id}


def _autolock_values(own: AutoLock, program: AutoLock) -> dict[str, Value]:
    values: dict[str, Value] = {}
    if own.lock_on != program.lock_on:
        values["lock_on"] = [occasion.value for occasion in own.lock_on]
    if own.when_busy is not program.when_busy:
        values["when_busy"] = own.when_busy.value
    if own.notify is not program.notify:
        values["notify"] = own.notify
    return values
