"""Vaults on volumes of every flavour, made by the real gocryptfs, and mounts that are unusual."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import PASSWORD, Shell
from support import CHEAP_SCRYPT, detach, mountpoints_below, program, run_program
from terminal import Terminal

from vaultui.model.secret import Secret
from vaultui.vaults import Key, Vaults, content_in_words, names_in_words

pytestmark = needs("fuse", "gocryptfs")


def secret(text: str) -> Secret:
    return Secret(bytearray(text.encode()))


def key(text: str) -> Key:
    return Key(secret(text))


def make(directory: Path, *options: str) -> Path:
    directory.mkdir(exist_ok=True)
    words = ("gocryptfs", "-init", "-q", *CHEAP_SCRYPT, *options, directory)
    run_program(words, f"{PASSWORD}\n".encode()).check()
    return directory


def settings_of(shell: Shell) -> Path:
    return shell.home / ".config" / "vaultui" / "config.toml"


def set_options(shell: Shell, text: str) -> None:
    """Write into the table of the only vault, as a person would."""
    config = settings_of(shell)
    config.write_text(f"{config.read_text()}{text}\n")


def options_of(mountpoint: Path) -> set[str]:
    """Return the options of a mount, those of the mount and those of its file system."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        if fields[4] == str(mountpoint):
            return set(fields[5].split(",")) | set(fields[-1].split(","))
    raise AssertionError(f"nothing is mounted on {mountpoint}")


@pytest.mark.parametrize(
    ("option", "content", "names"),
    [
        ("-aessiv", "AES-SIV-512", "encrypted"),
        ("-xchacha", "XChaCha20-Poly1305", "encrypted"),
        ("-deterministic-names", "AES-256-GCM", "encrypted, alike in every directory"),
        ("-plaintextnames", "AES-256-GCM", "in the clear"),
        ("-longnamemax=62", "AES-256-GCM", "encrypted"),
    ],
)
def test_a_vault_of_each_flavour_opens_is_checked_and_gets_another_password(
    shell: Shell, tmp_path: Path, option: str, content: str, names: str
) -> None:
    cipherdir = make(tmp_path / "c", option)

    async def live() -> None:
        vaults = Vaults.open()
        entry = await vaults.listing.add(str(cipherdir), name="Work")
        info = await vaults.volume.info("Work")
        assert (content_in_words(info), names_in_words(info)) == (content, names)
        await vaults.unlock("Work", key(PASSWORD))
        (Path(entry.mountpoint) / ("n" * 100)).write_bytes(b"kept")
        await vaults.lock("Work")
        checked = await vaults.volume.check("Work", key(PASSWORD))
        assert (checked.files, checked.corrupt) == (1, 0)
        await vaults.keys.change_password("Work", key(PASSWORD), secret("another"))

    asyncio.run(live())
    plain = tmp_path / "plain"
    plain.mkdir()
    words = ("gocryptfs", "-q", "-nosyslog", cipherdir, plain)
    run_program(words, b"another\n").check()
    assert (plain / ("n" * 100)).read_bytes() == b"kept"
    detach(plain)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Return a plain directory that can be shown encrypted."""
    made = tmp_path / "documents"
    (made / "sub").mkdir(parents=True)
    (made / "sub" / "letter.txt").write_bytes(b"dear reader")
    (made / "scratch.tmp").touch()
    return make(made, "-reverse")


def test_a_plain_directory_opens_as_an_encrypted_view(
    shell: Shell, documents: Path, tmp_path: Path
) -> None:
    added = shell.json("add", documents, "--name", "View")["vault"]
    assert (added["reverse"], added["read_only"]) == (True, True)
    done = shell("unlock", "View", "--password-file", shell.password_file).check()
    assert b"as a read-only encrypted view of" in done.stdout
    view = shell.home / "Vaults" / "View"
    assert shell.status("View")["read_only"]
    with pytest.raises(OSError, match="Read-only"):
        (view / "new").touch()
    # What was copied from the view is a volume for anybody who has the password.
    copy = tmp_path / "copy"
    run_program(("cp", "-r", "--preserve=mode", view, copy)).check()
    plain = tmp_path / "plain"
    plain.mkdir()
    words = ("gocryptfs", "-q", "-nosyslog", "-passfile", shell.password_file, copy, plain)
    run_program(words).check()
    try:
        assert (plain / "sub" / "letter.txt").read_bytes() == b"dear reader"
    finally:
        detach(plain)
    sides = shell.json("path", "View", "sub/letter.txt")
    assert (view / sides["cipher"]).is_file()
    # Behind a slash, for it may begin with a dash.
    assert shell.json("path", "View", f"/{sides['cipher']}") == sides
    assert shell.json("path", "View", documents / "sub" / "letter.txt") == sides
    assert shell.json("path", "View", view / sides["cipher"]) == sides
    shell("lock", "View").check()
    assert mountpoints_below(view) == []
    words = ("check", "View", "--password-file", str(shell.password_file))
    error = shell.error(*words)
    assert (error["code"], error["exit_code"]) == ("nothing-to-check", 1)


def test_no_password_is_asked_for_to_check_an_encrypted_view(shell: Shell, documents: Path) -> None:
    shell("add", documents, "--name", "View").check()
    with Terminal((program("vaultui"), "check", "View")) as terminal:
        assert terminal.wait() == 1
        assert "there is nothing to check" in terminal.shown
        assert "Password" not in terminal.shown


def test_an_encrypted_view_leaves_out_what_the_settings_say(shell: Shell, documents: Path) -> None:
    shell("add", documents, "--name", "View", "--reverse").check()
    set_options(shell, 'exclude = ["*.tmp", "/sub"]')
    shell.unlock("View")
    left = set(os.listdir(shell.home / "Vaults" / "View"))
    assert left == {"gocryptfs.conf", "gocryptfs.diriv"}


def test_mount_options_of_the_settings_reach_the_mount(shell: Shell, work: Path) -> None:
    set_options(shell, "allow_other = true\nexec = false\nkernel_cache = true")
    shell.unlock()
    assert {"noexec", "nodev", "nosuid", "allow_other"} <= options_of(work)
    script = work / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    with pytest.raises(PermissionError):
        subprocess.run((script,), check=False)


def test_an_option_that_only_a_view_has_is_refused_with_its_place(shell: Shell, work: Path) -> None:
    lines = len(settings_of(shell).read_text().splitlines())
    set_options(shell, "one_file_system = true")
    told = shell("list").stderr.decode()
    assert f"line {lines + 1}, column 1: one_file_system is for a vault with reverse = true" in told
