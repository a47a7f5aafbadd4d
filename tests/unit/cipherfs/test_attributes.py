"""Attributes, ordinary and extended: what is set is what comes back, also from disk."""

from __future__ import annotations

import errno
import os
import stat

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs.attributes import AttributeChange
from vaultui.cipherfs.filesystem import ROOT
from vaultui.cipherfs.report import ReportKind

KINDS = ["file", "dir", "link"]


@pytest.fixture
def kinds(vault: OpenVolume) -> OpenVolume:
    """Return a volume with one entry of each kind."""
    vault.write("file", b"content")
    vault.mkdir("dir")
    vault.symlink(b"target", "link")
    return vault


@pytest.mark.parametrize("kind", KINDS)
def test_times_are_kept_to_the_nanosecond(kinds: OpenVolume, kind: str) -> None:
    changed = kinds.fs.setattr(
        kinds.ino(kind), AttributeChange(atime_ns=10**18 + 1, mtime_ns=10**18 + 2)
    )
    assert (changed.atime_ns, changed.mtime_ns) == (10**18 + 1, 10**18 + 2)
    kinds.reopen()
    found = kinds.attributes(kind)
    assert (found.atime_ns, found.mtime_ns) == (10**18 + 1, 10**18 + 2)


@pytest.mark.parametrize("kind", KINDS)
def test_one_time_can_be_set_without_the_other(kinds: OpenVolume, kind: str) -> None:
    ino = kinds.ino(kind)
    kinds.fs.setattr(ino, AttributeChange(atime_ns=10**18, mtime_ns=10**18))
    kinds.fs.setattr(ino, AttributeChange(mtime_ns=5))
    changed = kinds.fs.setattr(ino, AttributeChange(atime_ns=7))
    assert (changed.atime_ns, changed.mtime_ns) == (7, 5)


@pytest.mark.parametrize("kind", ["file", "dir"])
@pytest.mark.parametrize("mode", [0o000, 0o200, 0o400, 0o4755, 0o1777])
def test_the_mode_is_set_as_asked(kinds: OpenVolume, kind: str, mode: int) -> None:
    changed = kinds.fs.setattr(kinds.ino(kind), AttributeChange(mode=mode))
    assert stat.S_IMODE(changed.mode) == mode
    kinds.reopen()
    assert stat.S_IMODE(kinds.attributes(kind).mode) == mode


def test_a_symlink_has_no_mode_to_change(kinds: OpenVolume) -> None:
    with pytest.raises(OSError, match=r".+") as caught:
        kinds.fs.setattr(kinds.ino("link"), AttributeChange(mode=0o600))
    assert caught.value.errno == errno.EOPNOTSUPP


def test_the_size_of_a_directory_cannot_be_set(kinds: OpenVolume) -> None:
    with pytest.raises(IsADirectoryError):
        kinds.fs.setattr(kinds.ino("dir"), AttributeChange(size=0))


@pytest.mark.needs("root")
@pytest.mark.parametrize("kind", KINDS)
def test_the_owner_is_changed_without_following_a_link(kinds: OpenVolume, kind: str) -> None:
    changed = kinds.fs.setattr(kinds.ino(kind), AttributeChange(uid=12, gid=34))
    assert (changed.uid, changed.gid) == (12, 34)
    changed = kinds.fs.setattr(kinds.ino(kind), AttributeChange(gid=35))
    assert (changed.uid, changed.gid) == (12, 35)
    others = [k for k in KINDS if k != kind]
    assert all(kinds.attributes(k).uid == os.geteuid() for k in others)


def test_the_mode_given_with_an_owner_keeps_its_set_id_bits(kinds: OpenVolume) -> None:
    ino = kinds.ino("file")
    changed = kinds.fs.setattr(
        ino, AttributeChange(mode=0o6755, uid=os.geteuid(), gid=os.getegid())
    )
    assert stat.S_IMODE(changed.mode) == 0o6755


def test_a_size_and_a_time_given_together_both_hold(kinds: OpenVolume) -> None:
    changed = kinds.fs.setattr(kinds.ino("file"), AttributeChange(size=3, mtime_ns=10**18))
    assert (changed.size, changed.mtime_ns) == (3, 10**18)


