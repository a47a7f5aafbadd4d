"""The manual pages are sound, render, and leave out no option, verb, setting or exit code."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from capabilities import needs
from support import program, run_program

from vaultui.cli.arguments import build_parser
from vaultui.cli.describe import entry_data, status_data
from vaultui.cli.verbs.tasks import task_data
from vaultui.model.errors import error_table
from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.mountd.commandline.optiontable import OPTIONS
from vaultui.tui.actions import ACTIONS
from vaultui.vaults import VaultEntry, VaultStatus
from vaultui.vaults.setting import KEYMAP, PROGRAM, VAULT
from vaultui.vaults.settingsfile import parse_settings
from vaultui.vaults.taskstatus import TaskStatus
from vaultui.vaults.taskvalues import KEYS
from vaultui.wire.tasks import Driver, TaskRecord, TaskState

ASSETS = Path(__file__).parents[2] / "assets"
PAGES = sorted(path for path in ASSETS.iterdir() if path.suffix in {".1", ".5"})


def _rendered(name: str) -> str:
    done = run_program(
        ["man", "--local-file", ASSETS / name], env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80"}
    )
    return done.check().stdout.decode("utf-8", "replace")


def test_there_is_a_page_for_each_program_and_each_format() -> None:
    assert [path.name for path in PAGES] == [
        "vaultfs-keyslots.5",
        "vaultfs.1",
        "vaultui.1",
        "vaultui.toml.5",
    ]


@needs("mandoc")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_passes_the_linter(path: Path) -> None:
    done = run_program(["mandoc", "-T", "lint", "-W", "style", path])
    complaints = [
        line
        for line in done.text.splitlines()
        # Our own pages refer to each other before they are installed.
        if "referenced manual not found" not in line and "outdated mandoc.db" not in line
    ]
    assert complaints == []


@needs("man")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_renders_without_a_warning(path: Path) -> None:
    done = run_program(["man", "--warnings=w", "--local-file", path])
    assert done.check().stderr == b""
    assert b"SEE ALSO" in done.stdout


def test_every_option_of_vaultfs_is_in_its_page() -> None:
    page = (ASSETS / "vaultfs.1").read_text()
    documented = {
        name.strip()
        for line in re.findall(r"^\.It Fl (.*)$", page, re.MULTILINE)
        for name in line.split(" Ar ")[0].split(",")
    }
    shown = {name for option in OPTIONS if option.help for name in option.names}
    assert documented == shown
    help_text = run_program([program("vaultfs"), "-hh"]).check().text
    assert {name for name in shown if not re.search(rf" -{name}\b", help_text)} == set()


COMMON = {"--help", "--json", "--ascii", "--key-file", "--no-key-file", "--fido2"} | {
    f"--password-{source}" for source in ("file", "fd", "command")
}
"""Options of many verbs, described once."""


def _verbs() -> dict[str, set[str]]:
    """Return the verbs of vaultui with the options that are theirs alone."""
    parser = build_parser()
    (verbs,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return {name: _options(verb) - COMMON for name, verb in verbs.choices.items()}


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the long options of a verb and of what it does."""
    options: set[str] = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            options = options.union(*map(_options, action.choices.values()))
        elif action.help != argparse.SUPPRESS:
            options |= {option for option in action.option_strings if option.startswith("--")}
    return options


def test_every_verb_and_its_options_are_in_the_page_of_vaultui() -> None:
    page = (ASSETS / "vaultui.1").read_text()
    verbs = page[page.index(".Sh VERBS") : page.index(".Sh PASSWORDS")]
    items = re.split(r"^\.It Ic ([a-z-]+)", verbs, flags=re.MULTILINE)[1:]
    documented: dict[str, set[str]] = {}
    for verb, text in zip(items[::2], items[1::2], strict=True):
        options = {f"-{option}" for option in re.findall(r"Fl (-[a-z0-9-]+)", text)}
        documented[verb] = documented.get(verb, set()) | options - COMMON
    assert documented == _verbs()


