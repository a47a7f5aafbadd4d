"""The doctor tells what is missing on this machine, what follows from it, and the cure."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from capabilities import needs
from desktopbus import desktop
from secretservice import session_bus

from vaultui.vaults import doctor
from vaultui.vaults.outcomes import Finding


def _desktop() -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor.desktop()}


@needs("dbusmock")
def test_a_whole_desktop_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with desktop(tmp_path) as services:
        for name, value in services.environment.items():
            monkeypatch.setenv(name, value)
        found = _desktop()
    assert {name: finding.ok for name, finding in found.items()} == dict.fromkeys(
        ("d-bus", "logind", "screen-lock", "notifications"), True
    )


@needs("dbus")
def test_what_is_missing_on_a_bare_bus_is_told_with_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    with session_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        found = _desktop()
    assert found["d-bus"].ok
    for name, consequence in {
        "logind": "vaults stay open when it sleeps",
        "screen-lock": "vaults stay open then",
        "notifications": "only vaultui itself warns",
    }.items():
        assert not found[name].ok
        assert consequence in found[name].text
        assert found[name].cure
        assert not found[name].required


def test_a_bus_that_does_not_answer_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bus"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={path}")
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={path}")
        begun = time.monotonic()
        found = _desktop()
    assert time.monotonic() - begun < 10
    assert not found["d-bus"].ok
    assert not found["logind"].ok


def test_a_fuse_device_that_is_missing_or_closed_is_required(tmp_path: Path) -> None:
    missing = doctor.fuse_device(tmp_path / "fuse")
    assert (missing.ok, missing.required) == (False, True)
    assert "modprobe" in missing.cure
    closed = doctor.fuse_device(tmp_path)  # a directory can't be opened for writing
    assert "cannot be opened" in closed.text
    assert doctor.fuse_device(Path("/dev/null")).ok


def test_a_helper_that_is_not_installed_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = doctor.fusermount()
    assert (finding.ok, finding.required) == (False, True)
    assert "fuse3" in finding.cure


def test_a_clock_that_nobody_set_is_told() -> None:
    assert "1970-01-01" in doctor.clock(0.0).text
    assert not doctor.clock(0.0).ok
    assert doctor.clock().ok


def test_a_kernel_that_dumps_what_forbids_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "suid_dumpable").write_text("1\n")
    finding = doctor.core_dumps(tmp_path / "suid_dumpable")
    assert (finding.ok, finding.cure) == (False, "sudo sysctl fs.suid_dumpable=0")
    assert doctor.core_dumps(tmp_path / "none").ok


def test_letting_others_in_is_a_line_of_its_own(tmp_path: Path) -> None:
    conf = tmp_path / "fuse.conf"
    conf.write_text("#user_allow_other\n")
    assert not doctor.allow_other(conf).ok
    conf.write_text("mount_max = 5\nuser_allow_other\n")
    assert doctor.allow_other(conf).ok


@needs("compiled")
def test_the_doctor_tells_whether_the_compiled_part_is_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("VAULTFS_HOTPATH", raising=False)
    finding = doctor.compiled_part()
    assert finding.ok
    assert "with OpenSSL " in str(finding.text)
    monkeypatch.setenv("VAULTFS_HOTPATH", "off")
    finding = doctor.compiled_part()
    assert (finding.ok, finding.required) == (False, False)
    assert "unset VAULTFS_HOTPATH" in str(finding.cure)


def test_without_a_compiled_part_the_doctor_names_what_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "BACKEND_PROGRAM", ("true",))
    monkeypatch.delenv("VAULTFS_HOTPATH", raising=False)
    finding = doctor.compiled_part()
    assert (finding.ok, finding.required) == (False, False)
    assert "scripts/compile" in finding.cure


def test_a_terminal_without_a_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with open(theirs, closefd=False) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        monkeypatch.setattr("sys.stdout", terminal)
        monkeypatch.setenv("TERM", "dumb")
        assert "TERM is dumb" in doctor.terminal().text
        monkeypatch.delenv("TERM")
        assert "TERM is not set" in doctor.terminal().text
    os.close(ours)
    os.close(theirs)
