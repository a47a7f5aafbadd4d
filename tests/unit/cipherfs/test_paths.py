"""Paths are translated in both directions, also from another thread and with long names."""

from __future__ import annotations

import errno
import os
import threading

import pytest
from openvolume import OpenVolume

LONG = "l" * 200
OTHER_LONG = "m" * 255


@pytest.fixture
def tree(vault: OpenVolume) -> OpenVolume:
    vault.mkdir("dir")
    vault.mkdir(f"dir/{LONG}")
    vault.write(f"dir/{LONG}/{OTHER_LONG}", b"x")
    vault.write("dir/file", b"y")
    return vault


@pytest.mark.parametrize(
    "path", ["dir", "dir/file", f"dir/{LONG}", f"dir/{LONG}/{OTHER_LONG}"], ids=len
)
def test_a_path_leads_to_the_file_on_disk_and_back(tree: OpenVolume, path: str) -> None:
    cipher = tree.fs.encrypt_path(path.encode())
    assert (tree.cipherdir / os.fsdecode(cipher)).exists()
    assert tree.fs.decrypt_path(cipher) == path.encode()


def test_the_last_part_of_a_path_need_not_exist(tree: OpenVolume) -> None:
    cipher = tree.fs.encrypt_path(b"dir/missing")
    assert tree.fs.decrypt_path(cipher) == b"dir/missing"
    assert (
        tree.fs.encrypt_path(b"dir/" + b"n" * 255)
        .rpartition(b"/")[2]
        .startswith(b"gocryptfs.longname.")
    )


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (b"missing/file", errno.ENOENT),
        (b"dir/" + b"x" * 256, errno.ENAMETOOLONG),
        (b"dir/../dir", errno.EINVAL),
        (b"dir//file", errno.EINVAL),
        (b"dir/file/below", errno.ENOTDIR),
    ],
    ids=["missing", "long", "dots", "empty", "file"],
)
def test_a_path_that_cannot_be_encrypted_says_why(
    tree: OpenVolume, path: bytes, number: int
) -> None:
    with pytest.raises(OSError, match=r".+") as caught:
        tree.fs.encrypt_path(path)
    assert caught.value.errno == number


@pytest.mark.parametrize(
    "path", [b"gocryptfs.conf", b"gocryptfs.diriv", b"no*base64", b"AAAA", b"../x"]
)
def test_what_is_not_an_entry_is_not_decrypted(tree: OpenVolume, path: bytes) -> None:
    with pytest.raises(OSError, match=r".+") as caught:
        tree.fs.decrypt_path(path)
    assert caught.value.errno == errno.EBADMSG


def test_a_companion_is_not_an_entry(tree: OpenVolume) -> None:
    cipher = tree.fs.encrypt_path(f"dir/{LONG}".encode())
    with pytest.raises(OSError, match="is not an entry"):
        tree.fs.decrypt_path(cipher + b".name")


def test_a_symlink_on_the_way_is_not_followed(tree: OpenVolume) -> None:
    tree.symlink(b"dir", "link")
    with pytest.raises(OSError, match=r".+"):
        tree.fs.encrypt_path(b"link/file")


def test_paths_are_answered_while_the_tree_changes(tree: OpenVolume) -> None:
    wrong: list[object] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                cipher = tree.fs.encrypt_path(f"dir/{LONG}/{OTHER_LONG}".encode())
                if tree.fs.decrypt_path(cipher) != f"dir/{LONG}/{OTHER_LONG}".encode():
                    wrong.append(cipher)
            except Exception as error:
                wrong.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for number in range(200):
            tree.mkdir(f"dir/new{number}")
            tree.write(f"dir/new{number}/file", b"x")
        for number in range(200):
            tree.unlink(f"dir/new{number}/file")
            tree.rmdir(f"dir/new{number}")
    finally:
        stop.set()
        asking.join()
    assert wrong == []
