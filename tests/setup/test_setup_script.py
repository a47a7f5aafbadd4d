"""scripts/setup explains itself in one sentence and a cure, and never takes half for done.

The whole way, with apt and pip, is walked by `make prove-setup` in a bare system. Here a
copy of the script meets what must be right without network or root: what it refuses, what
it takes for done, and what it makes anew.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import Completed, run_program

ROOT = Path(__file__).parents[2]
BASE_PROGRAMS = (
    *("awk", "bash", "cat", "chmod", "dirname", "env", "find", "flock", "grep", "id", "mkdir"),
    *("mktemp", "mv", "readlink", "rm", "rmdir", "sha256sum", "sort", "tail", "touch"),
)
C_FILES = (
    *("vaultui/crypto/hazmat/_openssl.c", "vaultui/crypto/hazmat/_openssl.h"),
    "vaultui/mountd/hotpath/hotpath.h",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with everything that set-up reads, and nothing that it made."""
    place = tmp_path / "checkout"
    for name in (
        *("scripts/setup", "scripts/compile", "pyproject.toml", "requirements", "vaultui/model"),
        *C_FILES,
    ):
        source, target = ROOT / name, place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return place


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The bin directory of a machine with the programs that every Debian has, and no more."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in BASE_PROGRAMS:
        found = shutil.which(name)
        assert found, name
        (place / name).symlink_to(found)
    return place


def _set_up(checkout: Path, machine: Path, *, group: str = "run", **env: str) -> Completed:
    # The real script adds /usr/sbin to PATH, which would let this machine in.
    script = checkout / "scripts" / "setup"
    script.write_text(script.read_text().replace("PATH=$PATH:/usr/sbin:/sbin\n", ""))
    return run_program([script, group], env={"PATH": str(machine), "HOME": str(checkout), **env})


def _tool(machine: Path, name: str, does: str = "exit 0") -> None:
    path = machine / name
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


def _sentences(done: Completed) -> list[str]:
    lines = done.stderr.decode().splitlines()
    assert all(line.startswith("set-up: ") for line in lines), done.text
    return lines


def test_a_python_that_is_too_old_is_named_with_the_cure(checkout: Path, machine: Path) -> None:
    _tool(machine, "old", '[ "$1" = --version ] && echo Python 3.9.2')
    done = _set_up(checkout, machine, PYTHON=str(machine / "old")).check(1)
    wrong, cure = _sentences(done)
    assert "3.11 or newer" in wrong
    assert "Python 3.9.2" in wrong
    assert "PYTHON=" in cure


def test_without_any_python_it_says_so(checkout: Path, machine: Path) -> None:
    wrong, _ = _sentences(_set_up(checkout, machine).check(1))
    assert "no Python here" in wrong


def test_without_apt_the_missing_packages_are_named(checkout: Path, machine: Path) -> None:
    _tool(machine, "python3", f'exec {sys.executable} "$@"')
    wrong, cure = _sentences(_set_up(checkout, machine).check(1))
    assert "fuse3" in wrong
    assert "libfuse3-dev" in wrong
    assert "package manager" in cure


def test_without_root_and_sudo_root_is_told_what_to_run(checkout: Path, machine: Path) -> None:
    _tool(machine, "python3", f'exec {sys.executable} "$@"')
    _tool(machine, "apt-get", "echo apt-get was run >&2; exit 1")
    (machine / "id").unlink()
    _tool(machine, "id", "echo 1000")
    wrong, cure = _sentences(_set_up(checkout, machine).check(1))
    assert "neither root nor is there sudo" in wrong
    assert "apt-get install --no-install-recommends fuse3" in cure


@pytest.mark.parametrize(
    ("manager", "ran", "asked"),
    [
        (
            "dnf",
            "dnf install --setopt=install_weak_deps=False -y",
            [
                *("fuse3", "pkgconfig(fuse3)", "/usr/bin/pkg-config", "gcc", "glibc-devel"),
                "pkgconfig(openssl)",
            ],
        ),
        (
            "zypper",
            "zypper --non-interactive install --no-recommends --capability",
            [
                *("fuse3", "pkgconfig(fuse3)", "/usr/bin/pkg-config", "gcc", "glibc-devel"),
                "pkgconfig(openssl)",
            ],
        ),
        (
            "pacman",
            "pacman -S --needed --noconfirm",
            ["fuse3", "fuse3", "pkgconf", "gcc", "glibc", "openssl"],
        ),
    ],
)
def test_each_package_manager_is_asked_in_its_own_words(
    checkout: Path, machine: Path, manager: str, ran: str, asked: list[str]
) -> None:
    _tool(machine, "python3", f'exec {sys.executable} "$@"')
    _tool(machine, manager, f'echo {manager} "$@"; exit 1')
    (machine / "id").unlink()
    _tool(machine, "id", "echo 0")
    done = _set_up(checkout, machine).check(1)
    assert f"installing with {manager}: {' '.join(asked)}" in done.stdout.decode()
    told = done.stderr.decode().splitlines()
    assert told[0] == f"{ran} {' '.join(asked)}"
    assert f"{manager} failed" in told[1]
    # What root is to type is quoted for a shell.
    assert "pkgconfig(fuse3)" not in told[2]
    assert asked[4] in told[2]


