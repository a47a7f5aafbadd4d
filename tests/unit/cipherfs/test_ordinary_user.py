"""What an ordinary user may do, where root may do anything: permissions decide as they should.

Each test runs in a child process that has given up its privileges.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from openvolume import OpenVolume, create
from ordinaryuser import run_as_user

from vaultui.cipherfs import filesystem
from vaultui.cipherfs.attributes import AttributeChange
from vaultui.cipherfs.check import DamageKind, check
from vaultui.cipherfs.filesystem import ROOT

pytestmark = needs("ordinary-user")


@pytest.fixture
def as_user(tmp_path: Path) -> Callable[[Callable[[OpenVolume], None]], None]:
    """Return what runs a function on a new volume as a user without privileges."""
    cipherdir = tmp_path / "cipher"
    create(cipherdir)
    if os.geteuid() == 0:
        for path in (cipherdir, *cipherdir.iterdir()):
            os.chown(path, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
        for above in (tmp_path, *tmp_path.parents):
            above.chmod(above.stat().st_mode | stat.S_IXOTH)

    def run(work: Callable[[OpenVolume], None]) -> None:
        def on_volume() -> None:
            vault = OpenVolume(cipherdir)
            work(vault)
            vault.close()

        run_as_user(on_volume)

    return run


AsUser = Callable[[Callable[[OpenVolume], None]], None]


def errno_of(call: Callable[[], object]) -> int | None:
    """Return the errno that the call fails with; 0 when it does not."""
    try:
        call()
    except OSError as error:
        return error.errno
    return 0


def test_a_file_that_may_only_be_written_is_written_in_part(as_user: AsUser) -> None:
    def work(vault: OpenVolume) -> None:
        vault.write("file", b"0123456789")
        vault.fs.setattr(vault.ino("file"), AttributeChange(mode=0o200))
        with vault.open("file", os.O_WRONLY) as handle:
            vault.fs.write(handle, 3, b"abc")
        with vault.open("file", os.O_WRONLY | os.O_APPEND) as handle:
            vault.fs.write(handle, 10, b"!")
        assert stat.S_IMODE(vault.attributes("file").mode) == 0o200
        assert errno_of(lambda: vault.read("file")) == errno.EACCES
        assert errno_of(lambda: vault.fs.open(vault.ino("file"), os.O_RDWR)) == errno.EACCES
        vault.truncate("file", 9)
        vault.fs.setattr(vault.ino("file"), AttributeChange(mode=0o600))
        assert vault.read("file") == b"012abc678"

    as_user(work)


def test_a_file_is_written_by_its_maker_whatever_its_mode(as_user: AsUser) -> None:
    def work(vault: OpenVolume) -> None:
        for mode in (0o000, 0o200, 0o400):
            path = f"file{mode}"
            opened, made = vault.fs.create(ROOT, path.encode(), mode, os.O_WRONLY)
            vault.fs.write(opened.handle, 0, b"x" * 5000)
            vault.fs.write(opened.handle, 100, b"y")
            vault.fs.release(opened.handle)
            assert stat.S_IMODE(made.mode) == mode
            assert vault.attributes(path).size == 5000
            vault.unlink(path)

    as_user(work)


def test_a_read_only_file_is_not_opened_for_writing(as_user: AsUser) -> None:
    def work(vault: OpenVolume) -> None:
        vault.write("file", b"content")
        vault.fs.setattr(vault.ino("file"), AttributeChange(mode=0o400))
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
            assert errno_of(lambda f=flags: vault.fs.open(vault.ino("file"), f)) == errno.EACCES
        assert errno_of(lambda: vault.truncate("file", 0)) == errno.EACCES
        assert vault.read("file") == b"content"

    as_user(work)


def test_directories_without_permissions_are_made_used_as_allowed_and_removed(
    as_user: AsUser,
) -> None:
    def work(vault: OpenVolume) -> None:
        for mode in (0o000, 0o100, 0o300, 0o400, 0o500, 0o700):
            path = f"dir{mode}"
            made = vault.mkdir(path, mode)
            assert stat.S_IMODE(made.mode) == mode
            vault.reopen()
            ino = vault.ino(path)
            lists = errno_of(lambda: vault.fs.opendir(ino))  # noqa: B023
            assert lists == (0 if mode & 0o500 == 0o500 else errno.EACCES), oct(mode)
            makes = errno_of(lambda: vault.fs.mkdir(ino, b"below", 0o755))  # noqa: B023
            assert makes == (0 if mode & 0o300 == 0o300 else errno.EACCES), oct(mode)
            if makes == 0:
                vault.fs.rmdir(ino, b"below")
            vault.rmdir(path)
            assert vault.raw_entries() == set()

    as_user(work)


def test_taking_a_permission_away_holds_at_once(as_user: AsUser) -> None:
    def work(vault: OpenVolume) -> None:
        vault.mkdir("dir")
        vault.write("dir/file", b"x")
        ino = vault.ino("dir")
        vault.fs.setattr(ino, AttributeChange(mode=0o000))
        assert errno_of(lambda: vault.fs.opendir(ino)) == errno.EACCES
        assert errno_of(lambda: vault.fs.lookup(ino, b"file")) == errno.EACCES
        vault.fs.setattr(ino, AttributeChange(mode=0o700))
        assert vault.list("dir") == ["file"]

    as_user(work)


def test_a_directory_without_permissions_that_is_not_empty_keeps_its_mode(
    as_user: AsUser,
) -> None:
    def work(vault: OpenVolume) -> None:
        vault.mkdir("dir")
        vault.write("dir/file", b"x")
        vault.fs.setattr(vault.ino("dir"), AttributeChange(mode=0o100))
        assert errno_of(lambda: vault.rmdir("dir")) == errno.ENOTEMPTY
        assert stat.S_IMODE(vault.attributes("dir").mode) == 0o100

    as_user(work)


def test_what_belongs_to_somebody_else_cannot_be_given_away(as_user: AsUser) -> None:
    def work(vault: OpenVolume) -> None:
        vault.write("file", b"x")
        change = AttributeChange(uid=0)
        assert errno_of(lambda: vault.fs.setattr(vault.ino("file"), change)) == errno.EPERM

    as_user(work)


def test_a_check_skips_what_may_not_be_read_and_reads_the_rest(
    as_user: Callable[[Callable[[OpenVolume], None]], None],
) -> None:
    def work(vault: OpenVolume) -> None:
        for name in ("closed", "sealed", "open"):
            vault.mkdir(name)
            vault.write(f"{name}/file", b"x")
        vault.write("secret", b"x")
        closed = {name: vault.cipher_path(name) for name in ("closed", "secret")}
        iv = vault.cipher_path("sealed") / "gocryptfs.diriv"
        for path in (*closed.values(), iv):
            path.chmod(0)
        found: list[tuple[DamageKind, str, str]] = []
        fd = os.open(vault.cipherdir, os.O_RDONLY)
        summary = check(
            fd,
            vault.volume,
            lambda *_: None,
            lambda kind, plain, _cipher, reason: found.append((kind, plain, reason)),
        )
        os.close(fd)
        assert found == [
            (DamageKind.UNREADABLE, name, "Permission denied")
            for name in ("closed", "sealed", "secret")
        ]
        assert (summary.corrupt, summary.skipped, summary.files) == (0, 3, 2)

    as_user(work)


def test_what_lies_in_a_new_directory_that_may_not_be_read_is_synced(as_user: AsUser) -> None:
    def work(vault: OpenVolume) -> None:
        vault.mkdir("drop", 0o300)
        for path in ("drop/short", f"drop/{'l' * 200}"):
            with vault.open(path, os.O_RDWR | os.O_CREAT) as handle:
                vault.fs.write(handle, 0, b"content")
                vault.fs.fsync(handle, False)
            assert vault.read(path) == b"content"

    as_user(work)


def test_a_rename_in_a_directory_that_may_not_be_read_waits_for_the_disk_where_it_must(
    as_user: AsUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "ORDERED_MAGICS", frozenset())

    def work(vault: OpenVolume) -> None:
        vault.mkdir("drop", 0o300)
        vault.write("drop/file", b"content")
        before = len(os.listdir("/proc/self/fd"))
        vault.rename("drop/file", f"drop/{'l' * 200}")
        vault.rename(f"drop/{'l' * 200}", "drop/short")
        assert vault.read("drop/short") == b"content"
        assert len(os.listdir("/proc/self/fd")) == before

    as_user(work)
