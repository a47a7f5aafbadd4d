"""What a directory of a view holds: encrypted names, and files that no plain file stands behind."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest
from openreverse import DETERMINISTIC, EME, PLAINTEXT, OpenReverse, a_config, volume_of_zeros

from vaultui.cipherfs.filesystem import ROOT
from vaultui.cipherfs.report import ReportKind
from vaultui.cipherfs.reverse import ivs
from vaultui.format.names import encode_raw

_CONF = a_config()


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return a directory with a config and a few names."""
    (tmp_path / ".gocryptfs.reverse.conf").write_bytes(_CONF)
    (tmp_path / ".gocryptfs.reverse.conf").chmod(0o400)
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "file").write_bytes(b"x")
    (tmp_path / ("l" * 200)).write_bytes(b"long")
    return tmp_path


def test_each_directory_has_its_iv_and_each_long_name_its_companion(plain: Path) -> None:
    with OpenReverse(plain) as view:
        names = view.names()
        long = view.shown("l" * 200)
        assert sorted(names) == sorted(
            [view.shown("dir"), long, long + b".name", b"gocryptfs.conf", b"gocryptfs.diriv"]
        )
        assert view.read_shown(b"gocryptfs.diriv") == ivs.dir_iv(b"")
        assert view.read_shown(view.shown("dir") + b"/gocryptfs.diriv") == ivs.dir_iv(
            view.shown("dir")
        )
        full = view.read_shown(long + b".name")
        assert long == b"gocryptfs.longname." + encode_raw(hashlib.sha256(full).digest())
        assert view.volume.names.decrypt(full, ivs.dir_iv(b"")) == b"l" * 200


def test_without_an_iv_in_each_directory_there_is_no_file_for_it(plain: Path) -> None:
    with OpenReverse(plain, volume_of_zeros(DETERMINISTIC)) as view:
        names = view.names()
        assert b"gocryptfs.diriv" not in names
        assert view.shown("l" * 200) + b".name" in names
        with pytest.raises(FileNotFoundError):
            view.find(b"gocryptfs.diriv")
        assert view.exists("dir/file")


