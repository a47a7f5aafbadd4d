"""Finding volumes that lie around, and naming them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaultui.vaults.discovery import discover, is_reverse, name_for


def volume(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "gocryptfs.conf").write_text("{}")
    return path


def test_volumes_are_found_and_known_ones_left_out(tmp_path: Path) -> None:
    work, photos = volume(tmp_path / "Sync/work.c"), volume(tmp_path / ".hidden/photos.c")
    known = volume(tmp_path / "known.c")
    (tmp_path / "empty").mkdir()
    assert discover([str(known)], [tmp_path]) == sorted([work, photos])


def test_a_volume_is_not_searched_for_volumes(tmp_path: Path) -> None:
    outer = volume(tmp_path / "outer")
    volume(outer / "inner")
    assert discover([], [tmp_path]) == [outer]


def test_a_plain_directory_that_is_shown_encrypted_is_found_and_searched(tmp_path: Path) -> None:
    (tmp_path / ".gocryptfs.reverse.conf").write_text("{}")
    inner = volume(tmp_path / "inner.c")
    assert discover([], [tmp_path]) == [tmp_path, inner]
    assert is_reverse(str(tmp_path))
    assert not is_reverse(str(inner))


def test_loops_of_links_and_depths_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    volume(tmp_path / "a/b/c/d/e")
    assert discover([], [tmp_path]) == []


def test_a_place_that_is_not_there_has_no_volumes(tmp_path: Path) -> None:
    assert discover([], [tmp_path / "gone"]) == []


def test_the_home_directory_is_looked_into(home: Path) -> None:
    assert discover([]) == []
    work = volume(home / "work.c")
    assert discover([]) == [work]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/work.c", "work"),
        ("/srv/photos.cipher", "photos"),
        ("/srv/Ü, a\\b", "Ü, a\\b"),
        ("/srv/.Work.encrypted", "Work"),
        ("/srv/--x", "x"),
        ("/srv/\udcff\n", "Vault"),
        ("/", "Vault"),
        ("/srv/" + "n" * 200, "n" * 60),
    ],
)
def test_a_vault_is_named_after_its_directory(path: str, name: str) -> None:
    assert name_for(path, []) == name


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert name_for("/a/work", ["work", "work 2"]) == "work 3"
