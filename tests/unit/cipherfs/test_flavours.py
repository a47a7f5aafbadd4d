"""What is special about each way of naming, on disk and in the mount."""

from __future__ import annotations

import base64
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from openvolume import FLAVOURS, OpenVolume

from vaultui.cipherfs.filesystem import ROOT, Entry

LONG = "l" * 200


def failure(number: int) -> pytest.RaisesExc[OSError]:
    return pytest.RaisesExc(OSError, check=lambda error: error.errno == number)


def opened(name: str, tmp_path: Path) -> OpenVolume:
    cipherdir = tmp_path / "cipher"
    return OpenVolume(cipherdir, FLAVOURS[name].create(cipherdir))


@pytest.fixture
def deterministic(tmp_path: Path) -> Iterator[OpenVolume]:
    vault = opened("xchacha-deterministic", tmp_path)
    yield vault
    vault.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[OpenVolume]:
    vault = opened("plaintextnames", tmp_path)
    (vault.cipherdir / "gocryptfs.conf").write_bytes(b"{}")
    yield vault
    vault.close()


@pytest.fixture
def padded(tmp_path: Path) -> Iterator[OpenVolume]:
    vault = opened("0.6", tmp_path)
    yield vault
    vault.close()


@pytest.fixture
def shortened(tmp_path: Path) -> Iterator[OpenVolume]:
    vault = opened("longnamemax-62", tmp_path)
    yield vault
    vault.close()


class TestDeterministic:
    def test_equal_names_are_equal_everywhere(self, deterministic: OpenVolume) -> None:
        deterministic.mkdir("dir")
        deterministic.write("dir/name", b"x")
        deterministic.write("name", b"y")
        assert deterministic.cipher_path("dir/name").name == deterministic.cipher_path("name").name

    def test_no_directory_has_an_iv(self, deterministic: OpenVolume) -> None:
        deterministic.mkdir("dir", 0o500)
        deterministic.mkdir("empty")
        deterministic.rename("dir", "empty")
        deterministic.mkdir(f"empty/{LONG}")
        found = [path.name for path in deterministic.cipherdir.rglob("*")]
        assert "gocryptfs.diriv" not in found
        assert len(found) == 3
        assert stat.S_IMODE(deterministic.attributes("empty").mode) == 0o500

    def test_an_iv_that_strayed_in_is_a_name_that_cannot_be_decrypted(
        self, deterministic: OpenVolume
    ) -> None:
        deterministic.mkdir("dir")
        (deterministic.cipher_path("dir") / "gocryptfs.diriv").write_bytes(bytes(16))
        assert deterministic.list("dir") == []
        assert [report.path for report in deterministic.reports] == ["dir/gocryptfs.diriv"]
        with failure(errno.ENOTEMPTY):
            deterministic.rmdir("dir")

    def test_companions_that_strayed_do_not_keep_a_directory(
        self, deterministic: OpenVolume
    ) -> None:
        for name in ("dir", "other"):
            deterministic.mkdir(name, 0o500)
            stray = "gocryptfs.longname." + "A" * 43 + ".name"
            (deterministic.cipher_path(name) / stray).write_bytes(b"stray")
        deterministic.rename("dir", "other")
        deterministic.rmdir("other")
        assert deterministic.raw_entries() == set()

    def test_a_path_is_translated_in_both_directions(self, deterministic: OpenVolume) -> None:
        deterministic.mkdir(LONG)
        path = f"{LONG}/new".encode()
        assert deterministic.fs.decrypt_path(deterministic.fs.encrypt_path(path)) == path


