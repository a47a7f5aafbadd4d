"""The list of known vaults: the settings file, its last good copy, and the lock around both.

Readers take no lock, because the file is only ever replaced as a whole. Writers of several
processes take turns through `flock` on a file of its own: the settings file itself is
replaced by each write, and a lock on a replaced file guards nothing.
"""

from __future__ import annotations

import difflib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultui.linux.durable import remove_temporaries, write_durably
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import (
    SettingsInvalid,
    SettingsNotWritten,
    SettingsUnreadable,
    SettingsUnsaved,
    VaultuiError,
    VaultUnknown,
)
from vaultui.model.ids import VaultId
from vaultui.model.language import Phrase
from vaultui.vaults.entry import VaultEntry, check_unique
from vaultui.vaults.paths import Paths
from vaultui.vaults.setting import Value
from vaultui.vaults.settingsfile import ProgramSettings, SettingsFile, parse_settings

if TYPE_CHECKING:
    from vaultui.tasks.request import TaskRequest

_Signature = tuple[int, int, int] | None


class Registry:
    """Reads and changes the settings file of one user."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._signature: _Signature = (-1, -1, -1)
        self._settings = SettingsFile(ProgramSettings(vaults_dir=str(paths.vaults_dir)))
        self.warning: VaultuiError | None = None
        """The typo that made the last `entries` fall back to the last good copy."""

    @property
    def _file(self) -> Path:
        return self._paths.config_file

    @property
    def _good_copy(self) -> Path:
        return self._paths.state_dir / "config.last-good.toml"

    def settings(self) -> SettingsFile:
        """Return what the settings file says, read anew when it changed."""
        signature = _signature(self._file)
        if signature != self._signature:
            self._load()
            self._signature = signature
        return self._settings

    def entries(self) -> list[VaultEntry]:
        """Return the known vaults: favourites first, otherwise in the order of the file."""
        return sorted(self.settings().entries, key=lambda entry: not entry.favourite)

    @property
    def vaults_dir(self) -> Path:
        """Where vaults open that have no mount point of their own."""
        return Path(self.settings().program.vaults_dir)

    def entry(self, name: str) -> VaultEntry:
        """Return the vault called `name`; raises VaultUnknown with the names that are near."""
        entries = self.entries()
        for entry in entries:
            if entry.name == name:
                return entry
        folded = {entry.name.casefold(): entry.name for entry in entries}
        near = [folded[n] for n in difflib.get_close_matches(name.casefold(), folded, n=3)]
        similar = Phrase("Did you mean {names}? ", names=", ".join(near)) if near else ""
        raise VaultUnknown(name=name, similar=similar)

    def check_addable(self, entry: VaultEntry) -> None:
        """Raise what `add` would raise, before something is done that needs it to work."""
        with self._locked():
            check_unique(entry, self._current()[1].entries)

    def add(self, entry: VaultEntry) -> None:
        """Append a vault; raises VaultExists when its name or one of its places is taken."""

        from vaultui.vaults import settingstext

        def change(text: str, settings: SettingsFile) -> str:
            check_unique(entry, settings.entries)
            return settingstext.with_entry(text, entry, settings.program)

        self._change(change)

    def set_value(self, vault: VaultId | None, key: str, value: Value | None) -> None:
        """Change a setting of a vault, or of the program; None takes it out of the file.

        Raises ValueError where the file would be wrong with it, VaultExists where a name or
        a place is another vault's, VaultUnknown when the vault is gone.
        """

        from vaultui.vaults import settingstext

        def change(text: str, settings: SettingsFile) -> str:
            if vault is not None and all(entry.id != vault for entry in settings.entries):
                raise VaultUnknown(name=vault, similar="")
            changed = settingstext.with_value(text, vault, key, value)
            try:
                after = self._parse(changed.encode("utf-8"), self._file).entries
            except SettingsInvalid as error:
                raise ValueError(error.details["reason"]) from error
            for entry in after:
                if entry.id == vault and entry not in settings.entries:
                    check_unique(entry, [other for other in after if other.id != vault])
            return changed

        self._change(change)

    def set_task(
        self, vault: VaultId, name: str, values: Mapping[str, Any] | None
    ) -> Mapping[str, TaskRequest]:
        """Save a task of a vault, or take it out, and return those it has then.

        Raises SettingsInvalid where the file would be wrong with it, VaultUnknown.
        """

        from vaultui.vaults import settingstext

        def change(text: str, settings: SettingsFile) -> str:
            if all(entry.id != vault for entry in settings.entries):
                raise VaultUnknown(name=vault, similar="")
            return settingstext.with_task(text, vault, name, values)

        self._change(change)
        return self.settings().tasks[vault]

    def ensure_file(self) -> None:
        """Make the settings file where there is none, for somebody who wants to edit it."""
        if not self._file.exists():
            self._change(lambda text, _: text)

    def remove(self, entry: VaultEntry) -> None:
        """Take a vault out; nothing happens when another process did it first."""
        from vaultui.vaults import settingstext

        self._change(lambda text, _: settingstext.without_entry(text, entry.id))

    def arrange(self, order: Sequence[VaultId]) -> None:
        """Bring the vaults into an order; those that are not named come last."""
        from vaultui.vaults import settingstext

        self._change(lambda text, _: settingstext.with_order(text, order))

    # -- inside ---------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            self._settings, self.warning = self._parse(b"", self._file), None
            return
        except OSError as error:
            reason = reason_of(error)
            self._fall_back(SettingsUnreadable(path=str(self._file), reason=reason))
            return
        try:
            self._settings = self._parse(data, self._file)
        except SettingsInvalid as error:
            self._fall_back(error)
            return
        self.warning = None
        self._keep_good_copy(data)

    def _parse(self, data: bytes, path: Path) -> SettingsFile:
        return parse_settings(data, path, self._paths.vaults_dir)

    def _fall_back(self, warning: VaultuiError) -> None:
        self.warning = warning
        try:
            self._settings = self._parse(self._good_copy.read_bytes(), self._good_copy)
        except (OSError, SettingsInvalid):
            # There never was a good one. What was known a moment ago is the best there is.
            return

    def _keep_good_copy(self, data: bytes) -> None:
        with suppress(OSError):  # a copy that cannot be kept is no reason to refuse a good file
            if not self._good_copy.exists() or self._good_copy.read_bytes() != data:
                self._good_copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                remove_temporaries(self._good_copy)
                write_durably(self._good_copy, data)

    def _change(self, change: Callable[[str, SettingsFile], str]) -> None:
        with self._locked():
            text, settings = self._current()
            changed = change(text, settings).encode("utf-8")
            # What we write must be what we would read: a slip here would cost the person
            # their list at the next start.
            self._parse(changed, self._file)
            # A settings file that is a link into a collection of dotfiles stays one.
            target = self._file.resolve()
            try:
                mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
                remove_temporaries(target)
                write_durably(target, changed, mode=mode)
            except OSError as error:
                raise self._not_written(error) from error
            self._keep_good_copy(changed)
            self._signature = (-1, -1, -1)

    def _current(self) -> tuple[str, SettingsFile]:
        """Return the text and what it says; raises SettingsUnsaved over a file with a typo."""
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            from vaultui.vaults.settingstext import NEW_FILE

            data = NEW_FILE.encode()
        except OSError as error:
            raise self._not_written(error) from error
        try:
            return data.decode("utf-8"), self._parse(data, self._file)
        except SettingsInvalid as error:
            raise SettingsUnsaved(raw="", **error.details) from error

    def _not_written(self, error: OSError) -> SettingsNotWritten:
        return SettingsNotWritten(path=str(self._file), reason=reason_of(error))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of writers, across processes, for one read and write of a small file."""
        lock = self._paths.state_dir / "config.lock"
        try:
            lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._not_written(error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _signature(path: Path) -> _Signature:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
