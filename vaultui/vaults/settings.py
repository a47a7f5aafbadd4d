"""The use cases about settings: of the program and of each vault, looked at and changed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vaultui.model.catalogue import languages
from vaultui.model.errors import AlreadyOpen, SettingUnknown, SettingValueInvalid, VaultuiError
from vaultui.model.language import Phrase
from vaultui.model.states import VaultState
from vaultui.vaults import desktopentries, editor
from vaultui.vaults.automation import Automation
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.mountguard import MountGuard
from vaultui.vaults.observer import observe
from vaultui.vaults.paths import Paths, absolute
from vaultui.vaults.placetext import path_to_text
from vaultui.vaults.registry import Registry
from vaultui.vaults.setting import KEYMAP, PROGRAM, VAULT, Setting, SettingKind, Value
from vaultui.vaults.settingsfile import ProgramSettings, SettingsFile
from vaultui.vaults.turns import turn
from vaultui.vaults.unlocking import check_overlap


@dataclass(frozen=True)
class SettingRow:
    """A setting and what it is now."""

    setting: Setting
    value: Value
    """As the file has it, or would have it where it is left out."""
    given: bool
    """Whether it stands in the file."""

    @property
    def key(self) -> str:
        return self.setting.key

    @property
    def text(self) -> str:
        """The value as a person types it; empty for nothing."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return (
            self.value if isinstance(self.value, str) else self.setting.separator.join(self.value)
        )


