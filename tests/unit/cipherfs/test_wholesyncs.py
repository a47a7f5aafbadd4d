"""Where a sync of one thing may bring out names without what those need, all is synced."""

from __future__ import annotations

import os

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs import filesystem, wholesyncs
from vaultui.linux.atcalls import RENAME_EXCHANGE, filesystem_magic

LONG = "l" * 200


@pytest.fixture
def synced(vault: OpenVolume, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of all syncs; what the volume lies on counts as btrfs."""
    names: list[str] = []
    monkeypatch.setattr(filesystem, "BTRFS_MAGIC", filesystem_magic(vault._fd))
    monkeypatch.setattr(os, "fsync", lambda _fd: names.append("one"))
    monkeypatch.setattr(os, "fdatasync", lambda _fd: names.append("one"))
    monkeypatch.setattr(wholesyncs, "syncfs", lambda _fd: names.append("all"))
    vault.reopen()
    return names


def test_all_is_synced_once_after_names_came_that_need_something(
    vault: OpenVolume, synced: list[str]
) -> None:
    vault.write("file", b"x")
    vault.sync("file")
    assert synced == ["one"]
    for change in (
        lambda: vault.mkdir("dir"),
        lambda: vault.rename("file", LONG),
        lambda: vault.rename(LONG, "file"),
        lambda: vault.rename("file", "dir", RENAME_EXCHANGE),
        lambda: vault.rename("file", "dir", RENAME_EXCHANGE),
        lambda: vault.rmdir("dir"),
    ):
        synced.clear()
        change()
        vault.sync("file" if vault.exists("file") else LONG)
        vault.sync("")
        assert synced == ["all", "one"]


def test_what_comes_while_one_is_synced_is_synced_with_all(
    vault: OpenVolume, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write("file", b"x")

    def meanwhile(_fd: int) -> None:
        synced.append("one")
        vault.mkdir("dir")

    monkeypatch.setattr(os, "fsync", meanwhile)
    vault.sync("file")
    assert synced == ["one", "all"]


def test_a_sync_does_not_leave_itself_to_one_that_is_under_way(
    vault: OpenVolume, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write("file", b"x")
    # The commit of another thread ends right after it was looked at.
    answers = iter([True, False])
    monkeypatch.setattr(wholesyncs.WholeSyncs, "must_commit", property(lambda _: next(answers)))
    vault.sync("file")
    assert synced == ["all"]


def test_a_failed_sync_of_all_is_raised_and_tried_again(
    vault: OpenVolume, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.mkdir("dir")

    def fail(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(wholesyncs, "syncfs", fail)
        with pytest.raises(OSError, match="Input/output"):
            vault.sync("dir")
    vault.sync("dir")
    assert synced == ["all"]
