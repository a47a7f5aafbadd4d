"""Entries of directories: made, renamed, linked and removed, with short and with long names."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

import pytest
from capabilities import needs
from openvolume import OpenVolume

from vaultui.cipherfs.attributes import AttributeChange
from vaultui.cipherfs.filesystem import ROOT
from vaultui.cipherfs.metadata import staging_name
from vaultui.linux.atcalls import RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT

LONG = "l" * 200
OTHER_LONG = "m" * 255

make_entry: list[Callable[[OpenVolume, str], object]] = [
    lambda vault, path: vault.write(path, b"content"),
    lambda vault, path: vault.mkdir(path),
    lambda vault, path: vault.symlink(b"target", path),
    lambda vault, path: vault.fs.mknod(*vault.split(path), stat.S_IFIFO | 0o600, 0),
]
each_kind = pytest.mark.parametrize("make", make_entry, ids=["file", "dir", "symlink", "fifo"])
each_length = pytest.mark.parametrize("name", ["short", LONG], ids=["short", "long"])


def remove(vault: OpenVolume, path: str) -> None:
    if stat.S_ISDIR(vault.attributes(path).mode):
        vault.rmdir(path)
    else:
        vault.unlink(path)


def failure(number: int) -> pytest.RaisesExc[OSError]:
    return pytest.RaisesExc(OSError, check=lambda error: error.errno == number)


@each_kind
@each_length
def test_an_entry_is_made_found_again_and_removed_without_a_trace(
    vault: OpenVolume, make: Callable[[OpenVolume, str], object], name: str
) -> None:
    make(vault, name)
    assert len(vault.raw_entries()) == (2 if name == LONG else 1)
    vault.reopen()
    assert vault.list() == [name]
    remove(vault, name)
    assert vault.list() == []
    assert vault.raw_entries() == set()


@each_kind
@pytest.mark.parametrize("old", ["short", LONG], ids=["short", "long"])
@pytest.mark.parametrize("new", ["other", OTHER_LONG], ids=["to-short", "to-long"])
def test_a_renamed_entry_has_its_new_name_alone(
    vault: OpenVolume, make: Callable[[OpenVolume, str], object], old: str, new: str
) -> None:
    vault.mkdir("dir")
    make(vault, old)
    vault.rename(old, f"dir/{new}")
    vault.reopen()
    assert vault.list() == ["dir"]
    assert vault.list("dir") == [new]
    assert len(vault.raw_entries("dir")) == (2 if new == OTHER_LONG else 1)
    assert len(vault.raw_entries()) == 1


@each_length
def test_a_file_takes_the_place_of_another(vault: OpenVolume, name: str) -> None:
    vault.write("source", b"new")
    vault.write(name, b"old")
    vault.rename("source", name)
    assert vault.list() == [name]
    assert vault.read(name) == b"new"
    vault.reopen()
    assert vault.read(name) == b"new"


@each_length
def test_a_directory_takes_the_place_of_an_empty_one(vault: OpenVolume, name: str) -> None:
    vault.mkdir("source")
    vault.write("source/file", b"x")
    vault.mkdir(name)
    vault.rename("source", name)
    vault.reopen()
    assert vault.list() == [name]
    assert vault.read(f"{name}/file") == b"x"


def test_a_directory_with_content_is_not_replaced(vault: OpenVolume) -> None:
    vault.mkdir("source")
    vault.mkdir("target")
    vault.write("target/file", b"x")
    with failure(errno.ENOTEMPTY):
        vault.rename("source", "target")
    vault.reopen()
    assert vault.list() == ["source", "target"]
    assert vault.read("target/file") == b"x"


def test_a_refused_replacement_of_an_empty_directory_leaves_it_usable(vault: OpenVolume) -> None:
    vault.write("file", b"x")
    vault.mkdir("target")
    with failure(errno.EISDIR):
        vault.rename("file", "target")
    vault.reopen()
    vault.write("target/inside", b"y")
    assert vault.list() == ["file", "target"]


@each_length
def test_noreplace_refuses_and_keeps_both(vault: OpenVolume, name: str) -> None:
    vault.write("source", b"s")
    vault.write(name, b"t")
    with failure(errno.EEXIST):
        vault.rename("source", name, RENAME_NOREPLACE)
    vault.reopen()
    assert (vault.read("source"), vault.read(name)) == (b"s", b"t")
    vault.unlink(name)
    vault.rename("source", name, RENAME_NOREPLACE)
    assert vault.read(name) == b"s"


@pytest.mark.parametrize("one", ["short", LONG])
@pytest.mark.parametrize("two", ["other", OTHER_LONG])
def test_exchanged_entries_keep_their_content_and_both_names(
    vault: OpenVolume, one: str, two: str
) -> None:
    vault.write(one, b"file")
    vault.mkdir(two)
    vault.write(f"{two}/inside", b"below")
    vault.rename(one, two, RENAME_EXCHANGE)
    assert vault.read(two) == b"file"
    assert vault.read(f"{one}/inside") == b"below"
    vault.reopen()
    assert vault.list() == sorted([one, two])
    assert vault.read(two) == b"file"


def test_other_flags_of_rename_are_refused(vault: OpenVolume) -> None:
    vault.write("file", b"")
    for flags in (RENAME_EXCHANGE | RENAME_NOREPLACE, RENAME_EXCHANGE | RENAME_WHITEOUT, 8):
        with failure(errno.EINVAL):
            vault.rename("file", "other", flags)


@needs("root")
@pytest.mark.parametrize("old", ["short", LONG], ids=["short", "long"])
@pytest.mark.parametrize("flags", [RENAME_WHITEOUT, RENAME_WHITEOUT | RENAME_NOREPLACE])
def test_a_whiteout_takes_the_place_of_what_was_renamed(
    vault: OpenVolume, old: str, flags: int
) -> None:
    vault.write(old, b"x")
    if not flags & RENAME_NOREPLACE:
        vault.write("new", b"y")
    vault.rename(old, "new", flags)
    vault.reopen()
    assert vault.list() == sorted([old, "new"])
    assert vault.read("new") == b"x"
    whiteout = vault.attributes(old)
    assert (stat.S_IFMT(whiteout.mode), whiteout.rdev) == (stat.S_IFCHR, 0)


def test_renaming_a_long_name_to_itself_keeps_it(vault: OpenVolume) -> None:
    vault.write(LONG, b"x")
    vault.fs.rename(ROOT, LONG.encode(), ROOT, LONG.encode(), 0)
    vault.reopen()
    assert vault.read(LONG) == b"x"


def test_renaming_one_name_of_a_file_to_another_of_its_names_keeps_both(
    vault: OpenVolume,
) -> None:
    vault.write(LONG, b"x")
    vault.fs.link(vault.ino(LONG), ROOT, OTHER_LONG.encode())
    vault.reopen()  # the nodes are not known now
    vault.fs.rename(ROOT, LONG.encode(), ROOT, OTHER_LONG.encode(), 0)
    vault.reopen()
    assert vault.list() == [LONG, OTHER_LONG]


@each_length
def test_a_hard_link_is_the_same_file_under_both_names(vault: OpenVolume, name: str) -> None:
    vault.write("file", b"x")
    linked = vault.fs.link(vault.ino("file"), ROOT, os.fsencode(name))
    assert linked.nlink == 2
    assert linked.ino == vault.ino("file") == vault.ino(name)
    vault.write(name, b"changed")
    vault.unlink("file")
    assert vault.read(name) == b"changed"
    assert vault.attributes(name).nlink == 1


@each_length
def test_making_what_is_there_is_refused_and_changes_nothing(vault: OpenVolume, name: str) -> None:
    vault.write(name, b"x")
    parent = ROOT, os.fsencode(name)
    for again in (
        lambda: vault.fs.mkdir(*parent, 0o755),
        lambda: vault.fs.symlink(*parent, b"t"),
        lambda: vault.fs.mknod(*parent, stat.S_IFREG | 0o644, 0),
        lambda: vault.fs.create(*parent, 0o644, os.O_RDWR | os.O_EXCL),
    ):
        with failure(errno.EEXIST):
            again()
    vault.reopen()
    assert vault.read(name) == b"x"


def test_of_a_file_made_behind_our_back_the_kernel_hears_before_it_is_opened(
    vault: OpenVolume,
) -> None:
    vault.write("file", b"x")
    with failure(errno.ESTALE):
        vault.fs.create(ROOT, b"file", 0o644, os.O_RDWR | os.O_TRUNC)
    assert vault.read("file") == b"x"
    assert not vault.fs.open_files()


def test_a_name_that_is_too_long_or_impossible_is_refused(vault: OpenVolume) -> None:
    with failure(errno.ENAMETOOLONG):
        vault.mkdir("x" * 256)
    with failure(errno.EINVAL):
        vault.fs.mkdir(ROOT, b"", 0o755)
    assert vault.raw_entries() == set()


@pytest.mark.parametrize(
    "name", ["gocryptfs.conf", "gocryptfs.diriv", "gocryptfs.longname.x", "ümlaut", "a,b\\c", "-x"]
)
def test_any_plain_name_is_free_for_users(vault: OpenVolume, name: str) -> None:
    vault.write(name, b"x")
    vault.reopen()
    assert vault.list() == [name]


def test_names_of_bytes_that_are_not_utf8_survive(vault: OpenVolume) -> None:
    vault.fs.mkdir(ROOT, b"\xff\xfe\x80", 0o755)
    vault.reopen()
    assert vault.list() == [os.fsdecode(b"\xff\xfe\x80")]


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o555, 0o500, 0o300, 0o000, 0o1777, 0o1333])
def test_a_directory_gets_exactly_the_mode_it_is_made_with(vault: OpenVolume, mode: int) -> None:
    made = vault.mkdir("dir", mode)
    assert stat.S_IMODE(made.mode) == mode
    vault.reopen()
    assert stat.S_IMODE(vault.attributes("dir").mode) == mode
    vault.rmdir("dir")
    assert vault.raw_entries() == set()


def test_a_directory_inherits_the_group_bit(vault: OpenVolume) -> None:
    vault.mkdir("shared")
    vault.fs.setattr(vault.ino("shared"), AttributeChange(mode=0o2775))
    for mode in (0o755, 0o555):
        assert stat.S_IMODE(vault.mkdir(f"shared/{mode:o}", mode).mode) == mode | stat.S_ISGID


@needs("user-xattrs")
def test_a_default_list_decides_what_group_and_others_may(vault: OpenVolume) -> None:
    # Version 2, then user::rwx group::r-x other::---.
    acl = bytes.fromhex("0200000001000700ffffffff04000500ffffffff20000000ffffffff")
    vault.mkdir("shared")
    vault.fs.setxattr(vault.ino("shared"), b"system.posix_acl_default", acl)
    assert stat.S_IMODE(vault.mkdir("shared/below", 0o777).mode) == 0o750
    assert stat.S_IMODE(vault.mkdir("shared/sealed", 0o577).mode) == 0o550


def test_a_directory_with_content_is_not_removed(vault: OpenVolume) -> None:
    vault.mkdir("dir", 0o755)
    vault.write(f"dir/{LONG}", b"x")
    with failure(errno.ENOTEMPTY):
        vault.rmdir("dir")
    vault.reopen()
    assert vault.read(f"dir/{LONG}") == b"x"


def test_a_directory_that_could_not_be_removed_has_its_iv_and_mode_again(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.mkdir("dir", 0o500)
    inside = vault.cipher_path("dir")

    def refuse(*_args: object, **_kwargs: object) -> None:
        number = errno.ENOTEMPTY if inside.exists() else errno.EBUSY
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        with failure(errno.EBUSY):
            vault.rmdir("dir")
    vault.reopen()
    assert stat.S_IMODE(vault.attributes("dir").mode) == 0o500
    assert vault.list("dir") == []
    assert len(vault.raw_entries()) == 1


def test_what_crashes_left_in_an_empty_directory_does_not_keep_it(vault: OpenVolume) -> None:
    vault.mkdir("dir")
    path = vault.cipher_path("dir")
    path.joinpath("gocryptfs.diriv.rmdir.123").write_bytes(bytes(16))
    path.joinpath("gocryptfs.longname." + "A" * 43 + ".name").write_bytes(b"stray")
    assert vault.list("dir") == []
    vault.rmdir("dir")
    assert vault.list() == []


def test_a_half_removed_directory_with_a_stray_name_does_not_keep_the_one_above(
    vault: OpenVolume,
) -> None:
    # As storage leaves it that does not keep the order of what was done before a power cut.
    vault.mkdir("dir")
    vault.mkdir("dir/below")
    staged = vault.cipher_path("dir") / os.fsdecode(staging_name())
    vault.cipher_path("dir/below").rename(staged)
    (staged / ("gocryptfs.longname." + "A" * 43 + ".name")).write_bytes(b"stray")
    vault.reopen()
    assert vault.list("dir") == []
    vault.rmdir("dir")
    assert vault.raw_entries() == set()


def test_a_directory_that_never_got_its_iv_can_be_removed(vault: OpenVolume) -> None:
    vault.mkdir("dir")
    vault.cipher_path("dir").joinpath("gocryptfs.diriv").unlink()
    vault.reopen()
    vault.rmdir("dir")
    assert vault.raw_entries() == set()


@pytest.mark.parametrize("failing", ["open", "fchmod"])
def test_a_directory_that_cannot_be_furnished_is_not_left_behind(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    real_open = os.open

    def refuse_iv(path: object, flags: int, *args: int, **kwargs: int) -> int:
        if path == b"gocryptfs.diriv" and flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "full")
        return real_open(path, flags, *args, **kwargs)  # type: ignore[arg-type]

    def refuse(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, refuse_iv if failing == "open" else refuse)
        with failure(errno.ENOSPC):
            vault.mkdir(LONG, 0o500)
    assert vault.raw_entries() == set()


@each_kind
def test_a_long_name_whose_entry_cannot_be_made_leaves_no_companion(
    vault: OpenVolume,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[OpenVolume, str], object],
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    real_open = os.open

    def refuse_file(path: object, flags: int, *args: int, **kwargs: int) -> int:
        if flags & os.O_CREAT and isinstance(path, bytes) and not path.endswith(b".name"):
            raise OSError(errno.ENOSPC, "full")
        return real_open(path, flags, *args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        for name in ("mkdir", "symlink", "mknod"):
            patch.setattr(os, name, refuse)
        patch.setattr(os, "open", refuse_file)
        with failure(errno.ENOSPC):
            make(vault, LONG)
    assert vault.raw_entries() == set()


def test_a_torn_companion_from_a_crash_is_replaced(vault: OpenVolume) -> None:
    vault.write(LONG, b"x")
    hashed = vault.cipher_path(LONG)
    hashed.unlink()
    beside = hashed.with_name(hashed.name + ".name")
    beside.unlink()
    beside.write_bytes(b"")
    vault.reopen()
    vault.write(LONG, b"again")
    vault.reopen()
    assert vault.list() == [LONG]
    assert vault.read(LONG) == b"again"


@pytest.mark.parametrize("length", [1, 15, 16, 17, 18, 100, 1000])
def test_a_symlink_shows_its_plaintext_length_at_once(vault: OpenVolume, length: int) -> None:
    target = b"t" * length
    made = vault.symlink(target, "link")
    assert made.size == length
    assert vault.fs.readlink(made.ino) == target
    vault.reopen()
    assert vault.attributes("link").size == length
    assert vault.fs.readlink(vault.ino("link")) == target


def test_a_target_that_does_not_fit_when_sealed_is_refused(vault: OpenVolume) -> None:
    with failure(errno.ENAMETOOLONG):
        vault.symlink(b"t" * 4000, LONG)
    assert vault.raw_entries() == set()


def test_a_read_only_file_system_refuses_every_change(vault: OpenVolume) -> None:
    vault.write("file", b"x")
    vault.options["read_only"] = True
    vault.reopen()
    ino = vault.ino("file")
    fs = vault.fs
    for change in (
        lambda: fs.create(ROOT, b"n", 0o644, os.O_RDWR),
        lambda: fs.open(ino, os.O_WRONLY),
        lambda: fs.open(ino, os.O_RDONLY | os.O_TRUNC),
        lambda: fs.mkdir(ROOT, b"n", 0o755),
        lambda: fs.mknod(ROOT, b"n", stat.S_IFREG, 0),
        lambda: fs.symlink(ROOT, b"n", b"t"),
        lambda: fs.link(ino, ROOT, b"n"),
        lambda: fs.unlink(ROOT, b"file"),
        lambda: fs.rmdir(ROOT, b"file"),
        lambda: fs.rename(ROOT, b"file", ROOT, b"n", 0),
        lambda: fs.setxattr(ino, b"user.a", b"b"),
        lambda: fs.removexattr(ino, b"user.a"),
        lambda: fs.access(ino, os.W_OK),
        lambda: vault.truncate("file", 0),
    ):
        with failure(errno.EROFS):
            change()
    assert vault.read("file") == b"x"
