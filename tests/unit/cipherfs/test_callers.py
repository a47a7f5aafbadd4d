"""What is made for a caller belongs to the caller, with all that belongs to it, or is not made."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from capabilities import needs
from openvolume import FLAVOURS, Flavour, OpenVolume

from vaultui.cipherfs.attributes import AttributeChange
from vaultui.linux.credentials import Caller

pytestmark = needs("root")

LONG = "l" * 200
TEAM = 2000
MEMBER = Caller(1234, 1235, (TEAM,))
STRANGER = Caller(1236, 1236)


@pytest.fixture(params=["default", "xchacha-deterministic", "plaintextnames"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenVolume]:
    default = Flavour("HKDF GCMIV128 DirIV EMENames LongNames Raw64")
    flavour = FLAVOURS.get(request.param, default)
    opened = OpenVolume(tmp_path / "cipher", flavour.create(tmp_path / "cipher"))
    opened.mkdir("team")
    opened.fs.setattr(opened.ino("team"), AttributeChange(gid=TEAM, mode=0o2770))
    yield opened
    opened.close()


def make_file(vault: OpenVolume, path: str, caller: Caller) -> None:
    opened, _attributes = vault.fs.create(*vault.split(path), 0o600, os.O_RDWR, caller)
    vault.fs.write(opened.handle, 0, b"content")
    vault.fs.release(opened.handle)


makers: dict[str, Callable[[OpenVolume, str, Caller], object]] = {
    "file": make_file,
    "unwritable": lambda vault, path, caller: vault.fs.create(
        *vault.split(path), 0o400, os.O_RDWR, caller
    ),
    "dir": lambda vault, path, caller: vault.fs.mkdir(*vault.split(path), 0o755, caller),
    "closed": lambda vault, path, caller: vault.fs.mkdir(*vault.split(path), 0o055, caller),
    "symlink": lambda vault, path, caller: vault.fs.symlink(*vault.split(path), b"to", caller),
    "fifo": lambda vault, path, caller: vault.fs.mknod(
        *vault.split(path), stat.S_IFIFO | 0o600, 0, caller
    ),
}
each_kind = pytest.mark.parametrize("make", makers.values(), ids=makers.keys())


def on_disk(vault: OpenVolume, path: str) -> list[Path]:
    """Return all that lies on disk for an entry: itself, what is in it, and its companion."""
    itself = vault.cipher_path(path)
    beside = itself.with_name(itself.name + ".name")
    return [itself, *itself.rglob("*"), *([beside] if beside.exists() else [])]


@each_kind
@pytest.mark.parametrize("name", ["short", LONG], ids=["short", "long"])
def test_a_new_entry_and_its_metadata_belong_to_the_caller(
    vault: OpenVolume, make: Callable[[OpenVolume, str, Caller], object], name: str
) -> None:
    # By a supplementary group alone may the caller write here; and it is that of the directory.
    make(vault, f"team/{name}", MEMBER)
    for path in on_disk(vault, f"team/{name}"):
        status = path.lstat()
        assert (status.st_uid, status.st_gid) == (MEMBER.uid, TEAM), path
    attributes = vault.attributes(f"team/{name}")
    assert (attributes.uid, attributes.gid) == (MEMBER.uid, TEAM)
    assert bool(attributes.mode & stat.S_ISGID) == stat.S_ISDIR(attributes.mode)
    assert os.geteuid() == 0


@each_kind
@pytest.mark.parametrize("name", ["short", LONG], ids=["short", "long"])
def test_what_the_caller_may_not_make_leaves_nothing(
    vault: OpenVolume, make: Callable[[OpenVolume, str, Caller], object], name: str
) -> None:
    with pytest.raises(PermissionError) as caught:
        make(vault, f"team/{name}", STRANGER)
    assert caught.value.errno == errno.EACCES
    assert vault.raw_entries("team") == set()


def test_a_second_name_has_a_companion_of_its_maker(vault: OpenVolume) -> None:
    vault.write("file", b"x")
    vault.fs.link(vault.ino("file"), *vault.split(f"team/{LONG}"), MEMBER)
    assert vault.attributes("file").nlink == 2
    assert vault.attributes("file").uid == 0
    beside = [path for path in on_disk(vault, f"team/{LONG}") if path.suffix == ".name"]
    assert [path.stat().st_uid for path in beside] == [MEMBER.uid] * len(beside)


@pytest.mark.parametrize("vault", ["default"], indirect=True)
def test_a_directory_that_cannot_be_furnished_for_a_caller_is_not_left_behind(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(OSError) as caught:
            vault.fs.mkdir(*vault.split("team/new"), 0o755, MEMBER)
    assert caught.value.errno == errno.ENOSPC
    assert vault.raw_entries("team") == set()


@needs("user-xattrs")
@pytest.mark.parametrize("vault", ["default"], indirect=True)
def test_a_directory_can_be_made_where_a_default_list_takes_all_rights_from_its_owner(
    vault: OpenVolume, tmp_path: Path
) -> None:
    # Version 2, then user::--- group::r-x other::---.
    acl = bytes.fromhex("0200000001000000ffffffff04000500ffffffff20000000ffffffff")
    native = tmp_path / "native"
    native.mkdir()
    os.setxattr(native, "system.posix_acl_default", acl)
    (native / "new").mkdir()
    vault.fs.setxattr(vault.ino("team"), b"system.posix_acl_default", acl)

    made = vault.fs.mkdir(*vault.split("team/new"), 0o777, MEMBER)

    assert stat.S_IMODE(made.mode) == stat.S_IMODE((native / "new").stat().st_mode) | stat.S_ISGID
    assert {path.stat().st_uid for path in on_disk(vault, "team/new")} == {MEMBER.uid}
    vault.write("team/new/file", b"x")
    assert vault.read("team/new/file") == b"x"


@needs("user-xattrs")
def test_an_access_list_set_by_a_stranger_to_the_group_takes_the_group_bit(
    vault: OpenVolume,
) -> None:
    # Version 2, then user::rwx group::r-x other::r-x.
    acl = bytes.fromhex("0200000001000700ffffffff04000500ffffffff20000500ffffffff")
    for caller, keeps in ((MEMBER, True), (STRANGER, False)):
        path = str(caller.uid)
        vault.write(path, b"")
        ino = vault.ino(path)
        vault.fs.setattr(ino, AttributeChange(uid=caller.uid, gid=TEAM))
        vault.fs.setattr(ino, AttributeChange(mode=0o2755))
        vault.fs.setxattr(ino, b"system.posix_acl_access", acl, caller=caller)
        assert bool(vault.fs.getattr(ino).mode & stat.S_ISGID) is keeps
