"""The keyring against a real gnome-keyring-daemon, each test on a D-Bus session of its own.

Unlocked, locked without anybody to ask, hanging, absent, and configured to something that
keeps no secrets: what is found, what is refused, and that nothing waits for ever.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from capabilities import needs
from secretservice import gnome_keyring, service_has_owner
from support import eventually, run_program, wait_until

from vaultui.model.errors import (
    KeyringLocked,
    KeyringNotSaved,
    KeyringTimeout,
    KeyringUnavailable,
)
from vaultui.model.ids import VaultId
from vaultui.model.secret import Secret
from vaultui.vaults import keyringclient
from vaultui.vaults.entry import VaultEntry

pytestmark = needs("gnome-keyring", "dbus")

WORK = VaultEntry(VaultId("0123456789abcdef"), "Work", "/c", "/m")
OTHER = VaultEntry(VaultId("fedcba9876543210"), "Other", "/d", "/n")
PATIENCE_S = 20.0


def secret(text: bytes = b"correct horse") -> Secret:
    return Secret(bytearray(text))


def find(entry: VaultEntry = WORK, patience: float = PATIENCE_S) -> bytes | None:
    found = asyncio.run(keyringclient.find(entry, patience))
    if found is None:
        return None
    with found, found.view as view:
        return bytes(view)


def save(text: bytes = b"correct horse", entry: VaultEntry = WORK) -> str:
    return asyncio.run(keyringclient.save(entry, secret(text), PATIENCE_S)).label


def test_a_password_is_saved_found_replaced_and_deleted(bus: None) -> None:
    with gnome_keyring("login"):
        assert find() is None
        assert "Secret Service" in save()
        assert find() == b"correct horse"
        save("zwölf Öre \u2603".encode())
        assert find() == "zwölf Öre \u2603".encode()
        assert find(OTHER) is None
        assert asyncio.run(keyringclient.forget(WORK, PATIENCE_S))
        assert not asyncio.run(keyringclient.forget(WORK, PATIENCE_S))
        assert find() is None


def test_every_password_of_ours_is_deleted_and_nobody_elses(bus: None) -> None:
    with gnome_keyring("login"):
        save()
        save(entry=OTHER)
        store = "import keyring; keyring.set_password({!r}, {!r}, 'x')"
        for service, account in (("vaultui", "backup"), ("other", WORK.id)):
            run_program([sys.executable, "-c", store.format(service, account)]).check()
        assert asyncio.run(keyringclient.clear(PATIENCE_S)) == 2
        assert (find(), find(OTHER)) == (None, None)
        look = "import keyring; print(keyring.get_password('vaultui', 'backup'))"
        assert run_program([sys.executable, "-c", look]).check().text.strip() == "x"
        assert asyncio.run(keyringclient.clear(PATIENCE_S)) == 0


def test_the_keyring_is_called_by_the_name_that_people_know(bus: None) -> None:
    with gnome_keyring("login"):
        state = asyncio.run(keyringclient.state())
    assert state.usable
    assert state.label == "GNOME Keyring (Secret Service)"


def test_a_saved_password_is_there_for_other_programs_of_the_desktop(bus: None) -> None:
    with gnome_keyring("login"):
        save()
        found = run_program(
            ("secret-tool", "lookup", "service", "vaultui", "username", WORK.id)
        ).check()
    assert found.stdout == b"correct horse"


def test_a_password_that_is_not_text_is_refused_before_it_is_mangled(bus: None) -> None:
    with gnome_keyring("login"):
        with pytest.raises(KeyringNotSaved) as refused:
            save(b"\xff\xfe")
        assert "UTF-8" in refused.value.summary
        assert find() is None


def test_without_a_bus_the_keyring_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delattr(keyringclient, "_start")  # no process is started for that
    with pytest.raises(KeyringUnavailable) as refused:
        find()
    assert "D-Bus" in refused.value.summary


def test_a_bus_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/gone")
    with pytest.raises(KeyringUnavailable):
        find()


def test_a_bus_without_a_keyring_is_told(bus: None) -> None:
    with pytest.raises(KeyringUnavailable) as refused:
        find()
    assert "Secret Service" in refused.value.summary
    assert not asyncio.run(keyringclient.state()).usable


def test_a_locked_keyring_is_reported_and_does_not_hang(bus: None) -> None:
    with gnome_keyring("login"):
        save()
    with gnome_keyring(None):
        with pytest.raises(KeyringLocked) as locked:
            find()
        assert "Login" in locked.value.summary or "Default" in locked.value.summary
        with pytest.raises(KeyringLocked):
            save()
        state = asyncio.run(keyringclient.state())
        assert not state.usable
        assert "locked" in state.reason


def test_a_locked_keyring_without_our_password_has_nothing_to_unlock(bus: None) -> None:
    with gnome_keyring("login"):
        save()
    with gnome_keyring(None):
        assert find(OTHER) is None


def test_a_keyring_without_any_collection_finds_nothing_and_cannot_save(bus: None) -> None:
    with gnome_keyring(None):
        assert find() is None
        with pytest.raises(KeyringUnavailable) as refused:
            save()
        assert "collection" in refused.value.summary


def test_a_stopped_daemon_is_given_up_and_its_helper_is_gone(bus: None) -> None:
    with gnome_keyring("login") as pid:
        save()
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(KeyringTimeout):
            find(patience=1.0)
        assert time.monotonic() - began < 5.0
        assert _helpers() == []
        os.kill(pid, signal.SIGCONT)
        assert find() == b"correct horse"


def test_cancelling_ends_the_helper_at_once(bus: None) -> None:
    async def give_up() -> None:
        async with asyncio.timeout(0.5):
            await keyringclient.find(WORK, 60.0)

    with gnome_keyring("login") as pid:
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            asyncio.run(give_up())
        assert _helpers() == []


def test_an_owner_of_the_name_that_never_answers_is_given_up(bus: None) -> None:
    script = (
        "import sys\n"
        "from jeepney.io.blocking import open_dbus_connection, Proxy\n"
        "from jeepney import message_bus\n"
        "connection = open_dbus_connection()\n"
        "Proxy(message_bus, connection).RequestName('org.freedesktop.secrets')\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as mute:
        try:
            wait_until(service_has_owner, what="the mute owner has the name")
            with pytest.raises(KeyringTimeout):
                find(patience=1.5)
        finally:
            mute.kill()


@pytest.mark.parametrize(
    "backend",
    [
        "keyring.backends.null.Keyring",
        "keyring.backends.fail.Keyring",
        "plaintext_for_tests.PlaintextKeyring",
    ],
)
def test_a_configured_backend_that_keeps_no_secrets_is_refused_by_name(
    backend: str, bus: None, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "plaintext_for_tests.py").write_text(
        "from keyring.backend import KeyringBackend\n"
        "from pathlib import Path\n"
        "class PlaintextKeyring(KeyringBackend):\n"
        "    priority = 9\n"
        f"    file = Path({str(tmp_path / 'saved')!r})\n"
        "    def get_password(self, service, username):\n"
        "        return self.file.read_text() if self.file.exists() else None\n"
        "    def set_password(self, service, username, password):\n"
        "        self.file.write_text(password)\n"
        "    def delete_password(self, service, username):\n"
        "        self.file.unlink()\n"
    )
    _configure(home, backend, tmp_path)
    with gnome_keyring("login"):
        for ask in (find, save):
            with pytest.raises(KeyringUnavailable) as refused:
                ask()
            if "fail" not in backend:
                assert backend in refused.value.summary
    assert not (tmp_path / "saved").exists()


def test_a_backend_in_the_environment_is_judged_too(
    bus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with gnome_keyring("login"), pytest.raises(KeyringUnavailable) as refused:
        find()
    assert "null" in refused.value.summary


def test_a_configured_backend_that_is_not_installed_is_told(bus: None, home: Path) -> None:
    _configure(home, "no.such.Keyring")
    with gnome_keyring("login"), pytest.raises(KeyringUnavailable) as refused:
        find()
    assert "configured" in refused.value.summary


def test_a_chain_of_encrypting_backends_is_used(bus: None, home: Path) -> None:
    _configure(home, "keyring.backends.chainer.ChainerBackend")
    with gnome_keyring("login"):
        save()
        assert find() == b"correct horse"


def test_no_password_is_in_the_helpers_command_line_or_environment(bus: None) -> None:
    with gnome_keyring("login") as pid:
        save(b"needle-in-proc")
        os.kill(pid, signal.SIGSTOP)
        seen: list[bytes] = []

        async def look() -> None:
            task = asyncio.create_task(
                keyringclient.save(WORK, secret(b"needle-in-proc"), PATIENCE_S)
            )
            # A process that was just executed has no command line for a moment.
            helpers = await eventually(_helpers, what="the helper runs")
            seen.extend(told for helper in helpers for told in _told_to(helper))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(look())
    assert seen
    assert not any(b"needle" in content for content in seen)


def _configure(home: Path, backend: str, path: Path | None = None) -> None:
    folder = home / ".config" / "python_keyring"
    folder.mkdir(parents=True, exist_ok=True)
    where = f"keyring-path={path}\n" if path else ""
    (folder / "keyringrc.cfg").write_text(f"[backend]\ndefault-keyring={backend}\n{where}")


def _told_to(pid: int) -> list[bytes]:
    """Return command line and environment of a process, as far as they can be read."""
    told = []
    for name in ("cmdline", "environ"):
        with suppress(PermissionError):  # the helper is not dumpable: root alone may look
            told.append(Path(f"/proc/{pid}/{name}").read_bytes())
    return told


def _helpers() -> list[int]:
    """Return the keyring helpers of this very process."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and b"keyringhelper" in (folder / "cmdline").read_bytes():
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == os.getpid():
                    found.append(int(folder.name))
        except OSError:
            continue
    return found
