"""Programs that call gocryptfs find what they look for when ours is installed under its name.

Each script in callers/ runs the command lines of one such program, word for word. The real
gocryptfs goes through them as well: it shows that a script asks for what callers really get.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from ordinaryuser import as_user, give_to_user, with_device, within_reach
from support import Gocryptfs, program, run_program

SCRIPTS = Path(__file__).parent / "callers"
FOR_ROOT = [SCRIPTS / "fstab.sh"]
FOR_USERS = [SCRIPTS / "fstab-user.sh"]
FOR_ALL = sorted(set(SCRIPTS.glob("*.sh")) - {*FOR_ROOT, *FOR_USERS, SCRIPTS / "common.sh"})

WITH_FSTAB = """
mount --bind "$1" /etc/fstab || exit
shift
exec "$@"
"""
"""Run by a shell as root, with a file and a command, in a mount namespace of its own."""


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cipher directory that the real program made, with a letter in it."""
    with Gocryptfs(tmp_path_factory.mktemp("sealed"), password=b"pass word") as volume:
        (volume.mountpoint / "letter").write_text("Dear Ada\n")
    return volume.cipherdir


@pytest.fixture
def base(sealed: Path, tmp_path: Path) -> Path:
    """Return the directory of one caller: a volume, its password in a file, a mount point."""
    shutil.copytree(sealed, tmp_path / "cipher")
    for name in ("plain", "source", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "passfile").write_bytes(b"pass word\n")
    return tmp_path


def install(path: str, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the program at `path` the gocryptfs that a caller finds first."""
    (base / "bin" / "gocryptfs").symlink_to(path)
    monkeypatch.setenv("PATH", f"{base / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("BASE", str(base))


@pytest.mark.parametrize("caller", [*FOR_ALL, *FOR_ROOT], ids=lambda path: path.stem)
@pytest.mark.parametrize("name", ["gocryptfs", "vaultfs"])
@needs("root")
def test_caller_gets_on_with_it(
    name: str, caller: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(executable(name), base, monkeypatch)
    run_program(("sh", caller), timeout=60).check()


@pytest.mark.parametrize("caller", FOR_ALL, ids=lambda path: path.stem)
@needs("ordinary-user")
def test_caller_who_is_an_ordinary_user_gets_on_with_it(
    caller: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(program("vaultfs"), base, monkeypatch)
    words: tuple[str | Path, ...] = ("sh", caller)
    if os.geteuid() == 0:
        words = ("sh", give_away(base) / caller.name)
        words = (*with_device(base), *as_user(), *words)
    run_program(words, timeout=60).check()


@pytest.mark.parametrize("name", ["gocryptfs", "vaultfs"])
@needs("root", "ordinary-user")
def test_a_user_mounts_what_fstab_lets_users_mount(
    name: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(executable(name), base, monkeypatch)
    fstab = base / "fstab"
    fstab.write_text(
        f"{base}/cipher {base}/plain fuse.{base}/bin/gocryptfs "
        f"user,noauto,passfile={base}/passfile 0 0\n"
    )
    words: tuple[str | Path, ...] = ("sh", give_away(base) / FOR_USERS[0].name)
    # What is set-user-ID loses the privilege by which as_user() reaches the interpreter.
    user = ("setpriv", f"--reuid={UNPRIVILEGED_UID}", f"--regid={UNPRIVILEGED_UID}")
    words = (*user, "--clear-groups", *words)
    words = (*with_device(base), "sh", "-c", WITH_FSTAB, "sh", fstab, *within_reach(base), *words)
    run_program(words, timeout=60).check()


def executable(name: str) -> str:
    """Return the path of the real gocryptfs, or of ours."""
    found = program("vaultfs") if name == "vaultfs" else shutil.which("gocryptfs")
    assert found is not None
    return found


def give_away(base: Path) -> Path:
    """Make `base` the ordinary user's, with a copy of the scripts; return where they are."""
    scripts = base / "callers"
    shutil.copytree(SCRIPTS, scripts)
    give_to_user(base)
    return scripts
