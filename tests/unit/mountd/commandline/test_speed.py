"""The table of -speed has gocryptfs's form, and rows for what is really measured."""

from __future__ import annotations

import re

import pytest

from vaultui.mountd.commandline import speed


def test_each_content_cipher_has_a_row_in_the_form_of_gocryptfs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "_MEASURED_S", 0.01)
    assert speed.run() == 0
    processor, *rows = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"cpu: .+; (with|no) AES acceleration", processor)
    found = [re.fullmatch(r"(\S+) *\t *(\d+\.\d\d) MB/s\t\((.+)\)", row) for row in rows]
    assert [row[1] for row in found if row] == [
        "AES-GCM-256-OpenSSL",
        "AES-SIV-512-OpenSSL",
        "XChaCha20-Poly1305-Sodium",
    ]
    assert all(row and float(row[2]) > 0 for row in found)
    assert [row and row[3] == "selected in auto mode" for row in found] == [True, False, False]
    assert {row.index("\t") for row in rows} == {26}
