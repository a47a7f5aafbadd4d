"""Extended attributes of a view; none of the packaged versions of gocryptfs shows any."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from capabilities import needs
from openreverse import PLAINTEXT, OpenReverse, volume_of_zeros

from vaultui.cipherfs.reverse import ivs

pytestmark = needs("user-xattrs")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return a directory with attributes on a file and on a directory."""
    (tmp_path / "file").write_bytes(b"")
    os.setxattr(tmp_path / "file", "user.one", b"value")
    os.setxattr(tmp_path / "file", "user.empty", b"")
    (tmp_path / "dir").mkdir()
    os.setxattr(tmp_path / "dir", "user.one", b"value")
    return tmp_path


@pytest.mark.parametrize("names", [None, PLAINTEXT], ids=["eme", "plaintext"])
def test_names_and_values_open_to_those_of_the_file(
    plain: Path, names: tuple[str, ...] | None
) -> None:
    volume = volume_of_zeros(names) if names else volume_of_zeros()
    with OpenReverse(plain, volume) as view:
        ino = view.attributes("file").ino
        found = {
            volume.names.decrypt_xattr_name(stored): volume.content.open_value(
                view.fs.getxattr(ino, stored)
            )
            for stored in view.fs.listxattr(ino)
        }
        assert found == {b"user.one": b"value", b"user.empty": b""}


def test_the_nonce_of_a_value_follows_from_path_and_stored_name(plain: Path) -> None:
    with OpenReverse(plain) as view:
        stored = view.volume.names.encrypt_xattr_name(b"user.one")
        values = {}
        for path in ("file", "dir"):
            values[path] = view.fs.getxattr(view.attributes(path).ino, stored)
            assert values[path][:16] == ivs.xattr_nonce(view.shown(path), stored)
        assert values["file"] != values["dir"]


@pytest.mark.parametrize(
    "name", [b"user.one", b"security.selinux", b"user.gocryptfs.AAAA", b"user.gocryptfs.!"]
)
def test_an_attribute_that_is_none_of_the_view_is_not_there(plain: Path, name: bytes) -> None:
    with OpenReverse(plain) as view, pytest.raises(OSError, match="No data") as caught:
        view.fs.getxattr(view.attributes("file").ino, name)
    assert caught.value.errno == errno.ENODATA


def test_virtual_files_have_none(plain: Path) -> None:
    with OpenReverse(plain) as view:
        ino = view.find(view.shown("dir") + b"/gocryptfs.diriv").ino
        assert view.fs.listxattr(ino) == []
        with pytest.raises(OSError, match="No data"):
            view.fs.getxattr(ino, view.volume.names.encrypt_xattr_name(b"user.one"))


def test_a_mount_without_attributes_shows_none(plain: Path) -> None:
    with OpenReverse(plain, xattrs=False) as view:
        ino = view.attributes("file").ino
        assert view.fs.listxattr(ino) == []
        with pytest.raises(OSError, match="No data"):
            view.fs.getxattr(ino, view.volume.names.encrypt_xattr_name(b"user.one"))
