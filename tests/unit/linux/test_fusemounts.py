"""What can be learnt of a FUSE mount, and done to it, without being hung by it.

The server is the real gocryptfs: stopped, it is one that hangs; killed, it leaves a dead mount.
"""

import errno
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from support import Gocryptfs, wait_until

from vaultui.linux import deadmount, fuseconn, holders
from vaultui.linux.fuseconn import Answer
from vaultui.linux.mountinfo import mount_at
from vaultui.linux.unmount import unmount

pytestmark = needs("fuse", "gocryptfs")


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Gocryptfs]:
    with Gocryptfs(tmp_path / "a, b\\ü") as mounted:
        yield mounted


def serving_pid(volume: Gocryptfs) -> int:
    assert volume.process is not None
    return volume.process.pid


def kill_server(volume: Gocryptfs) -> None:
    # Taken from the fixture, which would rightly complain about a server that died.
    server, volume.process = volume.process, None
    assert server is not None
    server.kill()
    server.wait()


def test_a_mount_that_works_is_alive_and_left_alone(volume: Gocryptfs) -> None:
    assert fuseconn.ask(volume.mountpoint, 10) is Answer.ALIVE
    assert fuseconn.answers(volume.mountpoint)
    assert not deadmount.detach_if_dead(volume.mountpoint)
    assert mount_at(volume.mountpoint) is not None


def test_a_killed_server_leaves_a_dead_mount_that_is_detached(volume: Gocryptfs) -> None:
    kill_server(volume)
    assert mount_at(volume.mountpoint) is not None
    assert fuseconn.ask(volume.mountpoint, 10) is Answer.DEAD
    assert deadmount.detach_if_dead(volume.mountpoint)
    assert mount_at(volume.mountpoint) is None
    assert not deadmount.detach_if_dead(volume.mountpoint)


def test_a_dead_mount_is_detached_although_somebody_is_inside(volume: Gocryptfs) -> None:
    with subprocess.Popen(["sleep", "600"], cwd=volume.mountpoint) as inside:
        kill_server(volume)
        assert deadmount.detach_if_dead(volume.mountpoint)
        inside.kill()
    assert mount_at(volume.mountpoint) is None


@pytest.fixture
def connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The kernel's directory of FUSE connections, also where nobody mounted it."""
    if any(fuseconn.CONNECTIONS.iterdir()):
        yield fuseconn.CONNECTIONS
        return
    own = tmp_path / "connections"
    own.mkdir()
    subprocess.run(["mount", "-t", "fusectl", "fusectl", own], check=True)
    monkeypatch.setattr(fuseconn, "CONNECTIONS", own)
    yield own
    subprocess.run(["umount", own], check=True)


def test_a_server_that_hangs_is_told_from_a_dead_one(
    volume: Gocryptfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadmount, "_ANSWER_S", 0.5)
    os.kill(serving_pid(volume), signal.SIGSTOP)
    try:
        assert fuseconn.ask(volume.mountpoint, 0.5) is Answer.HUNG
        assert not deadmount.detach_if_dead(volume.mountpoint)
    finally:
        os.kill(serving_pid(volume), signal.SIGCONT)
    assert fuseconn.ask(volume.mountpoint, 10) is Answer.ALIVE


@needs("root")
def test_a_server_that_hangs_can_be_cut_off(volume: Gocryptfs, connections: Path) -> None:
    mount = mount_at(volume.mountpoint)
    assert mount is not None
    os.kill(serving_pid(volume), signal.SIGSTOP)
    try:
        assert fuseconn.ask(volume.mountpoint, 0.2) is Answer.HUNG
        fuseconn.abort(mount)
        assert fuseconn.ask(volume.mountpoint, 10) is Answer.DEAD
    finally:
        os.kill(serving_pid(volume), signal.SIGCONT)
    assert deadmount.detach_if_dead(volume.mountpoint)


def test_only_the_connection_of_a_fuse_mount_can_be_cut() -> None:
    proc = mount_at("/proc")
    assert proc is not None
    with pytest.raises(OSError, match="not a FUSE mount"):
        fuseconn.abort(proc)


def test_unmounting_a_mount_in_use_says_busy_and_lazily_it_goes_at_once(volume: Gocryptfs) -> None:
    with subprocess.Popen(["sleep", "600"], cwd=volume.mountpoint) as inside:
        with pytest.raises(OSError) as caught:
            unmount(volume.mountpoint)
        assert caught.value.errno == errno.EBUSY
        assert mount_at(volume.mountpoint) is not None
        unmount(volume.mountpoint, lazy=True)
        assert mount_at(volume.mountpoint) is None
        inside.kill()


