"""The floors of the code are kept: on the graph of all imports, and call by call.

The contracts themselves are in pyproject.toml under [tool.importlinter].
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support import run_program

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "vaultui"

STARTS_A_PROCESS = {
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.posix_spawnp",
    "os.popen",
    "os.system",
    "os.spawnv",
    "os.spawnve",
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "trio.run_process",
    "trio.lowlevel.open_process",
    "pty.fork",
    "pty.spawn",
}
MAY_START_A_PROCESS = (
    "vaultui/linux/spawn.py",
    "vaultui/shim/",
    "vaultui/tasks/containers/creation.py",
)
"""The spawn module; the shim, whose fork is what it is for; and the runner of containers, which has
namespaces to gather between fork and exec."""

ADAPTERS = {
    "vaultui.crypto.hazmat._openssl": "vaultui/crypto/hazmat/compiled.py",
    "vaultui.mountd.hotpath._hotpath": "vaultui/mountd/hotpath/__init__.py",
}
"""Who alone loads a compiled module, and does without where there is none."""


def test_imports_keep_to_the_floors() -> None:
    done = run_program(
        (Path(sys.prefix) / "bin" / "lint-imports", "--no-cache"), cwd=ROOT, timeout=100
    )
    done.check()
    assert b"0 broken" in done.stdout


def test_every_package_has_a_floor() -> None:
    contracts = (ROOT / "pyproject.toml").read_text()
    floors = contracts[contracts.index("layers = [") :].split("]", 1)[0]
    for path in PACKAGE.iterdir():
        if (path / "__init__.py").exists():
            assert path.name in floors, f"{path.name} is not in the layers of pyproject.toml"


def test_processes_are_started_in_one_place() -> None:
    found = [
        f"{name}:{line} {call}"
        for name, line, call in _calls()
        if call in STARTS_A_PROCESS and not name.startswith(MAY_START_A_PROCESS)
    ]
    assert found == []


def test_each_compiled_module_is_loaded_by_its_adapter_alone() -> None:
    """The linter's graph is made of Python files: it does not see these."""
    found = {
        (module, str(path.relative_to(ROOT)))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        for module in ADAPTERS
        if name == module or name.startswith(f"{module}.")
    }
    assert found <= set(ADAPTERS.items())


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{name.name}" for name in node.names]
    return []


def test_only_programs_exit() -> None:
    """Libraries raise; `sys.exit` is for `__main__`, module or block, and for the shim's all."""
    found = [
        f"{name}:{line} {call}"
        for name, line, call in _calls()
        if call in {"sys.exit", "exit", "quit"}
        and not name.endswith("/__main__.py")
        and not name.startswith("vaultui/shim/")
    ]
    assert found == []


ASKED_AGAIN: Final = {
    # An engine has events, but Podman's come before what they tell of, or never.
    "vaultui/tasks/engines/container.py",
}
"""Modules that pause before they ask somebody once more who would not tell them."""


def test_no_test_and_no_module_sleeps_for_a_result() -> None:
    found = [
        f"{name}:{line}"
        for name, line, call in _calls()
        if call == "time.sleep" and name not in ASKED_AGAIN
    ]
    assert found == []


def _calls() -> Iterator[tuple[str, int, str]]:
    """Yield file, line and dotted name of every call in the package, imports resolved.

    What stands under `if __name__ == "__main__"` is a program and is left out.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        origin: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                for name in node.names:
                    origin[name.asname or name.name] = f"{node.module}.{name.name}"
            elif isinstance(node, ast.Import):
                for name in node.names:
                    if name.asname:
                        origin[name.asname] = name.name
        programs = {
            id(call)
            for node in tree.body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
            for call in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and id(node) not in programs:
                dotted = ast.unparse(node.func)
                head, dot, rest = dotted.partition(".")
                yield (
                    str(path.relative_to(ROOT)),
                    node.lineno,
                    origin.get(head, head) + dot + rest,
                )
