"""Names, attributes and listings that are answered without the interpreter.

Each is what the handlers in Python would have answered, whatever happens in the cipher directory
meanwhile, and leaves behind what they would have left. Counters tell which side it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hotmount import HotMount
from mounting import Gocryptfs, Vaultfs
from waiting import wait_until

CACHE_S = 1.0
"""How long the kernel believes what it was told."""


@pytest.fixture
def vault(volume: Vaultfs) -> Iterator[HotMount]:
    """Return an empty volume, mounted, whose requests are counted."""
    with HotMount(volume.base) as mounted:
        yield mounted


@pytest.fixture(params=[True, False], ids=["hot", "cold"])
def either(volume: Vaultfs, request: pytest.FixtureRequest) -> Iterator[HotMount]:
    """Return the same, served with the compiled path and without."""
    with HotMount(volume.base, hot=request.param) as mounted:
        yield mounted


def drop_caches() -> None:
    """Have the kernel let go of all that nobody uses."""
    if os.geteuid():
        pytest.skip("only root may have the kernel drop its caches")
    Path("/proc/sys/vm/drop_caches").write_text("2")


def inodes(vault: HotMount) -> int:
    found: int = vault.status()["inodes"]
    return found


def on_disk(vault: HotMount) -> dict[str, Path]:
    """Return where entries of the root lie, by their content, which is told by size alone."""
    return {
        str(path.stat().st_size): path
        for path in vault.cipherdir.iterdir()
        if not path.name.startswith("gocryptfs.")
    }


def wait_for_new_second() -> float:
    """Return a moment from which on nothing that was answered before is believed."""
    until = time.monotonic() + 1.05 * CACHE_S
    wait_until(lambda: time.monotonic() > until, 10, "the kernel believes nothing any more")
    return until


# --- that it is hot ----------------------------------------------------------------------


def test_the_frequent_requests_on_names_need_no_python(vault: HotMount) -> None:
    top = vault.mountpoint
    for number in range(50):
        (top / f"file{number}").write_bytes(b"x" * number)
    assert len(list(os.scandir(top))) == 50
    for number in range(50):
        os.chmod(top / f"file{number}", 0o640)
        os.utime(top / f"file{number}", ns=(number, number + 1))
        assert (top / f"file{number}").stat().st_mtime_ns == number + 1
        with pytest.raises(OSError, match="data"):
            os.getxattr(top / f"file{number}", "user.label")
        assert not (top / f"none{number}").exists()
    for number in range(40):
        (top / f"file{number}").unlink()
    assert len(os.listdir(top)) == 10
    os.symlink("file45", top / "link")
    assert os.readlink(top / "link") == "file45"
    for number in range(10):
        (top / f"d{number}").mkdir()
        os.link(top / "file45", top / f"d{number}" / "linked")
        (top / f"d{number}" / "linked").rename(top / f"d{number}" / "renamed")
        (top / f"d{number}" / "renamed").unlink()
        (top / f"d{number}").rmdir()
    assert os.access(top / "file45", os.R_OK)
    for name in ("setattr", "unlink", "getxattr", "opendir", "readdir", "releasedir", "mkdir"):
        everything, hot = vault.hot_share(name)
        assert everything, name
        assert hot == everything, name
    for name in ("lookup", "readlink", "rename", "rmdir", "link", "symlink"):
        assert vault.hot_share(name)[1], name


def test_without_the_compiled_path_all_is_answered_in_python(volume: Vaultfs) -> None:
    with HotMount(volume.base, hot=False) as vault:
        (vault.mountpoint / "file").write_bytes(b"")
        assert os.listdir(vault.mountpoint) == ["file"]
        for name in ("lookup", "readdir"):
            everything, hot = vault.hot_share(name)
            assert everything
            assert not hot


@pytest.mark.parametrize("options", [("-plaintextnames",), ("-deterministic-names",), ()])
def test_listings_hide_the_files_of_the_volume(tmp_path: Path, options: tuple[str, ...]) -> None:
    with HotMount(tmp_path, init_options=options) as vault:
        below = vault.mountpoint / "d"
        below.mkdir()
        names = {"a", "b" * 200, "gocryptfs.x", "ü" * 127}
        for name in names:
            (below / name).write_text(name)
        if not options:
            names |= {"gocryptfs.conf", "gocryptfs.diriv"}
            for name in names:
                (below / name).write_text(name)
        assert set(os.listdir(below)) == names
        assert set(os.listdir(vault.mountpoint)) == {"d"}
        assert {name: (below / name).read_text() for name in names} == {n: n for n in names}
        everything, hot = vault.hot_share("readdir")
        assert hot == everything


# --- what it leaves behind ---------------------------------------------------------------


def test_nodes_go_when_the_kernel_lets_go_of_them(vault: HotMount) -> None:
    top = vault.mountpoint
    for branch in range(5):
        below = top / f"d{branch}"
        for _ in range(3):
            below.mkdir()
            for number in range(40):
                (below / f"file{number}").write_bytes(b"")
            below /= "below"
    for path in top.rglob("*"):
        path.lstat()
    assert inodes(vault) > 600

    def is_small() -> bool:
        drop_caches()
        # The directories are new, and their IVs wait for a sync.
        return inodes(vault) <= 1 + 5 * 3

    wait_until(is_small, 20, "the backend remembers directories alone")
    everything, hot = vault.hot_share("forget")
    assert everything == hot > 0
    assert len(list(top.rglob("*"))) == 5 * 3 * 40 + 5 * 3


def test_an_entry_that_did_not_fit_leaves_no_node(vault: HotMount) -> None:
    """A listing that is broken off at its beginning, again and again."""
    for number in range(2000):
        (vault.mountpoint / f"{number:0200}").write_bytes(b"")
    for _ in range(5):
        with os.scandir(vault.mountpoint) as listing:
            next(listing)

    def is_small() -> bool:
        drop_caches()
        return inodes(vault) <= 3

    wait_until(is_small, 20, "the backend remembers the root alone")


def test_a_file_with_several_names_goes_with_the_last(either: HotMount) -> None:
    top = either.mountpoint
    (top / "one").write_bytes(b"content")
    for name in ("two", "three"):
        os.link(top / "one", top / name)
    (top / "one").unlink()
    assert (top / "two").stat().st_nlink == 2
    assert {entry.inode() for entry in os.scandir(top)} == {(top / "three").stat().st_ino}
    (top / "three").unlink()
    assert (top / "two").stat().st_nlink == 1
    assert (top / "two").read_bytes() == b"content"
    with (top / "two").open("rb") as file:
        (top / "two").unlink()
        assert file.read() == b"content"
        assert os.fstat(file.fileno()).st_nlink == 0
    assert os.listdir(top) == []


def test_a_number_that_is_used_again_stands_for_the_new_file(either: HotMount) -> None:
    """Backing file systems give the numbers of removed files to new ones at once."""
    top = either.mountpoint
    seen = set()
    for number in range(300):
        path = top / f"file{number % 3}"
        path.write_bytes(b"x" * number)
        assert path.stat().st_size == number
        seen.add(path.stat().st_ino)
        held = path.open("rb") if number % 10 == 0 else None
        path.unlink()
        if number % 2:
            path.mkdir()
            assert os.listdir(path) == []
            path.rmdir()
        if held:
            with held:
                assert held.read() == b"x" * number
    assert os.listdir(top) == []


def test_attributes_are_changed_as_by_python(volume: Vaultfs) -> None:
    """Each change that a program can ask for, on all kinds of inodes, open and not."""
    results = []
    for hot in (True, False):
        with HotMount(volume.base, hot=hot) as vault:
            top = vault.mountpoint / f"{hot}"
            top.mkdir()
            (top / "file").write_bytes(b"content")
            (top / "d").mkdir()
            os.symlink("nowhere", top / "link")
            os.mkfifo(top / "fifo")
            told: list[object] = []
            with (top / "file").open("r+b") as file:
                for what in ("file", file.fileno(), "d", "link", "fifo"):
                    path = top / what if isinstance(what, str) else what
                    told += list(_changes(path, is_link=what == "link"))
                file.truncate(3)
                os.utime(file.fileno(), ns=(7, 8))
                told.append(os.fstat(file.fileno()).st_mtime_ns)
            told.append((top / "file").read_bytes())
            results.append(told)
            before = time.time_ns()
            os.utime(top / "file")
            assert abs((top / "file").stat().st_mtime_ns - before) < 60e9
    assert results[0] == results[1]


def _changes(path: Path | int, *, is_link: bool) -> Iterator[object]:
    follow = not is_link
    for mode in (0o600, 0o4755, 0o2711, 0o000, 0o644):
        with contextlib.suppress(NotImplementedError):
            try:
                os.chmod(path, mode, follow_symlinks=follow) if is_link else os.chmod(path, mode)
            except OSError as error:
                yield error.errno
        yield _told(path)
    owners = ((0, 0), (-1, 5), (7, -1), (0, 0)) if not os.geteuid() else ()
    for uid, gid in owners:
        if is_link:
            os.chown(path, uid, gid, follow_symlinks=False)
        else:
            os.chown(path, uid, gid)
        yield _told(path)
    for times in ((1, 2), (-5_000_000_001, 3_000_000_000_123_456_789), (10**18, 1)):
        if is_link:
            os.utime(path, ns=times, follow_symlinks=False)
        else:
            os.utime(path, ns=times)
        yield (*_told(path), _status(path).st_atime_ns, _status(path).st_mtime_ns)


def _status(path: Path | int) -> os.stat_result:
    return os.fstat(path) if isinstance(path, int) else os.lstat(path)


def _told(path: Path | int) -> tuple[int, ...]:
    status = _status(path)
    return (status.st_mode, status.st_uid, status.st_gid, status.st_nlink)


def test_a_mount_for_reading_alone_refuses_changes(volume: Vaultfs) -> None:
    with HotMount(volume.base) as vault:
        (vault.mountpoint / "file").write_bytes(b"content")
    with HotMount(volume.base, mount_options=("-ro",)) as vault:
        path = vault.mountpoint / "file"
        changes: tuple[Callable[[], object], ...] = (
            path.unlink,
            lambda: os.chmod(path, 0o600),
            lambda: os.utime(path),
            lambda: path.rename(path.with_name("other")),
            path.with_name("d").mkdir,
        )
        for change in changes:
            with pytest.raises(OSError, match="Read-only") as caught:
                change()
            assert caught.value.errno == errno.EROFS
        assert os.listdir(vault.mountpoint) == ["file"]


# --- listings ----------------------------------------------------------------------------


def test_entries_that_stay_are_listed_once_while_others_come_and_go(either: HotMount) -> None:
    top = either.mountpoint / "d"
    top.mkdir()
    count = 2_000
    stay = {f"stay{number}" for number in range(count)}
    for name in stay:
        os.close(os.open(top / name, os.O_CREAT | os.O_WRONLY))
    done = threading.Event()

    def come_and_go() -> None:
        number = 0
        while not done.is_set():
            path = top / f"go{number % 50}"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            path.unlink()
            number += 1

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(5):
            found = [name for name in os.listdir(top) if name.startswith("stay")]
            assert len(found) == count
            assert set(found) == stay
    finally:
        done.set()
        thread.join()


def test_a_hundred_thousand_entries_are_listed(tmp_path: Path) -> None:
    volume = HotMount(tmp_path, init_options=("-plaintextnames",))
    volume.create()
    (volume.cipherdir / "d").mkdir()
    for number in range(100_000):
        os.close(os.open(volume.cipherdir / "d" / f"{number}", os.O_CREAT | os.O_WRONLY))
    with volume as vault:
        _list_and_remove(vault)


def _list_and_remove(vault: HotMount) -> None:
    top = vault.mountpoint / "d"
    removed = {f"{number}" for number in range(0, 100_000, 7)}
    with os.scandir(top) as listing:
        first = next(listing).name
        for name in removed - {first}:
            (top / name).unlink()
        rest = [entry.name for entry in listing]
    assert len(rest) == len(set(rest))
    stay = {f"{number}" for number in range(100_000)} - removed
    assert stay <= {first, *rest}
    assert set(os.listdir(top)) == stay | ({first} & removed)
    everything, hot = vault.hot_share("readdir")
    assert everything == hot


def test_a_listing_is_gone_back_in(either: HotMount) -> None:
    """seekdir and rewinddir, by way of the system call that they are made of."""
    top = either.mountpoint
    names = {f"file{number}" for number in range(500)}
    for name in names:
        (top / name).write_bytes(b"")
    fd = os.open(top, os.O_RDONLY)
    try:
        for _ in range(3):
            # os.listdir rewinds what it gets.
            assert set(os.listdir(fd)) == names
        (top / "late").write_bytes(b"")
        assert set(os.listdir(fd)) == {*names, "late"}
        (top / "late").unlink()
        assert set(os.listdir(fd)) == names
    finally:
        os.close(fd)


def test_a_directory_is_listed_once_for_two_walks_in_a_row(vault: HotMount) -> None:
    top = vault.mountpoint / "d"
    top.mkdir()
    for number in range(200):
        (top / f"file{number}").write_bytes(b"")
    wait_for_new_second()
    # The first is the one that the kernel keeps. A machine that is busy may be too late for it.
    kept = False
    for _ in range(20):
        listed = [sorted(os.listdir(top))]
        before = vault.answered()["readdir"]
        listed.append(sorted(os.listdir(top)))
        kept = kept or vault.answered()["readdir"] == before
        assert listed[0] == listed[1] == sorted(f"file{number}" for number in range(200))
        if kept:
            break
    assert kept
    (top / "more").write_bytes(b"")
    assert len(os.listdir(top)) == 201


def test_names_that_cannot_be_shown_are_left_to_python(vault: HotMount) -> None:
    top = vault.mountpoint
    (top / "file").write_bytes(b"")
    (top / ("l" * 200)).write_bytes(b"")
    (vault.cipherdir / "not-a-name").write_bytes(b"")
    wait_for_new_second()
    assert set(os.listdir(top)) == {"file", "l" * 200}
    (hashed,) = (p for p in vault.cipherdir.iterdir() if p.name.endswith(".name"))
    hashed.unlink()
    wait_for_new_second()
    assert set(os.listdir(top)) == {"file"}


# --- changes behind our back --------------------------------------------------------------


def test_changes_in_the_cipher_directory_show_within_the_second(either: HotMount) -> None:
    top = either.mountpoint
    for size in (10, 20, 30):
        (top / f"file{size}").write_bytes(b"x" * size)
    (top / "d").mkdir()
    (top / "d" / "inside").write_bytes(b"inside")
    assert len(os.listdir(top)) == 4
    places = on_disk(either)
    sizes = sorted(int(size) for size in places)
    ten, twenty, thirty = (places[str(size)] for size in sizes if size < 4096)
    # A file is replaced by another one, as sync clients do it, one goes, and one gets a new name.
    os.replace(twenty, ten)
    wait_for_new_second()
    assert sorted(os.listdir(top)) == ["d", "file10", "file30"]
    assert (top / "file10").read_bytes() == b"x" * 20
    assert not (top / "file20").exists()
    os.rename(thirty, twenty)
    wait_for_new_second()
    assert sorted(os.listdir(top)) == ["d", "file10", "file20"]
    assert (top / "file20").read_bytes() == b"x" * 30
    twenty.unlink()
    wait_for_new_second()
    assert sorted(os.listdir(top)) == ["d", "file10"]
    with pytest.raises(FileNotFoundError):
        (top / "file20").stat()


def test_a_change_right_after_a_listing_is_seen_by_the_next_after_the_second(
    either: HotMount,
) -> None:
    """A listing that the kernel keeps is not shown once more when it is no longer right."""
    top = either.mountpoint
    (top / "file").write_bytes(b"")
    (path,) = (p for p in either.cipherdir.iterdir() if not p.name.startswith("gocryptfs."))
    elsewhere = either.base / path.name
    for _ in range(3):
        wait_for_new_second()
        assert os.listdir(top) == ["file"]
        os.rename(path, elsewhere)
        until = time.monotonic() + CACHE_S
        # It may be seen earlier, as it has always been; from then on it must.
        while time.monotonic() <= until:
            assert os.listdir(top) in ([], ["file"])
        assert os.listdir(top) == []
        os.rename(elsewhere, path)
        wait_until(lambda: os.listdir(top) == ["file"], 2 * CACHE_S, "it is back")


def test_a_change_is_seen_by_the_next_opening_of_a_directory(either: HotMount) -> None:
    """Without any waiting: what is kept goes by the stamp of the directory."""
    top = either.mountpoint
    (top / "file").write_bytes(b"")
    (path,) = (p for p in either.cipherdir.iterdir() if not p.name.startswith("gocryptfs."))
    elsewhere = either.base / path.name
    for _ in range(100):
        assert os.listdir(top) == ["file"]
        os.rename(path, elsewhere)
        assert os.listdir(top) == []
        os.rename(elsewhere, path)


def test_a_directory_whose_times_were_set_back_is_listed_anew(either: HotMount) -> None:
    """As sync clients do it, which restore the times of what they write into."""
    top = either.mountpoint
    (top / "file").write_bytes(b"")
    (path,) = (p for p in either.cipherdir.iterdir() if not p.name.startswith("gocryptfs."))
    wait_for_new_second()
    before = either.cipherdir.stat()
    assert os.listdir(top) == ["file"]
    os.rename(path, either.base / path.name)
    os.utime(either.cipherdir, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.listdir(top) == []


def test_directories_that_moved_behind_our_back_are_found(either: HotMount) -> None:
    top = either.mountpoint
    for name in ("one", "two"):
        (top / name).mkdir()
        (top / name / "file").write_text(name)
    paths = [p for p in either.cipherdir.iterdir() if not p.name.startswith("gocryptfs.")]
    first, second = paths
    os.rename(first, either.base / "aside")
    os.rename(second, first)
    os.rename(either.base / "aside", second)
    wait_for_new_second()
    assert (top / "one" / "file").read_text() == "two"
    assert (top / "two" / "file").read_text() == "one"
    assert os.listdir(top / "one") == ["file"]
    shutil.rmtree(first)
    wait_for_new_second()
    assert len(os.listdir(top)) == 1


def test_an_iv_that_was_replaced_counts_from_the_next_second_on(either: HotMount) -> None:
    top = either.mountpoint / "d"
    top.mkdir()
    (top / "file").write_text("content")
    (path,) = (p for p in either.cipherdir.iterdir() if not p.name.startswith("gocryptfs."))
    assert os.listdir(top) == ["file"]
    iv = path / "gocryptfs.diriv"
    kept = iv.read_bytes()
    staged = either.base / "iv"
    staged.write_bytes(bytes(15) + b"x")
    os.replace(staged, iv)
    wait_for_new_second()
    assert os.listdir(top) == []
    with pytest.raises(FileNotFoundError):
        (top / "file").read_text()
    staged.write_bytes(kept)
    os.replace(staged, iv)
    wait_for_new_second()
    assert os.listdir(top) == ["file"]
    assert (top / "file").read_text() == "content"


def test_what_the_real_gocryptfs_does_meanwhile_shows(either: HotMount) -> None:
    """Two mounts of one cipher directory, as with a sync client that has the other one."""
    with Gocryptfs(
        either.base,
        password=either.password,
        cipherdir=either.cipherdir,
        mountpoint=either.base / "theirs",
        mount_options=("-sharedstorage",),
    ) as theirs:
        names = [f"file{number}" for number in range(30)]
        for name in names:
            (either.mountpoint / name).write_text(name)
        assert sorted(os.listdir(theirs.mountpoint)) == sorted(names)
        for number, name in enumerate(names):
            path = theirs.mountpoint / name
            match number % 4:
                case 0:
                    path.unlink()
                case 1:
                    path.rename(theirs.mountpoint / f"new{number}")
                case 2:
                    path.write_text(name * 10)
                case _:
                    os.chmod(path, 0o600)
        wait_for_new_second()
        for top in (either.mountpoint, theirs.mountpoint):
            told = {
                entry.name: (stat.S_IMODE(entry.stat().st_mode), Path(entry).read_text())
                for entry in os.scandir(top)
            }
            assert told == {
                f"new{n}" if n % 4 == 1 else name: (
                    0o600 if n % 4 == 3 else 0o644,
                    name * (10 if n % 4 == 2 else 1),
                )
                for n, name in enumerate(names)
                if n % 4
            }


# --- programs ----------------------------------------------------------------------------


def test_programs_that_walk_see_the_same_on_both_paths(volume: Vaultfs, tmp_path: Path) -> None:
    told = []
    for hot in (True, False):
        with HotMount(volume.base, hot=hot) as vault:
            top = vault.mountpoint / "tree"
            if hot:
                for number in range(20):
                    below = top / f"d{number % 4}" / f"e{number}"
                    below.mkdir(parents=True)
                    for size in range(5):
                        (below / f"file{size}").write_bytes(b"x" * size * 1000)
                    os.symlink("file1", below / "link")
            words = ("find", ".", "-printf", r"%p %y %s %m %U %G %n %l %T@\n")
            for _ in range(2):
                found = subprocess.run(words, cwd=top, check=True, capture_output=True).stdout
                told.append(sorted(found.splitlines()))
            subprocess.run(
                ("tar", "cf", tmp_path / f"{hot}.tar", "tree"), cwd=top.parent, check=True
            )
            target = vault.mountpoint / f"again-{hot}"
            target.mkdir()
            subprocess.run(("tar", "xpf", tmp_path / f"{hot}.tar", "-C", target), check=True)
            found = subprocess.run(
                words, cwd=target / "tree", check=True, capture_output=True
            ).stdout
            told.append(sorted(_rounded(found)))
            shutil.rmtree(target)
    assert all(len(each) == len(told[0]) for each in told)
    assert told[0] == told[1] == told[3] == told[4]
    assert told[2] == told[5]


def _rounded(lines: bytes) -> list[bytes]:
    """Return what find printed without fractions of seconds, which tar does not keep, nor times
    of links."""
    return [b" ".join(line.split(b".0", 1)[0].split()[:-1]) for line in lines.splitlines()]
