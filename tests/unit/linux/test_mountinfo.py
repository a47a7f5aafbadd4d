"""The mount table is read as the kernel writes it, and its changes are noticed without a timer."""

import asyncio
import os
from pathlib import Path

import pytest
from capabilities import needs
from hypothesis import given
from hypothesis import strategies as st
from support import Gocryptfs, eventually

from vaultui.linux import mountinfo
from vaultui.linux.mountinfo import Mount, MountWatch, mount_at, parse_line, read_mounts


def mount(mount_id: int, parent_id: int, mountpoint: str, fstype: str = "fuse.x") -> Mount:
    return Mount(mount_id, parent_id, "0:9", "/", mountpoint, fstype, "source", ("rw",))


def test_a_line_of_the_manual_page_is_understood() -> None:
    line = (
        rb"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue"
    )
    assert parse_line(line) == Mount(
        36,
        35,
        "98:0",
        "/mnt1",
        "/mnt2",
        "ext3",
        "/dev/root",
        ("rw", "noatime", "rw", "errors=continue"),
    )


def test_spaces_newlines_and_backslashes_are_escaped_and_an_empty_source_is_kept() -> None:
    line = rb"1 2 0:40 / /a\040b\011c\012d\134e - fuse.vaultfs  rw".replace(b"e -", b"e rw -")
    parsed = parse_line(line)
    assert parsed.mountpoint == "/a b\tc\nd\\e"
    assert parsed.source == ""
    assert parsed.is_fuse
    assert parsed.minor == 40


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw))
def test_any_path_survives_the_escaping_of_the_kernel(raw: bytes) -> None:
    escaped = b"".join(b"\\%03o" % byte if byte in b" \t\n\\" else bytes([byte]) for byte in raw)
    line = b"1 2 0:40 / %b rw - tmpfs none rw" % escaped
    assert os.fsencode(parse_line(line).mountpoint) == raw


@pytest.mark.parametrize("line", [b"", b"36 35 98:0 / /mnt rw", b"a b c d e f - g h i"])
def test_other_lines_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_line(line)


def test_the_own_table_has_a_root_and_proc() -> None:
    table = read_mounts()
    assert mount_at("/", table) is not None
    assert mount_at("/proc", table).fstype == "proc"  # type: ignore[union-attr]


def test_the_topmost_of_a_stack_is_found_whatever_the_order() -> None:
    stack = [mount(3, 2, "/m"), mount(2, 1, "/m"), mount(9, 1, "/other")]
    assert mount_at("/m", stack) == stack[0]
    assert mount_at("/m", stack[::-1]) == stack[0]
    assert mount_at("/m/", stack) == stack[0]
    assert mount_at("/m/below", stack) is None


def test_links_above_the_mount_point_are_followed_and_the_last_part_is_not(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "last").symlink_to("real")
    table = [mount(2, 1, f"{tmp_path.resolve()}/real/m"), mount(3, 1, f"{tmp_path.resolve()}/real")]
    assert mount_at(tmp_path / "link" / "m", table) == table[0]
    assert mount_at(tmp_path / "last", table) is None


def test_mounts_of_a_source_and_below_a_path_are_told_from_their_neighbours() -> None:
    table = [
        mount(1, 0, "/v"),
        mount(2, 1, "/v/inner"),
        mount(3, 0, "/v2"),
        mount(4, 0, "/t", "tmpfs"),
    ]
    assert mountinfo.mounts_below("/v", table) == [table[1]]
    assert mountinfo.mounts_of("source", table) == table[:3]


@needs("fuse", "gocryptfs")
def test_a_watch_wakes_an_event_loop_for_every_change(tmp_path: Path) -> None:
    """Also with the loop's own epoll around it, which must not swallow an event."""

    async def changes() -> None:
        loop, seen = asyncio.get_running_loop(), 0

        def changed() -> None:
            nonlocal seen
            watch.consume()
            seen += 1

        with MountWatch() as watch:
            loop.add_reader(watch.fileno(), changed)
            volume = Gocryptfs(tmp_path)
            await asyncio.to_thread(volume.create)
            for _ in range(3):
                before = seen
                await asyncio.to_thread(volume.mount)
                await eventually(lambda before=before: seen > before, what="the mount is noticed")
                before = seen
                await asyncio.to_thread(volume.unmount)
                await eventually(lambda before=before: seen > before, what="the unmount is noticed")
            loop.remove_reader(watch.fileno())

    asyncio.run(changes())


def test_a_watch_is_quiet_while_nothing_changes_and_closes_twice() -> None:
    watch = MountWatch()
    watch.consume()
    # Other programs may mount something just now; thrice in a row would be strange.
    assert any(not _is_readable(watch) for _ in range(3))
    watch.close()
    watch.close()


def _is_readable(watch: MountWatch) -> bool:
    import select

    poll = select.poll()
    poll.register(watch.fileno(), select.POLLIN)
    readable = bool(poll.poll(0))
    watch.consume()
    return readable