class TestPlaintext:
    def test_names_and_targets_lie_on_disk_as_they_are(self, plain: OpenVolume) -> None:
        plain.mkdir("dir")
        plain.write(f"dir/{'x' * 255}", b"secret")
        assert plain.symlink(b"../target", "dir/link").size == len("../target")
        plain.reopen()
        on_disk = plain.cipherdir / "dir"
        assert sorted(os.listdir(on_disk)) == ["link", "x" * 255]
        assert os.readlink(on_disk / "link") == "../target"
        assert plain.attributes("dir/link").size == len("../target")
        assert plain.fs.readlink(plain.ino("dir/link")) == b"../target"
        assert b"secret" not in (on_disk / ("x" * 255)).read_bytes()

    def test_the_config_can_neither_be_seen_nor_touched(self, plain: OpenVolume) -> None:
        plain.mkdir("dir")
        plain.write("file", b"x")
        ino, fs = plain.ino("file"), plain.fs
        name = b"gocryptfs.conf"
        assert plain.list() == ["dir", "file"]
        for call in (
            lambda: fs.lookup(ROOT, name),
            lambda: fs.create(ROOT, name, 0o644, os.O_RDWR),
            lambda: fs.mkdir(ROOT, name, 0o755),
            lambda: fs.mknod(ROOT, name, stat.S_IFREG | 0o644, 0),
            lambda: fs.symlink(ROOT, name, b"target"),
            lambda: fs.link(ino, ROOT, name),
            lambda: fs.unlink(ROOT, name),
            lambda: fs.rmdir(ROOT, name),
            lambda: fs.rename(ROOT, name, ROOT, b"other", 0),
            lambda: fs.rename(ROOT, b"file", ROOT, name, 0),
        ):
            with failure(errno.EPERM):
                call()
        assert (plain.cipherdir / "gocryptfs.conf").read_bytes() == b"{}"

    def test_below_the_root_that_name_is_like_any_other(self, plain: OpenVolume) -> None:
        plain.mkdir("dir")
        plain.write("dir/gocryptfs.conf", b"x")
        plain.reopen()
        assert plain.list("dir") == ["gocryptfs.conf"]
        assert plain.read("dir/gocryptfs.conf") == b"x"

    @pytest.mark.parametrize(
        "name", ["gocryptfs.diriv", "gocryptfs.longname.x", "gocryptfs.longname.x.name", "\udcff"]
    )
    def test_no_other_name_is_reserved(self, plain: OpenVolume, name: str) -> None:
        plain.mkdir("dir")
        plain.write(f"dir/{name}", b"x")
        plain.write(name, b"y")
        plain.reopen()
        assert plain.list("dir") == [name]
        assert plain.list() == ["dir", name]
        with failure(errno.ENOTEMPTY):
            plain.rmdir("dir")
        plain.unlink(name)
        plain.rename(f"dir/{name}", "other")
        plain.rmdir("dir")
        assert plain.raw_entries() == {"other"}

    @needs("user-xattrs")
    def test_attributes_are_encrypted_all_the_same(self, plain: OpenVolume) -> None:
        plain.write("file", b"")
        plain.fs.setxattr(plain.ino("file"), b"user.name", b"value")
        (stored,) = os.listxattr(plain.cipherdir / "file")
        assert stored.startswith("user.gocryptfs.")
        assert stored.endswith("=")  # padded, although nothing else in the volume is
        assert b"value" not in os.getxattr(plain.cipherdir / "file", stored)
        assert plain.fs.listxattr(plain.ino("file")) == [b"user.name"]
        assert plain.fs.getxattr(plain.ino("file"), b"user.name") == b"value"

    def test_a_path_is_its_own_translation(self, plain: OpenVolume) -> None:
        assert plain.fs.encrypt_path(b"not/there") == b"not/there"
        assert plain.fs.decrypt_path(b"gocryptfs.longname.x.name") == b"gocryptfs.longname.x.name"


class TestShortened:
    @pytest.mark.parametrize(("length", "files"), [(31, 1), (32, 2), (255, 2)])
    def test_names_beyond_the_limit_have_a_companion(
        self, shortened: OpenVolume, length: int, files: int
    ) -> None:
        shortened.write("n" * length, b"x")
        assert len(shortened.raw_entries()) == files
        assert max(map(len, shortened.raw_entries())) <= 62 + len(".name")
        shortened.reopen()
        assert shortened.list() == ["n" * length]
        shortened.rename("n" * length, "short")
        assert len(shortened.raw_entries()) == 1


class TestPadded:
    @pytest.mark.parametrize("length", range(1, 20))
    def test_a_symlink_shows_its_plaintext_length_at_once(
        self, padded: OpenVolume, length: int
    ) -> None:
        target = b"t" * length
        made = padded.symlink(target, "link")
        assert made.size == length
        assert padded.fs.link(made.ino, ROOT, b"other").size == length
        padded.reopen()
        assert [entry.attributes.size for entry in listed(padded)] == [length, length]
        assert padded.fs.readlink(padded.ino("link")) == target

    def test_long_names_are_kept_although_no_flag_says_so(self, padded: OpenVolume) -> None:
        padded.write(LONG, b"x")
        assert sorted(name.partition("=")[2] for name in padded.raw_entries()) == ["", ".name"]
        padded.reopen()
        assert padded.list() == [LONG]

    @needs("user-xattrs")
    def test_a_value_of_an_old_version_is_read(self, padded: OpenVolume) -> None:
        # Until 1.5 the sealed value was written as base64 text.
        padded.write("file", b"")
        padded.fs.setxattr(padded.ino("file"), b"user.name", b"value")
        path = padded.cipher_path("file")
        (stored,) = os.listxattr(path)
        value = padded.volume.content.seal_value(b"old")
        os.setxattr(path, stored, base64.urlsafe_b64encode(value))
        assert padded.fs.getxattr(padded.ino("file"), b"user.name") == b"old"


def listed(vault: OpenVolume) -> list[Entry]:
    handle = vault.fs.opendir(ROOT)
    entries = list(vault.fs.readdir(handle, 0))
    vault.fs.releasedir(handle)
    return entries[2:]
