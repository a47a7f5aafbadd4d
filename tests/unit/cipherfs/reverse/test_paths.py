"""Paths that the control socket is asked for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from openreverse import DETERMINISTIC, EME, PLAINTEXT, OpenReverse, volume_of_zeros

_PATHS = ["file", "dir", "dir/file", "dir/" + "l" * 200, "d" * 176 + "/below", "dir/ü/\udcff"]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return a directory with everything that is asked for."""
    for path in _PATHS:
        if path != "dir":
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("names", [EME, DETERMINISTIC, PLAINTEXT])
def test_a_path_comes_back_and_is_the_one_that_is_found(
    plain: Path, names: tuple[str, ...]
) -> None:
    with OpenReverse(plain, volume_of_zeros(names)) as view:
        shown = {path: view.shown(path) for path in _PATHS}
        for cipher in shown.values():
            assert os.fsencode(view.fs.path_of(view.find(cipher).ino)) == cipher
        # By one that has not met the names yet.
        with OpenReverse(plain, volume_of_zeros(names)) as other:
            for path, cipher in shown.items():
                assert other.fs.decrypt_path(cipher) == os.fsencode(path)


def test_nothing_of_a_path_need_exist_unless_it_is_hashed(plain: Path) -> None:
    with OpenReverse(plain) as view:
        assert view.fs.decrypt_path(view.shown("no/such/file")) == b"no/such/file"
        for path in ("no/" + "x" * 200, "x" * 200):
            with pytest.raises(FileNotFoundError):
                view.fs.decrypt_path(view.shown(path))


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (b"gocryptfs.conf", errno.ENOENT),
        (b"gocryptfs.diriv", errno.ENOENT),
        (b"AAAA", errno.ENOENT),
        (b"gocryptfs.longname.x.name", errno.EINVAL),
    ],
)
def test_what_is_no_plain_file_has_no_plain_path(plain: Path, path: bytes, number: int) -> None:
    with OpenReverse(plain) as view, pytest.raises(OSError) as caught:
        view.fs.decrypt_path(path)
    assert caught.value.errno == number


def test_a_name_that_no_file_can_have_has_no_shown_path(plain: Path) -> None:
    with OpenReverse(plain) as view, pytest.raises(OSError, match="too long") as caught:
        view.fs.encrypt_path(b"x" * 256)
    assert caught.value.errno == errno.ENAMETOOLONG
