"""What a vault needs from this machine, looked at, each finding with its cure.

Texts are phrases: English for programs, and in the language of the reader where they are shown.
"""

from __future__ import annotations

import locale
import os
import resource
import shutil
import sys
import time
from pathlib import Path

from vaultui.linux import spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, Phrase
from vaultui.model.switches import HOTPATH, is_off
from vaultui.supervisor.launch import BACKEND_PROGRAM
from vaultui.vaults import busservices, doctortasks, keyringclient
from vaultui.vaults.outcomes import Finding
from vaultui.vaults.paths import Paths
from vaultui.vaults.registry import Registry
from vaultui.vaults.waiting import in_thread

_FUSE = Path("/dev/fuse")
_FUSE_CONF = Path("/etc/fuse.conf")
_EARLIEST = 1735689600
"""2025-01-01: an earlier clock is a clock that nobody set."""

_NOTIFICATIONS = "org.freedesktop.Notifications"
_SCREEN_SAVERS = ("org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver")
_LOGIND = "org.freedesktop.login1"
_BACKEND_S = 10.0
_NO_SESSION = N_("there is no D-Bus session here")


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
        *await in_thread(desktop),
        *await in_thread(doctortasks.findings),
        await in_thread(compiled_part),
        terminal(),
    ]


