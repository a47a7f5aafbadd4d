"""An ordinary user's locked mount point cannot be written to, and is given back by `forget`.

Root runs these as an account without privileges, in a mount namespace where /dev/fuse is open
to all: mode bits do not hold root back, so root could prove nothing here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from ordinaryuser import as_user, let_others_in
from shelltwin import PASSWORD
from support import Completed, program, run_program

pytestmark = needs("fuse", "gocryptfs", "ordinary-user")


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """Return the home of an ordinary user, with the password of a volume to be made there."""
    home = tmp_path / "user"
    for folder in ("", "run", "work.c"):
        (home / folder).mkdir(mode=0o700)
    (home / "password").write_text(PASSWORD + "\n")
    if as_user():
        for path in (home, *home.iterdir()):
            os.chown(path, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    let_others_in(tmp_path)
    return home


OPEN_DEVICE = """
test -e "$1" || mknod -m 666 "$1" c 10 229
mount --bind "$1" /dev/fuse
shift
exec "$@"
"""


def run_as_user(home: Path, script: str) -> Completed:
    """Run a shell script as the user, with `vaultui` on its PATH."""
    env = {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "PATH": f"{Path(program('vaultui')).parent}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
    }
    user = as_user()
    words = ("unshare", "--mount", "sh", "-ec", OPEN_DEVICE, "sh", home.parent / "fuse", *user)
    return run_program((*(words if user else ()), "sh", "-ec", script), env=env, cwd=home)


INIT = "gocryptfs -init -q -scryptn 10 -passfile password work.c\n"
ADD = INIT + "vaultui add work.c --name Work --mountpoint plain\n"
UNLOCK = "vaultui unlock Work --password-file password\n"


def test_nothing_can_be_written_beside_a_locked_vault(user: Path) -> None:
    done = run_as_user(user, ADD + "touch plain/file")
    assert b"Permission denied" in done.stderr
    assert os.listdir(user / "plain") == []


def test_the_vault_opens_on_its_guarded_mount_point_and_is_guarded_again(user: Path) -> None:
    script = ADD + UNLOCK + "echo hello > plain/file; vaultui lock Work\n"
    run_as_user(user, script + "test ! -e plain/file; ! touch plain/file").check()
    run_as_user(user, UNLOCK + "grep hello plain/file; vaultui lock Work").check()


def test_after_forget_the_real_program_mounts_there(user: Path) -> None:
    mount = "gocryptfs -q -nosyslog -passfile password work.c plain\n"
    script = ADD + UNLOCK + "vaultui lock Work; vaultui forget Work\n" + mount
    run_as_user(user, script + "touch plain/file; fusermount3 -u plain; touch plain/again").check()


def test_a_failed_unlock_leaves_the_guard_in_place(user: Path) -> None:
    script = ADD + "echo wrong > wrong\n! vaultui unlock Work --password-file wrong\n"
    run_as_user(user, script + "! touch plain/file").check()


def test_killing_the_backend_leaves_the_guard_in_place(user: Path) -> None:
    kill = (
        "pid=$(vaultui status --json | "
        f"{sys.executable} -c 'import json,sys;"
        'print(json.load(sys.stdin)["vaults"][0]["backend_pid"])\')\n'
        "kill -9 $pid\n"
        'while grep -q "$HOME/plain" /proc/mounts; do :; done\n'
    )
    run_as_user(user, ADD + UNLOCK + kill + "! touch plain/file").check()


def test_a_default_mount_point_is_guarded_from_the_first_unlock_on(user: Path) -> None:
    script = INIT + "vaultui add work.c --name Work\n" + UNLOCK
    run_as_user(user, script + "vaultui lock Work; ! touch Vaults/Work/file").check()


def test_the_mode_that_it_had_comes_back(user: Path) -> None:
    script = "mkdir -m 750 plain\n" + ADD + UNLOCK + "vaultui lock Work; vaultui forget Work\n"
    run_as_user(user, script).check()
    assert (user / "plain").stat().st_mode & 0o777 == 0o750
