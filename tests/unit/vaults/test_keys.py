"""Which key a person means, and what is left of a file that was made in vain."""

from __future__ import annotations

import stat
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vaultui.model.errors import FileNotMade, KeySlotUnknown, UsageError
from vaultui.model.secret import Secret
from vaultui.vaults import RecoveryKey, SlotInfo, find_slot, new_file, new_key_file, write_sheet


def slot(slot_id: str, label: str = "") -> SlotInfo:
    return SlotInfo(slot_id.ljust(32, "0"), "password", "scrypt N=1024 r=8 p=1", 1, label)


SLOTS = (slot("abcd1"), slot("abcd2", "laptop"), slot("2222", "1"), slot("ef", "2222"))


@pytest.mark.parametrize(
    ("which", "number"),
    [("2", 2), ("laptop", 2), ("abcd1", 1), ("ABCD2", 2), ("4", 4), ("ef00", 4)],
)
def test_a_key_is_named_by_number_label_or_the_start_of_its_id(which: str, number: int) -> None:
    assert find_slot(SLOTS, which) == (number, SLOTS[number - 1])


@pytest.mark.parametrize("which", ["1", "abcd", "2222"])
def test_a_name_that_fits_several_keys_is_refused_with_their_numbers(which: str) -> None:
    with pytest.raises(UsageError, match=r"keys \d and \d"):
        find_slot(SLOTS, which)


@pytest.mark.parametrize("which", ["0", "5", "lap", "ef", "", "-1"])
def test_what_fits_no_key_is_unknown(which: str) -> None:
    with pytest.raises(KeySlotUnknown):
        find_slot(SLOTS, which)


def test_a_key_file_is_made_for_its_owner_alone_and_of_random_bytes(tmp_path: Path) -> None:
    contents = set()
    for name in ("one", "two"):
        with new_key_file(str(tmp_path / name)) as path:
            assert path == str(tmp_path / name)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        contents.add((tmp_path / name).read_bytes())
    assert {len(content) for content in contents} == {64}
    assert len(contents) == 2


def test_a_new_file_is_never_made_over_another_or_through_a_link(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for path in (there, link, tmp_path / "no" / "such"):
        with pytest.raises(FileNotMade), new_file(str(path)):
            raise AssertionError("it was made")
    assert there.read_text() == "precious"
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_was_made_in_vain_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_key_file(str(tmp_path / "key")):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_has_the_key_in_groups_and_as_a_code_and_a_name_that_is_no_markup(
    tmp_path: Path,
) -> None:
    groups = [f"{number:05}" for number in range(13)]
    modules = bytes((1, 0, 0, 0, 1, 0, 1, 0, 1))
    key = RecoveryKey(Secret(bytearray("-".join(groups).encode())), Secret(bytearray(modules)))
    with new_file(str(tmp_path / "sheet.svg")) as file:
        write_sheet(file, "R&D <1>", key)
    root = ET.parse(tmp_path / "sheet.svg").getroot()
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "Recovery key of R&D <1>"
    assert "-".join(texts[2:]).split("-") == groups
    (path,) = root.iter("{http://www.w3.org/2000/svg}path")
    drawn = path.attrib["d"].split("M")[1:]
    assert [each.partition("h")[0] for each in drawn] == ["0 0", "1 1", "0 2", "2 2"]