@pytest.mark.parametrize("names", [EME, DETERMINISTIC], ids=["eme", "deterministic"])
def test_names_longer_than_the_volume_allows_are_hashed(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for length in (31, 32, 47, 48):
        (tmp_path / ("n" * length)).write_bytes(b"")
    volume = volume_of_zeros((*names, "LongNameMax"), long_name_max=64)
    with OpenReverse(tmp_path, volume) as view:
        hashed = {
            len(name): view.shown(name).startswith(b"gocryptfs.longname.")
            for name in os.listdir(tmp_path)
        }
        # 47 bytes and their padding are 64 letters of base64.
        assert hashed == {31: False, 32: False, 47: False, 48: True}
        assert all(view.exists(name) for name in os.listdir(tmp_path))


def test_the_config_is_shown_as_it_is_under_the_name_that_belongs_there(plain: Path) -> None:
    with OpenReverse(plain) as view:
        found = view.find(b"gocryptfs.conf")
        assert (stat.S_IMODE(found.mode), found.size) == (0o400, len(_CONF))
        assert found.ino == (plain / ".gocryptfs.reverse.conf").stat().st_ino
        assert view.read_shown(b"gocryptfs.conf") == _CONF
        # Not a second time, sealed.
        assert not view.exists(".gocryptfs.reverse.conf")
        with pytest.raises(FileNotFoundError):
            view.find(view.shown("dir") + b"/gocryptfs.conf")


def test_the_kernel_keeps_pages_of_what_never_changes_and_nothing_else(plain: Path) -> None:
    with OpenReverse(plain) as view:
        kept = {
            shown: view.fs.open(view.find(shown).ino, os.O_RDONLY).keep_cache
            for shown in (b"gocryptfs.diriv", b"gocryptfs.conf", view.shown("dir/file"))
        }
    assert list(kept.values()) == [True, False, False]


def test_a_new_password_shows_in_the_config(plain: Path) -> None:
    with OpenReverse(plain) as view:
        assert view.read_shown(b"gocryptfs.conf") == _CONF
        (plain / "new").write_bytes(a_config("another"))
        (plain / "new").replace(plain / ".gocryptfs.reverse.conf")
        assert view.read_shown(b"gocryptfs.conf") == a_config("another")


def test_a_link_in_the_place_of_the_config_shows_no_other_file_in_clear(plain: Path) -> None:
    conf = plain / ".gocryptfs.reverse.conf"
    with OpenReverse(plain) as view:
        (plain / "elsewhere").write_bytes(_CONF)
        (plain / "secret").write_bytes(b"secret")
        for target, shown in (("elsewhere", _CONF), ("secret", None), ("/dev/zero", None)):
            conf.unlink()
            conf.symlink_to(target)
            if shown:
                assert view.read_shown(b"gocryptfs.conf") == shown
                continue
            with pytest.raises(OSError, match=os.strerror(errno.EIO)):
                view.read_shown(b"gocryptfs.conf")
        assert view.reports[0].path == ".gocryptfs.reverse.conf"


def test_a_config_that_lies_elsewhere_is_not_shown(plain: Path) -> None:
    with OpenReverse(plain, shows_conf=False) as view:
        assert b"gocryptfs.conf" not in view.names()
        with pytest.raises(FileNotFoundError):
            view.find(b"gocryptfs.conf")
        # The file of that name is one of the user's own then.
        assert view.exists(".gocryptfs.reverse.conf")


def test_the_config_is_another_inode_than_a_hard_link_to_it_in_the_tree(plain: Path) -> None:
    os.link(plain / ".gocryptfs.reverse.conf", plain / "copy")
    with OpenReverse(plain) as view:
        assert view.attributes("copy").ino != view.find(b"gocryptfs.conf").ino
        assert view.read_shown(b"gocryptfs.conf") == _CONF
        assert view.read("copy") != _CONF


def test_plain_names_are_shown_as_they_are(plain: Path) -> None:
    with OpenReverse(plain, volume_of_zeros(PLAINTEXT)) as view:
        assert sorted(view.names()) == sorted([b"dir", b"l" * 200, b"gocryptfs.conf"])
        assert view.read_shown(b"dir/file").startswith(b"\x00\x02")
        (plain / "link").symlink_to("as it is")
        assert view.fs.readlink(view.find(b"link").ino) == b"as it is"


def test_a_file_whose_name_the_config_takes_is_listed_elsewhere_and_cannot_be_read(
    plain: Path,
) -> None:
    (plain / "gocryptfs.conf").write_bytes(b"the user's")
    with OpenReverse(plain, volume_of_zeros(PLAINTEXT)) as view:
        covered = b"gocryptfs.conf_NAME_COLLISION_0"
        assert sorted(view.names()) == sorted([b"dir", b"l" * 200, b"gocryptfs.conf", covered])
        assert view.read_shown(b"gocryptfs.conf") == _CONF
        for entry in view.fs.readdir(view.fs.opendir(ROOT), 0):
            if entry.name == covered:
                with pytest.raises(FileNotFoundError):
                    view.fs.open(entry.attributes.ino, os.O_RDONLY)
        with pytest.raises(FileNotFoundError):
            view.find(covered)
        assert view.reports[0].kind is ReportKind.CORRUPT_NAME


def test_plain_files_with_the_names_of_virtual_ones_are_encrypted_like_others(
    plain: Path,
) -> None:
    for name in ("gocryptfs.diriv", "gocryptfs.conf", "gocryptfs.longname.x.name"):
        (plain / name).write_bytes(b"the user's")
    with OpenReverse(plain) as view:
        assert view.read_shown(b"gocryptfs.diriv") == ivs.dir_iv(b"")
        assert len(view.read("gocryptfs.diriv")) == 18 + 32 + 10
        assert view.attributes("gocryptfs.diriv").ino != view.find(b"gocryptfs.diriv").ino


def test_virtual_files_have_owner_and_times_of_what_they_belong_to_and_are_younger(
    plain: Path,
) -> None:
    os.utime(plain / "dir", ns=(1_000_000_001, 2_000_000_002))
    os.utime(plain / ("l" * 200), ns=(3_000_000_003, 4_000_000_004))
    with OpenReverse(plain) as view:
        for shown, source in (
            (view.shown("dir") + b"/gocryptfs.diriv", plain / "dir"),
            (view.shown("l" * 200) + b".name", plain / ("l" * 200)),
        ):
            found, real = view.find(shown), source.stat()
            assert found.mode == stat.S_IFREG | 0o444
            assert (found.uid, found.gid, found.nlink) == (real.st_uid, real.st_gid, 1)
            assert found.mtime_ns == real.st_mtime_ns + 10_000_000_000
            assert found.ctime_ns == real.st_ctime_ns + 10_000_000_000
            assert found.atime_ns == real.st_atime_ns
            assert found.size == len(view.read_shown(shown))
            assert view.fs.getattr(found.ino).mtime_ns == found.mtime_ns
            assert view.fs.access(found.ino, os.R_OK)
            assert not view.fs.access(found.ino, os.X_OK)


def test_inode_numbers_are_those_of_the_plain_files_and_the_same_in_each_mount(
    plain: Path,
) -> None:
    numbers = []
    for order in (("dir", "l" * 200), ("l" * 200, "dir")):
        with OpenReverse(plain) as view:
            for path in order:
                assert view.attributes(path).ino == (plain / path).stat().st_ino
            numbers.append(
                [
                    view.find(shown).ino
                    for shown in (
                        b"gocryptfs.diriv",
                        view.shown("dir") + b"/gocryptfs.diriv",
                        view.shown("l" * 200) + b".name",
                    )
                ]
            )
    assert numbers[0] == numbers[1]
    assert len(set(numbers[0])) == 3


def test_hard_links_with_long_names_have_companions_of_their_own(tmp_path: Path) -> None:
    (tmp_path / ("a" * 200)).write_bytes(b"one file")
    os.link(tmp_path / ("a" * 200), tmp_path / ("b" * 200))
    with OpenReverse(tmp_path) as view:
        one, two = (view.find(view.shown(name * 200) + b".name") for name in "ab")
        assert one.ino != two.ino
        assert view.fs.getattr(one.ino).ino == one.ino


@pytest.mark.parametrize(
    "name",
    [b".Trash", b"autorun.inf", b"AAAA", b"gocryptfs.longname.x", b"gocryptfs.longname.x.name",
     b"gocryptfs.longname.jMNnWSUwn3Cuit2MEfoWxkKN-DIrmdFJDbwcdN9D5IA", b"\xff", b"x" * 255],
)  # fmt: skip
def test_a_name_that_is_none_of_the_view_is_not_there(plain: Path, name: bytes) -> None:
    with OpenReverse(plain) as view, pytest.raises(FileNotFoundError):
        view.find(name)


def test_nothing_is_found_below_a_file(plain: Path) -> None:
    with OpenReverse(plain) as view, pytest.raises(NotADirectoryError):
        view.find(view.shown("dir/file") + b"/gocryptfs.diriv")


def test_symlinks_show_the_length_of_what_they_hold(tmp_path: Path) -> None:
    for length in (1, 100, 3039, 3040, 4000):
        (tmp_path / str(length)).symlink_to("t" * length)
    with OpenReverse(tmp_path) as view:
        for length in (1, 100, 3039):
            found = view.attributes(str(length))
            assert found.size == len(view.fs.readlink(found.ino))
        for length in (3040, 4000):
            found = view.attributes(str(length))
            assert found.size == 0
            with pytest.raises(OSError, match="too long") as caught:
                view.fs.readlink(found.ino)
            assert caught.value.errno == errno.ENAMETOOLONG


def test_special_files_keep_their_kind_and_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o640)
    with OpenReverse(tmp_path) as view:
        found = view.attributes("fifo")
        assert (found.mode, found.size) == (stat.S_IFIFO | 0o640, 0)


