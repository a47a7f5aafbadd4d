"""What is synced before what: seen from the calls, where test_power_loss sees the disk."""

from __future__ import annotations

import os
import threading

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs import durability, syncjob
from vaultui.cipherfs.filesystem import ROOT
from vaultui.model.ids import InodeNo

LONG = "l" * 200


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that grows by the name of each file that is synced."""
    names: list[str] = []

    def note(fd: int) -> None:
        names.append(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")))

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(os, "fdatasync", note)
    for module in (durability, syncjob):
        monkeypatch.setattr(module, "syncfs", lambda _fd: names.append("everything"))
    return names


def sync_directory(vault: OpenVolume, ino: InodeNo) -> None:
    handle = vault.fs.opendir(ino)
    vault.fs.fsyncdir(handle, False)
    vault.fs.releasedir(handle)


def sync_file(vault: OpenVolume, path: str) -> None:
    with vault.open(path) as handle:
        vault.fs.fsync(handle, False)


def test_a_file_is_synced_after_the_ivs_above_it(vault: OpenVolume, synced: list[str]) -> None:
    vault.mkdir("a")
    vault.mkdir("a/b")
    vault.mkdir("beside")
    vault.write("a/b/file", b"x")
    sync_file(vault, "a/b/file")
    assert synced.count("gocryptfs.diriv") == 2
    assert synced[-1] == vault.cipher_path("a/b/file").name
    synced.clear()
    sync_file(vault, "a/b/file")
    assert synced == [vault.cipher_path("a/b/file").name]


def test_a_file_with_a_long_name_is_synced_after_its_companion_alone(
    vault: OpenVolume, synced: list[str]
) -> None:
    vault.write(LONG, b"x")
    vault.write("m" * 200, b"y")
    sync_file(vault, LONG)
    companions = [name for name in synced if name.endswith(".name")]
    assert companions == [vault.cipher_path(LONG).name + ".name"]


def test_a_directory_is_synced_with_the_companions_in_it_and_the_ivs_below_it(
    vault: OpenVolume, synced: list[str]
) -> None:
    vault.mkdir("one")
    vault.mkdir("one/deep")
    vault.write(LONG, b"x")
    sync_directory(vault, ROOT)
    assert synced.count("gocryptfs.diriv") == 1
    assert len([name for name in synced if name.endswith(".name")]) == 1
    synced.clear()
    sync_directory(vault, vault.ino("one"))
    assert synced.count("gocryptfs.diriv") == 1


def test_what_was_removed_is_not_synced(vault: OpenVolume, synced: list[str]) -> None:
    vault.mkdir("dir")
    vault.write(LONG, b"x")
    vault.rmdir("dir")
    vault.unlink(LONG)
    sync_directory(vault, ROOT)
    assert synced == [vault.cipherdir.name]


def test_a_directory_that_moved_is_synced_where_it_is(vault: OpenVolume, synced: list[str]) -> None:
    vault.mkdir("old")
    vault.mkdir("above")
    sync_directory(vault, ROOT)
    synced.clear()
    vault.mkdir("old/dir")
    vault.rename("old/dir", "above/" + LONG)
    vault.write(f"above/{LONG}/file", b"x")
    sync_file(vault, f"above/{LONG}/file")
    assert synced.count("gocryptfs.diriv") == 1
    assert len([name for name in synced if name.endswith(".name")]) == 1


def test_a_directory_is_remembered_though_the_kernel_forgot_it(
    vault: OpenVolume, synced: list[str]
) -> None:
    made = vault.mkdir("dir")
    vault.fs.forget(made.ino, 1)
    sync_directory(vault, ROOT)
    assert synced.count("gocryptfs.diriv") == 1
    synced.clear()
    sync_directory(vault, ROOT)
    assert "gocryptfs.diriv" not in synced
    assert len(vault.fs._inodes) == 1  # and the memory of it is gone


def test_a_companion_that_is_made_anew_is_synced_anew_whatever_became_of_the_old_one(
    vault: OpenVolume, synced: list[str]
) -> None:
    vault.write(LONG, b"old")
    with vault.open(LONG) as handle:
        job = vault.fs.fsync_job(handle, False)
    job()  # in a worker, which is heard of later
    vault.unlink(LONG)
    vault.write(LONG, b"new")
    synced.clear()
    sync_file(vault, LONG)
    assert len([name for name in synced if name.endswith(".name")]) == 1


def test_many_are_synced_by_one_call(vault: OpenVolume, synced: list[str]) -> None:
    for number in range(50):
        vault.mkdir(f"dir{number}")
    sync_directory(vault, ROOT)
    assert synced == ["everything", vault.cipherdir.name]


def test_a_sync_of_thousands_of_new_directories_takes_no_descriptor_for_each(
    vault: OpenVolume, synced: list[str]
) -> None:
    for number in range(200):
        vault.mkdir(f"dir{number}")
    before = len(os.listdir("/proc/self/fd"))
    handle = vault.fs.opendir(ROOT)
    job = vault.fs.fsyncdir_job(handle, False)
    assert len(os.listdir("/proc/self/fd")) < before + 50
    job()
    vault.fs.releasedir(handle)
    assert synced[0] == "everything"
    assert vault.fs._durability.before_directory(vault.fs._inodes.root).directories == 0


def test_a_failed_sync_is_raised_and_tried_again(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.mkdir("dir")

    def fail(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output"):
            sync_directory(vault, ROOT)
    assert vault.fs._durability.before_directory(vault.fs._inodes.root)._directories


def test_a_job_runs_in_another_thread_after_its_handle_was_released(vault: OpenVolume) -> None:
    vault.mkdir("dir")
    vault.write("dir/file", b"x")
    before = len(os.listdir("/proc/self/fd"))
    with vault.open("dir/file") as handle:
        job = vault.fs.fsync_job(handle, False)
    vault.unlink("dir/file")
    failures: list[Exception] = []

    def run() -> None:
        try:
            job()
        except OSError as error:
            failures.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    worker.join()
    assert failures == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_remembering_has_an_end(
    vault: OpenVolume, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability.Durability, "_remembered", 10)
    for number in range(35):
        vault.mkdir(f"dir{number}")
    assert synced == ["everything"] * 3
    assert len(vault.fs._durability.unsynced) < 10
