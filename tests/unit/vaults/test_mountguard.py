"""The guard of a mount point: its mode bits, what it remembers, and whose directories it leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from capabilities import needs

from vaultui.vaults.mountguard import MountGuard, named_by_the_system


@pytest.fixture
def guard(tmp_path: Path) -> MountGuard:
    return MountGuard(tmp_path / "state")


@pytest.fixture
def point(tmp_path: Path) -> Path:
    made = tmp_path / "point"
    made.mkdir()
    made.chmod(0o750)
    return made


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_an_empty_mount_point_becomes_unwritable_and_comes_back_as_it_was(
    guard: MountGuard, point: Path
) -> None:
    assert guard.protect(str(point))
    assert mode(point) == 0o550
    guard.release(str(point))
    assert mode(point) == 0o750


def test_inside_the_block_it_is_writable_for_its_owner_alone(
    guard: MountGuard, point: Path
) -> None:
    guard.protect(str(point))
    with guard.writable(str(point)):
        assert mode(point) == 0o750
    assert mode(point) == 0o550


def test_a_failed_mount_protects_it_again(guard: MountGuard, point: Path) -> None:
    with pytest.raises(RuntimeError), guard.writable(str(point)):
        raise RuntimeError
    assert mode(point) == 0o550


def test_the_first_mode_is_remembered_over_many_unlocks(guard: MountGuard, point: Path) -> None:
    for _ in range(3):
        with guard.writable(str(point)):
            pass
    guard.release(str(point))
    assert mode(point) == 0o750


def test_another_front_end_can_release_it(guard: MountGuard, point: Path, tmp_path: Path) -> None:
    guard.protect(str(point))
    MountGuard(tmp_path / "state").release(str(point))
    assert mode(point) == 0o750


def test_what_was_never_protected_is_not_released(guard: MountGuard, point: Path) -> None:
    guard.release(str(point))
    assert mode(point) == 0o750


def test_a_directory_with_content_is_left_alone(guard: MountGuard, point: Path) -> None:
    (point / "file").touch()
    assert not guard.protect(str(point))
    with guard.writable(str(point)):
        pass
    assert mode(point) == 0o750


def test_a_link_and_a_missing_directory_are_left_alone(
    guard: MountGuard, point: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(point)
    assert not guard.protect(str(tmp_path / "link"))
    assert not guard.protect(str(tmp_path / "gone"))
    assert mode(point) == 0o750


@needs("root")
def test_a_directory_of_somebody_else_is_left_alone(guard: MountGuard, point: Path) -> None:
    os.chown(point, 12345, 12345)
    assert not guard.protect(str(point))
    assert mode(point) == 0o750


def test_what_fstab_names_is_left_alone(point: Path, tmp_path: Path) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text(f"# {point} in a comment\n/c {point} fuse./usr/bin/vaultfs noauto 0 0\n")
    guard = MountGuard(tmp_path / "state", fstab)
    assert not guard.protect(str(point))
    fstab.write_text(f"# /c {point} fuse 0 0\n")
    assert guard.protect(str(point))


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("/c /mnt/a fuse rw 0 0", "/mnt/a"),
        ("/c /mnt/a/ fuse rw 0 0", "/mnt/a"),
        (r"/c /mnt/with\040space fuse rw 0 0", "/mnt/with space"),
        ("/c\t/mnt/ä fuse rw 0 0", "/mnt/ä"),
    ],
)
def test_mount_points_of_fstab_are_read_as_mount_does(line: str, path: str, tmp_path: Path) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text(f"\nbroken\n{line}\n")
    assert named_by_the_system(path, fstab)
    assert not named_by_the_system("/mnt/other", fstab)


def test_mount_points_of_pam_mount_are_read(tmp_path: Path, home: Path) -> None:
    table = tmp_path / "pam_mount.conf.xml"
    table.write_text(
        '<pam_mount><volume fstype="fuse" path="/c" mountpoint="~/private"/>'
        '<volume path="/d" mountpoint="/mnt/%(USER)"/></pam_mount>'
    )
    nothing = tmp_path / "no-fstab"
    assert named_by_the_system(f"{home}/private", nothing, table)
    assert named_by_the_system(f"/mnt/{home.name}", nothing, table)
    assert not named_by_the_system("/mnt/x", nothing, table)
    table.write_text("<pam_mount><volume")
    assert not named_by_the_system(f"{home}/private", nothing, table)
