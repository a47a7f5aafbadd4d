"""What the options of a mount come to: in the mount table, and for whoever uses it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Asking
from capabilities import UNPRIVILEGED_UID, needs
from mounting import Vaultfs, detach
from ordinaryuser import let_others_in
from starting import Started, mount_spec, served
from support import wait_until

from vaultui.linux import fusemount
from vaultui.linux.credentials import Caller, acting_as
from vaultui.linux.mountinfo import Mount, mount_at
from vaultui.model.errors import from_wire
from vaultui.model.exitcodes import ExitCode
from vaultui.wire.handshake import Failed, Ready

pytestmark = needs("fuse", "root")

SOURCE = "a, b\\c ü"
CONTENT = b"hello\n"


def table(volume: Vaultfs) -> Mount:
    found = mount_at(volume.mountpoint)
    assert found is not None
    return found


def one_new(folder: Path, before: set[Path]) -> Path:
    """Return the file below `folder` that was not there before."""
    (new,) = set(folder.iterdir()) - before
    return new


@pytest.fixture(scope="module")
def unusual(tmp_path_factory: pytest.TempPathFactory, pristine: Path) -> Iterator[Vaultfs]:
    """Return a mount with everything that is off by default."""
    volume = Vaultfs(tmp_path_factory.mktemp("unusual"))
    shutil.copytree(pristine, volume.cipherdir)
    volume.mountpoint.mkdir()
    with served(
        volume,
        fsname=SOURCE,
        suid=True,
        dev=True,
        exec=False,
        kernel_options=("noatime", "max_read=65536"),
        force_owner=(1234, 1235),
        shared_storage=True,
        serialize_reads=True,
        kernel_cache=True,
        prealloc=False,
        xattrs=False,
    ):
        yield volume


def test_the_mount_table_shows_what_was_asked_for(unusual: Vaultfs) -> None:
    mount = table(unusual)
    assert mount.source == SOURCE
    assert mount.fstype == "fuse.vaultfs"
    assert {"rw", "noexec", "noatime", "max_read=65536", "allow_other"} <= set(mount.options)
    assert {"nosuid", "nodev"}.isdisjoint(mount.options)


def test_by_default_there_are_no_devices_and_no_set_uid_programs(mounted: Vaultfs) -> None:
    mount = table(mounted)
    assert {"rw", "nosuid", "nodev", "relatime"} <= set(mount.options)
    assert {"noexec", "allow_other", "default_permissions"}.isdisjoint(mount.options)
    assert mount.source == str(mounted.cipherdir)


def test_everything_belongs_to_the_owner_that_was_forced(unusual: Vaultfs) -> None:
    top = unusual.mountpoint
    before = set(unusual.cipherdir.iterdir())
    (top / "file").write_bytes(CONTENT)
    os.chown(top / "file", 7, 8)
    (top / "folder").mkdir()
    (top / "link").symlink_to("file")
    for path in (top, *top.iterdir()):
        status = path.lstat()
        assert (status.st_uid, status.st_gid) == (1234, 1235), path
    # Below, they are root's, who made them, or whose they were made.
    owners = {path.lstat().st_uid for path in set(unusual.cipherdir.iterdir()) - before}
    assert owners == {0, 7}


def test_on_shared_storage_changes_from_elsewhere_show_at_once(unusual: Vaultfs) -> None:
    top = unusual.mountpoint
    before = set(unusual.cipherdir.iterdir())
    (top / "changing").write_bytes(CONTENT)
    cipher = one_new(unusual.cipherdir, before)
    assert (top / "changing").stat().st_mode & 0o777 == 0o644
    cipher.chmod(0o600)
    assert (top / "changing").stat().st_mode & 0o777 == 0o600
    away = cipher.rename(unusual.base / "away")
    assert not (top / "changing").exists()
    away.rename(cipher)
    assert (top / "changing").read_bytes() == CONTENT


def test_on_shared_storage_two_names_of_a_file_are_known_for_one(unusual: Vaultfs) -> None:
    one, two = unusual.mountpoint / "one", unusual.mountpoint / "two"
    one.write_bytes(CONTENT)
    two.hardlink_to(one)
    assert one.samefile(two)
    with one.open("ab") as file:
        file.write(CONTENT)
    assert two.read_bytes() == 2 * CONTENT
    one.unlink()
    assert two.stat().st_nlink == 1
    two.unlink()


def test_on_shared_storage_a_second_mount_of_the_same_directory_may_write(
    unusual: Vaultfs, tmp_path: Path
) -> None:
    second = Vaultfs(tmp_path, cipherdir=unusual.cipherdir)
    second.mountpoint.mkdir()
    with served(second, shared_storage=True):
        (second.mountpoint / "from the second").write_bytes(CONTENT)
        assert (unusual.mountpoint / "from the second").read_bytes() == CONTENT
        (unusual.mountpoint / "from the second").write_bytes(CONTENT * 2)
        assert (second.mountpoint / "from the second").read_bytes() == CONTENT * 2


def test_without_extended_attributes_there_are_none_and_none_can_be_made(unusual: Vaultfs) -> None:
    path = unusual.mountpoint / "bare"
    path.touch()
    assert os.listxattr(path) == []
    with pytest.raises(OSError) as caught:
        os.getxattr(path, "user.x")
    assert caught.value.errno == errno.ENODATA
    with pytest.raises(OSError) as caught:
        os.setxattr(path, "user.x", b"1")
    assert caught.value.errno == errno.EOPNOTSUPP


def test_programs_do_not_run_in_a_mount_without_exec(unusual: Vaultfs) -> None:
    program = unusual.mountpoint / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    with pytest.raises(PermissionError):
        subprocess.run((program,), check=False)


def test_devices_and_set_uid_bits_work_where_they_were_asked_for(unusual: Vaultfs) -> None:
    device = unusual.mountpoint / "null"
    os.mknod(device, 0o20666, os.makedev(1, 3))
    device.write_bytes(b"x")
    assert device.read_bytes() == b""


def test_a_mount_with_unusual_options_is_locked_and_asked_as_any_other(
    volume: Vaultfs,
) -> None:
    started = Started(
        mount_spec(
            volume, force_owner=(1, 1), acl=True, shared_storage=True, idle_timeout_s=3600.0
        ),
        [volume.password],
    )
    assert isinstance(started.messages()[-1], Ready)
    with Asking(volume.base / "ctl") as ask:
        status = ask.ours("StatusRequest")
        assert status["idle_left_s"] > 3590
        assert ask.ours("LockRequest", reason="test", lazy=False)["type"] == "LockReply"
    assert started.process.wait(20) == 0
    assert mount_at(volume.mountpoint) is None


def test_an_option_that_nobody_knows_is_refused_in_words(volume: Vaultfs) -> None:
    started = Started(mount_spec(volume, kernel_options=("bogus",)), [volume.password])
    failed = started.messages()[-1]
    assert isinstance(failed, Failed)
    assert "bogus" in from_wire(failed.error).summary
    assert started.process.wait(20) == ExitCode.FUSE_NEW_SERVER
    assert mount_at(volume.mountpoint) is None


def test_an_encrypted_view_has_a_type_of_its_own_and_obeys_the_same_options(
    tmp_path: Path,
) -> None:
    volume = Vaultfs(tmp_path, init_options=("-reverse",))
    volume.create()
    volume.mountpoint.mkdir()
    (volume.cipherdir / "file").write_bytes(CONTENT)
    with served(volume, reverse=True, force_owner=(1234, 1235), exec=False):
        mount = table(volume)
        assert mount.fstype == "fuse.vaultfs-reverse"
        assert {"ro", "noexec", "nosuid", "nodev"} <= set(mount.options)
        assert {path.lstat().st_uid for path in volume.mountpoint.iterdir()} == {1234}
        with pytest.raises(OSError) as caught:
            (volume.mountpoint / "file").touch()
        assert caught.value.errno == errno.EROFS


@pytest.fixture
def read_only_storage(volume: Vaultfs) -> Iterator[Vaultfs]:
    subprocess.run(("mount", "--bind", volume.cipherdir, volume.cipherdir), check=True)
    subprocess.run(("mount", "-o", "remount,bind,ro", volume.cipherdir), check=True)
    yield volume
    subprocess.run(("umount", volume.cipherdir), check=True)


def test_read_only_storage_is_mounted_read_only(read_only_storage: Vaultfs) -> None:
    with served(read_only_storage):
        assert "ro" in table(read_only_storage).options
        with pytest.raises(OSError) as caught:
            (read_only_storage.mountpoint / "file").touch()
        assert caught.value.errno == errno.EROFS
        with Asking(read_only_storage.base / "ctl") as ask:
            assert ask.ours("StatusRequest")["read_only"]


def test_writing_on_read_only_storage_is_refused_before_the_password(
    read_only_storage: Vaultfs,
) -> None:
    started = Started(mount_spec(read_only_storage, read_write=True))
    failed = started.messages()[-1]
    assert isinstance(failed, Failed)
    assert "read-only" in from_wire(failed.error).summary
    assert started.process.wait(20) == ExitCode.USAGE


@pytest.fixture
def handed_over(volume: Vaultfs) -> Iterator[int]:
    """Return a descriptor of a mount at the volume's mount point, made by somebody else."""
    # Without default_permissions, as mount.fuse3 does it with drop_privileges.
    others = ("allow_other",)
    wanted = fusemount.FuseMount(str(volume.mountpoint), "elsewhere", "other", extra=others)
    yield fusemount.mount(wanted)
    detach(volume.mountpoint)


