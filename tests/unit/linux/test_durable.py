"""A file that is written durably is the old one or the new one, and nothing is left beside it."""

import errno
import os
import stat
from pathlib import Path

import pytest

from vaultui.linux import durable
from vaultui.linux.durable import remove_temporaries, write_beside, write_durably


def test_a_new_file_has_its_content_and_exactly_its_mode(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        write_durably(tmp_path / "conf", b"content", mode=0o440)
    finally:
        os.umask(before)
    assert (tmp_path / "conf").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "conf").stat().st_mode) == 0o440
    assert os.listdir(tmp_path) == ["conf"]


def test_an_existing_file_is_replaced_whole_and_readers_keep_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_bytes(b"old and longer")
    with path.open("rb") as reader:
        write_durably(path, b"new")
        assert reader.read() == b"old and longer"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["conf"]


def test_exclusive_leaves_an_existing_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    write_durably(path, b"first", exclusive=True)
    with pytest.raises(FileExistsError):
        write_durably(path, b"second", exclusive=True)
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["conf"]


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "conf"
    path.write_bytes(b"old")

    def full_disk(_fd: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "write", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_durably(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["conf"]


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(fd: int) -> None:
        calls.append("directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        real_fsync(fd)

    def rename(*args: object, **kwargs: object) -> None:
        calls.append("rename")
        real_rename(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(durable.os, "fsync", fsync)
    monkeypatch.setattr(durable.os, "rename", rename)
    write_durably(tmp_path / "conf", b"x")
    assert calls == ["file", "rename", "directory"]


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a,b\\c", b"n" * 255, "Ü".encode()])
def test_any_name_that_the_file_system_takes_will_do(tmp_path: Path, name: bytes) -> None:
    write_durably(os.fsencode(tmp_path) + b"/" + name, b"x")
    assert os.listdir(os.fsencode(tmp_path)) == [name]


def test_a_relative_name_starts_at_the_directory_that_was_given(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        write_durably("exit.json", b"{}", dir_fd=directory)
    finally:
        os.close(directory)
    assert (tmp_path / "exit.json").read_bytes() == b"{}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_is_kept_where_we_may_set_it(tmp_path: Path) -> None:
    write_durably(tmp_path / "conf", b"x", owner=(1234, 4321))
    status = (tmp_path / "conf").stat()
    assert (status.st_uid, status.st_gid) == (1234, 4321)


def test_what_is_kept_beside_goes_with_the_temporaries(tmp_path: Path) -> None:
    (tmp_path / "conf").write_bytes(b"new")
    beside = write_beside(tmp_path / "conf", b"old", mode=0o400)
    assert Path(os.fsdecode(beside)).read_bytes() == b"old"
    assert stat.S_IMODE(os.stat(beside).st_mode) == 0o400
    assert len(os.listdir(tmp_path)) == 2
    remove_temporaries(tmp_path / "conf")
    assert os.listdir(tmp_path) == ["conf"]


def test_what_could_not_be_kept_beside_is_not_left_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(durable.os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output"):
        write_beside(tmp_path / "conf", b"old")
    assert os.listdir(tmp_path) == []
