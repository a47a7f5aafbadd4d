"""The settings text: read strictly, each mistake with its place, changed without losing a word."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.model.errors import SettingsInvalid
from vaultui.model.ids import VaultId
from vaultui.vaults.entry import MountOptions, VaultEntry
from vaultui.vaults.settings import (
    NEW_FILE,
    id_of_place,
    parse_settings,
    path_from_text,
    path_to_text,
    with_entry,
    without_entry,
)

FILE = Path("/etc/x/config.toml")
VAULTS = Path("/home/u/Vaults")

BY_HAND = """\
# my vaults
[[vault]]  # the important one
cipherdir = "/srv/work.c"
name = 'Work'
idle_timeout = "15m"

[[vault]]
name = "Photos"
read_only = true
cipherdir = "/srv/photos.c"
mountpoint = "/mnt/photos"
"""

WORK = VaultEntry(id_of_place("/srv/work.c"), "Work", "/srv/work.c", "/home/u/Vaults/Work", 900.0)
PHOTOS = VaultEntry(
    id_of_place("/srv/photos.c"), "Photos", "/srv/photos.c", "/mnt/photos", read_only=True
)
VIEW = VaultEntry(
    VaultId("00112233445566bb"),
    "View",
    "/home/u/docs",
    "/home/u/Vaults/View",
    reverse=True,
    options=MountOptions(
        allow_other=True, exec=False, exclude_patterns=("*.tmp", "/cache/"), one_file_system=True
    ),
)
NEW = VaultEntry(VaultId("00112233445566aa"), "New", "/srv/new.c", "/home/u/Vaults/New")


def parse(text: str | bytes) -> list[VaultEntry]:
    data = text.encode() if isinstance(text, str) else text
    return parse_settings(data, FILE, VAULTS)


def test_what_was_written_by_hand_is_understood() -> None:
    assert parse(BY_HAND) == [WORK, PHOTOS]


def test_the_text_of_a_new_file_has_no_vaults_and_its_example_is_right() -> None:
    assert parse(NEW_FILE) == []
    example = "\n".join(
        line.removeprefix("# ").split("   ")[0]
        for line in NEW_FILE.splitlines()
        if line.startswith("# ") and ("= " in line or "[[" in line)
    )
    (entry,) = parse(example)
    assert (entry.name, entry.idle_timeout_s, entry.read_only) == ("Work", 900.0, True)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('[[vault]]\nname = "A\n', 2, 10, "character"),
        ("[[vault]\n", 1, 8, "expected"),
        ("x = 1\n", 1, 1, "no setting called x"),
        ("\n[vault]\nname = 'A'", 2, 1, "double brackets"),
        ("[[vault]]\nname = 'A'\n", 1, 1, "no cipherdir"),
        ("[[vault]]\n  nmae = 'A'\n", 2, 3, "no setting called nmae"),
        ("[[vault]]\nname = 'A'\ncipherdir='/c'\nacl = 1", 4, 1, "acl is true or false"),
        ("[[vault]]\nname = 'A'\ncipherdir='/c'\nexclude = ['x']", 4, 1, "reverse = true"),
        (
            "[[vault]]\nname = 'A'\ncipherdir='/c'\nreverse = true\nexclude = 'x'",
            *(5, 1, "list of patterns"),
        ),
        ("[[vault]]\nname = 'A/B'\ncipherdir='/c'", 2, 1, "slash"),
        ("[[vault]]\nname = 'A'\ncipherdir='c'", 3, 1, "begins with /"),
        ("[[vault]]\nname = 'A'\ncipherdir=3", 3, 1, "in quotes"),
        ("[[vault]]\nname='A'\ncipherdir='/c'\nidle_timeout=15", 4, 1, "in quotes"),
        ("[[vault]]\nname='A'\ncipherdir='/c'\nidle_timeout='15'", 4, 1, "which unit"),
        ("[[vault]]\nname='A'\ncipherdir='/c'\nread_only='no'", 4, 1, "without quotes"),
        ("[[vault]]\nname='A'\ncipherdir='/c'\nid='xyz'", 4, 1, "16 digits"),
        (
            "[[vault]]\nname='A'\ncipherdir='/c'\n[[vault]]\nname='A'\ncipherdir='/d'",
            5,
            1,
            "two vaults called A",
        ),
    ],
)
def test_a_typo_is_told_with_line_and_column(
    text: str, line: int, column: int, reason: str
) -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        parse(text)
    error = invalid.value
    assert (error.details["line"], error.details["column"]) == (line, column)
    assert reason.lower() in error.summary.lower()


def test_a_file_that_ends_too_early_is_told_with_its_last_line() -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        parse('[[vault]]\nname = """A')
    assert invalid.value.details["line"] == 2


