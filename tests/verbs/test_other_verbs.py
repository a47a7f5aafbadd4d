"""Every other verb by example: create, forget, info, check, passwd, path, extend, doctor …"""

from __future__ import annotations

import os
import re
from pathlib import Path

from capabilities import needs
from shelltwin import PASSWORD, RealVolume, Shell
from support import detach, program, run_program
from terminal import Terminal

pytestmark = needs("fuse", "gocryptfs")


def test_a_created_vault_is_one_for_the_real_program(shell: Shell, tmp_path: Path) -> None:
    cipherdir = tmp_path / "new.c"
    words = ("create", cipherdir, "--name", "New", "--password-file", str(shell.password_file))
    assert shell.json(*words, "--idle", "15m")["vault"]["idle_timeout_s"] == 900
    volume = RealVolume(cipherdir, shell.password_file)
    volume.mount(tmp_path / "plain")
    (tmp_path / "plain" / "file").write_text("from gocryptfs")
    detach(tmp_path / "plain")
    shell.unlock("New")
    assert (shell.home / "Vaults" / "New" / "file").read_text() == "from gocryptfs"


def test_the_master_key_is_shown_to_a_person_and_to_nobody_else(
    shell: Shell, tmp_path: Path
) -> None:
    done = shell("create", tmp_path / "new.c", "--password-file", shell.password_file).check()
    assert b"The master key is not shown" in done.stderr
    assert not re.search(rb"[0-9a-f]{8}-[0-9a-f]{8}", done.stdout + done.stderr)


def test_a_vault_is_named_after_its_directory(shell: Shell, volume: RealVolume) -> None:
    assert shell.json("add", volume.cipherdir)["vault"]["name"] == "work"


