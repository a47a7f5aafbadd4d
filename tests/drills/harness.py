"""What a drill is, what it is given, and what it gives back.

A drill does its work on our program and on the real gocryptfs, one round after the other, until it
had its rounds or its time is over. Chance comes from seeds alone, one for each round, which
count up from the seed of the run: `--only NAME --seed N --rounds 1` does the round of seed N
again.

What a round finds wrong with our program fails the run; what it finds with gocryptfs is
a figure to compare with.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mounting import Gocryptfs, MountedVolume, Vaultfs

_RUN_OF_ONE_CHARACTER = re.compile(r"(.)\1{20,}")
"""What makes a name long; nobody needs to read all of it."""


class Peers(NamedTuple):
    """The two programs, under one command line."""

    ours: type[MountedVolume] = Vaultfs
    gocryptfs: type[MountedVolume] = Gocryptfs


class Row(NamedTuple):
    """A line of the results: what was tried or counted, and how it came out."""

    what: str
    ours: str
    gocryptfs: str
    remark: str = ""


class Finding(NamedTuple):
    """Something that must not happen and did."""

    peer: type[MountedVolume]
    sentence: str
    seed: int


@dataclass
class Session:
    """One run of one drill."""

    base: Path
    """A directory for it alone; what it leaves mounted there is a finding."""
    seed: int
    minutes: float
    wanted_rounds: int | None = None
    findings: list[Finding] = field(default_factory=list)
    say: Callable[[str], None] = lambda _line: None

    def __post_init__(self) -> None:
        self.peers = Peers()
        self.began = time.monotonic()
        self.deadline = self.began + self.minutes * 60

    def rounds(self, default: int) -> int:
        """Return how many rounds to do, if there is time for them."""
        return default if self.wanted_rounds is None else self.wanted_rounds

    def seeds(self, default: int, *, share: float = 1.0) -> Iterator[int]:
        """Yield a seed for each round; ends when this part of the drill had its time.

        `share` is where that ends, as a part of the drill's whole time. The first round always
        takes place.
        """
        end = self.began + share * self.minutes * 60
        for number in range(self.rounds(default)):
            if number and time.monotonic() > end:
                return
            yield self.seed + number

    def found(self, peer: type[MountedVolume], sentence: str, seed: int) -> None:
        """Note something that must not happen."""
        sentence = _RUN_OF_ONE_CHARACTER.sub(r"\1\1\1…", sentence)
        self.findings.append(Finding(peer, sentence, seed))
        self.say(f"{peer.argv0}, seed {seed}: {sentence}")

    def count(self, peer: type[MountedVolume], kind: str = "") -> int:
        """Return how many findings there are of one program; those that begin with `kind`."""
        return Counter(
            finding.peer for finding in self.findings if finding.sentence.startswith(kind)
        )[peer]

    def failures(self) -> list[Finding]:
        """Return what fails the run."""
        return [finding for finding in self.findings if finding.peer is self.peers.ours]


@dataclass(frozen=True)
class Drill:
    """One kind of trouble."""

    name: str
    """One word, for `--only`."""
    title: str
    """The heading of its results."""
    run: Callable[[Session], Sequence[Row]]
    minutes: float = 3.0
    """How long it may take when all run together."""
    needs: tuple[str, ...] = ("fuse", "gocryptfs")
    """Capabilities, as in tests/capabilities.py; the results say which were missing."""
    apart: bool = False
    """Has a make target of its own, and is no part of a run that names no drill."""
