"""A change of a volume config that ends before each of its system calls in turn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CALLS = ("open", "read", "write", "fsync", "fchmod", "link", "rename", "unlink", "close")
_SCRIPT = f"""
import os, shutil, sys
from pathlib import Path
from slotmaking import *
from vaultui.cipherfs import slots, volume
from vaultui.format.kdfcost import NoCost
from vaultui.format.keyslots import SlotKind

pristine, base, code = Path(sys.argv[1]), Path(sys.argv[2]), compile(sys.argv[3], "change", "exec")

def dying(call, left):
    def do(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            os._exit(99)  # as SIGKILL would: nothing is flushed, no handler runs
        return call(*args, **kwargs)
    return do

for number in range(200):
    directory = base / str(number)
    shutil.copytree(pristine, directory)
    conf = os.fsencode(directory / "gocryptfs.conf")
    if (child := os.fork()) == 0:
        left = [number]
        for name in {CALLS!r}:
            setattr(os, name, dying(getattr(os, name), left))
        try:
            exec(code)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    code_of_child = os.waitstatus_to_exitcode(status)
    if code_of_child != 99:
        sys.exit(code_of_child)
"""


def died_at_each_call(pristine: Path, base: Path, change: str) -> list[Path]:
    """Return a copy of the volume for each system call of `change`, killed just before it.

    `change` is Python, with `conf` the path of the config and the names of `slotmaking`. The
    last copy is that of the change that was not killed.
    """
    base.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, pristine, base, change],
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parent,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return sorted(base.iterdir(), key=lambda path: int(path.name))
