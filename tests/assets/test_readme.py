"""The README says what is true: its exit codes are those of the code, its commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from support import program, run_program

from vaultui.model.errors import error_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _commands() -> list[list[str]]:
    """Every command line in a block of the README, without its comment."""
    blocks = re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [shlex.split(line, comments=True) for line in lines]


def test_exit_codes_are_those_of_the_error_table() -> None:
    rows = re.findall(r"^\| (\d+) \| .* \| (.*) \|$", README, re.MULTILINE)
    written = {code: int(number) for number, codes in rows for code in re.findall("`(.+?)`", codes)}
    assert written == {kind.code: int(kind.exit_code) for kind in error_table()}


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert {"run", "test", "setup", "demo"} <= targets
    assert {t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)} == set()


def test_linked_files_exist() -> None:
    links = re.findall(r"(?:\]\(|src=\")([^)\"]+)", README)
    local = [link for link in links if not link.startswith("https:")]
    assert len(local) > 4
    assert [link for link in local if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    "words", [w for w in _commands() if w[0] == "vaultui"], ids=lambda w: shlex.join(w)
)
def test_vaultui_takes_the_command(words: list[str]) -> None:
    # Help ends the program before unknown options are complained of, so they are looked up. What
    # stands behind -- is a command of its own.
    words = words[: words.index("--")] if "--" in words else words
    known = run_program([program("vaultui"), *words[1:], "--help"]).check().text
    known += run_program([program("vaultui"), "--help"]).check().text
    for option in (word for word in words[1:] if word.startswith("--")):
        assert option in known, f"{option} is not in the help of {shlex.join(words)}"


def test_vaultfs_takes_every_option() -> None:
    known = run_program([program("vaultfs"), "-hh"]).check().text
    options = {w for words in _commands() if words[0] == "vaultfs" for w in words if w[0] == "-"}
    assert options
    assert {o for o in options if not re.search(rf"{o}\b", known)} == set()


def test_files_that_are_shipped_name_no_package_index() -> None:
    listed = subprocess.run(
        ("git", "ls-files", "-z", "Makefile", "scripts", "requirements", ".ci", "pyproject.toml"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"(?<!no-emit-)index-url|find-links|https?://", text), name