def test_it_says_what_it_installs_before_it_asks_for_rights(checkout: Path, machine: Path) -> None:
    _tool(machine, "python3", f'exec {sys.executable} "$@"')
    _tool(machine, "apt-get")
    (machine / "id").unlink()
    _tool(machine, "id", "echo 1000")
    _tool(machine, "sudo", "echo sudo: 3 incorrect password attempts >&2; exit 1")
    done = _set_up(checkout, machine).check(1)
    assert done.stdout.decode().startswith("set-up: installing with apt, through sudo: fuse3")
    assert "3 incorrect password attempts" in done.text
    assert "have root run this" in done.text


def test_apt_without_network_is_told_from_other_failures(checkout: Path, machine: Path) -> None:
    _tool(machine, "python3", f'exec {sys.executable} "$@"')
    _tool(
        machine, "apt-get", "echo 'E: Failed to fetch x  Temporary failure resolving y'; exit 100"
    )
    (machine / "id").unlink()
    _tool(machine, "id", "echo 0")
    wrong, cure = _sentences(_set_up(checkout, machine).check(1))
    assert "could not reach" in wrong
    assert "network" in cure


COMPILES = """
    cat >/dev/null
    while [ $# -gt 1 ]; do
        [ "$1" != -o ] || echo compiled >"$2"
        shift
    done"""
"""A compiler that takes anything, also from its standard input, for a program."""


def _complete_machine(machine: Path) -> None:
    """Let nothing be missing: a Python, and whatever else set-up looks for, as empty shells."""
    _tool(machine, "python3", f'exec {sys.executable} "$@"')
    _tool(machine, "fusermount3")
    _tool(machine, "pkg-config")
    _tool(machine, "cc", COMPILES)


def test_an_environment_that_somebody_else_made_is_left_alone(
    checkout: Path, machine: Path
) -> None:
    _complete_machine(machine)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "mine").write_text("keep me")
    wrong, _ = _sentences(_set_up(checkout, machine).check(1))
    assert "not made by this set-up" in wrong
    assert (checkout / ".venv" / "mine").read_text() == "keep me"


def _stamp_as_done(checkout: Path, machine: Path) -> None:
    """Do what a set-up does, with a pip that always succeeds."""
    python = f"""
        case "$1 $2" in
            "-I -m") exit 0 ;;
            "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
            "-m compileall") exit 0 ;;
            *) exec {sys.executable} "$@" ;;
        esac"""
    _complete_machine(machine)
    (machine / "cp").symlink_to(shutil.which("cp") or "")
    _tool(machine, "python3", python)
    done = _set_up(checkout, machine).check()
    assert "ready" in done.text


def test_the_second_time_is_quick_and_silent(checkout: Path, machine: Path) -> None:
    _stamp_as_done(checkout, machine)
    begun = time.monotonic()
    done = _set_up(checkout, machine).check()
    assert done.text == ""
    assert time.monotonic() - begun < 0.3


def _compiled(checkout: Path) -> list[Path]:
    return sorted(checkout.rglob("*.so"))


def test_what_is_in_c_is_compiled_and_again_when_it_changes(checkout: Path, machine: Path) -> None:
    _stamp_as_done(checkout, machine)
    crypto, hotpath = _compiled(checkout)
    assert crypto.parent == checkout / "vaultui/crypto/hazmat"
    assert hotpath.parent == checkout / "vaultui/mountd/hotpath"
    before = [path.stat().st_ino for path in (crypto, hotpath)]
    assert _set_up(checkout, machine).check().text == ""
    assert [path.stat().st_ino for path in (crypto, hotpath)] == before
    (checkout / "vaultui/crypto/hazmat/_openssl.h").touch()
    assert _set_up(checkout, machine).check().text == ""
    assert all(
        path.stat().st_ino != at for path, at in zip(_compiled(checkout), before, strict=True)
    )