def test_unmounting_is_done_when_it_returns_and_twice_is_an_error(volume: Gocryptfs) -> None:
    unmount(volume.mountpoint)
    assert mount_at(volume.mountpoint) is None
    with pytest.raises(OSError) as caught:
        unmount(volume.mountpoint)
    assert caught.value.errno == errno.EINVAL


def test_every_kind_of_holder_is_found_with_its_path(volume: Gocryptfs) -> None:
    top = volume.mountpoint
    (top / "dir").mkdir()
    (top / "file").write_bytes(bytes(8192))
    program = top / "program"
    program.write_bytes(Path(sys.executable).resolve().read_bytes())
    program.chmod(0o700)
    code = (
        "import mmap, os, sys\n"
        "fd = os.open('file', os.O_RDONLY)\n"
        "kept = mmap.mmap(fd, 4096, prot=mmap.PROT_READ)\n"
        "os.close(fd)\n"
        "opened = open('gone', 'w')\n"
        "os.unlink('gone')\n"
        "os.chdir('dir')\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    library = {"LD_LIBRARY_PATH": str(Path(sys.base_prefix) / "lib"), "PYTHONHOME": sys.base_prefix}
    with subprocess.Popen(
        [program, "-I", "-S", "-c", code],
        cwd=top,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **library},
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        found = {
            (held.kind, held.path) for held in holders.find_holders(top) if held.pid == holder.pid
        }
        assert found >= {
            ("exe", str(program)),
            ("cwd", str(top / "dir")),
            ("map", str(top / "file")),
        }
        assert [path for kind, path in found if kind == "open"]
        one = next(held for held in holders.find_holders(top) if held.pid == holder.pid)
        assert (one.uid, one.start > 0) == (os.geteuid(), True)
        holder.kill()
    wait_until(lambda: holders.find_holders(top) == [], what="nobody holds the mount")


def test_a_process_that_has_nothing_but_a_mapping_is_a_holder(volume: Gocryptfs) -> None:
    file = volume.mountpoint / "file"
    file.write_bytes(bytes(8192))
    with file.open("rb") as opened:
        kept = mmap.mmap(opened.fileno(), 4096, prot=mmap.PROT_READ)
        # The mapping has a descriptor of its own, which a child does not get.
        child = os.fork()
        if child == 0:
            os.closerange(0, 1 << 16)
            signal.pause()
            os._exit(0)
    kept.close()
    try:
        wait_until(
            lambda: (
                {(h.kind, h.path) for h in holders.find_holders(volume.mountpoint)}
                == {("map", str(file))}
            ),
            what="the child holds the mount by its mapping alone",
        )
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot is root's")
def test_a_process_whose_root_is_inside_is_a_holder(volume: Gocryptfs) -> None:
    code = "import os, sys; os.chroot(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, volume.mountpoint],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        kinds = {h.kind for h in holders.find_holders(volume.mountpoint) if h.pid == holder.pid}
        holder.kill()
    assert kinds == {"root"}


def test_processes_beside_and_below_the_mount_are_not_holders(volume: Gocryptfs) -> None:
    """One works in a neighbour whose name begins alike, one in the directory that is covered."""
    volume.unmount()
    neighbour = volume.mountpoint.with_name(volume.mountpoint.name + "2")
    neighbour.mkdir()
    with (
        subprocess.Popen(["sleep", "600"], cwd=neighbour) as beside,
        subprocess.Popen(["sleep", "600"], cwd=volume.mountpoint) as below,
    ):
        volume.mount()
        found = holders.find_holders(volume.mountpoint)
        beside.kill()
        below.kill()
    assert found == []


def test_holders_are_found_while_the_server_hangs(volume: Gocryptfs) -> None:
    with (volume.mountpoint / "file").open("w"), mmap.mmap(-1, 4096):
        os.kill(serving_pid(volume), signal.SIGSTOP)
        try:
            found = holders.find_holders(volume.mountpoint)
        finally:
            os.kill(serving_pid(volume), signal.SIGCONT)
    assert (os.getpid(), "open") in [(held.pid, held.kind) for held in found]


def test_where_nothing_is_mounted_nobody_holds_anything(tmp_path: Path) -> None:
    assert holders.find_holders(tmp_path) == []
