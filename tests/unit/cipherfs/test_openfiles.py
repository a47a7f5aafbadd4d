"""Open files: unlinked ones, unreadable ones, many of them, and the descriptors they take."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs import filesystem
from vaultui.cipherfs.attributes import AttributeChange
from vaultui.cipherfs.filesystem import ROOT
from vaultui.model.ids import Handle


def own_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("removal", ["unlink", "replace"])
@pytest.mark.parametrize("name", ["file", "f" * 200], ids=["short", "long"])
def test_a_file_that_lost_its_name_works_on_through_its_handles(
    vault: OpenVolume, removal: str, name: str
) -> None:
    vault.write(name, b"before")
    vault.write("other", b"the other")
    ino = vault.ino(name)
    with vault.open(name) as handle:
        if removal == "unlink":
            vault.unlink(name)
        else:
            vault.rename("other", name)
        fs = vault.fs
        assert fs.getattr(ino).nlink == 0
        fs.write(handle, 6, b" and after")
        assert vault.read_handle(handle) == b"before and after"
        fs.fsync(handle, False)
        assert fs.setattr(ino, AttributeChange(size=6), handle).size == 6
        assert fs.setattr(ino, AttributeChange(size=7)).size == 7
        changed = fs.setattr(ino, AttributeChange(mode=0o600, mtime_ns=10**18 + 5), handle)
        assert (stat.S_IMODE(changed.mode), changed.mtime_ns) == (0o600, 10**18 + 5)
        again = fs.open(ino, os.O_RDONLY).handle  # what opening /proc/PID/fd/N does
        assert bytes(fs.read(again, 0, 10)) == b"before\0"
        fs.release(again)
        assert vault.read_handle(handle) == b"before\0"
    # Not ENOENT: of a name that was replaced, the kernel is to look up the new file.
    with pytest.RaisesExc(OSError, check=lambda error: error.errno == errno.ESTALE):
        vault.fs.getattr(ino)


@pytest.mark.needs("user-xattrs")
def test_attributes_of_an_unlinked_open_file_can_be_changed(vault: OpenVolume) -> None:
    vault.write("file", b"")
    ino = vault.ino("file")
    with vault.open("file"):
        vault.unlink("file")
        vault.fs.setxattr(ino, b"user.name", b"value")
        assert vault.fs.listxattr(ino) == [b"user.name"]
        assert vault.fs.getxattr(ino, b"user.name") == b"value"
        vault.fs.removexattr(ino, b"user.name")
        assert vault.fs.listxattr(ino) == []


def test_a_new_file_of_the_same_name_is_another_file(vault: OpenVolume) -> None:
    vault.write("file", b"old")
    with vault.open("file") as old:
        vault.unlink("file")
        vault.write("file", b"new")
        assert vault.read_handle(old) == b"old"
        assert vault.read("file") == b"new"
        assert vault.fs.getattr(vault.ino("file")).size == 3


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK], ids=["fifo", "socket"])
def test_a_removed_fifo_can_still_be_asked_about(vault: OpenVolume, kind: int) -> None:
    # Whoever has it open got it from the kernel, and has no handle of ours.
    ino = vault.fs.mknod(ROOT, b"fifo", kind | 0o640, 0).ino
    vault.fs.link(ino, ROOT, b"other")
    vault.unlink("fifo")
    assert vault.fs.getattr(ino).nlink == 1
    vault.unlink("other")
    found = vault.fs.getattr(ino)
    assert (found.mode, found.nlink) == (kind | 0o640, 0)
    vault.fs.mknod(ROOT, b"fifo", kind | 0o600, 0)
    assert vault.attributes("fifo").nlink == 1


def test_a_removed_open_directory_is_empty_and_takes_nothing_new(vault: OpenVolume) -> None:
    vault.mkdir("dir")
    ino = vault.ino("dir")
    vault.rmdir("dir")
    assert vault.fs.getattr(ino).nlink == 0
    with pytest.raises(OSError, match=r".+"):
        vault.fs.mkdir(ino, b"inside", 0o755)


def test_open_files_are_listed_with_their_handles_and_last_paths(vault: OpenVolume) -> None:
    vault.mkdir("dir")
    vault.write("dir/file", b"x")
    with vault.open("dir/file", os.O_RDONLY), vault.open("dir/file", os.O_RDONLY):
        vault.rename("dir", "moved")
        assert vault.fs.open_files() == [("moved/file", 2, False)]
        with vault.open("moved/file", os.O_WRONLY):
            assert vault.fs.open_files() == [("moved/file", 3, True)]
            vault.unlink("moved/file")
            assert vault.fs.open_files()[0].path.endswith("file")
    assert vault.fs.open_files() == []


def test_releasing_everything_gives_all_descriptors_back(cipherdir: Path) -> None:
    before = own_descriptors()
    vault = OpenVolume(cipherdir)
    for number in range(20):
        vault.mkdir(f"dir{number}")
        vault.write(f"dir{number}/file", b"x")
    handles = [vault.fs.open(vault.ino(f"dir{n}/file"), os.O_RDWR).handle for n in range(20)]
    vault.unlink("dir3/file")
    vault.fs.release(handles.pop())
    vault.close()
    assert own_descriptors() == before


def test_errors_while_opening_leak_no_descriptor(vault: OpenVolume) -> None:
    vault.write("file", b"x")
    vault.mkdir("dir")
    ino = vault.ino("file")
    vault.ino("dir")
    path = vault.cipher_path("file")
    before = own_descriptors()
    path.rename(path.with_name("elsewhere"))
    path.write_bytes(b"")
    for _ in range(5):
        with pytest.raises(OSError, match=r".+"):
            vault.fs.open(ino, os.O_RDONLY)
        with pytest.raises(OSError, match=r".+"):
            vault.fs.setattr(ino, AttributeChange(size=0))
        with pytest.raises(FileExistsError):
            vault.mkdir("dir")
        with pytest.raises(OSError, match=r".+"):
            vault.rmdir("missing")
    assert own_descriptors() == before


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    """Let this process have a few dozen descriptors more than it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = own_descriptors() + 60
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_knowing_many_inodes_takes_few_descriptors(few_descriptors: int, cipherdir: Path) -> None:
    vault = OpenVolume(cipherdir)
    inos = []
    for number in range(100):
        inos.append(vault.mkdir(f"d{number}").ino)
        vault.fs.release(vault.fs.create(inos[-1], b"file", 0o644, os.O_RDWR)[0].handle)
    for ino in inos:
        assert vault.fs.lookup(ino, b"file").size == 0
    assert own_descriptors() < few_descriptors
    vault.close()