def fuse_device(path: Path = _FUSE) -> Finding:
    """Look whether the kernel's FUSE device can be opened by this user."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        text = Phrase("{path} is not there", path=path)
        cure = N_("modprobe fuse; in a container, start it with --device /dev/fuse")
        return Finding("fuse-device", False, text, cure)
    except OSError as error:
        text = Phrase("{path} cannot be opened: {reason}", path=path, reason=reason_of(error))
        cure = Phrase("sudo chmod 666 {path}, or ask why it is closed here", path=path)
        return Finding("fuse-device", False, text, cure)
    return Finding("fuse-device", True, Phrase("{path} can be opened", path=path))


def fusermount() -> Finding:
    """Look for the helper that lets ordinary users mount."""
    found = shutil.which("fusermount3")
    if found is None:
        text, cure = N_("fusermount3 is not installed"), N_("install the package fuse3")
        return Finding("fusermount", False, text, cure)
    owned = Path(found).stat()
    if os.getuid() != 0 and not (owned.st_uid == 0 and owned.st_mode & 0o4000):
        text = Phrase("{path} is not setuid root", path=found)
        cure = Phrase("sudo chown root {path}; sudo chmod u+s {path}", path=found)
        return Finding("fusermount", False, text, cure)
    if not os.access(found, os.X_OK):
        text = Phrase("{path} may not be run by you", path=found)
        cure = Phrase("join the group of the file, as `ls -l {path}` shows it", path=found)
        return Finding("fusermount", False, text, cure)
    return Finding("fusermount", True, Phrase("{path} is there", path=found))


def runtime_dir(paths: Paths) -> Finding:
    """Look whether the place of control sockets is private."""
    try:
        path = paths.ensure_runtime_dir()
    except VaultuiError as error:
        return _failed("runtime-dir", error)
    return Finding("runtime-dir", True, Phrase("{path} is yours alone", path=path))


def settings(registry: Registry) -> Finding:
    """Look whether the settings file can be understood."""
    count = len(registry.entries())
    if registry.warning is not None:
        return _failed("settings", registry.warning)
    return Finding("settings", True, Phrase("registered vaults: {count}", count=count))


def _failed(name: str, error: VaultuiError) -> Finding:
    return Finding(name, False, error.phrase, Phrase(error.cure, **error.details))


def clock(now: float | None = None) -> Finding:
    """Look whether the clock was set, and whether time asleep can be counted."""
    seconds = time.time() if now is None else now
    if seconds < _EARLIEST:
        text = Phrase("the clock says {day}", day=time.strftime("%Y-%m-%d", time.gmtime(seconds)))
        return Finding("clock", False, text, "sudo timedatectl set-ntp true")
    time.clock_gettime(time.CLOCK_BOOTTIME)
    return Finding("clock", True, N_("the clock is set; idle time counts sleep"))


def core_dumps(suid_dumpable: Path = Path("/proc/sys/fs/suid_dumpable")) -> Finding:
    """Look whether the memory of a process that holds keys could be dumped."""
    try:
        value = suid_dumpable.read_text("ascii").strip()
    except OSError:
        value = "0"
    if value == "1":
        text = N_("fs.suid_dumpable is 1: this kernel dumps also what forbids it")
        return Finding("core-dumps", False, text, "sudo sysctl fs.suid_dumpable=0")
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    off = N_("processes with keys forbid them (off in this shell)")
    on = N_("processes with keys forbid them (on in this shell)")
    return Finding("core-dumps", True, off if soft in (0, 1) else on)


def allow_other(conf: Path = _FUSE_CONF) -> Finding:
    """Look whether other users may be let in, which containers of root need."""
    try:
        lines = conf.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    if any(line.strip() == "user_allow_other" for line in lines):
        text = Phrase("{path} has user_allow_other", path=conf)
        return Finding("allow-other", True, text, required=False)
    closed = N_("vaults are for their owner alone")
    cure = Phrase(
        "only if other users shall enter your vaults: put user_allow_other into {path}", path=conf
    )
    return Finding("allow-other", False, closed, cure, required=False)


async def keyring() -> Finding:
    """Ask the keyring, within its time limit."""
    state = await keyringclient.state()
    reason = Phrase(state.reason)
    named = Phrase("{keyring}: {reason}", keyring=state.label, reason=reason)
    if state.usable:
        return Finding("keyring", True, named if state.reason else state.label)
    text = reason if state.label == "none" else named
    cure = N_("start a desktop session, or gnome-keyring-daemon --unlock in this one")
    return Finding("keyring", False, text, cure, required=False)


def desktop() -> list[Finding]:
    """Look for what tells of sleep, screen lock and logout, and for what shows notifications.

    Blocks until both buses have answered, a few seconds at the most.
    """
    session, problem = _services(keyringclient.session_bus(), {_NOTIFICATIONS, *_SCREEN_SAVERS})
    machine, no_machine = _services(busservices.system_bus(), {_LOGIND})
    return [
        session_bus(problem),
        logind(machine, no_machine),
        screen_lock(session | machine),
        notifications(session),
    ]


def _services(address: str, names: set[str]) -> tuple[set[str], str]:
    """Return which services a bus has, or in words why there is none."""
    if not address:
        return set(), _NO_SESSION
    try:
        return busservices.services(address, names), ""
    except OSError as error:
        return set(), reason_of(error)


def session_bus(problem: str) -> Finding:
    """Tell whether there is the D-Bus session that keyring and notifications need."""
    if not problem:
        return Finding("d-bus", True, N_("the D-Bus session answers"), required=False)
    text = Phrase("there is no D-Bus session: {reason}", reason=Phrase(problem))
    if problem == _NO_SESSION:
        text = Phrase(problem)
    cure = N_("log in to a desktop, or start the command with dbus-run-session")
    return Finding("d-bus", False, text, cure, required=False)


def logind(machine: set[str], problem: str) -> Finding:
    """Tell whether vaults can be locked before the machine sleeps, and at logout."""
    if _LOGIND in machine:
        text = N_("logind is there: vaults can lock before sleep and at logout")
        return Finding("logind", True, text, required=False)
    text = Phrase("logind is not there: vaults stay open when the machine sleeps, and at logout")
    if problem:
        text = Phrase(
            "the machine's D-Bus is not there ({reason}): vaults stay open when it sleeps",
            reason=Phrase(problem),
        )
    cure = N_("install systemd-logind or elogind, and dbus; the idle lock works without")
    return Finding("logind", False, text, cure, required=False)


def screen_lock(services: set[str]) -> Finding:
    """Tell whether vaults can be locked with the screen."""
    if services:
        text = N_("somebody tells when the screen is locked")
        return Finding("screen-lock", True, text, required=False)
    text = N_("nobody tells when the screen is locked: vaults stay open then")
    cure = N_("use a desktop or a locker that tells logind, as `loginctl lock-session` does")
    return Finding("screen-lock", False, text, cure, required=False)


def notifications(session: set[str]) -> Finding:
    """Tell whether a person at the desktop is warned before an idle lock."""
    if _NOTIFICATIONS in session:
        return Finding("notifications", True, N_("the desktop shows them"), required=False)
    text = N_("no desktop shows them: only vaultui itself warns before an idle lock")
    cure = N_("start a notification daemon, such as dunst or mako")
    return Finding("notifications", False, text, cure, required=False)


def compiled_part() -> Finding:
    """Ask the backend whether it answers the frequent requests in C. Blocks until it has said."""
    try:
        said = spawn.run((*BACKEND_PROGRAM, "-version"), timeout=_BACKEND_S).stdout.decode()
    except (OSError, TimeoutError):
        said = ""
    if "compiled with " in said:
        library = said.partition("compiled with ")[2].strip()
        fast = Phrase("the frequent requests are answered in C, with {library}", library=library)
        return Finding("compiled", True, fast, required=False)
    text = N_("vaultfs runs without its compiled part: all works, only slower")
    cure = Phrase("install a C compiler and the headers of OpenSSL, then scripts/compile")
    if is_off(HOTPATH):
        cure = Phrase("unset {variable}", variable=HOTPATH)
    return Finding("compiled", False, text, cure, required=False)


def terminal() -> Finding:
    """Look whether the application can be shown here."""
    term = os.environ.get("TERM", "")
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        text = N_("this is not a terminal")
        cure = N_("start `vaultui` in a terminal; the verbs work everywhere")
        return Finding("terminal", False, text, cure, required=False)
    if term in {"", "dumb"}:
        text = Phrase("TERM is {term}", term=term) if term else N_("TERM is not set")
        cure = N_("export TERM=xterm-256color, if that is what you have")
        return Finding("terminal", False, text, cure, required=False)
    if locale.getpreferredencoding(False).upper().replace("-", "") != "UTF8":
        text, cure = N_("the locale is not UTF-8"), N_("export LC_ALL=C.UTF-8, or use --ascii")
        return Finding("terminal", False, text, cure, required=False)
    columns, rows = os.get_terminal_size()
    text = Phrase("{term}, {columns} by {rows}, UTF-8", term=term, columns=columns, rows=rows)
    return Finding("terminal", True, text, required=False)
