"""What a fresh interpreter has really loaded, which an import inside a function cannot hide."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

import pytest
from capabilities import needs
from support import Gocryptfs, program, run_program, wait_until

ROOT = Path(__file__).parents[2]

_REPORT = """
import atexit, json, os, sys
def report():
    modules = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    with open(os.environ["MODULES_OF_RUN"], "w") as file:
        json.dump(modules, file)
atexit.register(report)
"""


def loaded(
    code: str, report: Path, monkeypatch: pytest.MonkeyPatch, *options: str, returncode: int = 0
) -> dict[str, str | None]:
    """Run `code` in a fresh interpreter; return the names and files of its modules at its end."""
    monkeypatch.setenv("MODULES_OF_RUN", str(report))
    command = (sys.executable, *options, "-c", _REPORT + code)
    run_program(command, timeout=60).check(returncode)
    modules: dict[str, str | None] = json.loads(report.read_text())
    return modules


def packages(modules: dict[str, str | None]) -> set[str]:
    """Return the top-level names, and of ours the floors: `vaultui.wire`."""
    return {
        ".".join(name.split(".")[: 2 if name.startswith("vaultui.") else 1]) for name in modules
    }


def test_the_shim_runs_on_the_standard_library_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"sys.path.insert(0, {str(ROOT)!r}); import vaultui.shim.__main__"
    modules = loaded(code, tmp_path / "modules", monkeypatch, "-I", "-S")
    stdlib = sysconfig.get_path("stdlib")
    foreign = {
        name: file
        for name, file in modules.items()
        if file and not file.startswith((stdlib, str(ROOT / "vaultui")))
    }
    assert foreign == {}
    assert not any(file and "site-packages" in file for file in modules.values())
    ours = {name for name in packages(modules) if name.startswith("vaultui.")}
    assert ours <= {"vaultui.shim", "vaultui.wire", "vaultui.linux", "vaultui.model"}
    assert not packages(modules) & {"asyncio", "subprocess", "multiprocessing", "logging"}


def test_the_mount_backend_loads_nothing_of_the_front_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import vaultui.mountd.__main__, vaultui.mountd.specs, vaultui.mountd.commandline.init\n"
        "import vaultui.mountd.serving"
    )
    modules = loaded(code, tmp_path / "modules", monkeypatch)
    assert not packages(modules) & {
        "fido2",  # for a volume with a token alone
        "jeepney",  # when whoever waits for the mount has been told of it
        "textual",
        "rich",
        "keyring",
        "tomlkit",
        "asyncio",
        "vaultui.tui",
        "vaultui.cli",
        "vaultui.vaults",
        "vaultui.supervisor",
    }


def test_asking_for_help_loads_neither_the_application_nor_the_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "sys.argv = ['vaultui', 'list']\nfrom vaultui.__main__ import main\nsys.exit(main())"
    modules = loaded(code, tmp_path / "modules", monkeypatch)
    assert not packages(modules) & _NOT_IN_THE_FRONT_END
    assert not packages(modules) & {"textual", "rich", "keyring", "vaultui.tui"}


@needs("fuse", "gocryptfs")
def test_a_launcher_unlocks_without_textual_keyring_or_cryptography(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = Gocryptfs(tmp_path)
    volume.create()
    passfile = tmp_path / "password"
    passfile.write_bytes(volume.password + b"\n")
    vaultui = program("vaultui")
    run_program((vaultui, "add", volume.cipherdir, "--name", "Work")).check()
    code = (
        f"sys.argv = ['vaultui', '--unlock', 'Work', '--password-file', {str(passfile)!r}]\n"
        "from vaultui.__main__ import main\nsys.exit(main())"
    )
    try:
        modules = loaded(code, tmp_path / "modules", monkeypatch)
    finally:
        run_program((vaultui, "lock", "Work"))
    assert not packages(modules) & _NOT_IN_THE_FRONT_END
    assert not packages(modules) & {"textual", "rich", "keyring", "vaultui.tui"}
    wait_until(
        lambda: b'"locked"' in run_program((vaultui, "status", "--json")).check().stdout,
        10,
        "the vault is locked again",
    )


def test_the_application_never_loads_the_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = loaded("import vaultui.tui.app", tmp_path / "modules", monkeypatch)
    assert "textual" in packages(modules)
    assert not packages(modules) & _NOT_IN_THE_FRONT_END


_NOT_IN_THE_FRONT_END = {
    "pyfuse3",
    "trio",
    "cryptography",
    "argon2",
    "nacl",
    "fido2",
    "vaultui.mountd",
    "vaultui.cipherfs",
    "vaultui.crypto",
    "vaultui.shim",
}
"""Keys live in one kind of process, and an event loop of one kind."""