def test_forget_leaves_the_files_and_takes_the_entry(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    before = sorted(os.listdir(volume.cipherdir))
    assert shell.json("forget", "Work")["vault"]["name"] == "Work"
    assert sorted(os.listdir(volume.cipherdir)) == before
    assert shell.json("list") == {"vaults": []}
    assert shell("list").check().stdout.startswith(b"No vaults yet.")


def test_info_says_what_the_volume_config_says(shell: Shell, work: Path) -> None:
    info = shell.json("info", "Work")
    assert info["content"] == "AES-256-GCM"
    assert info["scrypt_n"] == 1024
    assert "DirIV" in info["feature_flags"]
    assert b"AES-256-GCM" in shell("info", "Work").check().stdout


def test_check_finds_a_whole_volume_whole_and_a_flipped_bit(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    shell.unlock()
    (work / "fine").write_bytes(os.urandom(10_000))
    (work / "damaged").write_bytes(os.urandom(10_000))
    hidden = volume.cipherdir / shell.json("path", "Work", "damaged")["cipher"]
    shell("lock", "Work").check()
    words = ("check", "Work", "--password-file", str(shell.password_file))
    whole = shell.json(*words)
    assert (whole["files"], whole["corrupt"], whole["damage"]) == (2, 0, [])
    data = bytearray(hidden.read_bytes())
    data[5000] ^= 1
    hidden.write_bytes(data)
    report = shell.json(*words, returncode=26)
    assert report["corrupt"] == 1
    (damage,) = report["damage"]
    assert damage["path"] == "damaged"
    done = shell(*words).check(26)
    assert b"damaged" in done.stdout
    assert b"1 damaged" in done.stderr


def test_a_changed_password_opens_and_the_old_one_does_not(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new-password"
    new.write_text("another one\n")
    words = ("passwd", "Work", "--password-file", shell.password_file, "--new-password-file", new)
    done = shell(*words).check()
    assert b"Old copies" in done.stdout
    error = shell.error("unlock", "Work", "--password-file", str(shell.password_file))
    assert error["code"] == "password-incorrect"
    shell.json("unlock", "Work", "--password-file", str(new))


def test_passwords_come_from_descriptors_and_programs_too(shell: Shell, work: Path) -> None:
    vaultui = program("vaultui")
    done = run_program(
        (vaultui, "unlock", "Work", "--password-fd", "0"), input=f"{PASSWORD}\nmore\n".encode()
    )
    done.check()
    shell("lock", "Work").check()
    shell("unlock", "Work", "--password-command", f"cat {shell.password_file}").check()
    shell("lock", "Work").check()
    reading, writing = os.pipe()
    os.write(writing, PASSWORD.encode())
    os.close(writing)
    run_program((vaultui, "unlock", "Work", f"--password-fd={reading}"), pass_fds=[reading]).check()
    os.close(reading)


def test_both_sides_of_a_path_are_found(shell: Shell, work: Path, volume: RealVolume) -> None:
    shell.unlock()
    (work / "sub").mkdir()
    (work / "sub" / "file").touch()
    there = shell.json("path", "Work", "sub/file")
    assert (volume.cipherdir / there["cipher"]).is_file()
    # Behind a slash, for a ciphertext name may begin with a dash.
    assert shell.json("path", "Work", f"/{there['cipher']}")["plain"] == "sub/file"
    assert shell.json("path", "Work", volume.cipherdir / there["cipher"])["plain"] == "sub/file"
    assert shell.json("path", "Work", work / "sub")["plain"] == "sub"
    assert shell.json("path", "Work", "later")["warning"] == "Nothing is there."
    assert shell.error("path", "Work", "nowhere/at/all")["code"] == "path-unknown"


def test_the_idle_lock_is_put_off_and_paused(shell: Shell, work: Path) -> None:
    shell.unlock("Work", "--idle", "1m")
    left = shell.json("extend", "Work", "15m")["idle_left_s"]
    assert 880 < left <= 900
    assert shell.json("pause", "Work")["idle_paused"] is True
    assert shell.status()["idle_paused"] is True
    assert b"paused" in shell("status").check().stdout
    shell("pause", "Work", "--resume").check()
    assert shell.status()["idle_paused"] is False
    told = [moment["kind"] for moment in shell.json("activity", "Work")["activity"]]
    assert [kind for kind in told if "guard" not in kind] == [
        *("unlocked", "extended", "paused", "resumed")
    ]
    words = shell("activity", "Work").check().stdout.decode()
    assert "  unlocked  with a password file\n" in words
    assert "  idle lock put off  15 min\n" in words


def test_the_doctor_looks_at_everything_that_vaults_need(shell: Shell) -> None:
    report = shell.json("doctor")
    assert report["ok"] is True
    names = {finding["name"] for finding in report["findings"]}
    assert names >= {
        *("fuse-device", "fusermount", "allow-other", "keyring", "d-bus", "logind"),
        *("screen-lock", "notifications"),
        *("terminal", "clock", "core-dumps", "runtime-dir", "settings", "compiled"),
    }
    assert all(finding["cure"] for finding in report["findings"] if not finding["ok"])


def test_the_doctor_does_not_break_words_at_the_edge_of_the_terminal(shell: Shell) -> None:
    findings = [found for found in shell.json("doctor")["findings"] if not found["ok"]]
    # That there is no terminal is none in a terminal.
    cures = [found["cure"] for found in findings if found["name"] != "terminal"]
    with Terminal((program("vaultui"), "doctor")) as terminal:
        terminal.wait()
        lines = terminal.shown.splitlines()
    assert max(map(len, lines)) <= 80
    told = " ".join(" ".join(lines).split())
    assert [cure for cure in cures if cure not in told] == []


def test_places_are_printed_as_they_are(shell: Shell) -> None:
    assert shell("locate", "config").check().stdout.decode() == (
        f"{shell.home}/.config/vaultui/config.toml\n"
    )
    assert (
        shell("locate", "runtime").check().stdout.decode().startswith(os.environ["XDG_RUNTIME_DIR"])
    )


def test_help_and_version_answer_without_a_vault(shell: Shell) -> None:
    text = shell("--help").check().stdout.decode()
    for verb in (
        *("list", "status", "unlock", "lock", "add", "create", "forget", "path", "ps", "info"),
        *("check", "passwd", "extend", "doctor", "locate", "install-desktop", "completion"),
    ):
        assert f"\n    {verb}" in text
        assert shell(verb, "--help").check().stdout
    assert shell("--version").check().stdout.startswith(b"vaultui ")