def serve_descriptor(volume: Vaultfs, fd: int, **fields: object) -> Started:
    with os.fdopen(fd):
        return Started(
            mount_spec(Vaultfs(volume.base, mountpoint=Path(f"/dev/fd/{fd}")), **fields),
            [volume.password],
            pass_fds=(fd,),
        )


def test_a_descriptor_that_somebody_else_mounted_is_served(
    volume: Vaultfs, handed_over: int
) -> None:
    started = serve_descriptor(volume, handed_over)
    assert isinstance(started.messages()[-1], Ready)
    (volume.mountpoint / "file").write_bytes(CONTENT)
    assert (volume.mountpoint / "file").read_bytes() == CONTENT
    assert table(volume).source == "elsewhere"
    with Asking(volume.base / "ctl") as ask:
        assert ask.ours("StatusRequest")["mountpoint"] == f"/dev/fd/{handed_over}"
        with (volume.mountpoint / "file").open():
            assert ask.ours("LockRequest", reason="test", lazy=False)["type"] != "LockReply"
        wait_until(lambda: ask.ours("StatusRequest")["open_file_count"] == 0)
        assert ask.ours("LockRequest", reason="test", lazy=False)["type"] == "LockReply"
    assert started.process.wait(20) == 0
    with pytest.raises(OSError) as caught:
        (volume.mountpoint / "file").read_bytes()
    assert caught.value.errno == errno.ENOTCONN


