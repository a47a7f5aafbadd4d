"""Changing the text of the settings file without losing a comment or an order.

Values go through tomlkit. Whole vaults are moved and removed as stretches of lines, each with
the comment right above it: to TOML such a comment belongs to the vault before.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vaultui.model.ids import VaultId
from vaultui.vaults.duration import format_duration
from vaultui.vaults.entry import AutoLock, VaultEntry
from vaultui.vaults.placetext import id_of_place, path_from_text, path_to_text
from vaultui.vaults.setting import KEYMAP, OPTIONS, VAULT, Value
from vaultui.vaults.settingsfile import TASKS, ProgramSettings
from vaultui.vaults.settingslines import (
    has_vault,
    head_and_tables,
    is_content,
    joined,
    piece_of,
    pieces_of,
    vaults_in,
)

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

_Change = Callable[[Any, int | None], None]
"""Changes a document, of tomlkit or a plain one; the place is that of the vault, if it is one's."""


def with_entry(text: str, entry: VaultEntry, program: ProgramSettings) -> str:
    """Return the settings with `entry` appended; what is as it would be left out is left out."""
    import tomlkit

    text = text or NEW_FILE
    table = tomlkit.table()
    table.update(_table_values(entry, program))
    if tomllib.loads(text).get("vault") and not has_vault(text.splitlines()):
        # A list in brackets, of inline tables, can only go on as one.
        document = tomlkit.parse(text)
        document["vault"].append({**table})
        return tomlkit.dumps(document)
    return joined([[text], ["[[vault]]\n", table.as_string()]])


def with_value(text: str, vault: VaultId | None, key: str, value: Value | None) -> str:
    """Return the settings with one of them changed, or taken out where `value` is None.

    Without a vault it is a setting of the program.
    """
    text = text or NEW_FILE
    place = None if vault is None else _known(text).index(vault)
    pieces = pieces_of(text)
    number = piece_of(pieces, place, key)
    if place is not None and number < len(pieces):
        # A new setting would get between its first task and the comment above that.
        pieces[number : number + 1] = head_and_tables(pieces[number])

    def change(document: Any, place: int | None) -> None:
        _change(document, vault, place, key, value)

    return _changed(text, pieces, number, place, change)


def with_task(text: str, vault: VaultId, name: str, values: Mapping[str, Any] | None) -> str:
    """Return the settings with a saved task of a vault, or without it where there are no values."""
    place = _known(text).index(vault)
    pieces = pieces_of(text)

    def change(document: Any, place: int | None) -> None:
        assert place is not None
        _change_task(document["vault"][place], name, values)

    return _changed(text, pieces, piece_of(pieces, place, TASKS), place, change)


def _changed(
    text: str, pieces: list[list[str]], number: int, place: int | None, change: _Change
) -> str:
    """Return the text after `change`, which is tried on the piece that it concerns first."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = tomllib.loads(text)
    before = copy.deepcopy(wanted)
    change(wanted, place)
    if wanted == before:
        return text
    # A line within a text may look like a header: then a piece is not what it seems to be.
    with suppress(tomllib.TOMLDecodeError, TOMLKitError, IndexError):
        # One table alone is given to tomlkit: with others around it, it takes the comment above
        # the next table for one of this, and moves tables that stand between vaults.
        pieces[number] = _changed_piece(pieces[number], None if place is None else 0, change)
        changed = "".join(line for piece in pieces for line in piece)
        if tomllib.loads(changed) == wanted:
            return changed
    document = tomlkit.parse(text)
    change(document, place)
    return tomlkit.dumps(document)


def _change(
    document: Any, vault: VaultId | None, place: int | None, key: str, value: Value | None
) -> None:
    """Change a setting in a document, of tomlkit or a plain one."""
    table = document
    if place is not None:
        table = document["vault"][place]
        if "id" not in table:
            # It would follow from the cipher directory, which may be what changes.
            table["id"] = vault
    elif key.startswith(f"{KEYMAP}."):
        key = key.removeprefix(f"{KEYMAP}.")
        table = document.setdefault(KEYMAP, {})
        first, _, rest = key.partition(".")
        if rest and isinstance(table.get(first), dict):
            # Without quotes TOML took vault.lock for a table within a table; it is written flat.
            table[first].pop(rest, None)
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _change_task(vault: Any, name: str, values: Mapping[str, Any] | None) -> None:
    """Change a saved task in the table of its vault, value by value, so that comments stay."""
    import tomlkit
    from tomlkit.items import InlineTable

    tasks = vault.get(TASKS)
    if values is None:
        if tasks is not None:
            tasks.pop(name, None)
            if not tasks:
                del vault[TASKS]
        return
    plain = type(vault) is dict
    if isinstance(vault, InlineTable):
        vault[TASKS] = _inline({**(tasks or {}), name: _inline(values)})
        return
    if tasks is None:
        vault[TASKS] = {} if plain else tomlkit.table(is_super_table=True)
        tasks = vault[TASKS]
    if name not in tasks:
        tasks[name] = {} if plain else tomlkit.table()
    task = tasks[name]
    for key in [key for key in task if key not in values]:
        del task[key]
    for key, value in values.items():
        if task.get(key) != value:
            task[key] = value if plain else _inline(value)


def _inline(value: Any) -> Any:
    """Return a value as it stands on one line: a table of its own would end the task's."""
    import tomlkit

    if not isinstance(value, Mapping):
        return value
    table = tomlkit.inline_table()
    table.update({key: _inline(one) for key, one in value.items()})
    return table


def _changed_piece(piece: Sequence[str], place: int | None, change: _Change) -> list[str]:
    import tomlkit

    end = max((n + 1 for n, line in enumerate(piece) if is_content(line)), default=0)
    above: list[str] = []
    below = list(piece[end:])
    if end == 0:
        # A head of comments alone: the setting comes below them, and not right below.
        head = max((n + 1 for n, line in enumerate(piece) if line.strip()), default=0)
        above, below = [*piece[:head], "\n"] if head else [], ["\n"]
    document = tomlkit.parse("".join(piece[:end]))
    change(document, place)
    # A table that was the last leaves the empty line before it.
    body = tomlkit.dumps(document).rstrip("\n") + "\n"
    return [*above, body, *below]


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
    pieces = pieces_of(text)
    slots = vaults_in(pieces)
    if len(slots) == len(tables):
        by_slot = dict(zip(slots, [pieces[slots[place]] for place in places], strict=False))
        kept = [
            by_slot.get(number, piece)
            for number, piece in enumerate(pieces)
            if number in by_slot or number not in slots
        ]
        changed = joined(kept)
        if tomllib.loads(changed).get("vault", []) == wanted:
            return changed
    # Inline tables in a list, or a line within a text that looks like a header.
    import tomlkit

    document = tomlkit.parse(text)
    document["vault"] = wanted
    return tomlkit.dumps(document)


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
    if entry.open_for_s != program.open_for_s:
        values["open_for"] = format_duration(entry.open_for_s)
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
    values |= {key: list(commands) for key, commands in vars(entry.hooks).items() if commands}
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
