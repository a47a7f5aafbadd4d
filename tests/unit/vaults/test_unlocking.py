"""What has to be right before a backend is started: mount points and what stands in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaultui.model.errors import (
    BackendUnreachable,
    CipherdirMissing,
    CipherdirNotAccessible,
    MountpointBusy,
    MountpointMissing,
    MountpointNotEmpty,
    MountpointOverlap,
)
from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.unlocking import check_openable, check_overlap, prepare_mountpoint


def entry(tmp_path: Path, mountpoint: Path) -> VaultEntry:
    cipherdir = tmp_path / "c"
    cipherdir.mkdir(exist_ok=True)
    return VaultEntry(VaultId("0" * 16), "Work", str(cipherdir), str(mountpoint))


def test_a_default_mount_point_is_made_on_demand_for_its_owner(tmp_path: Path) -> None:
    point = tmp_path / "Vaults" / "Work"
    prepare_mountpoint(entry(tmp_path, point), tmp_path / "Vaults")
    assert point.stat().st_mode & 0o777 == 0o700


def test_a_mount_point_of_ones_own_choice_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(MountpointMissing):
        prepare_mountpoint(entry(tmp_path, tmp_path / "mine"), tmp_path / "Vaults")


def test_a_file_is_no_mount_point(tmp_path: Path) -> None:
    (tmp_path / "Vaults").mkdir()
    for place in (tmp_path / "Vaults" / "file", tmp_path / "file"):
        place.touch()
        with pytest.raises(MountpointMissing):
            prepare_mountpoint(entry(tmp_path, place), tmp_path / "Vaults")


def test_what_is_in_a_mount_point_is_named(tmp_path: Path) -> None:
    point = tmp_path / "mine"
    point.mkdir()
    for name in "dacb":
        (point / name).touch()
    with pytest.raises(MountpointNotEmpty) as refused:
        prepare_mountpoint(entry(tmp_path, point), tmp_path / "Vaults")
    assert refused.value.details["first"] == "a, b, c, …"
    prepare_mountpoint(entry(tmp_path, point), tmp_path / "Vaults", nonempty=True)


def test_a_place_where_something_is_mounted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MountpointBusy) as refused:
        prepare_mountpoint(entry(tmp_path, Path("/proc")), tmp_path / "Vaults")
    assert refused.value.details["fstype"] == "proc"


@pytest.mark.parametrize("point", ["c", "c/inside", "c/in/side", ".", "link/inside"])
def test_a_mount_that_would_hide_its_own_ciphertext_is_refused(tmp_path: Path, point: str) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "c")
    with pytest.raises(MountpointOverlap):
        check_overlap(str(tmp_path / "c"), str(tmp_path / point))


def test_a_neighbour_with_a_similar_name_is_no_overlap(tmp_path: Path) -> None:
    check_overlap(str(tmp_path / "work"), str(tmp_path / "work.plain"))


def test_what_stands_in_the_way_is_said_before_a_password_is_used(tmp_path: Path) -> None:
    vault = entry(tmp_path, tmp_path / "m")
    with pytest.raises(BackendUnreachable):
        check_openable(VaultStatus(vault, VaultState.HUNG))
    with pytest.raises(CipherdirNotAccessible):
        check_openable(VaultStatus(vault, VaultState.MISSING, explanation="It cannot be read."))
    (tmp_path / "c").rmdir()
    with pytest.raises(CipherdirMissing):
        check_openable(VaultStatus(vault, VaultState.MISSING))
    check_openable(VaultStatus(vault, VaultState.LOCKED))
