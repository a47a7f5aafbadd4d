"""The power is cut at any moment of what was recorded, and only what was synced is sure.

Writers work in a mount while strace(1) writes down what its program tells the kernel. From that
come states that a cut may have left, of two kinds of disks, and each is judged as in the other
drills. So are the states that the making of a volume and a change of its password may end in.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faultydisk import FaultyDisk
from mounting import MountedVolume
from openvolume import PASSWORD
from programs import run_program

from tests.drills import callreader, disklog, judge, recording
from tests.drills.crashstates import CrashStates, Order, whole, write_out
from tests.drills.disklog import DiskLog
from tests.drills.durableledger import DurableLedger, NotedLedger, PosixLedger
from tests.drills.harness import Drill, Row, Session
from tests.drills.writers import CarefulWriter
from vaultui.cipherfs import volume as volumes
from vaultui.cipherfs.volume import Volume
from vaultui.format.names import CONF_NAME, DIR_IV_NAME
from vaultui.model.errors import VaultuiError, VolumeConfMissing
from vaultui.model.secret import Secret

_ROUNDS = 60
_WRITERS = 2
_OPERATIONS = 60
"""That each writer is to do, unless that takes too long."""
_LONGEST_S = 4.0
_CUTS = 20
"""Of each recording and each kind of disk."""
_LEDGERS: dict[Order, type[DurableLedger]] = {
    Order.POSIX: PosixLedger,
    Order.JOURNAL: DurableLedger,
}
_WHAT_DISK = {
    Order.POSIX: "on a FUSE file system, which promises nothing",
    Order.JOURNAL: "on an ordinary disk",
}
_NOT_SYNCED = {
    Order.POSIX: "nothing of them, or in them, was synced",
    Order.JOURNAL: "must be 0 of ours",
}
_BROKEN_CONFIG = "it opens with no password, or has no IV"
_STATES_OF_A_CONFIG = 10
"""At each moment, of each kind of disk."""
_OTHER_PASSWORD = b"another horse battery"


@dataclass
class _Recording:
    """What a program did, and what it had promised to whom by when."""

    log: DiskLog
    began: int
    writers: list[CarefulWriter]


def run(session: Session) -> list[Row]:
    tallies = []
    with tempfile.TemporaryDirectory(dir="/dev/shm") as states:
        for peer, share in zip(session.peers, (0.5, 1.0), strict=True):
            tally: Counter[str] = Counter()
            base = session.base / peer.argv0
            base.mkdir()
            made = peer(base)
            made.create()
            volume = volumes.open_volume(made.cipherdir, Secret(bytearray(PASSWORD)))
            _cut_changes_of_config(session, peer, Path(states), tally)
            for seed in session.seeds(_ROUNDS, share=share):
                for order in Order:
                    folder = session.base / f"{peer.argv0}-{seed}-{order.name}"
                    recorded = _record(peer, order, base / "cipher", folder, seed)
                    _cut(session, peer, recorded, order, volume, Path(states), seed, tally)
            tallies.append(tally)

    def row(what: str, remark: str = "") -> Row:
        return Row(what, *(str(tally[what]) for tally in tallies), remark)

    return [
        *(
            row(f"{order.value}: {what}", remark)
            for order in Order
            for what, remark in (
                ("recordings", _WHAT_DISK[order]),
                ("calls recorded", "of the mount's program, on files and names"),
                ("states", "what such a disk may hold after a cut"),
                ("names that had to be there", "of files and directories that were synced"),
                ("synced and lost", "must be 0 of ours"),
                ("synced, renamed since, and lost", "must be 0 of ours"),
                ("directories without an IV", _NOT_SYNCED[order]),
                ("entries without their name", _NOT_SYNCED[order]),
                ("files with unreadable blocks", "allowed: written, and not synced since"),
                ("`-fsck` said otherwise", "than what reading everything shows"),
                ("errors before the cut", ""),
            )
        ),
        row("states of a volume that was made, or got another password"),
        row(_BROKEN_CONFIG, "must be 0 of ours"),
    ]


@contextmanager
def _disk(order: Order, base: Path) -> Iterator[Path]:
    """Make a directory on a disk that lets the program expect as much as the states will keep.

    What an ordinary disk is the program knows; a FUSE file system promises nothing.
    """
    base.mkdir()
    try:
        if order is Order.JOURNAL:
            yield base
        else:
            with FaultyDisk(base) as drive:
                yield drive.mountpoint
    finally:
        shutil.rmtree(base)


def _record(
    peer: type[MountedVolume], order: Order, pattern: Path, base: Path, seed: int
) -> _Recording:
    """Let writers work in a mount for a moment, and return what its program did meanwhile."""
    with _disk(order, base) as disk:
        cipherdir = disk / "cipher"
        shutil.copytree(pattern, cipherdir)
        start = disklog.read_tree(cipherdir)
        record = base / "record"
        mounted = peer(base, cipherdir=cipherdir, under=recording.recorder(record))
        ended = threading.Event()
        with mounted:
            writers = [
                CarefulWriter(mounted.mountpoint / f"writer{number}", seed, ended, NotedLedger())
                for number in range(_WRITERS)
            ]
            for writer in writers:
                writer.make_folder()
            began = time.time_ns()
            for writer in writers:
                writer.start()
            until = time.monotonic() + _LONGEST_S
            while time.monotonic() < until and any(
                writer.acknowledged < _OPERATIONS and writer.is_alive() for writer in writers
            ):
                time.sleep(0.01)
            ended.set()
            for writer in writers:
                writer.join()
        calls = recording.read(record)
        if order is Order.POSIX:
            # syncfs(2) is no use on FUSE: its daemon hears nothing of it.
            calls = [call for call in calls if call.name != "syncfs"]
        log = callreader.understand(start, cipherdir, calls)
        there = disklog.read_tree(cipherdir).by_path()
        assert whole(log).by_path() == there, "what was recorded is not what was done"
        return _Recording(log, began, writers)


def _cut(
    session: Session,
    peer: type[MountedVolume],
    recorded: _Recording,
    order: Order,
    volume: Volume,
    states: Path,
    seed: int,
    tally: Counter[str],
) -> None:
    """Judge some of the states that the recording may end in."""
    chance = random.Random(f"{seed}/{order.name}")
    crashes = CrashStates(recorded.log, order, settled=recorded.began)
    moments = crashes.moments(recorded.began)
    has_order = order is Order.JOURNAL

    def found(what: str, sentences: list[str], *, is_wrong: bool = True) -> None:
        tally[f"{order.value}: {what}"] += len(sentences)
        for sentence in sentences if is_wrong else ():
            session.found(peer, f"{order.value}: {what}: {sentence}", seed)

    tally[f"{order.value}: recordings"] += 1
    tally[f"{order.value}: calls recorded"] += len(recorded.log.steps)
    for writer in recorded.writers:
        found("errors before the cut", writer.trouble)
    for moment in chance.choices(moments, k=_CUTS):
        top = states / "cipher"
        top.mkdir()
        write_out(crashes.at(moment, chance), top)
        findings = judge.look(top, volume)
        shutil.rmtree(top)
        tally[f"{order.value}: states"] += 1
        for writer in recorded.writers:
            assert isinstance(writer.ledger, NotedLedger)
            ledger = writer.ledger.until(moment, _LEDGERS[order]())
            tally[f"{order.value}: names that had to be there"] += ledger.promised
            there = findings.below(writer.folder.name)
            found("synced and lost", ledger.losses(there, lambda name: not name.was_renamed))
            lost = ledger.losses(there, lambda name: name.was_renamed)
            found("synced, renamed since, and lost", lost)
        found("directories without an IV", findings.without_iv, is_wrong=has_order)
        found("entries without their name", findings.nameless, is_wrong=has_order)
        tally[f"{order.value}: files with unreadable blocks"] += findings.unreadable
        if findings.checked != findings.expected():
            missed = findings.expected() - findings.checked
            extra = findings.checked - findings.expected()
            found("`-fsck` said otherwise", [f"it names {extra}, and not {missed}"])


def _cut_changes_of_config(
    session: Session, peer: type[MountedVolume], states: Path, tally: Counter[str]
) -> None:
    """Judge states at each moment of making a volume, and of giving it another password."""
    base = session.base / f"{peer.argv0}-config"
    base.mkdir()
    cipherdir = base / "cipher"
    cipherdir.mkdir()
    chance = random.Random(session.seed)
    for words, passwords in (
        (("-init", "-q", "-scryptn", "10"), [PASSWORD]),
        (("-passwd", "-q"), [PASSWORD, _OTHER_PASSWORD]),
    ):
        start = disklog.read_tree(cipherdir)
        record = base / "record"
        command = (*recording.recorder(record), peer.command(), *words, cipherdir)
        run_program(command, b"".join(word + b"\n" for word in passwords)).check()
        log = callreader.understand(start, cipherdir, recording.read(record))
        end = max(step.ended for step in log.steps) + 1
        has_one = CONF_NAME in start.entries[disklog.ROOT]
        for order in Order:
            crashes = CrashStates(log, order)
            for moment in [*crashes.moments(0), end] * _STATES_OF_A_CONFIG:
                top = states / "config"
                top.mkdir()
                write_out(crashes.at(moment, chance), top)
                tally["states of a volume that was made, or got another password"] += 1
                if not _opens(top, passwords, must_be_there=has_one or moment == end):
                    tally[_BROKEN_CONFIG] += 1
                    session.found(peer, f"{_BROKEN_CONFIG}: {words[0]}", session.seed)
                shutil.rmtree(top)
    shutil.rmtree(base)


def _opens(cipherdir: Path, passwords: list[bytes], *, must_be_there: bool) -> bool:
    """Tell whether a volume opens with one of the passwords, or is none yet if that may be."""
    for password in passwords:
        try:
            volumes.open_volume(cipherdir, Secret(bytearray(password)))
        except VolumeConfMissing:
            return not must_be_there
        except VaultuiError:
            continue
        return (cipherdir / os.fsdecode(DIR_IV_NAME)).exists()
    return False


DRILL = Drill(
    "replay",
    "The power is cut anywhere, and only syncs count",
    run,
    minutes=3.0,
    needs=("fuse", "gocryptfs", "root", "strace"),
)