def test_nothing_can_be_changed(plain: Path) -> None:
    with OpenReverse(plain) as view:
        ino = view.attributes("dir/file").ino
        handle = view.fs.open(ino, os.O_RDONLY).handle
        refused = [
            lambda: view.fs.open(ino, os.O_RDWR),
            lambda: view.fs.open(ino, os.O_RDONLY | os.O_TRUNC),
            lambda: view.fs.write(handle, 0, b"x"),
            lambda: view.fs.mkdir(ROOT, b"x", 0o755),
            lambda: view.fs.unlink(ROOT, b"gocryptfs.diriv"),
            lambda: view.fs.setxattr(ino, b"user.x", b""),
            lambda: view.fs.access(ino, os.W_OK),
        ]
        for call in refused:
            with pytest.raises(OSError, match="Read-only") as caught:
                call()
            assert caught.value.errno == errno.EROFS
        view.fs.fsync_job(handle, False)()
        view.fs.release(handle)


def test_a_listing_goes_on_where_it_stopped(plain: Path) -> None:
    with OpenReverse(plain) as view:
        handle = view.fs.opendir(ROOT)
        names: list[bytes] = []
        cookie = 0
        while True:
            with contextlib.closing(view.fs.readdir(handle, cookie)) as entries:
                entry = next(entries, None)
            if entry is None:
                break
            names.append(entry.name)
            cookie = entry.next_cookie
        assert names == [b".", b"..", *view.names()]


def test_open_files_are_named_by_their_shown_paths(plain: Path) -> None:
    with OpenReverse(plain) as view:
        handle = view.fs.open(view.attributes("dir/file").ino, os.O_RDONLY).handle
        (info,) = view.fs.open_files()
        assert (os.fsencode(info.path), info.handles) == (view.shown("dir/file"), 1)
        view.fs.release(handle)
        assert view.fs.open_files() == []
