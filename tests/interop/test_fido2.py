"""Volumes that a FIDO2 token opens, with both programs.

The token is played by stand-ins for libfido2's tools, which both programs call: from the
credential and the salt they always make the same secret.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pairs import Pair
from support import Gocryptfs, Vaultfs, program, run_program

TOOLS = {
    "fido2-cred": """
mapfile -t line
printf '%s\\ngocryptfs\\npacked\\nauthenticator data\\n%s\\nsignature\\n' \\
    "${line[0]}" "$(printf 'credential of %s' "${line[2]}" | base64 -w0)"
""",
    "fido2-assert": """
mapfile -t line
echo "$*" >> "$0.log"
secret=$(printf '%s' "${line[2]}${line[3]}" | sha256sum | head -c 32 | base64 -w0)
case $* in
*broken) exit 1 ;;
*silent) exit 0 ;;
*zero) secret=$(head -c 32 /dev/zero | base64 -w0) ;;
esac
printf '%s\\ngocryptfs\\nauthenticator data\\nsignature\\n%s\\n' "${line[0]}" "$secret"
""",
}


@pytest.fixture(autouse=True)
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the stand-ins first on PATH; return the log of what the token was asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in TOOLS.items():
        (tools / name).write_text(f"#!/bin/bash\n{script}")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return tools / "fido2-assert.log"


def test_a_volume_made_with_a_token_opens_with_it_in_the_other_program(
    pair: Pair, tmp_path: Path
) -> None:
    options = ("-fido2", "/dev/hidraw0")
    with pair.maker(tmp_path, init_options=options, mount_options=options) as volume:
        (volume.mountpoint / "letter").write_text("content")
    assert "FIDO2" in volume.info()
    with volume.by(pair.other, mount_options=options) as again:
        assert (again.mountpoint / "letter").read_text() == "content"
    other = volume.by(pair.other)
    assert other.fsck().returncode == 1
    assert other.run("-fsck", *options, other.cipherdir, input=b"").returncode == 0
    assert other.run("-passwd", *options, other.cipherdir).returncode == 1


@pytest.mark.parametrize("device", ["broken", "silent", "zero"])
def test_a_token_that_does_not_help_is_31(device: str, tmp_path: Path) -> None:
    volume = Vaultfs(tmp_path)
    volume.cipherdir.mkdir()
    for kind in (Gocryptfs, Vaultfs):
        if (kind, device) == (Gocryptfs, "silent"):
            continue  # it takes the fifth of no lines, and panics
        done = volume.by(kind).run("-init", "-scryptn=10", "-fido2", device, volume.cipherdir)
        assert done.returncode == 31, done.text
        assert list(volume.cipherdir.iterdir()) == []


def test_without_the_tools_it_is_31_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run_program((program("vaultfs"), "-init", "-fido2", "/dev/hidraw0", tmp_path / "tools"))
    assert done.returncode == 6  # nothing is registered for a volume that could not be made
    (tmp_path / "empty").mkdir()
    done = run_program((program("vaultfs"), "-init", "-fido2", "/dev/hidraw0", tmp_path / "empty"))
    assert done.returncode == 31
    assert "fido2-cred" in done.text


def test_what_the_token_is_to_check_is_kept_in_the_config(tmp_path: Path, token: Path) -> None:
    words = ("-fido2-assert-option", "pin=true", "-fido2-assert-option=up=false")
    volume = Vaultfs(tmp_path, init_options=("-fido2", "/dev/hidraw0", *words))
    volume.create()
    kept = json.loads((volume.cipherdir / "gocryptfs.conf").read_text())["FIDO2"]
    assert kept["AssertOptions"] == ["pin=true", "up=false"]
    volume.run("-fsck", "-fido2", "/dev/hidraw1", volume.cipherdir, input=b"").check()
    assert token.read_text().splitlines() == [
        f"-G -h -t pin=true -t up=false /dev/hidraw{number}" for number in (0, 1)
    ]


def test_a_volume_with_a_token_opens_with_its_master_key(tmp_path: Path) -> None:
    key = "6f" * 32
    volume = Vaultfs(tmp_path, init_options=("-fido2", "/dev/hidraw0", "-masterkey", key))
    volume.create()
    volume.run("-fsck", "-masterkey=stdin", volume.cipherdir, input=key.encode()).check()
    dumped = volume.run(
        "-dumpmasterkey", "-fido2=/dev/hidraw0", volume.cipherdir / "gocryptfs.conf", input=b""
    )
    assert dumped.check().stdout.decode() == f"{key}\n"
    # A volume with a password does not need the token that is named beside it.
    other = Vaultfs(tmp_path / "other", password=b"pw")
    other.create()
    other.run("-fsck", "-fido2", "broken", other.cipherdir).check()
