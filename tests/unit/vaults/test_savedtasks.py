"""Proves that tasks are kept in the settings, read strictly, and written without harm."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from vaultui.model.errors import (
    SavedTaskUnknown,
    SettingsInvalid,
    TaskCommandInvalid,
    TaskNameInvalid,
)
from vaultui.tasks.request import TaskRequest
from vaultui.vaults import Vaults
from vaultui.vaults.paths import default_paths
from vaultui.vaults.settingsfile import SettingsFile, parse_settings
from vaultui.vaults.settingstext import with_order, with_task, with_value, without_entry
from vaultui.wire.tasks import Driver, Limits

TEXT = """\
# All of mine.
theme = "light"

# Work and nothing else.
[[vault]]
name = "Work"
id = "0000000000000001"
cipherdir = "/work.c"  # on the stick

[vault.tasks.Backup]
command = "restic backup ${VAULT_MOUNT}"  # every day
private = true
limit = "memory=1G"

# The other one.
[[vault]]
name = "Taxes"
id = "0000000000000002"
cipherdir = "/taxes.c"
"""
WORK, TAXES = "0000000000000001", "0000000000000002"


def read(text: str) -> SettingsFile:
    return parse_settings(text.encode(), Path("config.toml"), Path("/home/ada/Vaults"))


def test_tasks_belong_to_the_vault_above_them() -> None:
    tasks = read(TEXT).tasks
    assert tasks[TAXES] == {}
    assert tasks[WORK] == {
        "Backup": TaskRequest(
            command=("restic", "backup", "${VAULT_MOUNT}"),
            driver=Driver.COMMAND,
            private=True,
            limits=Limits(memory_bytes=1 << 30),
            saved="Backup",
        )
    }


@pytest.mark.parametrize(
    ("before", "after", "line", "reason"),
    [
        ("private = true", 'private = "yes"', 12, "true or false"),
        ("private = true", "privat = true", 12, "no setting called privat"),
        ('"memory=1G"', '"memory=lots"', 13, "not a size"),
        ("command = ", "argv = ", 11, "no setting called argv"),
        ('command = "restic', '# "restic', 10, "has no command"),
        ("tasks.Backup", 'tasks."-x"', 10, "starts with a dash"),
        ("[vault.tasks.Backup]\n", "tasks = 3\n", 10, "below its vault"),
    ],
)
def test_what_is_wrong_in_a_task_is_told_with_its_line(
    before: str, after: str, line: int, reason: str
) -> None:
    with pytest.raises(SettingsInvalid) as wrong:
        read(TEXT.replace(before, after))
    assert reason in wrong.value.details["reason"]
    assert wrong.value.details["line"] == line


def test_saving_changes_the_task_alone_and_keeps_comments_and_order() -> None:
    values = {"command": "restic backup ${VAULT_MOUNT}", "env": {"A": "b"}, "limit": "memory=2G"}
    changed = with_task(TEXT, WORK, "Backup", values)
    kept = [line for line in TEXT.splitlines() if line not in changed.splitlines()]
    assert kept == ["private = true", 'limit = "memory=1G"']
    assert "# every day" in changed
    assert read(changed).tasks[WORK]["Backup"].env == {"A": "b"}
    assert with_task(changed, WORK, "Backup", values) == changed


def test_a_first_task_and_one_with_a_strange_name_go_below_their_vault() -> None:
    changed = with_task(TEXT, TAXES, 'Say "hi" [1]', {"command": ["echo", "a b"]})
    changed = with_task(changed, WORK, "List", {"command": "ls"})
    tasks = read(changed).tasks
    assert list(tasks[WORK]) == ["Backup", "List"]
    assert tasks[TAXES]['Say "hi" [1]'].command == ("echo", "a b")
    assert [line for line in TEXT.splitlines() if line not in changed.splitlines()] == []


def test_tasks_go_where_their_vault_goes() -> None:
    arranged = with_order(TEXT, [TAXES, WORK])
    assert arranged.index("[vault.tasks.Backup]") > arranged.index('"Taxes"')
    assert read(arranged).tasks[WORK] == read(TEXT).tasks[WORK]
    renamed = with_value(TEXT, WORK, "name", "Office")
    assert read(renamed).tasks[WORK] == read(TEXT).tasks[WORK]
    gone = without_entry(TEXT, WORK)
    assert "Backup" not in gone
    assert "# The other one." in gone


def test_a_setting_of_the_vault_does_not_part_a_task_from_its_comment() -> None:
    text = TEXT.replace("[vault.tasks.Backup]", "# Of all of it.\n[vault.tasks.Backup]")
    changed = with_value(text, WORK, "read_only", True)
    assert "# Of all of it.\n[vault.tasks.Backup]" in changed
    assert changed.index("read_only") < changed.index("# Of all of it.")
    assert with_value(changed, WORK, "read_only", None) == text


def test_the_last_task_that_is_removed_leaves_nothing() -> None:
    changed = with_task(TEXT, WORK, "Backup", None)
    assert "tasks" not in changed
    assert tomllib.loads(changed)["vault"][0]["cipherdir"] == "/work.c"
    assert with_task(changed, WORK, "Backup", None) == changed


def test_vaults_that_are_written_as_a_list_have_tasks_as_well() -> None:
    text = 'vault = [{name = "Work", cipherdir = "/work.c", id = "0000000000000001"}]\n'
    changed = with_task(text, WORK, "List", {"command": "ls", "env": {"A": "b"}})
    assert read(changed).tasks[WORK]["List"].env == {"A": "b"}


@pytest.fixture
def vaults(home: Path) -> Vaults:
    paths = default_paths()
    paths.config_file.parent.mkdir(parents=True)
    paths.config_file.write_text(TEXT)
    return Vaults.open(paths)


def test_a_task_is_saved_found_and_taken_out_again(vaults: Vaults) -> None:
    request = TaskRequest(command=("ls", "-l"), title="Listing")
    vaults.tasks.save("Taxes", "List", request)
    assert vaults.tasks.saved_task("Taxes", "List").title == "Listing"
    assert vaults.tasks.saved("Taxes")["List"].saved == "List"
    vaults.tasks.unsave("Taxes", "List")
    assert vaults.tasks.saved("Taxes") == {}
    for name in ("backup", "List"):
        with pytest.raises(SavedTaskUnknown) as unknown:
            vaults.tasks.unsave("Work", name)
        assert ("Backup" in unknown.value.hint) is (name == "backup")
    with pytest.raises(TaskNameInvalid, match="it has a slash"):
        vaults.tasks.save("Work", "a/b", request)
    with pytest.raises(TaskCommandInvalid, match="is not UTF-8"):
        vaults.tasks.save("Work", "Odd", TaskRequest(command=("cat", "\udcff")))
    assert vaults.paths.config_file.read_text() == TEXT
