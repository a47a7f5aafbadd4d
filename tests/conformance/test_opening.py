"""The flags of open(2): creating, excluding, appending, following, and files one may not read."""

from __future__ import annotations

import errno
import os
import stat

import pytest
from patterns import content, fails_with, opened
from places import Place


def test_o_excl_makes_a_file_only_once(place: Place) -> None:
    path = place / "file"
    with opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
        os.write(file, b"first")
    with fails_with(errno.EEXIST), opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL):
        pass
    assert path.read_bytes() == b"first"


def test_o_excl_does_not_follow_a_link_that_leads_nowhere(place: Place) -> None:
    (place / "link").symlink_to("nowhere")
    with fails_with(errno.EEXIST), opened(place / "link", os.O_WRONLY | os.O_CREAT | os.O_EXCL):
        pass
    assert not (place / "nowhere").exists()


def test_o_creat_through_a_link_makes_its_target(place: Place) -> None:
    (place / "link").symlink_to("target")
    with opened(place / "link", os.O_WRONLY | os.O_CREAT) as file:
        os.write(file, b"through")
    assert (place / "target").read_bytes() == b"through"


def test_o_append_writes_go_to_the_end_from_every_descriptor(place: Place) -> None:
    path = place / "log"
    with (
        opened(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as one,
        opened(path, os.O_RDWR | os.O_APPEND) as two,
    ):
        for number in range(500):
            os.write(one if number % 2 else two, f"line {number:05}\n".encode())
        os.lseek(two, 0, os.SEEK_SET)
        os.write(two, b"last\n")
    place.reread()
    lines = path.read_text().splitlines()
    assert lines == [f"line {number:05}" for number in range(500)] + ["last"]


def test_append_after_truncation_by_somebody_else_goes_to_the_new_end(place: Place) -> None:
    path = place / "log"
    with opened(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
        os.write(file, content(5000))
        os.truncate(path, 10)
        os.write(file, b"end")
    place.reread()
    assert path.read_bytes() == content(5000)[:10] + b"end"


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_WRONLY | os.O_APPEND])
def test_a_file_that_may_only_be_written_can_be_written_in_parts(place: Place, flags: int) -> None:
    path = place / "drop-box"
    path.write_bytes(b"0123456789")
    path.chmod(0o200)
    with opened(path, flags) as file:
        os.write(file, b"AB")
    assert stat.S_IMODE(path.stat().st_mode) == 0o200
    path.chmod(0o600)
    place.reread()
    expected = b"0123456789AB" if flags & os.O_APPEND else b"AB23456789"
    assert path.read_bytes() == expected


@pytest.mark.parametrize("mode", [0o000, 0o200, 0o400, 0o444])
def test_a_new_file_of_any_mode_can_be_written_through_its_first_descriptor(
    place: Place, mode: int
) -> None:
    path = place / "file"
    with opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode) as file:
        os.write(file, content(5000))
        os.pwrite(file, b"patch", 100)
        assert os.pread(file, 5, 100) == b"patch"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    path.chmod(0o600)
    place.reread()
    assert path.read_bytes() == content(5000)[:100] + b"patch" + content(5000)[105:]


def test_o_nofollow_refuses_a_link(place: Place) -> None:
    (place / "target").write_bytes(b"x")
    (place / "link").symlink_to("target")
    with fails_with(errno.ELOOP), opened(place / "link", os.O_RDONLY | os.O_NOFOLLOW):
        pass


def test_o_directory_refuses_a_file(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    with fails_with(errno.ENOTDIR), opened(place / "file", os.O_RDONLY | os.O_DIRECTORY):
        pass


def test_a_directory_cannot_be_opened_for_writing(place: Place) -> None:
    with fails_with(errno.EISDIR), opened(place.root, os.O_WRONLY):
        pass


def test_what_does_not_exist_is_not_opened(place: Place) -> None:
    with fails_with(errno.ENOENT), opened(place / "nothing", os.O_RDWR):
        pass
    (place / "file").write_bytes(b"x")
    with fails_with(errno.ENOTDIR), opened(place / "file" / "below", os.O_RDONLY):
        pass


def test_a_descriptor_allows_only_what_it_was_opened_for(place: Place) -> None:
    path = place / "file"
    path.write_bytes(b"abc")
    with opened(path, os.O_RDONLY) as file, fails_with(errno.EBADF):
        os.write(file, b"x")
    with opened(path, os.O_WRONLY) as file, fails_with(errno.EBADF):
        os.read(file, 1)


def test_reopening_through_proc_works(place: Place) -> None:
    (place / "file").write_bytes(b"abc")
    with opened(place / "file", os.O_RDONLY) as file:
        with opened(place.root / f"/proc/self/fd/{file}", os.O_RDWR) as again:
            os.write(again, b"X")
        assert os.pread(file, 10, 0) == b"Xbc"


def test_many_files_can_be_open_at_once(place: Place) -> None:
    descriptors = []
    try:
        for number in range(600):
            path = place / f"f{number}"
            descriptors.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC))
            os.write(descriptors[-1], str(number).encode())
        for number, descriptor in enumerate(descriptors):
            assert os.pread(descriptor, 10, 0) == str(number).encode()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
