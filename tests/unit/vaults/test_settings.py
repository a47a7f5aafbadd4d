"""The settings text: read strictly, each mistake with its place, changed without losing a word."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.model.errors import SettingsInvalid
from vaultui.model.ids import VaultId
from vaultui.vaults.entry import AutoLock, MountOptions, VaultEntry
from vaultui.vaults.placetext import id_of_place, path_from_text, path_to_text
from vaultui.vaults.settingsfile import SettingsFile, parse_settings
from vaultui.vaults.settingstext import (
    NEW_FILE,
    with_order,
    with_value,
    without_entry,
)
from vaultui.vaults.settingstext import with_entry as text_with_entry
from vaultui.wire.autolock import LockOn, WhenBusy

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


def read(text: str | bytes) -> SettingsFile:
    data = text.encode() if isinstance(text, str) else text
    return parse_settings(data, FILE, VAULTS)


def parse(text: str | bytes) -> list[VaultEntry]:
    return list(read(text).entries)


def with_entry(text: str, entry: VaultEntry) -> str:
    return text_with_entry(text, entry, read(text).program)


def test_what_was_written_by_hand_is_understood() -> None:
    assert parse(BY_HAND) == [WORK, PHOTOS]


def test_the_text_of_a_new_file_has_no_vaults_and_its_example_is_right() -> None:
    assert parse(NEW_FILE) == []
    example = "\n".join(
        line.removeprefix("# ").split("   ")[0]
        for line in NEW_FILE.splitlines()
        if line.startswith("# ") and ("= " in line or "[[" in line)
    )
    settings = read(example)
    (entry,) = settings.entries
    assert (entry.name, entry.idle_timeout_s, entry.read_only) == ("Work", 900.0, True)
    assert settings.program.theme == "dark"
    assert settings.program.autolock == AutoLock()


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
        ("theme = 'pink'\n", 1, 1, "theme is one of dark"),
        ("lock_on = ['lunch']\n", 1, 1, "no lunch"),
        ("lock_on = 'screen'\n", 1, 1, "list of words"),
        ("keys = 'x'\n", 1, 1, "[keys]"),
        ("[keys]\nvault.unlock = 3", 2, 1, "text in quotes"),
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
    assert parse(with_entry(BY_HAND, VIEW)) == [WORK, PHOTOS, VIEW]


def test_changing_one_vault_keeps_comments_and_order() -> None:
    changed = with_value(BY_HAND, WORK.id, "mountpoint", "/mnt/w")
    changed = with_value(changed, WORK.id, "idle_timeout", None)
    assert parse(changed) == [
        dataclasses.replace(WORK, mountpoint="/mnt/w", idle_timeout_s=0.0),
        PHOTOS,
    ]
    assert "# my vaults" in changed
    assert "# the important one" in changed
    assert changed.index("cipherdir") < changed.index("name = 'Work'")
    assert "idle_timeout" not in changed


def test_a_vault_without_an_id_keeps_the_one_that_it_always_had() -> None:
    changed = with_value(BY_HAND, WORK.id, "cipherdir", "/srv/elsewhere.c")
    assert parse(changed)[0].id == WORK.id


def test_settings_of_the_program_come_before_the_vaults_and_keep_every_line() -> None:
    changed = with_value(BY_HAND, None, "theme", "light")
    assert changed.replace('theme = "light"\n', "").split() == BY_HAND.split()
    assert read(changed).program.theme == "light"
    assert parse(changed) == [WORK, PHOTOS]
    assert with_value(changed, None, "theme", None).split() == BY_HAND.split()


def test_what_a_vault_leaves_out_is_as_the_program_has_it() -> None:
    text = 'idle_timeout = "1h"\nlock_on = ["screen"]\nwhen_busy = "lazy"\nnotify = false\n'
    text += 'vaults_dir = "/mnt"\n' + BY_HAND + "lock_on = []\n"
    work, photos = parse(text)
    assert (work.idle_timeout_s, photos.idle_timeout_s) == (900.0, 3600.0)
    assert work.mountpoint == "/mnt/Work"
    assert work.autolock == AutoLock((LockOn.SCREEN,), WhenBusy.LAZY, notify=False)
    assert photos.autolock == AutoLock((), WhenBusy.LAZY, notify=False)


def test_a_vault_that_differs_from_the_program_says_so_in_the_file() -> None:
    text = 'idle_timeout = "1h"\nwhen_busy = "lazy"\n'
    assert parse(with_entry(text, NEW)) == [NEW]
    like_it = dataclasses.replace(
        NEW, idle_timeout_s=3600.0, autolock=AutoLock(when_busy=WhenBusy.LAZY)
    )
    changed = with_entry(text, like_it)
    assert parse(changed) == [like_it]
    assert changed.count("idle_timeout") == changed.count("when_busy") == 1


@pytest.mark.parametrize(
    "keymap",
    [
        '[keys]\n"vault.unlock" = "enter"\n',
        '[keys]\nvault.unlock = "enter"\n',
        '[keys.vault]\nunlock = "enter"\n',
    ],
)
def test_keys_are_named_by_action_with_and_without_quotes(keymap: str) -> None:
    text = keymap + BY_HAND
    assert read(text).program.keys == {"vault.unlock": "enter"}
    changed = with_value(text, None, "keys.vault.unlock", "f5")
    assert read(changed).program.keys == {"vault.unlock": "f5"}
    changed = with_value(changed, None, "keys.vault.lock", "f6")
    assert read(changed).program.keys == {"vault.unlock": "f5", "vault.lock": "f6"}
    assert read(with_value(text, None, "keys.vault.unlock", None)).program.keys == {}
    assert parse(changed) == [WORK, PHOTOS]


COMMENTED = """\
# all my vaults

