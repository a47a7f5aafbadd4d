"""The list of known vaults: the settings file, its last good copy, and the lock around both.

Readers take no lock, because the file is only ever replaced as a whole. Writers of several
processes take turns through `flock` on a file of its own: the settings file itself is
replaced by each write, and a lock on a replaced file guards nothing.
"""

from __future__ import annotations

import difflib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
from vaultui.vaults.entry import VaultEntry, check_unique
from vaultui.vaults.paths import Paths
from vaultui.vaults.settings import NEW_FILE, parse_settings, with_entry, without_entry

_Signature = tuple[int, int, int] | None


class Registry:
    """Reads and changes the settings file of one user."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._signature: _Signature = (-1, -1, -1)
        self._entries: list[VaultEntry] = []
        self.warning: VaultuiError | None = None
        """The typo that made the last `entries` fall back to the last good copy."""

    @property
    def _file(self) -> Path:
        return self._paths.config_file

    @property
    def _good_copy(self) -> Path:
        return self._paths.state_dir / "config.last-good.toml"

    def entries(self) -> list[VaultEntry]:
        """Return the known vaults, in the order of the file, read anew when it changed."""
        signature = _signature(self._file)
        if signature != self._signature:
            self._load()
            self._signature = signature
        return list(self._entries)

    def entry(self, name: str) -> VaultEntry:
        """Return the vault called `name`; raises VaultUnknown with the names that are near."""
        entries = self.entries()
        for entry in entries:
            if entry.name == name:
                return entry
        folded = {entry.name.casefold(): entry.name for entry in entries}
        near = [folded[n] for n in difflib.get_close_matches(name.casefold(), folded, n=3)]
        similar = f"Did you mean {' or '.join(near)}? " if near else ""
        raise VaultUnknown(name=name, similar=similar)

    def check_addable(self, entry: VaultEntry) -> None:
        """Raise what `add` would raise, before something is done that needs it to work."""
        with self._locked():
            check_unique(entry, self._current()[1])

    def add(self, entry: VaultEntry) -> None:
        """Append a vault; raises VaultExists when its name or one of its places is taken."""

        def change(text: str, entries: list[VaultEntry]) -> str:
            check_unique(entry, entries)
            return with_entry(text, entry)

        self._change(change)

    def replace(self, entry: VaultEntry) -> None:
        """Change the vault with the id of `entry`; raises VaultUnknown when it is gone."""

        def change(text: str, entries: list[VaultEntry]) -> str:
            if all(other.id != entry.id for other in entries):
                raise VaultUnknown(name=entry.name, similar="")
            return with_entry(text, entry)

        self._change(change)

    def remove(self, entry: VaultEntry) -> None:
        """Take a vault out; nothing happens when another process did it first."""
        self._change(lambda text, _: without_entry(text, entry.id))

    # -- inside ---------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            self._entries, self.warning = [], None
            return
        except OSError as error:
            reason = reason_of(error)
            self._fall_back(SettingsUnreadable(path=str(self._file), reason=reason))
            return
        try:
            self._entries = self._parse(data, self._file)
        except SettingsInvalid as error:
            self._fall_back(error)
            return
        self.warning = None
        self._keep_good_copy(data)

    def _parse(self, data: bytes, path: Path) -> list[VaultEntry]:
        return parse_settings(data, path, self._paths.vaults_dir)

    def _fall_back(self, warning: VaultuiError) -> None:
        self.warning = warning
        try:
            self._entries = self._parse(self._good_copy.read_bytes(), self._good_copy)
        except (OSError, SettingsInvalid):
            # There never was a good one. What was known a moment ago is the best there is.
            return

    def _keep_good_copy(self, data: bytes) -> None:
        with suppress(OSError):  # a copy that cannot be kept is no reason to refuse a good file
            if not self._good_copy.exists() or self._good_copy.read_bytes() != data:
                self._good_copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                remove_temporaries(self._good_copy)
                write_durably(self._good_copy, data)

    def _change(self, change: Callable[[str, list[VaultEntry]], str]) -> None:
        with self._locked():
            text, entries = self._current()
            changed = change(text, entries).encode("utf-8")
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

    def _current(self) -> tuple[str, list[VaultEntry]]:
        """Return the text and its vaults; raises SettingsUnsaved over a file with a typo."""
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
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
