"""Start-up counts: what a verb may load, asked of a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("textual", "rich", "keyring", "secretstorage", "jeepney", "cryptography", "argon2", "nacl"),
    *("trio", "pyfuse3", "tomlkit", "platformdirs"),
)


def loaded(code: str) -> set[str]:
    """Return the top-level names of what `code` makes a fresh interpreter load."""
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        (sys.executable, "-I", "-c", script), capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_and_typos_load_nothing_but_the_parser() -> None:
    modules = loaded("from vaultui.cli.main import run\nassert run(['--nonsense'], int) == 1")
    assert not modules & {*HEAVY, "asyncio", "vaultui.vaults.service", "ctypes"}


@pytest.mark.parametrize(
    "argv",
    [["list"], ["status"], ["--unlock", "Nobody"], ["unlock", "Nobody", "--password-fd", "9"]],
    ids=" ".join,
)
def test_verbs_load_neither_the_application_nor_the_keyring(argv: list[str]) -> None:
    modules = loaded(f"from vaultui.cli.main import run\nrun({argv}, int)")
    assert not modules & set(HEAVY)


def test_unlocking_loads_neither_the_application_nor_the_keyring() -> None:
    modules = loaded(
        "import vaultui.cli.verbs.opening, vaultui.vaults.service\n"
        "import vaultui.vaults.unlocking, vaultui.vaults.keyringclient"
    )
    assert not modules & set(HEAVY)


def test_a_run_in_an_open_vault_loads_nothing_that_opens_or_watches_one() -> None:
    modules = loaded(
        "import vaultui.cli.verbs.running, vaultui.vaults.service\n"
        "import vaultui.vaults.tasks, vaultui.vaults.taskstart, vaultui.tasks.command"
    )
    unlocking = {"vaultui.vaults.unlocking", "vaultui.wire.handshake", "vaultui.format.keyslots"}
    assert not modules & {*HEAVY, *unlocking, "vaultui.wire.oneshot", "ctypes"}


def test_the_keyring_helper_does_not_load_the_use_cases() -> None:
    modules = loaded("import vaultui.vaults.keyringhelper")
    assert not modules & {"asyncio", "textual", "vaultui.vaults.service", "vaultui.supervisor"}
