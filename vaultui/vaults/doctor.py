"""What a vault needs from this machine, looked at, each finding with its cure."""

from __future__ import annotations

import locale
import os
import resource
import shutil
import sys
import time
from pathlib import Path

from vaultui.model.errors import VaultuiError
from vaultui.vaults import keyringclient
from vaultui.vaults.outcomes import Finding
from vaultui.vaults.paths import Paths
from vaultui.vaults.registry import Registry

_FUSE = Path("/dev/fuse")
_FUSE_CONF = Path("/etc/fuse.conf")
_EARLIEST = 1735689600
"""2025-01-01: an earlier clock is a clock that nobody set."""


async def examine(paths: Paths, registry: Registry) -> list[Finding]:
    """Return all findings, the required ones first."""
    return [
        fuse_device(),
        fusermount(),
        runtime_dir(paths),
        settings(registry),
        clock(),
        core_dumps(),
        allow_other(),
        await keyring(),
        session_bus(),
        logind(),
        terminal(),
    ]


def fuse_device(path: Path = _FUSE) -> Finding:
    """Look whether the kernel's FUSE device can be opened by this user."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        cure = "modprobe fuse; in a container, start it with --device /dev/fuse"
        return Finding("fuse-device", False, f"{path} is not there", cure)
    except OSError as error:
        cure = f"sudo chmod 666 {path}, or ask why it is closed here"
        return Finding("fuse-device", False, f"{path} cannot be opened: {error.strerror}", cure)
    return Finding("fuse-device", True, f"{path} can be opened")


def fusermount() -> Finding:
    """Look for the helper that lets ordinary users mount."""
    found = shutil.which("fusermount3")
    if found is None:
        cure = "sudo apt install fuse3"
        return Finding("fusermount", False, "fusermount3 is not installed", cure)
    owned = Path(found).stat()
    if os.getuid() != 0 and not (owned.st_uid == 0 and owned.st_mode & 0o4000):
        cure = f"sudo chown root {found}; sudo chmod u+s {found}"
        return Finding("fusermount", False, f"{found} is not setuid root", cure)
    return Finding("fusermount", True, f"{found} is there")


def runtime_dir(paths: Paths) -> Finding:
    """Look whether the place of control sockets is private."""
    try:
        path = paths.ensure_runtime_dir()
    except VaultuiError as error:
        return Finding("runtime-dir", False, error.summary.rstrip("."), error.hint)
    return Finding("runtime-dir", True, f"{path} is yours alone")


def settings(registry: Registry) -> Finding:
    """Look whether the settings file can be understood."""
    count = len(registry.entries())
    if registry.warning is not None:
        return Finding(
            "settings", False, registry.warning.summary.rstrip("."), registry.warning.hint
        )
    return Finding("settings", True, f"{count} {'vault' if count == 1 else 'vaults'} registered")


def clock(now: float | None = None) -> Finding:
    """Look whether the clock was set, and whether time asleep can be counted."""
    seconds = time.time() if now is None else now
    if seconds < _EARLIEST:
        when = time.strftime("%Y-%m-%d", time.gmtime(seconds))
        cure = "sudo timedatectl set-ntp true"
        return Finding("clock", False, f"the clock says {when}", cure)
    time.clock_gettime(time.CLOCK_BOOTTIME)
    return Finding("clock", True, "the clock is set; idle time counts sleep")


def core_dumps(suid_dumpable: Path = Path("/proc/sys/fs/suid_dumpable")) -> Finding:
    """Look whether the memory of a process that holds keys could be dumped."""
    try:
        value = suid_dumpable.read_text("ascii").strip()
    except OSError:
        value = "0"
    if value == "1":
        cure = "sudo sysctl fs.suid_dumpable=0"
        text = "fs.suid_dumpable is 1: this kernel dumps also what forbids it"
        return Finding("core-dumps", False, text, cure)
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    here = "off in this shell" if soft == 0 else "on in this shell"
    return Finding("core-dumps", True, f"processes with keys forbid them ({here})")


def allow_other(conf: Path = _FUSE_CONF) -> Finding:
    """Look whether other users may be let in, which containers of root need."""
    try:
        lines = conf.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    if any(line.strip() == "user_allow_other" for line in lines):
        return Finding("allow-other", True, f"{conf} has user_allow_other", required=False)
    cure = f"only if other users shall enter your vaults: put user_allow_other into {conf}"
    return Finding("allow-other", False, "vaults are for their owner alone", cure, required=False)


async def keyring() -> Finding:
    """Ask the keyring, within its time limit."""
    state = await keyringclient.state()
    if state.usable:
        return Finding("keyring", True, state.label + (f"; {state.reason}" if state.reason else ""))
    text = state.reason if state.label == "none" else f"{state.label}: {state.reason}"
    cure = "start a desktop session, or gnome-keyring-daemon --unlock in this one"
    return Finding("keyring", False, text, cure, required=False)


def session_bus() -> Finding:
    """Look for the D-Bus session, which keyring and notifications need."""
    address = keyringclient.session_bus()
    if address:
        return Finding("d-bus", True, "there is a D-Bus session", required=False)
    cure = "log in to a desktop, or start the command with dbus-run-session"
    return Finding("d-bus", False, "there is no D-Bus session", cure, required=False)


def logind(seats: Path = Path("/run/systemd/seats")) -> Finding:
    """Look for logind, which tells of suspend and screen lock."""
    if seats.is_dir():
        return Finding("logind", True, "logind is running", required=False)
    cure = "install systemd-logind or elogind; without it only the idle lock is there"
    return Finding("logind", False, "logind is not running", cure, required=False)


def terminal() -> Finding:
    """Look whether the application can be shown here."""
    term = os.environ.get("TERM", "")
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        cure = "start `vaultui` in a terminal; the verbs work everywhere"
        return Finding("terminal", False, "this is not a terminal", cure, required=False)
    if term in {"", "dumb"}:
        cure = "export TERM=xterm-256color, if that is what you have"
        return Finding("terminal", False, f"TERM is {term or 'not set'}", cure, required=False)
    if locale.getpreferredencoding(False).upper().replace("-", "") != "UTF8":
        cure = "export LC_ALL=C.UTF-8, or use --ascii"
        return Finding("terminal", False, "the locale is not UTF-8", cure, required=False)
    columns, rows = os.get_terminal_size()
    return Finding("terminal", True, f"{term}, {columns} by {rows}, UTF-8", required=False)