def test_bytes_that_are_not_utf8_are_told_with_their_place() -> None:
    with pytest.raises(SettingsInvalid) as invalid:
        parse(b"# caf\xe9\n")
    assert (invalid.value.details["line"], invalid.value.details["column"]) == (1, 6)


def test_adding_keeps_every_line_that_was_there() -> None:
    changed = with_entry(BY_HAND, NEW)
    assert changed.startswith(BY_HAND)
    assert parse(changed) == [WORK, PHOTOS, NEW]


def test_a_view_and_its_mount_options_are_read_back_as_they_were_written() -> None:
    text = with_entry(BY_HAND, VIEW)
    assert parse(text) == [WORK, PHOTOS, VIEW]
    plain = VaultEntry(**{**_fields(VIEW), "reverse": False, "options": MountOptions()})
    assert parse(with_entry(text, plain)) == [WORK, PHOTOS, plain]


def test_changing_one_vault_keeps_comments_and_order() -> None:
    moved = VaultEntry(**{**_fields(WORK), "mountpoint": "/mnt/w", "idle_timeout_s": 0.0})
    changed = with_entry(BY_HAND, moved)
    assert parse(changed) == [moved, PHOTOS]
    assert "# my vaults" in changed
    assert "# the important one" in changed
    assert changed.index("cipherdir") < changed.index("name = 'Work'")
    assert "idle_timeout" not in changed


def test_a_vault_without_an_id_keeps_the_one_that_it_always_had() -> None:
    changed = with_entry(BY_HAND, WORK)
    (table,) = [t for t in tomllib.loads(changed)["vault"] if t["name"] == "Work"]
    assert table["id"] == WORK.id


def test_removing_takes_one_vault_and_leaves_the_rest() -> None:
    changed = without_entry(BY_HAND, WORK.id)
    assert parse(changed) == [PHOTOS]
    assert parse(without_entry(changed, PHOTOS.id)) == []
    assert without_entry(changed, VaultId("f" * 16)) == changed


@pytest.mark.parametrize("path", ["/srv/Ü, a\\b", '/srv/"quoted"', "/srv/tab\there", "/srv/#x"])
def test_strange_paths_survive_the_file(path: str) -> None:
    entry = VaultEntry(NEW.id, "Strange", path, path + "/m")
    assert parse(with_entry("", entry)) == [entry]


def test_a_path_that_is_not_utf8_survives_the_file() -> None:
    path = os.fsdecode(b"/srv/\xff\xfe %/c")
    entry = VaultEntry(NEW.id, "Bytes", path, "/mnt/b")
    assert parse(with_entry("", entry)) == [entry]


@given(st.binary(min_size=1, max_size=40).filter(lambda b: b"\0" not in b and b"/" not in b))
def test_every_path_reads_back_as_itself(name: bytes) -> None:
    path = os.path.normpath(os.fsdecode(b"/srv/" + name))
    assert path_from_text(path_to_text(path)) == path


def test_a_path_below_the_home_is_written_with_a_tilde(home: Path) -> None:
    assert path_to_text(f"{home}/x") == "~/x"
    assert path_from_text("~/x") == f"{home}/x"
    assert path_from_text("~user/x") is None


def _fields(entry: VaultEntry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in VaultEntry.__dataclass_fields__}
