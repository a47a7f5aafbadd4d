"""What this machine can do, probed once and shown in the header of the run.

A test names what it needs: `@needs("fuse", "gocryptfs")`. Where that is missing the test
is skipped with the reason, except in CI, where it fails: a run that proves nothing about
mounts must not look like one that does.
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from vaultui.crypto.hazmat import compiled
from vaultui.linux import cgroup, controlgroup
from vaultui.model import switches

needs = pytest.mark.needs

UNPRIVILEGED_UID = 65534
"""nobody, which every distribution has."""
LOGIND = Path("/usr/lib/systemd/systemd-logind")
SYSTEMD = Path("/usr/lib/systemd/systemd")


def in_ci() -> bool:
    """True when a missing capability must fail instead of skip."""
    return os.environ.get("CI", "") not in ("", "0", "false")


@functools.cache
def missing(capability: str) -> str:
    """Return why `capability` is not there, in a few words; empty when it is."""
    return _PROBES[capability]()


def names() -> list[str]:
    """Return every capability that a test may name."""
    return list(_PROBES)


def header() -> list[str]:
    """Return lines for the header of a run."""
    there = [name for name in _PROBES if not missing(name)]
    absent = [f"{name} ({missing(name)})" for name in _PROBES if missing(name)]
    return [
        f"capabilities: {' '.join(there) or 'none'}",
        *([f"missing: {', '.join(absent)}"] if absent else []),
    ]


def _on_path(*programs: str) -> Callable[[], str]:
    def probe() -> str:
        absent = [name for name in programs if shutil.which(name) is None]
        return f"no {' and no '.join(absent)} on PATH" if absent else ""

    return probe


def _caches() -> str:
    return f"{switches.CACHES}=off" if switches.is_off(switches.CACHES) else ""


def _compiled() -> str:
    if switches.is_off(switches.HOTPATH):
        return f"{switches.HOTPATH}=off"
    return "" if compiled.load() else "scripts/compile was not run, or failed"


def _sanitizers() -> str:
    """Can the compiler make programs that watch over their memory?"""
    if reason := _on_path("cc")():
        return reason
    with tempfile.TemporaryDirectory() as place:
        command = ("cc", "-fsanitize=address,undefined", "-xc", "-", "-o", f"{place}/program")
        done = subprocess.run(
            command,
            input=b"int main(void) { return 0; }",
            capture_output=True,
            timeout=60,
            check=False,
        )
    return "" if done.returncode == 0 else "the compiler has no sanitizers"


def _fuse() -> str:
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return _on_path("fusermount3")()


def _gocryptfs() -> str:
    if reason := _on_path("gocryptfs")():
        return reason
    shown = subprocess.run(
        ("gocryptfs", "-version"), capture_output=True, text=True, timeout=10, check=False
    )
    return "" if shown.stdout.startswith("gocryptfs ") else "gocryptfs does not start"


def _dbusmock() -> str:
    """Are there stand-ins for the desktop's services? They come with the system's own Python."""
    if reason := _on_path("dbus-daemon")():
        return reason
    done = subprocess.run(
        ("/usr/bin/python3", "-c", "import dbusmock"), capture_output=True, timeout=20, check=False
    )
    return "" if done.returncode == 0 else "no python3-dbusmock"


def _user_systemd() -> str:
    """Return why no systemd of a user can be started by us."""
    if reason := _root() or _on_path("systemctl", "unshare", "nsenter")():
        return reason
    return "" if SYSTEMD.exists() else f"no {SYSTEMD}"


def _logind() -> str:
    """Can a logind of our own run, beside none that is in charge of this machine?"""
    if reason := _root() or _dbusmock():
        return reason
    if Path("/run/systemd/system").exists():
        return "systemd runs here"
    return "" if LOGIND.exists() else "no systemd-logind"


def _root() -> str:
    return "" if os.geteuid() == 0 else f"running as uid {os.geteuid()}"


def _ordinary_user() -> str:
    """Is there an account without privileges that a test can act as?"""
    if os.geteuid() != 0:
        return ""
    return _on_path("setpriv")()


def _podman() -> str:
    """Can an engine of our own run, with a runtime and an image of BusyBox?"""
    return _root() or _on_path("podman", "runc", "conmon", "busybox", "iptables")()


def _user_xattrs() -> str:
    with tempfile.NamedTemporaryFile() as file:
        try:
            os.setxattr(file.name, "user.vaultui.probe", b"1")
        except OSError as error:
            return f"temporary files: {error.strerror}"
    return ""


def _user_namespaces() -> str:
    if reason := _on_path("unshare")():
        return reason
    done = subprocess.run(
        ("unshare", "--user", "--map-root-user", "--mount", "true"),
        capture_output=True,
        timeout=10,
        check=False,
    )
    return "" if done.returncode == 0 else "unshare is refused"


def _loop_device() -> str:
    if reason := _root() or _on_path("losetup", "mkfs.ext4")():
        return reason
    return "" if Path("/dev/loop-control").exists() else "no /dev/loop-control"


def _btrfs() -> str:
    return _loop_device() or _on_path("mkfs.btrfs")()


def _memory_cgroup() -> str:
    """Can a group with a limit of memory be made below our own?"""
    counter, _ = cgroup.oom_kills()
    directory = Path(counter).parent / f"vaultui-tests-probe-{os.getpid()}"
    try:
        directory.mkdir()
    except OSError as error:
        return f"no group can be made: {error.strerror}"
    try:
        limits = ("memory.limit_in_bytes", "memory.max")
        has_limit = any((directory / name).exists() for name in limits)
        return "" if counter and has_limit else "no memory controller"
    finally:
        directory.rmdir()


def _control_groups() -> str:
    """Can all that a task is limited in be limited?"""
    limits = controlgroup.GroupLimits(memory_bytes=1 << 30, cpus=1.0, pids=1000)
    try:
        controlgroup.make(f"vaultui-tests-probe-{os.getpid()}", limits).remove()
    except OSError as error:
        return f"no group can be made: {error}"
    return ""


def _ptrace() -> str:
    """tests/tracing.py knows the system calls of one architecture, and looks into any process."""
    if platform.machine() != "x86_64":
        return f"running on {platform.machine()}"
    return _root()


def _drop_caches() -> str:
    return "" if os.access("/proc/sys/vm/drop_caches", os.W_OK) else "not writable"


_PROBES: dict[str, Callable[[], str]] = {
    "caches": _caches,
    "compiled": _compiled,
    "compiler": _on_path("cc"),
    "sanitizers": _sanitizers,
    "fuse": _fuse,
    "gocryptfs": _gocryptfs,
    "gocryptfs-xray": _on_path("gocryptfs-xray"),
    "fido2-tools": _on_path("fido2-assert", "fido2-cred"),
    "dbus": _on_path("dbus-daemon", "dbus-run-session"),
    "dbusmock": _dbusmock,
    "logind": _logind,
    "systemd-analyze": _on_path("systemd-analyze", "systemctl"),
    "user-systemd": _user_systemd,
    "gnome-keyring": _on_path("gnome-keyring-daemon", "dbus-run-session"),
    "tmux": _on_path("tmux"),
    "zsh": _on_path("zsh"),
    "fish": _on_path("fish"),
    "desktop-file-validate": _on_path("desktop-file-validate"),
    "appstreamcli": _on_path("appstreamcli"),
    "man": _on_path("man"),
    "mandoc": _on_path("mandoc"),
    "rsync": _on_path("rsync"),
    "rsvg-convert": _on_path("rsvg-convert"),
    "git": _on_path("git"),
    "strace": _on_path("strace"),
    "ptrace": _ptrace,
    "podman": _podman,
    "runc": _on_path("runc"),
    "crun": _on_path("crun"),
    "busybox": _on_path("busybox"),
    "root": _root,
    "ordinary-user": _ordinary_user,
    "user-xattrs": _user_xattrs,
    "user-namespaces": _user_namespaces,
    "loop-device": _loop_device,
    "btrfs": _btrfs,
    "memory-cgroup": _memory_cgroup,
    "control-groups": _control_groups,
    "drop-caches": _drop_caches,
}
