"""A backend that is killed between any two of its system calls leaves nothing that is broken."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openvolume import OpenVolume

from tests.drills import judge
from vaultui.linux import atcalls

LONG, LONGER = "l" * 200, "m" * 220
_CALLS = (
    *("open", "write", "pwrite", "ftruncate", "mkdir", "rmdir", "rename", "link", "unlink"),
    *("symlink", "mknod", "fchmod", "close"),
)
_DIED, _DONE = 99, 0

pytestmark = pytest.mark.parametrize("cipherdir", ["memory"], indirect=True)

Operation = Callable[[OpenVolume], object]


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a directory for copies of volumes."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


def _prepare(vault: OpenVolume) -> None:
    for above in ("one", LONG):
        vault.mkdir(above)
        for name in ("empty", LONG):
            vault.mkdir(f"{above}/{name}")
        vault.write(f"{above}/file", b"content")
        vault.write(f"{above}/{LONGER}", b"long")


def _killed_at_each_call(vault: OpenVolume, base: Path, operation: Operation) -> Iterator[Path]:
    """Yield a copy of the volume for each system call, in which the operation ended before it."""
    for number in range(200):
        cipherdir = base / str(number)
        shutil.copytree(vault.cipherdir, cipherdir, symlinks=True)
        if (child := os.fork()) == 0:
            _do_and_die(vault, cipherdir, operation, number)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert ended in (_DIED, _DONE)
        yield cipherdir
        if ended == _DONE:
            return


def _do_and_die(vault: OpenVolume, cipherdir: Path, operation: Operation, left: int) -> None:
    status = 1

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def do(*args: object, **kwargs: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(_DIED)  # as SIGKILL would: no handler runs
            return call(*args, **kwargs)

        return do

    try:
        opened = OpenVolume(cipherdir, vault.volume)
        for name in _CALLS:
            setattr(os, name, dying(getattr(os, name)))
        atcalls.renameat2 = dying(atcalls.renameat2)  # type: ignore[assignment]
        operation(opened)
        status = _DONE
    finally:
        os._exit(status)


def _topmost(paths: set[str]) -> set[str]:
    """Return the topmost of paths that were renamed together."""
    return {path for path in paths if not any(path.startswith(f"{other}/") for other in paths)}


@pytest.mark.parametrize(
    "operation",
    [
        lambda vault: vault.mkdir("one/new"),
        lambda vault: vault.mkdir(f"one/{LONG}/{LONG}", 0o500),
        lambda vault: vault.rmdir("one/empty"),
        lambda vault: vault.rmdir(f"{LONG}/{LONG}"),
        lambda vault: vault.rename("one", "two"),
        lambda vault: vault.rename(LONG, LONGER),
        lambda vault: vault.rename("one", f"{LONG}/empty"),
        lambda vault: vault.rename(f"{LONG}/{LONG}", f"one/{LONG}"),
        lambda vault: vault.rename("one/empty", f"one/{LONG}"),
        lambda vault: vault.rename(f"one/{LONGER}", f"{LONG}/{LONGER}"),
        lambda vault: vault.rename(f"one/{LONGER}", "one/file", 2),
        lambda vault: vault.unlink(f"one/{LONGER}"),
        lambda vault: vault.symlink(b"target", f"one/{LONG}x"),
        lambda vault: vault.write(f"one/{LONG}/{LONGER}", b"new"),
        lambda vault: vault.fs.link(vault.ino("one/file"), vault.ino(LONG), b"y" * 255),
    ],
    ids=[
        *("mkdir", "mkdir-long", "rmdir", "rmdir-long", "rename", "rename-long"),
        *("rename-over-empty", "rename-long-over-empty", "rename-empty-over-empty-beside"),
        *("rename-over-file", "exchange", "unlink-long", "symlink-long", "create-long"),
        "link-long",
    ],
)
def test_killed_anywhere_it_leaves_each_name_readable_and_each_directory_listable(
    vault: OpenVolume, memory: Path, operation: Operation
) -> None:
    _prepare(vault)
    before = set(judge.look(vault.cipherdir, vault.volume).tree)
    copies = list(_killed_at_each_call(vault, memory, operation))
    after = set(judge.look(copies[-1], vault.volume).tree)
    assert len(copies) > 2
    for cipherdir in copies:
        findings = judge.look(cipherdir, vault.volume)
        assert findings.without_iv == findings.unlistable == findings.nameless == []
        assert findings.checked == set(findings.strays)
        # Of two exchanged directories the emptied one may still be there, under the old name.
        gone, come = before - after, after - before
        seen = set(findings.tree)
        is_before = seen == before
        is_after = come <= seen and seen & gone <= _topmost(gone) and before & after <= seen
        assert is_before or is_after, cipherdir.name
    last = judge.look(copies[-1], vault.volume)
    assert (last.strays, last.staged) == ([], 0)


def test_what_a_killed_mkdir_left_goes_with_the_directory_above(
    vault: OpenVolume, memory: Path
) -> None:
    vault.mkdir("one")
    left = 0
    for number, cipherdir in enumerate(
        _killed_at_each_call(vault, memory, lambda opened: opened.mkdir("one/new"))
    ):
        opened = OpenVolume(cipherdir, vault.volume)
        left += judge.look(cipherdir, vault.volume).staged
        if "new" in opened.list("one"):
            opened.rmdir("one/new")
        opened.rmdir("one")
        assert opened.list() == [], number
        assert opened.raw_entries() == set()
        opened.close()
    assert left > 0
