"""Where vaultui keeps things on this machine.

The XDG variables are honoured; nothing else in the environment moves these places. Only the
runtime directory is created here, because a wrong one is dangerous: whoever can write to it
can pretend to be our control socket.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import RuntimeDirUnsafe
from vaultui.model.ids import VaultId
from vaultui.model.language import N_, Phrase

_SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - see where it is used


@dataclass(frozen=True)
class Paths:
    """The places of one user; tests make their own."""

    config_file: Path
    state_dir: Path
    runtime_dir: Path
    log_dir: Path
    vaults_dir: Path
    """Default mount points are made below it, one for each vault."""
    memory_dir: Path | None = None
    """In the place of the runtime directory for plaintext, where that one may be on a disk."""

    def run_dir(self, vault: VaultId) -> Path:
        """Return the directory of one vault's run state; its supervisor creates it."""
        return self.runtime_dir / vault

    @property
    def tasks_dir(self) -> Path:
        """Records and output of tasks: plaintext, so in memory in any case."""
        return (self.memory_dir or self.runtime_dir) / "tasks"

    def socket(self, vault: VaultId) -> Path:
        """Return where the control socket of an open vault is."""
        return self.run_dir(vault) / "ctl.sock"

    def log_file(self, vault: VaultId) -> Path:
        """Return the log of one vault's backend; older parts end in .1, .2 and so on."""
        return self.log_dir / f"{vault}.log"

    def ensure_runtime_dir(self) -> Path:
        """Create the runtime directory if needed and return it.

        Raises RuntimeDirUnsafe unless it is a real directory of this user that nobody else
        can enter.
        """
        return _ensure_private(self.runtime_dir)

    def ensure_tasks_dir(self) -> Path:
        """Create the directory of all tasks if needed and return it; raises RuntimeDirUnsafe."""
        _ensure_private(self.memory_dir or self.runtime_dir)
        return _ensure_private(self.tasks_dir)


def _ensure_private(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise RuntimeDirUnsafe(path=str(path), reason=reason_of(error)) from error
    _check_private(path)
    return path


def default_paths() -> Paths:
    """Return the places of the current user."""
    home = Path.home()
    state = _xdg("XDG_STATE_HOME", home / ".local" / "state") / "vaultui"
    runtime = _session_dir()
    return Paths(
        config_file=_xdg("XDG_CONFIG_HOME", home / ".config") / "vaultui" / "config.toml",
        state_dir=state,
        # The sticky bit of both and the check of owner and mode make shared places safe.
        runtime_dir=runtime or Path(f"/tmp/vaultui-{os.getuid()}"),  # noqa: S108
        log_dir=state / "log",
        vaults_dir=home / "Vaults",
        memory_dir=None if runtime else _shared_memory(),
    )


def _xdg(variable: str, fallback: Path) -> Path:
    # The specification tells readers to ignore a relative path.
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else fallback


def _session_dir() -> Path | None:
    """Return $XDG_RUNTIME_DIR/vaultui or /run/user/UID/vaultui; None without a session.

    A runtime directory that belongs to somebody else (left in the environment by `sudo -E`)
    is passed over: our directory in it would lock its owner out.
    """
    uid = os.getuid()
    for candidate in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}"):
        if candidate.startswith("/"):
            try:
                found = os.stat(candidate)
            except OSError:
                continue
            if stat.S_ISDIR(found.st_mode) and found.st_uid == uid:
                return Path(candidate) / "vaultui"
    return None


def _shared_memory() -> Path | None:
    """Return our part of shm_overview(7), which is a file system in memory; /tmp may be none."""
    return (
        Path(_SHARED_MEMORY) / f"vaultui-{os.getuid()}" if os.path.isdir(_SHARED_MEMORY) else None
    )


def _check_private(path: Path) -> None:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise RuntimeDirUnsafe(path=str(path), reason=N_("it is a symbolic link"))
    if not stat.S_ISDIR(found.st_mode):
        raise RuntimeDirUnsafe(path=str(path), reason=N_("it is not a directory"))
    if found.st_uid != os.getuid():
        raise RuntimeDirUnsafe(
            path=str(path), reason=Phrase("it belongs to user {user}", user=found.st_uid)
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise RuntimeDirUnsafe(
            path=str(path), reason=Phrase("others may enter it (mode {mode:04o})", mode=mode)
        )


def absolute(path: str) -> str:
    """Return `path` without `~`, dots and doubled slashes. Links stay as the person wrote them."""
    return os.path.abspath(os.path.expanduser(path))
