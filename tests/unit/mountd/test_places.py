"""The two directories of a mount are looked at before anything else happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vaultui.model.errors import (
    CipherdirMissing,
    MountpointMissing,
    MountpointNotEmpty,
    MountpointOverlap,
    VaultuiError,
)
from vaultui.mountd.places import check_mountpoint, open_cipherdir


def refusal(mountpoint: Path, cipherdir: Path, *, nonempty: bool = False) -> type[VaultuiError]:
    with pytest.raises(VaultuiError) as failure:
        check_mountpoint(str(mountpoint), str(cipherdir), nonempty=nonempty)
    assert failure.value.exit_code == 10
    return type(failure.value)


@pytest.fixture
def cipherdir(tmp_path: Path) -> Path:
    directory = tmp_path / "a" / "cipher"
    directory.mkdir(parents=True)
    return directory


def test_an_empty_directory_elsewhere_is_fine(tmp_path: Path, cipherdir: Path) -> None:
    mountpoint = tmp_path / "a" / "cipher2"  # a common beginning of the name is no overlap
    mountpoint.mkdir()
    check_mountpoint(str(mountpoint), str(cipherdir), nonempty=False)


def test_over_and_inside_the_cipher_directory_is_refused(tmp_path: Path, cipherdir: Path) -> None:
    inside = cipherdir / "x"
    inside.mkdir()
    link = tmp_path / "link"
    link.symlink_to(cipherdir)
    for mountpoint in (cipherdir, cipherdir.parent, tmp_path, inside, link, link / "x", Path("/")):
        assert refusal(mountpoint, cipherdir) is MountpointOverlap
        assert refusal(mountpoint, cipherdir, nonempty=True) is MountpointOverlap


def test_a_mount_point_that_is_no_directory_is_refused(tmp_path: Path, cipherdir: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert refusal(file, cipherdir) is MountpointMissing
    assert refusal(file / "x", cipherdir) is MountpointMissing
    assert refusal(tmp_path / "nothing", cipherdir) is MountpointMissing


def test_a_mount_point_with_content_is_refused_with_its_first_names(
    tmp_path: Path, cipherdir: Path
) -> None:
    mountpoint = tmp_path / "m"
    mountpoint.mkdir()
    (mountpoint / "letter").touch()
    with pytest.raises(MountpointNotEmpty, match="letter"):
        check_mountpoint(str(mountpoint), str(cipherdir), nonempty=False)
    check_mountpoint(str(mountpoint), str(cipherdir), nonempty=True)


def test_a_cipher_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("nothing", "file"):
        with pytest.raises(CipherdirMissing) as failure:
            open_cipherdir(str(tmp_path / name))
        assert failure.value.exit_code == 6


def test_a_cipher_directory_with_any_name_is_opened(tmp_path: Path) -> None:
    directory = os.fsencode(tmp_path) + b"/\xff, a\\b"
    os.mkdir(directory)
    fd = open_cipherdir(os.fsdecode(directory))
    try:
        assert os.path.samestat(os.fstat(fd), os.stat(directory))
    finally:
        os.close(fd)
