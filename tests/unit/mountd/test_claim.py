"""One writer for each cipher directory; readers share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from capabilities import needs
from unanswered import unanswered

from vaultui.linux.mountinfo import resolve_outside
from vaultui.model.errors import CipherdirInUse
from vaultui.mountd.claim import claim


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], int]]:
    fds = []

    def opens() -> int:
        fds.append(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))
        return fds[-1]

    yield opens
    for fd in fds:
        os.close(fd)


def test_two_writers_are_refused_and_the_holder_is_named(
    tmp_path: Path, opened: Callable[[], int]
) -> None:
    claim(opened(), str(tmp_path), shared=False)
    for shared in (False, True):
        with pytest.raises(CipherdirInUse) as failure:
            claim(opened(), str(tmp_path), shared=shared, patience_s=0)
        assert f"process {os.getpid()}" in failure.value.summary
        assert failure.value.exit_code == 43


def test_readers_share_and_keep_a_writer_out(tmp_path: Path, opened: Callable[[], int]) -> None:
    claim(opened(), str(tmp_path), shared=True)
    claim(opened(), str(tmp_path), shared=True)
    with pytest.raises(CipherdirInUse):
        claim(opened(), str(tmp_path), shared=False, patience_s=0)


def test_the_claim_ends_with_the_descriptor(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    claim(fd, str(tmp_path), shared=False)
    os.close(fd)
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    claim(fd, str(tmp_path), shared=False)
    os.close(fd)


def test_a_holder_that_is_about_to_end_is_waited_for(
    tmp_path: Path, opened: Callable[[], int]
) -> None:
    holder = subprocess.Popen(
        ("flock", tmp_path, "sh", "-c", "echo; read _"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdout.readline()
    timer = threading.Timer(0.1, holder.stdin.close)
    timer.start()
    claim(opened(), str(tmp_path), shared=False, patience_s=20)
    assert holder.wait(10) == 1  # read found the end of its input
    timer.join()
    holder.stdout.close()


CLAIMING_TWICE = """
import os, sys
from vaultui.mountd.claim import claim
from vaultui.model.errors import CipherdirInUse
first, second = (os.open(sys.argv[1], os.O_RDONLY) for _ in range(2))
claim(first, sys.argv[1], shared=False)
try:
    claim(second, sys.argv[1], shared=True, patience_s=0)
except CipherdirInUse as error:
    print(error.summary)
"""


@needs("fuse", "root")
def test_a_check_of_a_mounted_volume_does_not_hang_with_the_drive_of_another(
    tmp_path: Path,
) -> None:
    cipherdir = tmp_path / "c"
    cipherdir.mkdir()
    drive = tmp_path / "drive"
    with (
        # Its source first: mount(8) looks at it as well.
        unanswered(tmp_path / "plain", "fuse.gocryptfs", f"{drive}/work.c"),
        unanswered(drive, "fuse.other", "elsewhere"),
    ):
        done = subprocess.run(
            (sys.executable, "-c", CLAIMING_TWICE, cipherdir),
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    assert f"{cipherdir}" in done.stdout


def test_links_are_followed_up_to_what_may_hang(tmp_path: Path) -> None:
    base = tmp_path.resolve()
    (base / "there/deep").mkdir(parents=True)
    (base / "link").symlink_to("there/../there")
    (base / "out").symlink_to(base / "link/deep")
    (base / "circle").symlink_to("circle")
    assert resolve_outside(f"{base}/out/./x", ()) == f"{base}/there/deep/x"
    assert resolve_outside(f"{base}/out/x", {f"{base}/there/deep"}) == f"{base}/there/deep/x"
    assert resolve_outside(f"{base}/link/deep/../x", {f"{base}/link"}) == f"{base}/link/deep/../x"
    assert resolve_outside(f"{base}/circle", ()) == f"{base}/circle"
