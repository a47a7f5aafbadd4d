"""Backend and keeper get a unit of the user's systemd where there is one, and do without elsewhere.

systemd itself is not on every machine that runs these tests; a program called busctl that
notes how it was called stands in for the real one.
"""

import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import wait_until

from vaultui.shim import scope
from vaultui.wire.launchspec import LOG, NULL, KeeperSpec, LaunchSpec

NOTE_THE_CALL = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done > {called}.new
mv {called}.new {called}
exit {status}
"""


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield an environment in which the user's systemd seems to be there."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "systemd").mkdir()
    with socket.socket(socket.AF_UNIX) as private:
        private.bind(str(tmp_path / "systemd" / "private"))
        yield {
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(tmp_path),
        }


def busctl(tmp_path: Path, status: int = 0) -> Path:
    called = tmp_path / "called"
    program = tmp_path / "bin" / "busctl"
    program.write_text(NOTE_THE_CALL.format(called=called, status=status))
    program.chmod(0o700)
    return called


def test_without_its_socket_nobody_is_asked(tmp_path: Path) -> None:
    assert not scope.is_available({})
    assert not scope.is_available({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert scope.start_joining("Work", (1, 2), {"XDG_RUNTIME_DIR": str(tmp_path)}) is None


def test_without_busctl_it_does_without(
    systemd: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert scope.is_available(systemd)
    assert scope.start_joining("Work", (1, 2), systemd) is None


def kept(start, tmp_path: Path, systemd: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    for name, value in systemd.items():
        monkeypatch.setenv(name, value)
    spec = KeeperSpec("Wörk 1", str(tmp_path / "run"), "", str(tmp_path / "work.log"))
    argv = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)")
    return start(LaunchSpec("test", argv, {}, (NULL, LOG, LOG), keeper=spec), env=systemd)


def test_keeper_and_program_are_moved_into_a_scope(
    start, tmp_path: Path, systemd: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = busctl(tmp_path)
    started = kept(start, tmp_path, systemd, monkeypatch)
    words = wait_until(lambda: called.exists() and called.read_text(), what="busctl is called")
    words = words.splitlines()
    at = words.index("StartTransientUnit")
    assert words[at - 1] == "org.freedesktop.systemd1.Manager"
    assert words[at + 1] == "ssa(sv)a(sa(sv))"
    keeper, program = started.forked.keeper_pid, started.forked.pid
    assert re.fullmatch(rf"vaultui-{keeper}-[0-9a-f]{{6}}\.scope", words[at + 2])
    assert ["PIDs", "au", "2", str(keeper), str(program)] == words[words.index("PIDs") :][:5]
    assert words[words.index("Description") :][:3] == ["Description", "s", "vaultui vault Wörk 1"]


def test_a_refusal_is_noted_and_changes_nothing(
    start, tmp_path: Path, systemd: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    busctl(tmp_path, status=1)
    started = kept(start, tmp_path, systemd, monkeypatch)
    log = tmp_path / "work.log"
    wait_until(
        lambda: log.exists() and "systemd did not take" in log.read_text(), what="it is noted"
    )
    assert Path(f"/proc/{started.forked.pid}").exists()


def test_a_unit_with_groups_of_its_own_is_asked_for_and_entered(
    tmp_path: Path, systemd: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = busctl(tmp_path)
    unit = tmp_path / "unit.scope"
    unit.mkdir()
    (unit / "vaultui").mkdir()
    procs = unit / "vaultui" / "cgroup.procs"
    procs.touch()
    monkeypatch.setattr(scope, "unit_name", lambda _pid: unit.name)
    monkeypatch.setattr("vaultui.linux.controlgroup.own_groups", lambda: {"": unit})
    monkeypatch.setenv("PATH", systemd["PATH"])
    assert scope.join_with_groups("Work", systemd, 1)
    words = called.read_text().splitlines()
    assert words[words.index("unit.scope") :][:3] == ["unit.scope", "fail", "5"]
    assert words[words.index("Delegate") :] == ["Delegate", "b", "true", "0"]
    assert ["PIDs", "au", "1", str(os.getpid())] == words[words.index("PIDs") :][:4]
    assert procs.read_text() == "0"


def test_a_unit_that_is_refused_or_never_comes_is_done_without(
    tmp_path: Path, systemd: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", systemd["PATH"])
    monkeypatch.setattr(scope, "_PATIENCE_S", 0.05)
    busctl(tmp_path, status=1)
    assert not scope.join_with_groups("Work", systemd, 1)
    busctl(tmp_path)
    assert not scope.join_with_groups("Work", systemd, 1)
    assert not scope.join_with_groups("Work", {}, 1)
