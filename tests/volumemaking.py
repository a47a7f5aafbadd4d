"""Volumes made and re-keyed without a file system, and ways to make that fail half-way."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vaultui.cipherfs import conffile, slots, volume
from vaultui.crypto.keyslots import Credentials
from vaultui.format.kdfcost import Cost
from vaultui.model.errors import PasswordIncorrect
from vaultui.model.secret import Secret

OLD, NEW = b"old password", b"new password"
CONF, DIR_IV = "gocryptfs.conf", "gocryptfs.diriv"


def secret(text: bytes) -> Secret:
    return Secret(bytearray(text))


def opens(cipherdir: Path, password: bytes, config: Path | None = None) -> bool:
    try:
        volume.open_volume(cipherdir, secret(password), config)
    except PasswordIncorrect:
        return False
    return True


def change_password(
    cipherdir: Path | str,
    old: bytes,
    new: bytes,
    cost: Cost | None = None,
    config: Path | None = None,
    *,
    reverse: bool = False,
) -> None:
    path = conffile.locate_file(cipherdir, config, reverse=reverse)
    slots.rekey(path, Credentials.typed(secret(old)), Credentials(password=secret(new)), cost)


def replace_lost(cipherdir: Path, master: Secret, new: bytes, cost: Cost | None = None) -> str:
    path = conffile.locate_file(cipherdir, None, reverse=False)
    return slots.replace_lost_key(path, master, Credentials(password=secret(new)), cost)


@contextmanager
def no_file_can_grow() -> Iterator[None]:
    """Make each write to a file fail (EFBIG), as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def keep_directories_from_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make fsync fail for directories, which is what comes after the rename."""
    fsync = os.fsync

    def failing(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", failing)


CALLS = ("open", "read", "write", "fsync", "fchmod", "link", "rename", "unlink", "close")
DYING = f"""
import os, sys
from pathlib import Path
from vaultui.cipherfs import slots, volume
from vaultui.crypto.keyslots import Credentials
from vaultui.model.secret import Secret

action, cipherdir, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def dying(call):
    def do(*args, **kwargs):
        global left
        if left == 0:
            os._exit(99)  # as SIGKILL would: nothing is flushed, no handler runs
        left -= 1
        return call(*args, **kwargs)
    return do

for name in {CALLS!r}:
    setattr(os, name, dying(getattr(os, name)))
old, new = (Secret(bytearray(text)) for text in ({OLD!r}, {NEW!r}))
if action == "create":
    volume.create(cipherdir, new, 10)
else:
    conf = os.fsencode(cipherdir / {CONF!r})
    slots.rekey(conf, Credentials(password=old), Credentials(password=new))
"""


def died_at_call(action: str, cipherdir: Path, call: int) -> bool:
    """Do `action` in a process that ends just before its system call number `call`."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DYING), action, cipherdir, str(call)],
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode in (0, 99), done.stderr.decode()
    return done.returncode == 99
