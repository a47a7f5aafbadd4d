"""The backend is killed at random moments while three writers work in the mount.

Nothing that was acknowledged may be lost: what the program told the kernel below survives it.
Only the operations that were not answered yet, one for each writer, may be half done, and
of those only the blocks that they write may be unreadable.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

from mounting import MountedVolume
from openvolume import PASSWORD

from tests.drills import judge
from tests.drills.harness import Drill, Row, Session
from tests.drills.judge import Findings
from tests.drills.writers import Writer
from vaultui.cipherfs import volume as volumes
from vaultui.cipherfs.volume import Volume
from vaultui.model.secret import Secret

_ROUNDS = 500
_WRITERS = 3
_LONGEST_S = 0.25
"""Until the kill, from when the writers begin."""
_PROGRAMS_EVERY = 25
"""Rounds after which both programs check and list the volume, too."""
_OURS_UNTIL, _THEIRS_UNTIL = 0.7, 1.0
"""Of the drill's time: gocryptfs does as many rounds as fit into the rest."""


def run(session: Session) -> list[Row]:
    tallies = []
    for peer, share in zip(session.peers, (_OURS_UNTIL, _THEIRS_UNTIL), strict=True):
        tally: Counter[str] = Counter()
        pattern = _pattern(session.base / peer.argv0, peer)
        volume = volumes.open_volume(pattern, Secret(bytearray(PASSWORD)))
        for seed in session.seeds(_ROUNDS, share=share):
            _round(session, peer, pattern, volume, seed, tally)
        tallies.append(tally)
    return [
        Row(what, *(str(tally[what]) for tally in tallies), remark)
        for what, remark in (
            ("rounds", "each a kill of the backend"),
            ("operations acknowledged", "writes, truncations, renames, links, directories"),
            ("killed in the middle of one", "of three that may be, in each round"),
            ("acknowledged and lost or wrong", "content, names, or a half-done rename"),
            ("directories without an IV", "nobody can list them"),
            ("entries without their name", "a hashed name without its `.name`"),
            ("blocks torn while being written", "allowed: they read as EIO"),
            (
                "files of the volume's own that belong to nothing",
                "nothing is lost; `-fsck` names them",
            ),
            (
                "directories half made or half removed",
                "in no listing; they go with the directory above",
            ),
            ("`-fsck` said otherwise", "than what reading everything shows"),
            ("errors before the kill", ""),
        )
    ]


def _pattern(base: Path, peer: type[MountedVolume]) -> Path:
    """Make a volume of which each round gets a copy."""
    base.mkdir()
    made = peer(base)
    made.create()
    return made.cipherdir


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
    shutil.copytree(pattern, base / "cipher")
    mounted = peer(base)
    writers = _work_until_killed(mounted, seed)
    findings = judge.look(mounted.cipherdir, volume)

    def found(what: str, sentences: list[str]) -> None:
        tally[what] += len(sentences)
        for sentence in sentences:
            session.found(peer, f"{what}: {sentence}", seed)

    tally["rounds"] += 1
    for writer in writers:
        tally["operations acknowledged"] += writer.acknowledged
        tally["killed in the middle of one"] += writer.ledger.pending is not None
        found("errors before the kill", writer.trouble)
        wrong, torn = writer.ledger.differences(findings.below(writer.folder.name))
        found("acknowledged and lost or wrong", wrong)
        tally["blocks torn while being written"] += torn
    found("directories without an IV", findings.without_iv)
    found("entries without their name", findings.nameless)
    tally["files of the volume's own that belong to nothing"] += len(findings.strays)
    tally["directories half made or half removed"] += findings.staged
    if findings.checked != findings.expected():
        found("`-fsck` said otherwise", [f"{findings.checked}, not {findings.expected()}"])
    if seed % _PROGRAMS_EVERY == 0:
        found("`-fsck` said otherwise", _programs_disagree(session, base, findings))
    shutil.rmtree(base)


def _programs_disagree(session: Session, base: Path, findings: Findings) -> list[str]:
    """Check and read the volume with the real programs; tell where they see something else."""
    sentences = []
    is_whole = not findings.expected()
    for peer in session.peers:
        volume = peer(base)
        done = volume.fsck()
        # gocryptfs has nothing to say about files that belong to nothing.
        if is_whole and done.returncode:
            sentences.append(f"{peer.argv0} -fsck ended with {done.returncode}: {done.text}")
        if not is_whole and not done.returncode and peer is session.peers.ours:
            sentences.append(f"{peer.argv0} -fsck found nothing")
        with volume:
            seen = {
                os.path.join(folder, name)
                for folder, folders, files in os.walk(volume.mountpoint)
                for name in (*folders, *files)
            }
        expected = {os.path.join(volume.mountpoint, path) for path in findings.tree}
        if seen != expected:
            sentences.append(f"{peer.argv0} shows {sorted(seen ^ expected)} otherwise")
    return sentences


def _work_until_killed(mounted: MountedVolume, seed: int) -> list[Writer]:
    """Mount, let the writers work, and kill the backend; return them with what they know."""
    delay = random.Random(seed).uniform(0.002, _LONGEST_S)
    ended = threading.Event()
    mounted.mount()
    writers = [
        Writer(mounted.mountpoint / f"writer{number}", seed, ended) for number in range(_WRITERS)
    ]
    for writer in writers:
        writer.start()
    time.sleep(delay)
    ended.set()
    mounted.kill()
    for writer in writers:
        writer.join()
    return writers


DRILL = Drill("kill", "The backend is killed while others write", run, minutes=9.0)