def test_options_of_many_verbs_are_in_the_page_of_vaultui() -> None:
    page = (ASSETS / "vaultui.1").read_text()
    documented = set(re.findall(r"^\.It Fl (?:\w , )?(-[a-z0-9-]+)", page, re.MULTILINE))
    assert {option for option in COMMON if option[1:] not in documented} == set()


def test_every_name_of_the_json_of_a_status_is_in_the_page_of_vaultui() -> None:
    entry = VaultEntry(VaultId("0" * 16), "Work", "/c", "/m")
    names = set(status_data(VaultStatus(entry, VaultState.LOCKED))) | set(entry_data(entry))
    page = (ASSETS / "vaultui.1").read_text()
    assert {name for name in names if f'"{name}"' not in page} == set()


def test_every_name_of_the_json_of_a_task_is_in_the_page_of_vaultui() -> None:
    record = TaskRecord("01234567", "true", "0" * 16, "Work", Driver.COMMAND, ("true",))
    page = (ASSETS / "vaultui.1").read_text()
    names = task_data(TaskStatus(record, TaskState.RUNNING))
    assert {name for name in names if f'"{name}"' not in page} == set()


def test_every_state_is_in_the_page_of_vaultui() -> None:
    page = (ASSETS / "vaultui.1").read_text()
    states = page[page.index(".Sh STATES") : page.index(".Sh JSON OUTPUT")]
    assert re.findall(r"^\.It (\w+)", states, re.MULTILINE) == [s.value for s in VaultState]


def test_every_key_of_the_application_is_in_the_page_of_vaultui() -> None:
    page = (ASSETS / "vaultui.1").read_text()
    keys = page[page.index(".Sh KEYS") : page.index(".Sh ENVIRONMENT")]
    assert [action.id for action in ACTIONS if f"{action.help}.\n" not in keys] == []


def test_every_setting_is_in_the_page_of_the_settings_file() -> None:
    page = (ASSETS / "vaultui.toml.5").read_text()
    program, vaults = page.split(".Ss The program")[1].split(".Ss Vaults")
    vaults, tasks = vaults.split(".Ss Saved tasks")
    assert set(_settings_in(program)) == {*PROGRAM, KEYMAP}
    assert set(_settings_in(vaults)) == {*VAULT, "id"}
    assert set(_settings_in(tasks)) == set(KEYS)


def _settings_in(page: str) -> list[str]:
    items = re.findall(r"^\.It Ic (\w+(?: , \w+)*)", page, re.MULTILINE)
    return [key for item in items for key in item.split(" , ")]


def test_every_exit_code_is_in_a_page() -> None:
    documented = {
        name: {
            int(number)
            for number in re.findall(r"^\.It (\d+)$", (ASSETS / name).read_text(), re.MULTILINE)
        }
        for name in ("vaultui.1", "vaultfs.1")
    }
    used = {int(kind.exit_code) for kind in error_table()}
    assert documented["vaultui.1"] >= used
    assert documented["vaultfs.1"] >= {number for number in used if number < 40}


@needs("man")
def test_settings_example_of_the_page_is_read_by_the_program() -> None:
    text = _rendered("vaultui.toml.5")
    example = text[text.index("EXAMPLES") :].split("SEE ALSO")[0].split("\n", 1)[1]
    lines = "\n".join(line.strip() for line in example.splitlines())
    settings = parse_settings(lines.encode(), Path("example"), Path("/home/ada/Vaults"))
    assert settings.program.keys == {"vault.lock": "l,f4"}
    entries = settings.entries
    assert [entry.name for entry in entries] == ["Work", "Taxes", "Backup"]
    assert entries[0].idle_timeout_s == 900
    assert settings.tasks[entries[0].id]["Backup"].limits.time_s == 7200
    assert entries[1].read_only
    assert not entries[1].options.exec
    assert entries[2].options.exclude_patterns == ("*.tmp", "/cache")