class Settings:
    """The settings of one user. Without a name, a method is about those of the program."""

    def __init__(self, paths: Paths, registry: Registry, guard: MountGuard) -> None:
        self._paths = paths
        self._registry = registry
        self._guard = guard

    @property
    def program(self) -> ProgramSettings:
        """What the settings of the program mean now."""
        return self._registry.settings().program

    def check(self) -> VaultuiError | None:
        """Read the file anew, and return what is wrong with it."""
        self._registry.settings()
        return self._registry.warning

    async def edit(self) -> VaultuiError | None:
        """Open the file in the person's editor, and return what is wrong with it afterwards."""
        self._registry.ensure_file()
        await editor.edit(str(self._paths.config_file))
        return self.check()

    def rows(self, name: str | None = None) -> list[SettingRow]:
        """Return all settings of the program, or of a vault, in the order of the manual."""
        if name is None:
            given = self._registry.settings().given.get(None, {})
            keymap = [_key_setting(key) for key in given if key.startswith(f"{KEYMAP}.")]
            program = [find_setting(key, of_vault=False) for key in PROGRAM]
            return [self._row(setting, None) for setting in (*program, *keymap)]
        entry = self._registry.entry(name)
        return [self._row(setting, entry) for setting in VAULT.values()]

    def row(self, key: str, name: str | None = None) -> SettingRow:
        """Return one setting; raises SettingUnknown with the names that are near."""
        entry = None if name is None else self._registry.entry(name)
        return self._row(find_setting(key, of_vault=entry is not None), entry)

    async def set(self, key: str, value: Value, name: str | None = None) -> SettingRow:
        """Change a setting; a text means what it means when it is typed.

        Raises SettingUnknown, SettingValueInvalid, VaultExists, and AlreadyOpen for what can't
        be changed while the vault is open.
        """
        entry = None if name is None else self._registry.entry(name)
        setting = find_setting(key, of_vault=entry is not None)
        try:
            value = setting.typed(value) if isinstance(value, str) else value
            if setting.kind is SettingKind.PATH and isinstance(value, str) and value:
                value = path_to_text(absolute(value))
            if value == "" and not setting.required:
                return await self.unset(key, name)
            setting.meaning(value)
            if setting.key == "language" and value not in setting.choices:
                # The file may name another, which a later version may know.
                known = ", ".join(setting.choices)
                raise ValueError(Phrase("the languages are {known}", known=known))
        except ValueError as error:
            raise SettingValueInvalid(key=key, reason=error.args[0]) from error
        return await self._change(setting, value, entry)

    async def unset(self, key: str, name: str | None = None) -> SettingRow:
        """Take a setting out of the file, so that it is what it is by default."""
        entry = None if name is None else self._registry.entry(name)
        setting = find_setting(key, of_vault=entry is not None)
        if setting.required:
            raise SettingValueInvalid(key=key, reason=Phrase("a vault needs its {key}", key=key))
        return await self._change(setting, None, entry)

    async def _change(
        self, setting: Setting, value: Value | None, entry: VaultEntry | None
    ) -> SettingRow:
        if entry is None or not setting.when_locked:
            before = self._registry.entries()
            self._write(setting, value, entry)
            for other in before:
                self._guard_moved(other, self._by_id(other))
            return self._row(setting, entry and self._by_id(entry))
        self._paths.ensure_runtime_dir()
        async with turn(self._paths, entry.id, VaultState.LOCKING):
            if (await observe(self._paths, entry, my_turn=True)).mounted:
                raise AlreadyOpen(name=entry.name)
            self._write(setting, value, entry)
            after = self._by_id(entry)
            self._guard_moved(entry, after)
            if after.name != entry.name:
                desktopentries.rename(after)
                await Automation(self._registry).rename(entry, after)
        return self._row(setting, after)

    def _guard_moved(self, before: VaultEntry, after: VaultEntry) -> None:
        """Guard the new mount point of a vault that has another now; the old one is given back."""
        if after.mountpoint != before.mountpoint:
            self._guard.release(before.mountpoint)
            self._guard.protect(after.mountpoint)

    def _write(self, setting: Setting, value: Value | None, entry: VaultEntry | None) -> None:
        if entry is not None and setting.key in ("cipherdir", "mountpoint"):
            place = setting.meaning(value) if value is not None else ""
            assert isinstance(place, str)
            cipherdir = place if setting.key == "cipherdir" else entry.cipherdir
            mountpoint = place if setting.key == "mountpoint" else entry.mountpoint
            check_overlap(cipherdir, mountpoint or str(self._registry.vaults_dir / entry.name))
        try:
            self._registry.set_value(None if entry is None else entry.id, setting.key, value)
        except ValueError as error:
            raise SettingValueInvalid(key=setting.key, reason=error.args[0]) from error

    def _by_id(self, entry: VaultEntry) -> VaultEntry:
        """Return what is known of a vault now; `entry` itself where it was just forgotten."""
        known = {other.id: other for other in self._registry.entries()}
        return known.get(entry.id, entry)

    def _row(self, setting: Setting, entry: VaultEntry | None) -> SettingRow:
        settings = self._registry.settings()
        given = settings.given.get(None if entry is None else entry.id, {})
        if setting.key in given:
            return SettingRow(setting, given[setting.key], given=True)
        return SettingRow(setting, _left_out(setting, entry, settings), given=False)


def find_setting(key: str, *, of_vault: bool) -> Setting:
    """Return a setting of a vault or of the program; raises SettingUnknown."""
    table: Mapping[str, Setting] = VAULT if of_vault else PROGRAM
    if key == "language" and not of_vault:
        return replace(PROGRAM[key], choices=tuple(languages()))
    if key in table:
        return table[key]
    if not of_vault and key.startswith(f"{KEYMAP}.") and key != f"{KEYMAP}.":
        return _key_setting(key)
    near = difflib.get_close_matches(key, table, n=2)
    similar = Phrase("Did you mean {names}? ", names=", ".join(near)) if near else ""
    raise SettingUnknown(key=key, similar=similar)


def _key_setting(key: str) -> Setting:
    return Setting(key, SettingKind.KEYS, "")


def _left_out(setting: Setting, entry: VaultEntry | None, settings: SettingsFile) -> Value:
    """Return what a setting is, as the file would have it, while it is not in there."""
    if entry is None:
        return setting.default
    if setting.inherited:
        program: Mapping[str, Any] = settings.given.get(None, {})
        value: Value = program.get(setting.key, PROGRAM[setting.key].default)
        return value
    if setting.key == "mountpoint":
        return path_to_text(entry.mountpoint)
    return setting.default
