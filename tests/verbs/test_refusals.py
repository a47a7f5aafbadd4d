"""Bad input to the verbs: one sentence, a cure, a code and a number each, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import RealVolume, Shell
from support import mountpoints_below, program, run_program

pytestmark = needs("fuse", "gocryptfs")


def refused(shell: Shell, *options: str, password: bytes | None = None) -> tuple[str, int]:
    if password is not None:
        shell.password_file.write_bytes(password)
    error = shell.error("unlock", "Work", "--password-file", str(shell.password_file), *options)
    assert shell.state() in {"locked", "missing"}
    return error["code"], error["exit_code"]


@pytest.mark.parametrize(
    ("password", "code", "number"),
    [
        (b"wrong\n", "password-incorrect", 12),
        (b"\n", "password-empty", 9),
        (b"", "password-empty", 9),
        (b"x" * 3000, "password-too-long", 9),
    ],
)
def test_a_password_that_does_not_open_it(
    shell: Shell, work: Path, password: bytes, code: str, number: int
) -> None:
    assert refused(shell, password=password) == (code, number)


def test_after_a_wrong_password_the_right_one_still_opens(shell: Shell, work: Path) -> None:
    right = shell.password_file.read_bytes()
    refused(shell, password=b"wrong\n")
    shell.password_file.write_bytes(right)
    assert shell.unlock()["already"] is False


def test_without_any_password_it_ends_and_does_not_hang(shell: Shell, work: Path) -> None:
    for words in (("unlock", "Work"), ("--unlock", "Work"), ("check", "Work"), ("passwd", "Work")):
        done = shell(*words, timeout=20)
        assert done.returncode == 9, done.text
        assert b"there is no terminal to ask in" in done.stderr


def test_an_unknown_name_is_told_with_those_that_are_near(shell: Shell, work: Path) -> None:
    error = shell.error("unlock", "work")
    assert (error["code"], error["exit_code"]) == ("vault-unknown", 41)
    assert error["hint"].startswith("Did you mean Work? ")


def _remove(conf: Path) -> None:
    conf.unlink()


def _truncate(conf: Path) -> None:
    os.truncate(conf, conf.stat().st_size // 2)


def _empty(conf: Path) -> None:
    conf.write_bytes(b"")


def _unknown_feature(conf: Path) -> None:
    content = json.loads(conf.read_text())
    content["FeatureFlags"].append("Teleportation")
    conf.chmod(0o600)
    conf.write_text(json.dumps(content))


def _flip(conf: Path) -> None:
    content = json.loads(conf.read_text())
    key = content["EncryptedKey"]
    content["EncryptedKey"] = ("A" if key[20] != "A" else "B").join((key[:20], key[21:]))
    conf.chmod(0o600)
    conf.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "code", "number"),
    [
        (_remove, "volume-conf-missing", 11),
        (_truncate, "volume-conf-corrupt", 11),
        (_empty, "volume-conf-corrupt", 11),
        (_unknown_feature, "volume-conf-unsupported", 27),
        (_flip, "password-incorrect", 12),
    ],
)
def test_a_volume_config_that_is_not_right(
    shell: Shell,
    volume: RealVolume,
    work: Path,
    damage: Callable[[Path], None],
    code: str,
    number: int,
) -> None:
    conf = volume.cipherdir / "gocryptfs.conf"
    conf.chmod(0o600)
    damage(conf)
    assert refused(shell) == (code, number)


def test_a_cipher_directory_that_is_gone_is_shown_and_told(
    shell: Shell, volume: RealVolume, work: Path
) -> None:
    volume.cipherdir.rename(volume.cipherdir.with_suffix(".away"))
    status = shell.status()
    assert status["state"] == "missing"
    assert str(volume.cipherdir) in status["explanation"]
    assert refused(shell) == ("cipherdir-missing", 6)


def test_a_mount_point_with_content_is_refused_and_its_content_named(
    shell: Shell, volume: RealVolume, tmp_path: Path
) -> None:
    point = tmp_path / "point"
    shell("add", volume.cipherdir, "--name", "Work", "--mountpoint", point).check()
    point.chmod(0o700)
    (point / "precious").write_text("data")
    error = shell.error("unlock", "Work", "--password-file", str(shell.password_file))
    assert (error["code"], error["exit_code"]) == ("mountpoint-not-empty", 10)
    assert "precious" in error["summary"]
    assert (point / "precious").read_text() == "data"
    shell.unlock("Work", "--nonempty")
    assert not (point / "precious").exists()
    shell("lock", "Work").check()
    assert (point / "precious").read_text() == "data"


def test_a_mount_point_that_is_gone_is_refused(
    shell: Shell, volume: RealVolume, tmp_path: Path
) -> None:
    point = tmp_path / "point"
    shell("add", volume.cipherdir, "--name", "Work", "--mountpoint", point).check()
    point.rmdir()
    assert refused(shell) == ("mountpoint-missing", 10)


def test_a_mount_point_that_is_taken_is_refused(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    assert refused(shell, "--mountpoint", "/proc") == ("mountpoint-busy", 10)


@pytest.mark.parametrize("inside", [".", "inside", ".."])
def test_a_mount_point_over_or_inside_the_cipher_directory_is_refused(
    shell: Shell, volume: RealVolume, inside: str
) -> None:
    point = volume.cipherdir / inside
    error = shell.error("add", volume.cipherdir, "--name", "Work", "--mountpoint", point)
    assert (error["code"], error["exit_code"]) == ("mountpoint-overlap", 10)
    assert shell.json("list")["vaults"] == []


def test_what_is_no_vault_is_not_added(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert shell.error("add", tmp_path / "empty")["code"] == "volume-conf-missing"
    assert shell.error("add", tmp_path / "gone")["code"] == "cipherdir-missing"
    assert shell.json("list")["vaults"] == []


def test_a_directory_with_content_is_not_made_into_a_vault(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    words = ("create", tmp_path / "full", "--password-file", str(shell.password_file))
    assert shell.error(*words)["code"] == "cipherdir-not-empty"
    assert os.listdir(tmp_path / "full") == ["file"]


def test_a_vault_that_cannot_be_registered_is_not_made(shell: Shell, tmp_path: Path) -> None:
    config = shell.home / ".config" / "vaultui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[[vault]\n")
    words = ("create", tmp_path / "new", "--password-file", str(shell.password_file))
    error = shell.error(*words)
    assert (error["code"], error["exit_code"]) == ("settings-unsaved", 40)
    assert not (tmp_path / "new").exists()
    assert config.read_text() == "[[vault]\n"


def test_after_a_typo_in_the_settings_vaults_still_open(shell: Shell, work: Path) -> None:
    config = shell.home / ".config" / "vaultui" / "config.toml"
    good = config.read_text()
    config.write_text(good + "idle_timeout = 15\n")
    done = shell("list").check()
    assert b"Work" in done.stdout
    assert f"line {good.count(chr(10)) + 1}, column 1".encode() in done.stderr
    assert shell.unlock()["vault"]["state"] == "open"


def test_two_vaults_with_one_name_or_directory_are_refused(
    shell: Shell, work: Path, volume: RealVolume, tmp_path: Path
) -> None:
    error = shell.error("add", volume.cipherdir, "--name", "Again")
    assert (error["code"], error["exit_code"]) == ("vault-exists", 42)
    words = ("create", tmp_path / "x", "--name", "Work", "--password-file")
    assert shell.error(*words, str(shell.password_file))["code"] == "vault-exists"
    assert not (tmp_path / "x").exists()


def test_what_needs_an_open_vault_says_so(shell: Shell, work: Path) -> None:
    for words in (("path", "Work", "x"), ("extend", "Work", "5m"), ("pause", "Work")):
        error = shell.error(*words)
        assert (error["code"], error["exit_code"]) == ("not-open", 48)


def test_an_open_vault_is_not_forgotten(shell: Shell, work: Path) -> None:
    shell.unlock()
    error = shell.error("forget", "Work")
    assert (error["code"], error["exit_code"]) == ("already-open", 48)
    assert shell.state() == "open"


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("unlock",),
        ("lock",),
        ("lock", "--all", "Work"),
        ("lock", "Work", "--lazy", "--kill"),
        ("unlock", "Work", "--password-file", "a", "--password-fd", "3"),
        ("unlock", "Work", "--idle", "15"),
        ("extend", "Work", "soon"),
        ("locate", "config", "Work"),
        ("--no-such-option",),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_1(
    shell: Shell, work: Path, words: tuple[str, ...]
) -> None:
    if "--idle" in words:
        words = (*words, "--password-file", str(shell.password_file))
    done = shell(*words)
    assert done.returncode == 1, done.text
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("vaultui: ")
    assert not done.stdout


def test_a_runtime_directory_that_others_may_enter_is_refused(shell: Shell, work: Path) -> None:
    runtime = Path(os.environ["XDG_RUNTIME_DIR"]) / "vaultui"
    runtime.mkdir(exist_ok=True)
    runtime.chmod(0o777)
    error = shell.error("unlock", "Work", "--password-file", str(shell.password_file))
    assert (error["code"], error["exit_code"]) == ("runtime-dir-unsafe", 49)
    assert mountpoints_below(work) == []
    runtime.chmod(0o700)


def test_without_the_fuse_helper_an_ordinary_machine_is_told(shell: Shell, work: Path) -> None:
    findings = json.loads(
        run_program(
            (program("vaultui"), "doctor", "--json"), env={**os.environ, "PATH": "/nonexistent"}
        )
        .check(52)
        .stdout
    )["findings"]
    (finding,) = [f for f in findings if f["name"] == "fusermount"]
    assert not finding["ok"]
    assert "fuse3" in finding["cure"]


def test_a_reader_that_had_enough_is_no_error(shell: Shell) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        (program("vaultui"), "completion", "bash"), stdout=writing, stderr=subprocess.PIPE
    ) as process:
        os.close(writing)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 141
    assert errors == b""


@pytest.mark.parametrize("words", [("list",), ("status", "--json"), ("locate", "config")])
def test_output_on_a_full_disk_is_told_and_is_no_crash(
    shell: Shell, work: Path, words: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            (program("vaultui"), *words), stdout=full, stderr=subprocess.PIPE, timeout=30
        )
    assert done.returncode == 11
    assert done.stderr.startswith(b"vaultui: The result could not be written to standard output")
    assert done.stderr.count(b"\n") == 2


def test_closed_standard_streams_are_no_crash(shell: Shell, work: Path) -> None:
    done = subprocess.run(
        ("sh", "-c", '"$0" list >&- <&-', program("vaultui")), stderr=subprocess.PIPE, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_vault_opens_where_the_guard_of_its_mount_point_cannot_write(
    shell: Shell, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    shell("unlock", "Work", "--password-file", shell.password_file).check()


def test_a_path_that_is_too_long_for_a_request_is_told_as_that(shell: Shell, work: Path) -> None:
    shell("unlock", "Work", "--password-file", shell.password_file).check()
    error = shell.error("path", "Work", "a/" * 3000)
    assert error["code"] == "path-unknown"
    assert "File name too long" in error["summary"]