@pytest.mark.parametrize("has_compiler", [True, False])
def test_without_what_compiling_needs_it_says_so_once_and_is_ready(
    checkout: Path, machine: Path, has_compiler: bool
) -> None:
    _stamp_as_done(checkout, machine)
    if has_compiler:
        _tool(machine, "cc", 'case "$*" in *-shared*) exit 1 ;; esac')
        _tool(machine, "pkg-config", 'case "$*" in *openssl*) exit 1 ;; esac')
    else:
        (machine / "cc").unlink()
    (checkout / "vaultui/crypto/hazmat/_openssl.c").touch()
    said = _set_up(checkout, machine).check().text.splitlines()
    assert len(said) == 1
    assert "vaultfs runs without its compiled part" in said[0]
    assert ("libssl-dev" if has_compiler else "gcc") in said[0]
    assert "scripts/compile" in said[0]
    assert _set_up(checkout, machine).check().text == ""


def test_where_only_the_headers_of_openssl_are_missing_nobody_is_stopped(
    checkout: Path, machine: Path
) -> None:
    _stamp_as_done(checkout, machine)
    _change_what_is_installed(checkout)
    _tool(machine, "pkg-config", 'case "$*" in *openssl*) exit 1 ;; esac')
    _tool(machine, "cc", f'case "$*" in *-shared*) exit 1 ;; esac; {COMPILES}')
    _tool(machine, "apt-get", "echo E: no network; exit 100")
    (machine / "id").unlink()
    _tool(machine, "id", "echo 0")
    done = _set_up(checkout, machine).check()
    assert done.stderr == b""
    said = done.stdout.decode().splitlines()
    assert said[0] == "set-up: installing with apt: libssl-dev"
    assert "apt-get install --no-install-recommends libssl-dev; then scripts/compile" in said[-2]
    assert "ready" in said[-1]


@pytest.mark.parametrize("changed", ["requirements/run.lock", "requirements/build.lock"])
def test_another_lock_file_makes_the_environment_anew(
    checkout: Path, machine: Path, changed: str
) -> None:
    _stamp_as_done(checkout, machine)
    leftover = checkout / ".venv" / "leftover"
    leftover.touch()
    with (checkout / changed).open("a") as lock:
        lock.write("# changed\n")
    assert "installing Python packages" in _set_up(checkout, machine).check().text
    assert not leftover.exists()
    assert _set_up(checkout, machine).check().text == ""


def _change_what_is_installed(checkout: Path) -> None:
    with (checkout / "pyproject.toml").open("a") as project:
        project.write("\n[project.urls]\n")


def test_another_project_table_installs_only_the_project_again(
    checkout: Path, machine: Path
) -> None:
    _stamp_as_done(checkout, machine)
    kept = checkout / ".venv" / "kept"
    kept.touch()
    with (checkout / "pyproject.toml").open("a") as project:
        project.write("\n[tool.ruff.format]\n")
    assert _set_up(checkout, machine).check().text == ""
    _change_what_is_installed(checkout)
    assert "pyproject.toml changed" in _set_up(checkout, machine).check().text
    assert kept.exists()
    assert _set_up(checkout, machine).check().text == ""


def test_packages_for_tests_are_added_without_taking_those_for_running_away(
    checkout: Path, machine: Path
) -> None:
    _stamp_as_done(checkout, machine)
    kept = checkout / ".venv" / "kept"
    kept.touch()
    for name in _looked_for_in_tests(checkout):
        if not (machine / name).exists():
            _tool(machine, name, "echo found")
    _set_up(checkout, machine, group="test").check()
    assert kept.exists()
    # What is right for tests is right for running.
    assert _set_up(checkout, machine, group="run").check().text == ""


def _looked_for_in_tests(checkout: Path) -> list[str]:
    script = (checkout / "scripts" / "setup").read_text()
    lines = [line.split() for line in script.splitlines() if " command -v " in line]
    return [words[-1] for words in lines if words[0] == "need"]


def test_a_set_up_that_failed_in_the_middle_is_made_again(checkout: Path, machine: Path) -> None:
    _stamp_as_done(checkout, machine)
    with (checkout / "requirements" / "run.lock").open("a") as lock:
        lock.write("# changed\n")
    python = (machine / "python3").read_text()
    _tool(machine, "python3", python.replace('"-I -m") exit 0', '"-I -m") exit 7'))
    _set_up(checkout, machine).check(1)
    (machine / "python3").write_text(python)
    assert "installing Python packages" in _set_up(checkout, machine).check().text


def test_two_set_ups_at_once_take_turns(checkout: Path, machine: Path) -> None:
    _stamp_as_done(checkout, machine)
    with (checkout / ".setup" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # One with nothing to do needs no turn.
        assert _set_up(checkout, machine).check().text == ""
        _change_what_is_installed(checkout)
        second = subprocess.Popen(
            [checkout / "scripts" / "setup"],
            env={"PATH": str(machine), "HOME": str(checkout)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert second.stdout
        assert "waiting for another set-up" in second.stdout.readline()
        fcntl.flock(lock, fcntl.LOCK_UN)
        said, _ = second.communicate()
    assert second.returncode == 0
    assert "ready" in said