def test_a_deep_path_is_reached_again_after_its_descriptors_were_closed(
    few_descriptors: int, cipherdir: Path
) -> None:
    vault = OpenVolume(cipherdir)
    ino = ROOT
    for _ in range(1200):
        ino = vault.fs.mkdir(ino, b"d", 0o755).ino
    opened, _attributes = vault.fs.create(ino, b"file", 0o644, os.O_RDWR)
    vault.fs.release(opened.handle)
    for number in range(40):
        vault.mkdir(f"other{number}")
    assert vault.fs.lookup(ino, b"file").size == 0
    assert vault.fs.path_of(ino) == "/".join(["d"] * 1200)
    # Taken down from below, as rm -r does it.
    chain = [ROOT]
    for _ in range(1200):
        chain.append(vault.fs.lookup(chain[-1], b"d").ino)
    vault.fs.unlink(chain[-1], b"file")
    for above in reversed(chain[:-1]):
        vault.fs.rmdir(above, b"d")
    assert few_descriptors
    vault.close()


def test_running_out_of_descriptors_is_an_error_that_passes(
    few_descriptors: int, cipherdir: Path
) -> None:
    vault = OpenVolume(cipherdir)
    vault.write("file", b"x")
    ino = vault.ino("file")
    handles: list[Handle] = []
    with pytest.raises(OSError, match=r".+") as caught:
        handles.extend(vault.fs.open(ino, os.O_RDONLY).handle for _ in range(few_descriptors))
    assert caught.value.errno == errno.EMFILE
    for handle in handles:
        vault.fs.release(handle)
    assert vault.read("file") == b"x"
    vault.close()


def test_a_flush_is_served_only_where_a_close_can_fail(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vault.open("file", os.O_RDWR | os.O_CREAT) as handle:
        with pytest.raises(OSError, match=r".+") as caught:
            vault.fs.flush(handle)
        assert caught.value.errno == errno.ENOSYS
    monkeypatch.setattr(filesystem, "filesystem_magic", lambda _fd: 0x6969)  # NFS
    vault.reopen()
    closed: list[int] = []
    with vault.open("file") as handle:
        monkeypatch.setattr(os, "dup", lambda fd: closed.append(fd) or 1 << 30)
        with pytest.raises(OSError, match="Bad file descriptor"):
            vault.fs.flush(handle)
        monkeypatch.undo()
    assert len(closed) == 1
