"""A D-Bus session and a real gnome-keyring-daemon, for the tests that name them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from programs import run_program
from waiting import wait_until


@contextmanager
def session_bus(folder: Path, listen: str = "unix:tmpdir=/tmp") -> Iterator[str]:
    """Run a session bus that starts no service by itself; yield its address."""
    config = folder / "bus.conf"
    config.write_text(
        f"<busconfig><type>session</type><listen>{listen}</listen>"
        "<policy context='default'><allow send_destination='*' eavesdrop='true'/>"
        "<allow eavesdrop='true'/><allow own='*'/></policy></busconfig>"
    )
    command = ("dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        try:
            yield daemon.stdout.readline().decode().strip()
        finally:
            daemon.terminate()


@contextmanager
def gnome_keyring(password: str | None) -> Iterator[int]:
    """Run the daemon, unlocked with `password` or just started; yield its pid."""
    words = ["gnome-keyring-daemon", "--foreground", "--components=secrets"]
    if password is not None:
        words.append("--unlock")
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as daemon:
        assert daemon.stdin is not None
        try:
            daemon.stdin.write((password or "").encode())
            daemon.stdin.close()
            wait_until(service_has_owner, what="the Secret Service has an owner")
            yield daemon.pid
        finally:
            daemon.send_signal(signal.SIGCONT)
            daemon.kill()


def service_has_owner() -> bool:
    """Return whether something on the session bus answers for the Secret Service."""
    where = ("--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/")
    question = ("org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets")
    return b"true" in run_program(("dbus-send", *where, *question)).stdout
