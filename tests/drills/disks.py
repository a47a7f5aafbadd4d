"""The power is cut under real file systems, on a disk that writes its cache out as it likes.

The cipher directory lies on ext4, or on btrfs, whose log brings out single files and directories
ahead of all else. Their disk is recorded, block by block. What a cut may leave of that is
mounted as after a reboot, and judged as in the other drills: only what was flushed is sure.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mounting import MountedVolume
from openvolume import PASSWORD

from tests.drills import blockrecord, images, judge
from tests.drills.blockrecord import RecordedDisk, Write
from tests.drills.durableledger import DurableLedger, NotedLedger
from tests.drills.harness import Drill, Row, Session
from tests.drills.writers import SavingWriter
from vaultui.cipherfs import volume as volumes
from vaultui.cipherfs.volume import Volume
from vaultui.linux.atcalls import syncfs
from vaultui.model.secret import Secret

_FILE_SYSTEMS = {
    "ext4": (96 << 20, ("mkfs.ext4", "-q", "-b", "4096")),
    "btrfs": (160 << 20, ("mkfs.btrfs", "-q", "--mixed")),
}
"""By name: the size of a disk in bytes, and what makes one of it."""
_ROUNDS = 40
_WRITERS = 2
_WORK_S = 0.5
_CUTS = 8
"""Of each recording."""
_SECTOR = 4096
"""Bytes. What a disk of today writes whole; btrfs has its superblock in one."""


def run(session: Session) -> list[Row]:
    tallies = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for peer, share in zip(session.peers, (0.5, 1.0), strict=True):
            tally: Counter[str] = Counter()
            patterns = {name: _make(name, peer, Path(folder)) for name in _FILE_SYSTEMS}
            for seed in session.seeds(_ROUNDS, share=share):
                for name, (pattern, volume) in patterns.items():
                    _round(session, peer, name, pattern, volume, seed, tally)
            tallies.append(tally)
    return [
        Row(f"{name}: {what}", *(str(tally[f"{name}: {what}"]) for tally in tallies), remark)
        for name in _FILE_SYSTEMS
        for what, remark in (
            ("recordings", ""),
            ("writes of the file system recorded", "and as many flushes as it asked for"),
            ("states", "what the disk may hold after a cut"),
            ("names that had to be there", "of files and directories that were synced"),
            ("synced and lost", "must be 0 of ours"),
            ("directories without an IV", "synced or not: nobody can list them"),
            ("entries without their name", "synced or not: a hashed name without its `.name`"),
            ("`-fsck` said otherwise", "than what reading everything shows"),
            ("errors before the cut", ""),
        )
    ]


def _make(name: str, peer: type[MountedVolume], folder: Path) -> tuple[Path, Volume]:
    """Make an image with a volume on it, and open that."""
    size, command = _FILE_SYSTEMS[name]
    image = folder / f"{peer.argv0}-{name}"
    images.make(image, size, command)
    base = folder / f"{image.name}-base"
    base.mkdir()
    with images.mounted(image, base / "disk") as disk:
        made = peer(base, cipherdir=disk / "cipher")
        made.create()
        return image, volumes.open_volume(made.cipherdir, Secret(bytearray(PASSWORD)))


def _round(
    session: Session,
    peer: type[MountedVolume],
    name: str,
    pattern: Path,
    volume: Volume,
    seed: int,
    tally: Counter[str],
) -> None:
    base = session.base / f"{peer.argv0}-{name}-{seed}"
    base.mkdir()
    image = pattern.with_name("image")
    images.copy(pattern, image)
    chance = random.Random(f"{seed}/{name}")
    with RecordedDisk(image, base) as recorded:
        with images.mounted(recorded.image, base / "disk") as disk:
            began, writers = _work(peer(base, cipherdir=disk / "cipher"), disk, seed)
        writes = list(blockrecord.read(recorded.record))

    def found(what: str, sentences: list[str]) -> None:
        tally[f"{name}: {what}"] += len(sentences)
        for sentence in sentences:
            session.found(peer, f"{name}: {what}: {sentence}", seed)

    tally[f"{name}: recordings"] += 1
    tally[f"{name}: writes of the file system recorded"] += len(writes)
    for writer in writers:
        found("errors before the cut", writer.trouble)
    moments = [write.began for write in writes if write.began > began]
    for moment in chance.choices(moments, k=_CUTS):
        images.copy(pattern, image)
        _apply(image, writes, moment, chance)
        with images.mounted(image, base / "after") as disk:
            findings = judge.look(disk / "cipher", volume)
        tally[f"{name}: states"] += 1
        for writer in writers:
            assert isinstance(writer.ledger, NotedLedger)
            ledger = writer.ledger.until(moment, DurableLedger())
            tally[f"{name}: names that had to be there"] += ledger.promised
            found("synced and lost", ledger.losses(findings.below(writer.folder.name)))
        found("directories without an IV", findings.without_iv)
        found("entries without their name", findings.nameless)
        if findings.checked != findings.expected():
            found("`-fsck` said otherwise", [f"{findings.checked}, not {findings.expected()}"])
    shutil.rmtree(base)


def _work(mounted: MountedVolume, disk: Path, seed: int) -> tuple[int, list[SavingWriter]]:
    """Let writers work in a mount; return when they began, and them with what they know."""
    ended = threading.Event()
    with mounted:
        writers = [
            SavingWriter(mounted.mountpoint / f"writer{number}", seed, ended, NotedLedger())
            for number in range(_WRITERS)
        ]
        for writer in writers:
            writer.make_folder()
        fd = os.open(disk, os.O_RDONLY)
        try:
            syncfs(fd)
        finally:
            os.close(fd)
        began = time.time_ns()
        for writer in writers:
            writer.start()
        time.sleep(_WORK_S)
        ended.set()
        for writer in writers:
            writer.join()
    return began, writers


def _apply(image: Path, writes: Sequence[Write], moment: int, chance: random.Random) -> None:
    """Write into a copy of the disk what it may hold of all that was written before a moment."""
    flushed = max(
        (write.began for write in writes if write.is_flush and write.ended <= moment), default=0
    )
    share = chance.choice([0.0, 1.0, chance.random(), chance.random()])
    fd = os.open(image, os.O_WRONLY)
    try:
        for write in writes:
            if write.is_flush or write.began >= moment:
                continue
            if write.ended <= flushed or chance.random() < share:
                os.pwrite(fd, write.data, write.offset)
            elif share and chance.random() < 0.5:
                some = chance.randrange(0, len(write.data) + 1, _SECTOR)
                os.pwrite(fd, write.data[:some], write.offset)
    finally:
        os.close(fd)


DRILL = Drill(
    "disks",
    "The power is cut, and the disk had not written all that it was given",
    run,
    minutes=3.0,
    needs=("fuse", "gocryptfs", "root", "btrfs"),
)
