"""Finding volumes that lie around, and naming them."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from pathlib import Path

import pytest
from waiting import wait_until

from vaultui.vaults import discovery
from vaultui.vaults.discovery import Scanned, discover, is_reverse, name_for, scan


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


def test_a_scan_looks_deeper_and_tells_each_volume_as_it_is_found(tmp_path: Path) -> None:
    deep = volume(tmp_path / "a/b/c/d/e/work.c")
    near, known = volume(tmp_path / "near.c"), volume(tmp_path / "known.c")

    async def run() -> list[Scanned]:
        return [step async for step in scan([str(known)], [tmp_path])]

    steps = asyncio.run(run())
    assert [step.found for step in steps if step.found] == [near, deep]
    assert steps[-1].folders == 9


def test_a_scan_that_is_given_up_ends_its_search(tmp_path: Path) -> None:
    for number in range(200):
        volume(tmp_path / f"{number}.c")

    async def run() -> int:
        async with aclosing(scan([], [tmp_path])) as steps:
            async for step in steps:
                if step.found:
                    break
        return threading.active_count()

    before = threading.active_count()
    asyncio.run(run())
    wait_until(lambda: threading.active_count() <= before)


def test_a_scan_ends_when_its_time_is_up_although_a_folder_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def look_into(folder: Path) -> tuple[list[Path], bool]:
        answers.wait()
        return [], False

    monkeypatch.setattr(discovery, "_look_into", look_into)

    async def run() -> list[Scanned]:
        return [step async for step in scan([], [tmp_path], time_s=0.2)]

    try:
        assert asyncio.run(run()) == []
    finally:
        answers.set()


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
