"""The lines of -fsck: gocryptfs's words, both paths, and nothing that a terminal would obey."""

from __future__ import annotations

import os

import pytest

from vaultui.mountd import commands
from vaultui.mountd.commandline import fsck
from vaultui.mountd.commandline.pflag import parse
from vaultui.wire.oneshot import Checked, Damage


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("corrupt-name", 'fsck: corrupt entry in dir "a": "b": '),
        ("corrupt-content", 'fsck: corrupt file "a/b": '),
        ("missing-dir-iv", 'fsck: error opening dir "a/b": '),
        ("corrupt-symlink", 'fsck: error reading symlink "a/b": '),
        ("corrupt-xattr", 'fsck: corrupt extended attribute of "a/b": '),
        ("unreadable", 'fsck: error reading "a/b": '),
        ("of a newer version", 'fsck: error reading "a/b": '),
    ],
)
def test_a_line_has_the_path_the_reason_and_the_place_on_disk(kind: str, start: str) -> None:
    line = fsck.damage_line(Damage(kind, "a/b", "C1/C2", "the reason"))
    assert line == f'{start}the reason (on disk "C1/C2")'


def test_quotes_and_what_is_not_text_are_spelled_out() -> None:
    line = fsck.damage_line(Damage("corrupt-content", 'a"\\\x1b\udcff', "C\n", "r\x07"))
    assert line == r'fsck: corrupt file "a\"\\\x1b\xff": r\x07 (on disk "C\x0a")'


@pytest.mark.parametrize(("user", "warned"), [(0, False), (1000, True)])
def test_who_may_not_read_everything_is_told_to_be_root(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, user: int, warned: bool
) -> None:
    monkeypatch.setattr(
        commands, "check", lambda *_, **__: Checked(5, 1 << 20, corrupt=0, skipped=2)
    )
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert fsck.run(parse(["vaultfs", "-fsck", "-zerokey"]), "/cipher") == 26
    text = "fsck: re-run this program as root to check all files!"
    assert (text in caplog.messages) is warned
