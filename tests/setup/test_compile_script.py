"""scripts/compile makes what is in C, leaves what is current, and never breaks what is there."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
from capabilities import needs
from support import Completed, run_program

ROOT = Path(__file__).parents[2]
CRYPTO = "vaultui/crypto/hazmat"

pytestmark = needs("compiler")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the sources of the ciphers, and nothing compiled."""
    place = tmp_path / "checkout"
    (place / CRYPTO).mkdir(parents=True)
    (place / "scripts").mkdir()
    sources = (f"{CRYPTO}/_openssl.c", f"{CRYPTO}/_openssl.h")
    for name in ("scripts/compile", "pyproject.toml", *sources):
        shutil.copy(ROOT / name, place / name)
    return place


def compile_in(checkout: Path, *arguments: str | Path, **environment: str) -> Completed:
    command = (sys.executable, checkout / "scripts/compile", *arguments)
    return run_program(command, env={**os.environ, **environment}, timeout=200)


def test_all_that_is_in_c_compiles_without_a_warning(tmp_path: Path) -> None:
    done = compile_in(ROOT, "--into", tmp_path, CFLAGS="-Wall -Wextra -Wshadow -Werror")
    assert done.check().text == ""
    assert {path.name.partition(".")[0] for path in tmp_path.iterdir()} == {"_openssl", "_hotpath"}


def test_a_module_is_compiled_again_only_when_a_source_changed(checkout: Path) -> None:
    compile_in(checkout, "_openssl").check()
    (built,) = (checkout / CRYPTO).glob("*.so")
    first = built.stat().st_ino
    compile_in(checkout, "_openssl").check()
    assert built.stat().st_ino == first
    (checkout / CRYPTO / "_openssl.h").touch()
    # Held open as by a backend that runs, or its number could be given to the new file.
    with built.open("rb") as in_use:
        content = in_use.read()
        compile_in(checkout, "_openssl").check()
        assert built.stat().st_ino != first
        in_use.seek(0)
        assert in_use.read() == content


@pytest.mark.parametrize("compiler", ["false", "/nowhere/cc"])
def test_where_compiling_fails_the_module_that_is_there_stays(
    checkout: Path, compiler: str
) -> None:
    compile_in(checkout, "_openssl").check()
    before = sorted(path.stat().st_ino for path in (checkout / CRYPTO).iterdir())
    compile_in(checkout, "--anew", "_openssl", CC=compiler).check(1)
    assert sorted(path.stat().st_ino for path in (checkout / CRYPTO).iterdir()) == before


def test_every_source_in_c_belongs_to_a_module() -> None:
    """One that is forgotten is no error of the compiler's: the module just does not load."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    modules = settings["tool"]["setuptools"]["ext-modules"]
    named = {name for module in modules for name in (*module["sources"], *module["depends"])}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "vaultui").rglob("*.[ch]")}
    assert named == there
