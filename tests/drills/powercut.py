"""The power is cut at random moments while three writers work and sync.

The cipher directory lies on an ext4 image. Its file system is told to stop dead, without
writing out its journal, then the backend is killed, and the image is mounted again, as after a
reboot: only what had been handed to the disk is left. As the writers sync all the time, names are
committed long before content that nobody synced is written.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import struct
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from mounting import MountedVolume
from openvolume import PASSWORD

from tests.drills import images, judge
from tests.drills.durableledger import DurableLedger, Name
from tests.drills.harness import Drill, Row, Session
from tests.drills.writers import SavingWriter, is_long_name
from vaultui.cipherfs import volume as volumes
from vaultui.cipherfs.volume import Volume
from vaultui.linux.atcalls import syncfs
from vaultui.model.secret import Secret

_ROUNDS = 150
_WRITERS = 3
_LONGEST_S = 0.8
"""Until the cut, from when the writers begin."""
_IMAGE_BYTES = 96 << 20
_EXT4_IOC_SHUTDOWN = 0x8004587D
"""From the kernel's fs/ext4/ext4.h, and the flag of it that leaves the journal unwritten."""
_NO_LOG_FLUSH = 2


def run(session: Session) -> list[Row]:
    # In memory: the images are written to all the time, and the disk is not what is tried.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        tallies = [
            _cut_again_and_again(session, peer, share, Path(folder))
            for peer, share in zip(session.peers, (0.6, 1.0), strict=True)
        ]
    return [
        Row(what, *(str(tally[what]) for tally in tallies), remark)
        for what, remark in (
            ("rounds", "each a cut in the middle of the work"),
            ("operations acknowledged", "a fifth of them syncs"),
            ("names that had to be there", "of files and directories that were synced"),
            ("synced and lost", "with the IV of a directory all that is below it"),
            (
                "… short names in a directory from before",
                "which depend on no IV and no `.name` that is new",
            ),
            ("folders that lost something", "of three in each round"),
            ("directories without an IV", "synced or not: nobody can list them"),
            ("entries without their name", "synced or not: a hashed name without its `.name`"),
            (
                "files with unreadable blocks",
                "allowed: written, and not synced since; of those found",
            ),
            ("`-fsck` said otherwise", "than what reading everything shows"),
            ("errors before the cut", ""),
        )
    ]


def _cut_again_and_again(
    session: Session, peer: type[MountedVolume], share: float, folder: Path
) -> Counter[str]:
    tally: Counter[str] = Counter()
    base = session.base / peer.argv0
    base.mkdir()
    pattern = folder / peer.argv0
    volume = _make_pattern(pattern, peer, base)
    for seed in session.seeds(_ROUNDS, share=share):
        _round(session, peer, pattern, volume, seed, tally)
    return tally


def _make_pattern(image: Path, peer: type[MountedVolume], base: Path) -> Volume:
    """Make an image with a volume on it, of which each round gets a copy."""
    images.make(image, _IMAGE_BYTES, ("mkfs.ext4", "-q", "-b", "4096"))
    with images.mounted(image, base / "disk") as disk:
        made = peer(base, cipherdir=disk / "cipher")
        made.create()
        return volumes.open_volume(made.cipherdir, Secret(bytearray(PASSWORD)))


def _round(
    session: Session,
    peer: type[MountedVolume],
    pattern: Path,
    volume: Volume,
    seed: int,
    tally: Counter[str],
) -> None:
    base = session.base / f"{peer.argv0}-{seed}"
    base.mkdir()
    image = pattern.with_name("image")
    images.copy(pattern, image)
    with images.mounted(image, base / "disk") as disk:
        writers = _work_until_cut(peer(base, cipherdir=disk / "cipher"), disk, seed)
    # Not the same image again: some program's mount namespace may still hold the dead one.
    after = pattern.with_name("after")
    images.copy(image, after)
    with images.mounted(after, base / "disk") as disk:
        findings = judge.look(disk / "cipher", volume)

    def found(what: str, sentences: list[str]) -> None:
        tally[what] += len(sentences)
        for sentence in sentences:
            session.found(peer, f"{what}: {sentence}", seed)

    tally["rounds"] += 1
    for writer in writers:
        tally["operations acknowledged"] += writer.acknowledged
        found("errors before the cut", writer.trouble)
        assert isinstance(writer.ledger, DurableLedger)
        tally["names that had to be there"] += writer.ledger.promised
        there = findings.below(writer.folder.name)
        lost = writer.ledger.losses(there)
        found("synced and lost", lost)
        tally["… short names in a directory from before"] += len(
            writer.ledger.losses(there, _is_independent)
        )
        tally["folders that lost something"] += bool(lost)
    found("directories without an IV", findings.without_iv)
    found("entries without their name", findings.nameless)
    tally["files with unreadable blocks"] += findings.unreadable
    if findings.checked != findings.expected():
        found("`-fsck` said otherwise", [f"{findings.checked}, not {findings.expected()}"])
    shutil.rmtree(base)


def _is_independent(name: Name) -> bool:
    return not any("/" in path or is_long_name(path) for path in name.paths)


def _work_until_cut(mounted: MountedVolume, disk: Path, seed: int) -> list[SavingWriter]:
    """Mount, let the writers work, and cut the power; return them with what they know."""
    delay = random.Random(seed).uniform(0.01, _LONGEST_S)
    ended = threading.Event()
    mounted.mount()
    writers = [
        SavingWriter(mounted.mountpoint / f"writer{number}", seed, ended, DurableLedger())
        for number in range(_WRITERS)
    ]
    fd = os.open(disk, os.O_RDONLY)
    try:
        # The folders' own IVs are on the disk: without one a whole round would be lost by it,
        # and tell nothing of all else that was synced.
        for writer in writers:
            writer.make_folder()
        syncfs(fd)
        for writer in writers:
            writer.start()
        time.sleep(delay)
        ended.set()
        fcntl.ioctl(fd, _EXT4_IOC_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
    finally:
        os.close(fd)
    mounted.kill()
    for writer in writers:
        writer.join()
    return writers


DRILL = Drill(
    "power",
    "The power is cut while others write",
    run,
    minutes=4.0,
    needs=("fuse", "gocryptfs", "root", "loop-device"),
)
