"""Set-uid and set-gid bits after changes of a file, as on the file system below.

The kernel leaves them to us, which saves it a question before each write; this shows that
the savings are there and that nothing is lost by it.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Asking
from capabilities import UNPRIVILEGED_UID, needs
from mounting import Vaultfs
from ordinaryuser import OPEN_DEVICE, as_user, let_others_in
from programs import program, run_program
from starting import Started, mount_spec
from support import wait_until

from vaultui.wire.handshake import Ready

pytestmark = needs("fuse")

CHANGES = """
change() {
    case $1 in
    write) printf x | dd of="$2" conv=notrunc status=none ;;
    append) printf x >> "$2" ;;
    truncation) truncate -s 3 "$2" ;;
    same-size) truncate -s 6 "$2" ;;
    open) : > "$2" ;;
    owner) chown "$(id -u)" "$2" ;;
    esac
}
"""
KINDS = ("write", "append", "truncation", "same-size", "open", "owner")
MODE = 0o6755


def make_files(folder: Path, uid: int) -> None:
    for kind in KINDS:
        path = folder / kind
        path.write_text("hello\n")
        os.chown(path, uid, uid)
        path.chmod(MODE)


def modes(folder: Path) -> dict[str, str]:
    return {kind: oct(stat.S_IMODE((folder / kind).stat().st_mode)) for kind in KINDS}


def change_all(folder: Path, user: tuple[str, ...]) -> None:
    loop = f'{CHANGES}\nfor kind in {" ".join(KINDS)}; do change $kind "$1/$kind" || exit; done'
    run_program((*user, "sh", "-c", loop, "sh", folder)).check()


@pytest.fixture
def native(tmp_path: Path) -> Path:
    folder = tmp_path / "native"
    folder.mkdir()
    let_others_in(folder)
    return folder


@pytest.fixture
def shared(volume: Vaultfs) -> Iterator[Path]:
    """Return a mount that root serves and that others may enter."""
    let_others_in(volume.mountpoint)
    started = Started(mount_spec(volume, allow_other=True), [volume.password])
    assert isinstance(started.messages()[-1], Ready)
    volume.mountpoint.chmod(0o755)
    yield volume.mountpoint
    wait_until(lambda: run_program(("fusermount3", "-u", volume.mountpoint)).returncode == 0, 5)
    assert started.process.wait(20) == 0


@needs("root")
def test_root_keeps_them(mounted: Vaultfs, native: Path) -> None:
    for folder in (native, mounted.mountpoint):
        make_files(folder, 0)
        change_all(folder, ())
    assert modes(mounted.mountpoint) == modes(native)
    assert modes(native)["write"] == oct(MODE)


@needs("root", "ordinary-user")
def test_another_user_of_a_mount_of_roots_loses_them(shared: Path, native: Path) -> None:
    for folder in (native, shared):
        make_files(folder, UNPRIVILEGED_UID)
        change_all(folder, as_user())
    assert modes(shared) == modes(native)
    assert modes(native)["write"] == "0o755"


AS_USER = f"""
set -e
{CHANGES}
"$1" -q -init -scryptn=10 -passfile "$4" "$2"
"$1" -q -passfile "$4" "$2" "$3"
for kind in {" ".join(KINDS)}; do
    echo hello > "$3/$kind"
    chmod 6755 "$3/$kind"
    change $kind "$3/$kind"
    echo $kind 0o$(stat -c %a "$3/$kind")
done
fusermount3 -u "$3"
"""


@needs("ordinary-user")
def test_the_user_who_serves_the_mount_loses_them(tmp_path: Path) -> None:
    let_others_in(tmp_path)
    password, cipherdir, mountpoint = (tmp_path / part for part in ("pw", "cipher", "plain"))
    password.write_text("correct horse battery")
    for folder in (cipherdir, mountpoint):
        folder.mkdir()
    user = as_user()
    if user:
        for path in (password, cipherdir, mountpoint):
            shutil.chown(path, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    done = run_program(
        (
            *(("unshare", "-m") if user else ()),
            *("sh", "-c", OPEN_DEVICE, "sh", tmp_path, *user),
            *("sh", "-c", AS_USER, "sh", program("vaultfs"), cipherdir, mountpoint, password),
        )
    )
    assert done.returncode == 0, done.stderr
    assert dict(line.split() for line in done.stdout.decode().splitlines()) == dict.fromkeys(
        KINDS, "0o755"
    )


def test_the_kernel_asks_once_and_not_before_each_write(mounted: Vaultfs) -> None:
    descriptor = os.open(mounted.mountpoint / "file", os.O_WRONLY | os.O_CREAT)
    for _ in range(100):
        os.write(descriptor, b"x" * 4096)
    os.close(descriptor)
    with Asking(mounted.base / "ctl") as client:
        operations = client.ours("StatusRequest")["operations"]
    assert operations["write"] == 100
    # Again when the kernel's attributes are a second old; on an older kernel, each time.
    assert operations["getxattr"] < 20
