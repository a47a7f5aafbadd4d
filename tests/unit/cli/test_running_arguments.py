"""Proves how a command line with a command in it is taken apart, and what can stand in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vaultui.cli.arguments import build_parser, parse, split_command
from vaultui.cli.completing import complete
from vaultui.cli.main import run
from vaultui.cli.taskoptions import request_to_save
from vaultui.model.errors import TaskCommandInvalid, UsageError
from vaultui.vaults import TaskRequest
from vaultui.vaults.adding import new_entry
from vaultui.vaults.paths import default_paths
from vaultui.vaults.registry import Registry


def test_what_stands_behind_two_dashes_is_the_commands_own() -> None:
    arguments = parse(["run", "Work", "--private", "--", "ls", "--json", "--", "-x"])
    assert arguments.command == ["ls", "--json", "--", "-x"]
    assert arguments.private
    assert not hasattr(arguments, "json")
    assert arguments.task is None


def test_a_saved_task_is_found_before_and_behind_options() -> None:
    for words in (["Backup", "--tty"], ["--tty", "Backup"], ["--env", "A=b", "-t", "Backup"]):
        arguments = parse(["run", "Work", *words])
        assert (arguments.name, arguments.task, arguments.terminal) == ("Work", "Backup", True)
    with pytest.raises(UsageError, match="Unrecognized arguments: two"):
        parse(["run", "Work", "--tty", "one", "two"])


def test_a_command_without_its_dashes_is_told_where_it_goes() -> None:
    with pytest.raises(UsageError, match=r"-la \(a command goes behind `--`\)"):
        parse(["run", "Work", "ls", "-la"])


def saved_from(*words: str) -> TaskRequest:
    """Return what `tasks save` would save."""
    return request_to_save(parse(["tasks", "save", "Work", "Task", *words]))


def test_a_directory_is_named_from_here_or_in_a_view_from_the_vault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    view = ("--driver", "oci", "--rootfs", "system")
    assert saved_from("--workdir", "src", "--", "make").workdir == str(tmp_path / "src")
    container = saved_from(*view, "--workdir", "src", "--", "make")
    assert container.workdir == "${VAULT_MOUNT}/src"
    assert container.around.rootfs == str(tmp_path / "system")
    assert saved_from(*view, "--workdir", "/src", "--", "make").workdir == "/src"
    assert saved_from("--", "make").workdir == ""


def test_a_command_line_in_quotes_is_no_program() -> None:
    with pytest.raises(TaskCommandInvalid, match="quoted as one word"):
        saved_from("--", "ls -la")
    assert saved_from("--", "/opt/My Tool/run").command == ("/opt/My Tool/run",)


def test_two_dashes_of_other_verbs_are_what_they_are_everywhere() -> None:
    assert split_command(["lock", "--", "-x"]) == (["lock", "--", "-x"], None)
    assert split_command(["--ascii", "run", "A", "--"]) == (["--ascii", "run", "A"], [])


@pytest.mark.parametrize("words", [["run"], ["run", "Work", "--no-such"], ["run", "No", "--", "a"]])
def test_every_failure_of_ours_is_125(
    home: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words, lambda _ascii: 0) == 125
    assert "vaultui: " in capsys.readouterr().err


@pytest.fixture
def saved(home: Path, tmp_path: Path) -> None:
    """Have a vault with a saved task in the settings."""
    paths = default_paths()
    registry = Registry(paths)
    entry = new_entry(paths, [], str(tmp_path / "work.c"), name="Work")
    registry.add(entry)
    registry.set_task(entry.id, "Backup", {"command": "restic backup"})


@pytest.mark.usefixtures("saved")
def test_saved_tasks_are_completed_and_commands_left_to_the_shell() -> None:
    for words in (["run", "Work", "B"], ["tasks", "remove", "Work", ""]):
        assert complete(words).offers == (("Backup", "restic backup"),)
    assert complete(["run", "Other", ""]).offers == ()
    assert complete(["run", "Work", "--", "l"]) == ("files", ())
    assert complete(["tasks", "stop", ""]).offers == ()
    assert [offer.word for offer in complete(["run", "Work", "--driver", ""]).offers] == [
        *("command", "isolated", "oci", "engine")
    ]


def test_any_verb_is_found_though_not_all_are_looked_at() -> None:
    (verbs,) = (a for a in build_parser()._actions if a.dest == "verb")
    assert verbs.choices is not None
    for verb in verbs.choices:
        with pytest.raises(SystemExit):  # its help, which is printed whatever else is missing
            parse([verb, "--help"])
    assert parse([]).verb is None
    assert parse(["--unlock", "Work"]).verb == "unlock"
    with pytest.raises(UsageError, match="nosuch"):
        parse(["nosuch"])
