"""What another user of the machine can reach of a vault, tried as one: nothing."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from ordinaryuser import let_others_in
from programs import Completed, program, run_program
from shelltwin import RealVolume, Shell
from support import mountpoints_below

pytestmark = needs("fuse", "gocryptfs", "root", "ordinary-user")

OTHER_USER = (
    *("setpriv", f"--reuid={UNPRIVILEGED_UID}", f"--regid={UNPRIVILEGED_UID}"),
    *("--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
)
PYTHON = "/usr/bin/python3"
"""One that another user can execute, wherever ours lies."""
TRIES = textwrap.dedent("""
    import os, socket, sys
    backend, keeper, *paths = sys.argv[1:]
    def attempt(what, act):
        try:
            act()
        except (PermissionError, IsADirectoryError):
            return
        except OSError as error:
            what += f": {error}"
        print(what)
    for path in paths:
        attempt(f"stat {path}", lambda: os.lstat(path))
        attempt(f"read {path}", lambda: open(path).close())
        attempt(f"list {path}", lambda: os.listdir(path))
        attempt(f"write {path}", lambda: open(path, "w").close())
        attempt(f"enter {path}", lambda: os.chdir(path))
        attempt(f"remove {path}", lambda: os.unlink(path))
        with socket.socket(socket.AF_UNIX) as client:
            attempt(f"connect {path}", lambda: client.connect(path))
    for pid in backend, keeper:
        for name in "mem", "environ", "maps", "auxv", "stack", "syscall":
            attempt(f"read {pid}/{name}", lambda: open(f"/proc/{pid}/{name}").read(1))
        attempt(f"descriptors of {pid}", lambda: os.listdir(f"/proc/{pid}/fd"))
        for name in "cwd", "root", "exe", "ns/mnt":
            attempt(f"follow {pid}/{name}", lambda: os.readlink(f"/proc/{pid}/{name}"))
        for number in 0, 15:
            attempt(f"signal {pid}", lambda: os.kill(int(pid), number))
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    for pid in backend, keeper:
        if libc.ptrace(16, int(pid), None, None) == 0:  # PTRACE_ATTACH
            print("traced", pid)
    print("tried")
""")


@pytest.fixture
def open_vault(shell: Shell, work: Path, home: Path) -> Iterator[Any]:
    """Yield the status of a vault that is open in a home which others may look into."""
    let_others_in(home)
    shell.unlock()
    (work / "secret").write_text("plaintext")
    (work / "secret").chmod(0o666)
    yield shell.status()
    shell("lock", "Work").check()


def as_other(*words: str | os.PathLike[str]) -> Completed:
    return run_program((*OTHER_USER, *words))


def test_an_open_vault_is_out_of_reach(
    shell: Shell, open_vault: Any, work: Path, home: Path
) -> None:
    run_dir = next((home.parent / "run" / "vaultui").glob("*/"))
    state = home / ".local" / "state" / "vaultui"
    paths = [work, work / "secret", run_dir, run_dir / "ctl.sock", run_dir / "run.json"]
    paths += [*state.rglob("*"), home / ".config" / "vaultui" / "config.toml"]
    pids = (str(open_vault["backend_pid"]), str(open_vault["keeper_pid"]))
    done = as_other(PYTHON, "-c", TRIES, *pids, *paths).check()
    told = [line for line in done.stdout.decode().splitlines() if not line.startswith("stat ")]
    assert told == ["tried"]
    assert shell.state() == "open"
    assert work.joinpath("secret").is_file()


def test_what_lies_in_the_places_of_the_user_is_for_the_user_alone(
    open_vault: Any, home: Path
) -> None:
    tops = (home.parent / "run", home / ".local" / "state", home / ".config", home / "Vaults")
    ours = [path for top in tops for path in top.rglob("vaultui*") if path.is_dir()]
    assert len(ours) == 3
    found = [path for top in ours for path in (top, *top.rglob("*"))]
    open_to_others = [
        path for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_dir()
    ]
    assert open_to_others == []
    assert stat.S_IMODE((home / "Vaults").stat().st_mode) == 0o711, "names can be listed"


def in_a_tmp_of_its_own(preparation: str, *words: str) -> Completed:
    """Run the program where /tmp is what another user has prepared, and nothing else is there.

    Nothing but this checkout, where it lies in there.
    """
    checkout = shlex.quote(str(Path(__file__).parents[2]))
    script = f"""
        set -e
        exec 9<{checkout}
        mount -t tmpfs -o mode=1777 tmpfs /tmp
        [ ! -d /run/user ] || mount -t tmpfs tmpfs /run/user
        mkdir -p {checkout}
        mount --no-canonicalize --bind /proc/self/fd/9 {checkout}
        mkdir -m 700 /tmp/home
        {shlex.join((*OTHER_USER, "sh", "-ec", preparation))}
        unset XDG_RUNTIME_DIR
        export HOME=/tmp/home XDG_STATE_HOME=/tmp/home/state XDG_CONFIG_HOME=/tmp/home/config
        {shlex.join((program("vaultui"), *words))} && status=0 || status=$?
        ls -ln /tmp
        exit $status
    """
    return run_program(("unshare", "--mount", "sh", "-c", script))


@pytest.mark.parametrize(
    "preparation",
    [
        "mkdir -m 777 /tmp/vaultui-0",
        "mkdir -m 700 /tmp/vaultui-0",
        "ln -s /tmp/home /tmp/vaultui-0",
        "ln -s /nowhere /tmp/vaultui-0",
        "mkfifo /tmp/vaultui-0",
        "touch /tmp/vaultui-0",
    ],
)
def test_a_runtime_directory_that_another_user_prepared_in_tmp_is_refused(
    preparation: str,
) -> None:
    done = in_a_tmp_of_its_own(preparation, "lock", "--all", "--json")
    assert (done.returncode, b"runtime-dir-unsafe" in done.stdout) == (49, True), done.text


def test_without_that_other_user_the_same_directory_is_made_and_private() -> None:
    done = in_a_tmp_of_its_own("true", "lock", "--all").check()
    assert "drwx------" in next(line for line in done.text.splitlines() if "vaultui-0" in line)


@pytest.mark.parametrize(
    "put_there",
    [
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()",
        "import os; os.symlink(path + '-elsewhere', path)",
    ],
    ids=["socket", "link"],
)
def test_a_control_socket_is_not_put_where_another_user_was_first(
    volume: RealVolume, tmp_path: Path, put_there: str
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    let_others_in(shared)
    path = shared / "ctl"
    script = f"path = {os.fspath(path)!r}; {put_there}; print(flush=True); input()"
    (tmp_path / "m").mkdir()
    with subprocess.Popen(
        (*OTHER_USER, PYTHON, "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        words = ("-ctlsock", path, "-passfile", volume.password_file)
        done = run_program((program("vaultfs"), *words, volume.cipherdir, tmp_path / "m"))
        other.kill()
    assert done.returncode == 20, done.text
    assert mountpoints_below(tmp_path / "m") == []
    assert [entry.name for entry in shared.iterdir()] == ["ctl"]
