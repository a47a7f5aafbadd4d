"""Options of a mount, for mount(2) and for the helper."""

import errno
import os
from dataclasses import replace

import pytest

from vaultui.linux import fusemount
from vaultui.linux.fusemount import FuseMount, escape, handed_over, split, take_over

PLAIN = FuseMount("/mnt", "source", "vaultfs")
RDONLY, NOSUID, NODEV, NOEXEC, NOATIME = 1, 2, 4, 8, 1024


@pytest.mark.parametrize(
    ("wanted", "flags", "data"),
    [
        (PLAIN, NOSUID | NODEV, []),
        (replace(PLAIN, read_only=True, exec=False), RDONLY | NOSUID | NODEV | NOEXEC, []),
        (replace(PLAIN, suid=True, dev=True), 0, []),
        (
            replace(PLAIN, allow_other=True),
            NOSUID | NODEV,
            ["allow_other", "default_permissions"],
        ),
        (replace(PLAIN, context="a:b:c:s0:c1,c2"), 6, ['context="a:b:c:s0:c1,c2"']),
        (replace(PLAIN, context='"a:b:c"'), 6, ['context="a:b:c"']),
        (replace(PLAIN, extra=("noatime", "max_read=4096")), 6 | NOATIME, ["max_read=4096"]),
    ],
)
def test_what_is_asked_for_becomes_flags_and_text(
    wanted: FuseMount, flags: int, data: list[str]
) -> None:
    assert split(wanted.options) == (flags, data)


@pytest.mark.parametrize(
    ("extra", "flags"),
    [
        (("dev", "suid"), 0),
        (("rw",), RDONLY ^ RDONLY | NOSUID | NODEV),
        (("noexec", "exec"), NOSUID | NODEV),
        (("noatime", "atime"), NOSUID | NODEV),
    ],
)
def test_later_options_are_stronger(extra: tuple[str, ...], flags: int) -> None:
    assert split(replace(PLAIN, read_only="rw" in extra, extra=extra).options) == (flags, [])


def test_every_option_has_its_opposite() -> None:
    taken = {name for pair in fusemount._OPPOSITES.items() for name in pair}
    assert set(fusemount._FLAGS) - taken == {"dirsync"}


def test_the_helper_gets_commas_and_backslashes_escaped() -> None:
    assert escape("a,b\\c") == "a\\,b\\\\c"


@pytest.mark.parametrize(
    ("mountpoint", "fd"),
    [("/dev/fd/3", 3), ("/dev/fd/17", 17), ("/dev/fd/", None), ("/dev/fd/3/x", None), ("/m", None)],
)
def test_a_descriptor_is_told_from_a_directory(mountpoint: str, fd: int | None) -> None:
    assert handed_over(mountpoint) == fd


def test_only_fuse_descriptors_are_taken_over() -> None:
    reading, writing = os.pipe()
    with pytest.raises(OSError, match="/dev/fuse") as caught:
        take_over(reading)
    assert caught.value.errno == errno.EINVAL
    os.close(reading)
    os.close(writing)
    with pytest.raises(OSError) as caught:
        take_over(reading)
    assert caught.value.errno == errno.EBADF
