"""The master key of a config is shown to who has the password, and nothing but it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from slotmaking import typed

from vaultui.cipherfs import volume as volumes
from vaultui.crypto import masterkey
from vaultui.model.errors import Fido2TokenNeeded, PasswordIncorrect, VolumeConfMissing
from vaultui.model.secret import Secret
from vaultui.mountd.commandline import keydump
from vaultui.mountd.commandline.pflag import parse

PASSWORD = b"correct horse battery"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "cipher").mkdir()
    volumes.create(tmp_path / "cipher", Secret(bytearray(PASSWORD)), scrypt_logn=10).wipe()
    return tmp_path / "cipher" / "gocryptfs.conf"


def dump(conf: Path, password: bytes | None) -> int:
    """Dump with a password file, which is not there for None."""
    passfile = conf.with_name("passfile")
    if password is not None:
        passfile.write_bytes(password)
    return keydump.run(parse(["vaultfs", "-passfile", str(passfile)]), str(conf))


def test_the_master_key_is_64_digits_and_nothing_else(
    conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dump(conf, PASSWORD) == 0
    shown = capsys.readouterr().out
    with (
        masterkey.unwrap(volumes.read_conf(conf.parent), typed(PASSWORD)) as master,
        master.view as key,
    ):
        assert shown == f"{key.hex()}\n"


def test_no_password_is_asked_for_where_none_would_help(conf: Path) -> None:
    with_token = json.loads(conf.read_text())
    with_token["FeatureFlags"].append("FIDO2")
    conf.write_text(json.dumps(with_token))
    with pytest.raises(Fido2TokenNeeded):
        dump(conf, None)
    conf.unlink()
    with pytest.raises(VolumeConfMissing):
        dump(conf, None)


def test_a_wrong_password_shows_nothing(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PasswordIncorrect):
        dump(conf, b"wrong")
    assert capsys.readouterr().out == ""