def test_permissions_count_in_a_mount_that_somebody_else_made_for_others(
    volume: Vaultfs, handed_over: int
) -> None:
    started = serve_descriptor(volume, handed_over, allow_other=True)
    assert isinstance(started.messages()[-1], Ready)
    let_others_in(volume.mountpoint)
    volume.mountpoint.chmod(0o711)
    for name, mode in (("closed", 0o600), ("open", 0o644)):
        (volume.mountpoint / name).write_bytes(CONTENT)
        (volume.mountpoint / name).chmod(mode)
    with acting_as(Caller(UNPRIVILEGED_UID, UNPRIVILEGED_UID)):
        assert (volume.mountpoint / "open").read_bytes() == CONTENT
        with pytest.raises(PermissionError):
            (volume.mountpoint / "closed").read_bytes()
        with pytest.raises(PermissionError):
            (volume.mountpoint / "new").touch()
    subprocess.run(("umount", volume.mountpoint), check=True)
    assert started.process.wait(20) == 0


def test_serving_a_descriptor_ends_when_its_mount_is_gone(
    volume: Vaultfs, handed_over: int
) -> None:
    started = serve_descriptor(volume, handed_over)
    assert isinstance(started.messages()[-1], Ready)
    subprocess.run(("umount", volume.mountpoint), check=True)
    assert started.process.wait(20) == 0


def test_a_signal_ends_serving_a_descriptor_although_files_are_open(
    volume: Vaultfs, handed_over: int
) -> None:
    started = serve_descriptor(volume, handed_over)
    assert isinstance(started.messages()[-1], Ready)
    held = os.open(volume.mountpoint / "file", os.O_RDWR | os.O_CREAT)
    started.process.terminate()
    assert started.process.wait(20) == ExitCode.SIGINT
    with pytest.raises(OSError, match="not connected"):
        os.write(held, CONTENT)
    with contextlib.suppress(OSError):
        os.close(held)


def test_a_descriptor_that_is_not_one_of_fuse_is_refused(volume: Vaultfs) -> None:
    started = serve_descriptor(volume, os.open("/dev/null", os.O_RDWR))
    failed = started.messages()[-1]
    assert isinstance(failed, Failed)
    assert "/dev/fuse" in from_wire(failed.error).summary
    assert started.process.wait(20) == ExitCode.FUSE_NEW_SERVER
