"""Completion in the shells themselves: verbs, options, files and the names of vaults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import RealVolume, Shell
from support import program, run_program
from terminal import Terminal

from vaultui.vaults.adding import new_entry
from vaultui.vaults.paths import default_paths
from vaultui.vaults.registry import Registry

pytestmark = needs("gocryptfs")

INTERACTIVE = {
    "bash": ("bash", "--norc", "-i"),
    "zsh": ("zsh", "-f", "-i"),
}
PREPARE = {
    "bash": "PS1='ready> '",
    "zsh": "PS1='ready> '; autoload -Uz compinit; compinit -u -D",
}


@pytest.fixture(autouse=True)
def machine(
    shell: Shell, volume: RealVolume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put vaultui on PATH, register two vaults, and go to a directory with a file in it."""
    monkeypatch.setenv("PATH", f"{Path(program('vaultui')).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a key").touch()
    paths, registry = default_paths(), Registry(default_paths())
    for name in ("Work", "My taxes"):
        # A second one is none for `add`; that is not what this is about.
        cipherdir = tmp_path / f"{name}.c"
        volume.cipherdir.rename(cipherdir) if name == "Work" else cipherdir.mkdir()
        registry.add(new_entry(paths, registry.entries(), str(cipherdir), name=name))


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """Yield an interactive shell that completes vaultui."""
    name = request.param
    with Terminal(INTERACTIVE[name], (100, 30)) as terminal:
        terminal.type(f"{PREPARE[name]}; source <(vaultui completion {name}); clear\n")
        terminal.wait_for("ready> ")
        yield terminal


both = pytest.mark.parametrize(
    "line", ["bash", pytest.param("zsh", marks=needs("zsh"))], indirect=True
)


@both
def test_what_has_one_end_is_completed_and_quoted(line: Terminal) -> None:
    meant = {
        "vaultui unl\tMy\t": "<vaultui><unlock><My taxes>",
        "vaultui lock Work 'My\t": "<vaultui><lock><Work><My taxes>",
        "vaultui slots Work ver\t--key-f\ta\\ k\t": "<slots><Work><verify><--key-file><a key>",
        "vaultui create new --content=x\t": "<new><--content=xchacha>",
    }
    for typed, words in meant.items():
        # Then to the beginning of the line, where another command takes it over.
        line.type(f"{typed}\x01printf '<%s>' \n")
        line.wait_for(words)


@needs("zsh")
@pytest.mark.parametrize("line", ["zsh"], indirect=True)
def test_zsh_shows_what_each_word_is(line: Terminal) -> None:
    line.type("vaultui lo\t\t")
    line.wait_for("close vaults")
    line.wait_for("print where something is")


@needs("fish")
def test_fish_offers_what_fits(tmp_path: Path) -> None:
    offers = {
        "vaultui panic": ["panic\tput every vault out of sight at once"],
        "vaultui lock --wait Work M": [f"My taxes\t{tmp_path}/My taxes.c"],
        "vaultui lock --wait --l": [],
        "vaultui slots Work add --lab": ["--label\ta name for it: 'in the safe'"],
        "vaultui create new --content=x": ["--content=xchacha"],
        "vaultui settings set them": ["theme\tcolours of the application"],
        "vaultui --unlock Wo": [f"Work\t{tmp_path}/Work.c"],
        "vaultui unlock Work --key-file a": ["a key"],
    }
    asked = "; ".join(f"complete -C '{begun}'; echo ." for begun in offers)
    script = f"vaultui completion fish | source; {asked}"
    done = run_program(("fish", "--no-config", "-c", script)).check()
    told = [part.splitlines() for part in done.stdout.decode().split(".\n")]
    assert told == [*offers.values(), []]


def test_a_word_that_no_shell_asks_for_is_nothing_special(shell: Shell) -> None:
    assert shell("--complete", "zsh", "nonsense", "").check().stdout == b"words\n"
    assert shell("--complete").check().stdout.startswith(b"words\n")
