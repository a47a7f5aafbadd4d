"""The real gocryptfs reads what we wrote and finds nothing wrong with it, and the other way round.

Here our side is the FileSystem itself; mounts against mounts are compared in tests/interop.
"""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import pytest
from capabilities import needs
from openvolume import PASSWORD, OpenVolume
from support import Gocryptfs

pytestmark = needs("fuse", "gocryptfs")

LONG = "ü" * 100
NAMES = ["short", LONG, "with space, comma\\", "x" * 175, "x" * 176, "x" * 255]
SIZES = [0, 1, 4095, 4096, 4097, 20_000, 300_000]


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture
def theirs(tmp_path: Path) -> Gocryptfs:
    volume = Gocryptfs(tmp_path, password=PASSWORD)
    volume.create()
    return volume


def test_gocryptfs_reads_all_that_we_wrote(theirs: Gocryptfs) -> None:
    ours = OpenVolume(theirs.cipherdir)
    for name in NAMES:
        ours.mkdir("d" + name[1:])
        ours.write("d" + name[1:] + "/" + name, name.encode())
    for size in SIZES:
        ours.write(f"size{size}", content(size))
    ours.write("sparse", b"a")
    ours.write("sparse", b"b", 1 << 20)
    ours.truncate("sparse", 2 << 20)
    ours.write("cut", content(50_000))
    ours.truncate("cut", 12_345)
    ours.symlink(b"../a target", "link")
    ours.fs.link(ours.ino("cut"), ours.ino(""), LONG.encode())
    ours.rename("sparse", "renamed" + LONG)
    ours.fs.setxattr(ours.ino("cut"), b"user.name", b"value")
    ours.fs.setxattr(ours.ino("cut"), b"user.empty", b"")
    ours.close()

    with theirs:
        top = theirs.mountpoint
        for name in NAMES:
            assert (top / ("d" + name[1:]) / name).read_bytes() == name.encode()
        for size in SIZES:
            assert (top / f"size{size}").read_bytes() == content(size)
        sparse = (top / ("renamed" + LONG)).read_bytes()
        assert sparse == b"a".ljust(1 << 20, b"\0") + b"b".ljust(1 << 20, b"\0")
        assert (top / "cut").read_bytes() == content(50_000)[:12_345]
        assert (top / LONG).stat().st_nlink == 2
        assert os.readlink(top / "link") == "../a target"
        assert os.getxattr(top / "cut", "user.name") == b"value"
        assert os.getxattr(top / "cut", "user.empty") == b""
        assert len(list(top.iterdir())) == len(NAMES) + len(SIZES) + 4
    theirs.fsck().check()


def test_we_read_and_change_all_that_gocryptfs_wrote(theirs: Gocryptfs) -> None:
    with theirs:
        top = theirs.mountpoint
        for name in NAMES:
            (top / ("d" + name[1:])).mkdir()
            (top / ("d" + name[1:]) / name).write_bytes(name.encode())
        for size in SIZES:
            (top / f"size{size}").write_bytes(content(size))
        with (top / "sparse").open("wb") as file:
            file.write(b"a")
            file.truncate(1 << 20)
        (top / "link").symlink_to("target")
        os.setxattr(top / "size1", "user.name", b"value")
        os.mkfifo(top / "fifo")

    ours = OpenVolume(theirs.cipherdir)
    for name in NAMES:
        assert ours.list("d" + name[1:]) == [name]
        assert ours.read("d" + name[1:] + "/" + name) == name.encode()
    for size in SIZES:
        assert ours.read(f"size{size}") == content(size)
        assert ours.attributes(f"size{size}").size == size
    assert ours.read("sparse") == b"a".ljust(1 << 20, b"\0")
    assert ours.attributes("link").size == len("target")
    assert ours.fs.readlink(ours.ino("link")) == b"target"
    assert ours.fs.getxattr(ours.ino("size1"), b"user.name") == b"value"
    assert stat.S_ISFIFO(ours.attributes("fifo").mode)
    assert ours.reports == []
    for name in NAMES:
        ours.unlink("d" + name[1:] + "/" + name)
        ours.rmdir("d" + name[1:])
    ours.write("size20000", b"in the middle", 4090)
    ours.rename("size1", LONG)
    ours.close()

    with theirs:
        expected = bytearray(content(20_000))
        expected[4090:4103] = b"in the middle"
        assert (theirs.mountpoint / "size20000").read_bytes() == expected
        assert os.getxattr(theirs.mountpoint / LONG, "user.name") == b"value"
        assert not [p for p in theirs.mountpoint.iterdir() if p.name.startswith("d")]
    theirs.fsck().check()


@pytest.mark.parametrize("seed", range(3))
def test_random_writes_by_us_read_the_same_through_gocryptfs(theirs: Gocryptfs, seed: int) -> None:
    chance = random.Random(seed)
    model = bytearray()
    ours = OpenVolume(theirs.cipherdir)
    for _ in range(200):
        if chance.random() < 0.2:
            size = chance.choice([0, chance.randrange(60_000), chance.randrange(15) * 4096])
            if not model:
                ours.write("file", b"")
            ours.truncate("file", size)
            del model[size:]
            model.extend(bytes(size - len(model)))
        else:
            at = chance.choice([chance.randrange(60_000), chance.randrange(15) * 4096])
            data = chance.randbytes(chance.choice([1, 100, 4096, 10_000]))
            ours.write("file", data, at)
            model.extend(bytes(max(at - len(model), 0)))
            model[at : at + len(data)] = data
    ours.close()
    with theirs:
        assert (theirs.mountpoint / "file").read_bytes() == model
