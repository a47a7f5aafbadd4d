"""Whether a FIDO2 token opens a vault, by a look at its config."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from volumemaking import secret

from vaultui.cipherfs import volume
from vaultui.model.ids import VaultId
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.tokenkind import has_token

TOKEN = {"CredentialID": "AAEC", "HMACSalt": "AwQF"}


def made(directory: Path, *, with_token: bool, **options: object) -> VaultEntry:
    directory.mkdir()
    kept = TOKEN if with_token else None
    volume.create(str(directory), secret(b"pw"), 10, fido2=kept, **options).wipe()  # type: ignore[arg-type]
    return VaultEntry(VaultId("0" * 16), "Work", str(directory), "/m")


@pytest.mark.parametrize("with_token", [True, False])
def test_a_volume_of_a_token_is_known_by_its_flag(tmp_path: Path, with_token: bool) -> None:
    entry = made(tmp_path / "c", with_token=with_token)
    assert has_token(entry) is with_token
    plain = made(tmp_path / "plain", with_token=with_token, reverse=True, content="AES-SIV-512")
    assert has_token(replace(plain, reverse=True)) is with_token
    outside = tmp_path / "work.conf"
    (tmp_path / "c" / "gocryptfs.conf").rename(outside)
    assert has_token(replace(entry, config_path=str(outside))) is with_token
    assert not has_token(entry)


def test_what_can_not_be_told_is_left_to_unlocking(tmp_path: Path) -> None:
    entry = made(tmp_path / "c", with_token=True)
    config = tmp_path / "c" / "gocryptfs.conf"
    config.chmod(0o600)
    config.write_text(config.read_text()[:-9])
    assert not has_token(entry)
    config.unlink()
    os.mkfifo(config)  # nobody writes to it
    assert not has_token(entry)