# work, since 2019
[[vault]]
name = "Work"
cipherdir = "/srv/work.c"

[keys]
"vault.lock" = "x"

# pictures of the family
[[vault]]
name = "Photos"
cipherdir = "/srv/photos.c"
# and the sound recordings
[[vault]]
name = "Sound"
cipherdir = "/srv/sound.c"\
"""


def test_a_comment_above_a_vault_goes_where_the_vault_goes() -> None:
    work, photos, sound = parse(COMMENTED)
    turned = with_order(COMMENTED, [sound.id, work.id])
    assert parse(turned) == [sound, work, photos]
    lines = [line for line in turned.splitlines() if line.startswith(("#", "name"))]
    assert lines == [
        "# all my vaults",
        *("# and the sound recordings", 'name = "Sound"'),
        *("# work, since 2019", 'name = "Work"'),
        *("# pictures of the family", 'name = "Photos"'),
    ]
    assert read(turned).program.keys == {"vault.lock": "x"}
    removed = without_entry(turned, work.id)
    assert parse(removed) == [sound, photos]
    assert "2019" not in removed
    assert "# pictures of the family\n[[vault]]" in removed


_NUMBERS = st.integers(0, 4)
_STEPS = st.one_of(
    st.tuples(st.just("add"), _NUMBERS),
    st.tuples(st.just("remove"), _NUMBERS),
    st.tuples(st.just("order"), st.permutations(range(5))),
    st.tuples(st.just("favourite"), _NUMBERS),
    st.tuples(st.just("theme"), st.sampled_from(["dark", "light", None])),
    st.tuples(st.just("keys.vault.lock"), st.sampled_from(["x", None])),
)


@given(st.lists(_STEPS, max_size=12))
def test_after_any_changes_the_file_says_what_was_meant_and_keeps_the_comments(
    steps: list[tuple[str, Any]],
) -> None:
    text = "# about all of it\n\nascii = true  # my terminal\n"
    model: list[VaultEntry] = []
    for step, what in steps:
        if step == "order":
            order = [VaultId(f"{number:016x}") for number in what]
            text = with_order(text, order)
            model.sort(key=lambda entry: order.index(entry.id))
        elif isinstance(what, int):
            entry = VaultEntry(VaultId(f"{what:016x}"), f"V{what}", f"/c/{what}", f"/m/{what}")
            known = [other.id for other in model]
            if step == "add" and entry.id not in known:
                text = with_entry(text, entry)
                header = f'[[vault]]\nname = "V{what}"'
                text = text.replace(header, f"# on V{what}\n{header}")
                model.append(entry)
            elif step == "remove":
                text = without_entry(text, entry.id)
                model = [other for other in model if other.id != entry.id]
            elif step == "favourite" and entry.id in known:
                text = with_value(text, entry.id, "favourite", True)
                place = known.index(entry.id)
                model[place] = dataclasses.replace(entry, favourite=True)
        else:
            text = with_value(text, None, step, what)
        assert parse(text) == model
        lines = [line for line in text.splitlines() if line.startswith("# on V")]
        assert lines == [f"# on {entry.name}" for entry in model]
    assert text.startswith("# about all of it\n")
    assert "ascii = true  # my terminal\n" in text


def test_a_new_setting_of_a_vault_does_not_take_the_comment_above_the_next_one() -> None:
    photos = parse(COMMENTED)[1]
    changed = with_value(COMMENTED, photos.id, "read_only", True)
    changed = with_value(changed, None, "keys.vault.unlock", "y")
    changed = with_value(changed, None, "theme", "light")
    assert with_entry(changed, NEW).startswith(changed + "\n\n[[vault]]\n")
    without = [
        line
        for line in changed.splitlines()
        if not line.startswith(("read_only", "id = ", '"vault.unlock"', "theme"))
    ]
    assert [line for line in without if line] == [line for line in COMMENTED.split("\n") if line]
    assert changed.index("read_only") < changed.index("# and the sound recordings")


def test_an_order_that_is_there_already_changes_nothing() -> None:
    assert with_order(COMMENTED, [entry.id for entry in parse(COMMENTED)[:2]]) == COMMENTED


def test_vaults_in_a_list_in_brackets_are_added_to_moved_and_removed() -> None:
    text = 'vault = [{name = "A", cipherdir = "/a"}, {name = "B", cipherdir = "/b"}]\n'
    first, second = parse(text)
    added = with_entry(text, NEW)
    assert parse(added) == [first, second, NEW]
    assert parse(with_order(added, [NEW.id, second.id])) == [NEW, second, first]
    assert parse(without_entry(added, first.id)) == [second, NEW]
    assert parse(with_value(text, second.id, "favourite", True))[1].favourite


def test_a_line_within_a_text_that_looks_like_a_vault_moves_nothing_wrong() -> None:
    text = BY_HAND + 'config = """/srv/\n[[vault]]\n"""\n'
    work, photos = parse(text)
    assert parse(with_order(text, [photos.id])) == [photos, work]
    assert parse(without_entry(text, work.id)) == [photos]
    for entry in (work, photos):
        (changed,) = (e for e in parse(with_value(text, entry.id, "acl", True)) if e.options.acl)
        assert changed.name == entry.name


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


@pytest.mark.parametrize("text", ["a = " + "[" * 50_000, "a = " + "9" * 5_000])
def test_brackets_and_digits_by_the_thousand_are_told_and_end_nothing(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="too long, or a list too deep"):
        parse_settings(text.encode(), Path("config.toml"), Path("/v"))


def test_no_path_in_the_file_has_a_null_byte() -> None:
    assert path_from_text("file:///a%00b") is None