def test_attributes_of_the_iv_and_of_companions_are_never_touched(vault: OpenVolume) -> None:
    vault.mkdir("d" * 200)
    vault.fs.setattr(vault.ino("d" * 200), AttributeChange(mode=0o700, mtime_ns=5))
    cipher = vault.cipher_path("d" * 200)
    for path in (cipher / "gocryptfs.diriv", cipher.with_name(cipher.name + ".name")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o444
        assert path.stat().st_mtime_ns > 10**18


def test_sizes_shown_are_those_of_the_plaintext_and_blocks_those_on_disk(
    kinds: OpenVolume,
) -> None:
    kinds.write("file", b"x" * 10_000)
    shown = kinds.attributes("file")
    backing = kinds.cipher_path("file").stat()
    assert shown.size == 10_000
    assert shown.blocks == backing.st_blocks
    assert shown.ino == backing.st_ino
    assert kinds.attributes("dir").size == kinds.cipher_path("dir").stat().st_size
    assert kinds.fs.getattr(ROOT).ino == 1


def test_access_is_that_of_the_backing_file(kinds: OpenVolume) -> None:
    fs = kinds.fs
    assert fs.access(kinds.ino("file"), os.R_OK | os.W_OK)
    assert not fs.access(kinds.ino("file"), os.X_OK)
    assert fs.access(kinds.ino("dir"), os.X_OK)
    assert fs.access(ROOT, os.R_OK | os.X_OK)
    fs.setattr(kinds.ino("file"), AttributeChange(mode=0o755))
    assert fs.access(kinds.ino("file"), os.X_OK)


@pytest.mark.needs("user-xattrs")
class TestXattrs:
    """Names and values are encrypted; lists of what is permitted are not."""

    @pytest.mark.parametrize("kind", ["file", "dir"])
    @pytest.mark.parametrize("value", [b"", b"x", bytes(range(256)), b"v" * 2000])
    def test_a_value_comes_back(self, kinds: OpenVolume, kind: str, value: bytes) -> None:
        kinds.fs.setxattr(kinds.ino(kind), b"user.name", value)
        kinds.reopen()
        assert kinds.fs.getxattr(kinds.ino(kind), b"user.name") == value
        assert kinds.fs.listxattr(kinds.ino(kind)) == [b"user.name"]

    def test_neither_name_nor_value_is_readable_on_disk(self, kinds: OpenVolume) -> None:
        kinds.fs.setxattr(kinds.ino("file"), b"user.secret-name", b"secret-value")
        path = kinds.cipher_path("file")
        (stored,) = os.listxattr(path)
        assert stored.startswith("user.gocryptfs.")
        assert "secret" not in stored
        assert b"secret" not in os.getxattr(path, stored)

    def test_create_and_replace_are_told_apart(self, kinds: OpenVolume) -> None:
        ino = kinds.ino("file")
        with pytest.raises(OSError, match=r".+") as caught:
            kinds.fs.setxattr(ino, b"user.a", b"1", os.XATTR_REPLACE)
        assert caught.value.errno == errno.ENODATA
        kinds.fs.setxattr(ino, b"user.a", b"1", os.XATTR_CREATE)
        with pytest.raises(FileExistsError):
            kinds.fs.setxattr(ino, b"user.a", b"2", os.XATTR_CREATE)
        assert kinds.fs.getxattr(ino, b"user.a") == b"1"

    def test_a_missing_attribute_is_enodata(self, kinds: OpenVolume) -> None:
        for call in (
            lambda: kinds.fs.getxattr(kinds.ino("file"), b"user.none"),
            lambda: kinds.fs.removexattr(kinds.ino("file"), b"user.none"),
        ):
            with pytest.raises(OSError, match=r".+") as caught:
                call()
            assert caught.value.errno == errno.ENODATA

    def test_a_capability_is_looked_for_only_where_it_can_mean_something(
        self, kinds: OpenVolume
    ) -> None:
        name = b"security.capability"
        kinds.fs.setxattr(kinds.ino("file"), name, b"value")
        assert kinds.fs.listxattr(kinds.ino("file")) == [name]
        with pytest.raises(OSError, match=r".+") as caught:
            kinds.fs.getxattr(kinds.ino("file"), name)
        assert caught.value.errno == errno.EOPNOTSUPP
        kinds.options["suid"] = True
        kinds.reopen()
        assert kinds.fs.getxattr(kinds.ino("file"), name) == b"value"
        kinds.fs.removexattr(kinds.ino("file"), name)
        assert kinds.fs.listxattr(kinds.ino("file")) == []

    def test_a_mount_without_attributes_shows_none_and_takes_none(self, kinds: OpenVolume) -> None:
        kinds.fs.setxattr(kinds.ino("file"), b"user.name", b"value")
        kinds.options["xattrs"] = False
        kinds.reopen()
        fs, ino = kinds.fs, kinds.ino("file")
        assert fs.listxattr(ino) == []
        for call, number in (
            (lambda: fs.getxattr(ino, b"user.name"), errno.ENODATA),
            (lambda: fs.setxattr(ino, b"user.other", b"value"), errno.EOPNOTSUPP),
            (lambda: fs.removexattr(ino, b"user.name"), errno.EOPNOTSUPP),
        ):
            with pytest.raises(OSError, match=r".+") as caught:
                call()
            assert caught.value.errno == number

    def test_foreign_attributes_are_not_shown(self, kinds: OpenVolume) -> None:
        os.setxattr(kinds.cipher_path("file"), "user.foreign", b"1")
        assert kinds.fs.listxattr(kinds.ino("file")) == []
        assert kinds.reports == []

    def test_a_name_that_cannot_be_decrypted_is_reported(self, kinds: OpenVolume) -> None:
        os.setxattr(kinds.cipher_path("file"), "user.gocryptfs.AAAA", b"1")
        assert kinds.fs.listxattr(kinds.ino("file")) == []
        assert [r.kind for r in kinds.reports] == [ReportKind.CORRUPT_METADATA]

    def test_access_lists_pass_in_the_clear(self, kinds: OpenVolume) -> None:
        # Version 2, then user::rw- group::r-- mask::r-- other::r-- and user 1000.
        acl = bytes.fromhex(
            "02000000"
            "01000600ffffffff"
            "02000400e8030000"
            "04000400ffffffff"
            "10000400ffffffff"
            "20000400ffffffff"
        )
        name = b"system.posix_acl_access"
        kinds.fs.setxattr(kinds.ino("file"), name, acl)
        assert os.getxattr(kinds.cipher_path("file"), name) == acl
        assert kinds.fs.getxattr(kinds.ino("file"), name) == acl
        assert name in kinds.fs.listxattr(kinds.ino("file"))
