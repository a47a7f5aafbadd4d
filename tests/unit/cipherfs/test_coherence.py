"""The cipher directory is not ours alone: what a sync client changes in it is met as it is.

A `coherence_s` of a nanosecond stands for the second that passes between a change and its being
seen.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs.attributes import AttributeChange


@pytest.fixture
def two(cipherdir: Path) -> tuple[OpenVolume, OpenVolume]:
    """Return one volume opened twice: ours, and that of another machine."""
    ours = OpenVolume(cipherdir, coherence_s=1e-9)
    theirs = OpenVolume(cipherdir, coherence_s=1e-9)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_replaced_file_is_read_anew_and_its_pages_are_dropped(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.write("file", b"ours")
    assert ours.read("file") == b"ours"
    theirs.write("temporary", b"theirs, and longer")
    theirs.rename("temporary", "file")
    opened = ours.fs.open(ours.ino("file"), os.O_RDONLY)
    assert not opened.keep_cache
    assert bytes(ours.fs.read(opened.handle, 0, 100)) == b"theirs, and longer"


def test_a_file_that_is_open_stays_the_old_one_when_it_is_replaced(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.write("file", b"old")
    with ours.open("file") as handle:
        theirs.write("temporary", b"new")
        theirs.rename("temporary", "file")
        ours.fs.write(handle, 3, b" and older")
        assert ours.read_handle(handle) == b"old and older"
    assert ours.read("file") == b"new"


def test_a_file_rewritten_in_place_under_an_open_handle_is_read_right(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.write("file", b"ours " * 2000)
    with ours.open("file") as handle:
        assert ours.read_handle(handle) == b"ours " * 2000
        theirs.write("file", b"theirs " * 2000, flags=os.O_TRUNC)
        assert ours.read_handle(handle) == b"theirs " * 2000
    assert ours.reports == []


def test_a_write_to_a_file_rewritten_in_place_can_be_read_by_both(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.write("file", b"o" * 10_000)
    with ours.open("file") as handle:
        assert ours.read_handle(handle)
        theirs.write("file", b"t" * 10_000, flags=os.O_TRUNC)
        ours.fs.write(handle, 4096, b"w" * 4096)
        ours.fs.write(handle, 9000, b"x")
    expected = b"t" * 4096 + b"w" * 4096 + b"t" * (9000 - 8192) + b"x" + b"t" * 999
    assert theirs.read("file") == expected
    assert ours.read("file") == expected


def test_a_file_with_the_number_of_a_replaced_one_is_not_taken_for_it(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.write("report", b"report")
    old = ours.attributes("report")
    theirs.write("temporary", b"newer report")
    theirs.rename("temporary", "report")
    theirs.reopen()
    numbers = set()
    for name in (f"file{number}" for number in range(50)):
        theirs.write(name, name.encode())
        found = ours.attributes(name)
        if found.stat.st_ino == old.stat.st_ino:
            assert (found.ino, found.generation) != (old.ino, old.generation)
        numbers.add((found.ino, found.generation))
    assert len(numbers) == 50


def test_a_line_appended_on_both_sides_keeps_both(two: tuple[OpenVolume, OpenVolume]) -> None:
    ours, theirs = two
    ours.write("log", b"1\n")
    with ours.open("log", os.O_WRONLY | os.O_APPEND) as handle:
        theirs.write("log", b"2\n", 2, flags=os.O_APPEND)
        ours.fs.write(handle, 2, b"3\n")
    assert ours.read("log") == b"1\n2\n3\n"


def test_the_first_line_appended_on_both_sides_keeps_both(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.write("log", b"")
    with ours.open("log", os.O_WRONLY | os.O_APPEND) as handle:
        theirs.write("log", b"1\n", flags=os.O_APPEND)
        ours.fs.write(handle, 0, b"2\n")
    assert ours.read("log") == b"1\n2\n"


def test_pages_live_over_an_open_only_while_nobody_else_wrote(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.write("file", b"content")
    assert ours.fs.open(ours.ino("file"), os.O_RDONLY).keep_cache
    theirs.write("file", b"CONTENT")
    # The clock of file times may not have moved since our write.
    path = ours.cipher_path("file")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))
    assert not ours.fs.open(ours.ino("file"), os.O_RDONLY).keep_cache
    assert ours.fs.open(ours.ino("file"), os.O_RDONLY).keep_cache


def test_our_own_change_of_attributes_keeps_the_pages(vault: OpenVolume) -> None:
    vault.write("file", b"content")
    vault.fs.open(vault.ino("file"), os.O_RDONLY)
    vault.fs.setattr(vault.ino("file"), AttributeChange(mode=0o600, mtime_ns=10**18))
    assert vault.fs.open(vault.ino("file"), os.O_RDONLY).keep_cache


def test_a_directory_moved_on_another_machine_is_found_where_it_is(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.mkdir("a")
    ours.mkdir("a/b")
    ours.write("a/b/file", b"x")
    assert ours.read("a/b/file") == b"x"
    theirs.rename("a/b", "c")
    assert not ours.exists("a/b")
    assert ours.read("c/file") == b"x"
    assert ours.list("a") == []


def test_a_replaced_iv_is_noticed(two: tuple[OpenVolume, OpenVolume]) -> None:
    ours, theirs = two
    ours.mkdir("dir")
    ours.write("dir/old", b"x")
    cipher = ours.cipher_path("dir")
    theirs.mkdir("other")
    theirs.write("other/new", b"y")
    other = theirs.cipher_path("other")
    # What a restored backup does: the content of one directory goes, that of another comes.
    for path in cipher.iterdir():
        path.unlink()
    for path in other.iterdir():
        shutil.move(path, cipher)
    assert ours.list("dir") == ["new"]
    assert ours.read("dir/new") == b"y"
    ours.write("dir/newest", b"z")
    assert theirs.list("dir") == ["new", "newest"]


def test_a_new_name_uses_the_iv_of_this_moment(cipherdir: Path) -> None:
    ours = OpenVolume(cipherdir, coherence_s=3600.0)
    ours.mkdir("dir")
    ours.list("dir")
    iv = ours.cipher_path("dir") / "gocryptfs.diriv"
    iv.chmod(0o600)
    iv.write_bytes(b"i" * 16)
    ours.write("dir/file", b"x")
    ours.reopen()
    assert ours.list("dir") == ["file"]
    ours.close()


def test_a_name_that_leads_to_another_inode_is_stale(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.write("file", b"x")
    ino = ours.ino("file")
    theirs.write("temporary", b"y")
    theirs.rename("temporary", "file")
    for call in (
        lambda: ours.fs.getattr(ino),
        lambda: ours.fs.open(ino, os.O_RDONLY),
        lambda: ours.fs.setattr(ino, AttributeChange(mode=0o600)),
        lambda: ours.fs.setattr(ino, AttributeChange(size=0)),
        lambda: ours.fs.setxattr(ino, b"user.a", b"b"),
    ):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.ESTALE
    assert theirs.read("file") == b"y"


def test_a_fifo_in_the_place_of_a_file_does_not_stop_us(vault: OpenVolume) -> None:
    vault.write("file", b"x")
    ino = vault.ino("file")
    path = vault.cipher_path("file")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError) as caught:
        vault.fs.open(ino, os.O_RDONLY)
    assert caught.value.errno == errno.ESTALE


def test_a_symlink_in_the_place_of_a_file_or_directory_is_not_followed(
    vault: OpenVolume, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"untouched")
    (outside / "file").chmod(0o644)
    vault.write("file", b"x")
    vault.mkdir("dir")
    file_ino, dir_ino = vault.ino("file"), vault.ino("dir")
    for name, target in (("file", outside / "file"), ("dir", outside)):
        path = vault.cipher_path(name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(target)
    for call in (
        lambda: vault.fs.open(file_ino, os.O_RDWR | os.O_TRUNC),
        lambda: vault.fs.setattr(file_ino, AttributeChange(size=0)),
        lambda: vault.fs.setattr(file_ino, AttributeChange(mode=0o777)),
    ):
        with pytest.raises(OSError, match=r".+") as caught:
            call()
        # At which the kernel looks again, and finds the link.
        assert caught.value.errno == errno.ESTALE
    vault.reopen()
    with pytest.raises(OSError, match=r".+"):
        vault.fs.opendir(vault.fs.lookup(vault.ino(""), b"dir").ino)
    assert (outside / "file").read_bytes() == b"untouched"
    assert (outside / "file").stat().st_mode & 0o777 == 0o644
    assert dir_ino


def test_a_directory_that_was_replaced_is_no_damage_but_stale(
    two: tuple[OpenVolume, OpenVolume],
) -> None:
    ours, theirs = two
    ours.mkdir("dir")
    ours.write("dir/old", b"x")
    old = ours.ino("dir")
    handle = ours.fs.opendir(old)
    theirs.unlink("dir/old")
    theirs.rmdir("dir")
    theirs.mkdir("dir")
    theirs.write("dir/new", b"y")
    for call in (
        lambda: ours.fs.lookup(old, b"old"),
        lambda: ours.fs.create(old, b"new", 0o644, os.O_RDWR),
        lambda: ours.fs.opendir(old),
        lambda: list(ours.fs.readdir(handle, 0)),
    ):
        with pytest.raises(OSError, match=r".+") as caught:
            call()
        assert caught.value.errno == errno.ESTALE
    assert ours.reports == []
    assert ours.read("dir/new") == b"y"


def test_what_has_become_something_else_is_stale_and_no_error_of_the_path(
    vault: OpenVolume,
) -> None:
    for name in ("file", "other"):
        vault.write(name, b"x")
    vault.symlink(b"target", "link")
    vault.mkdir("dir")
    vault.write("dir/inner", b"x")
    inodes = {name: vault.ino(name) for name in ("file", "other", "link", "dir/inner")}
    vault.fs.setattr(vault.ino("dir"), AttributeChange(mode=0o755))  # its descriptor is closed
    for name, make in (
        ("file", lambda path: path.symlink_to("x")),
        ("other", Path.mkdir),
        ("link", lambda path: path.write_bytes(b"")),
        ("dir", lambda path: path.write_bytes(b"")),
    ):
        path = vault.cipher_path(name)
        shutil.rmtree(path) if name == "dir" else path.unlink()
        make(path)
    for call in (
        lambda: vault.fs.open(inodes["file"], os.O_RDONLY),
        lambda: vault.fs.open(inodes["other"], os.O_RDWR),
        lambda: vault.fs.readlink(inodes["link"]),
        lambda: vault.fs.getattr(inodes["dir/inner"]),
    ):
        with pytest.raises(OSError, match=r".+") as caught:
            call()
        assert caught.value.errno == errno.ESTALE


def test_hidden_files_of_a_sync_client_are_no_alarm(vault: OpenVolume) -> None:
    vault.write("file", b"x")
    name = vault.cipher_path("file").name
    (vault.cipherdir / ".stfolder").mkdir()
    for hidden in (f".syncthing.{name}.tmp", f".{name}.~1a2b", ".nextcloudsync.log", ".DS_Store"):
        (vault.cipherdir / hidden).write_bytes(b"")
    assert vault.list() == ["file"]
    assert vault.reports == []
    (vault.cipherdir / "readme").write_bytes(b"")
    assert vault.list() == ["file"]
    assert len(vault.reports) == 1


def test_an_iv_that_arrives_after_the_files_is_waited_for_and_never_made_up(
    vault: OpenVolume,
) -> None:
    vault.mkdir("dir")
    vault.write("dir/file", b"x")
    iv = vault.cipher_path("dir") / "gocryptfs.diriv"
    vault.options["coherence_s"] = 0.0
    vault.reopen()
    iv.rename(iv.with_name(".syncthing.gocryptfs.diriv.tmp"))
    for call in (
        lambda: vault.list("dir"),
        lambda: vault.read("dir/file"),
        lambda: vault.write("dir/new", b"y"),
    ):
        with pytest.raises(OSError, match=r".+") as caught:
            call()
        assert caught.value.errno == errno.EIO
    assert vault.list() == ["dir"]
    iv.with_name(".syncthing.gocryptfs.diriv.tmp").rename(iv)
    assert vault.list("dir") == ["file"]
    assert vault.read("dir/file") == b"x"
