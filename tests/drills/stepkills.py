"""Each process of a deed is killed just before each of its steps, and what is left is looked at.

A step is a system call that others can see the effect of; consecutive seeds kill at different
ones. What can be done, who takes part in it, and what must hold afterwards says a class of rounds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar, NamedTuple

import leftovers
from mounting import MountedVolume
from programs import private_home
from tracing import Traced, process_of

from tests.drills.harness import Session

PASSWORD = b"correct horse battery"
SETTLED_S = 30.0
"""What is left to itself has come to an end by then."""
_ROUNDS = 2000
_AT_ONCE = max(2, os.cpu_count() or 1)
"""Homes in which rounds take place. Much of a round is waiting."""
_STRIDE = 7919
"""From step to step of consecutive seeds: a prime, so that each step has its turn."""


class Step(NamedTuple):
    """Something to kill a process before."""

    deed: str
    role: str
    number: int
    """Of the steps of all processes with this role in this deed."""


@dataclass
class Done:
    """What rounds came to."""

    kills: Counter[str] = field(default_factory=Counter)
    steps: set[int] = field(default_factory=set)
    """Those before which something was killed, by their numbers."""
    findings: list[tuple[str, int]] = field(default_factory=list)
    """Sentences, each with its seed."""


def share_out(session: Session, kind: type[Rounds], steps: Sequence[Step], share: float) -> Done:
    """Have rounds done by several processes, each in a home of its own."""
    end = session.began + share * session.minutes * 60
    seeds = range(session.seed, session.seed + session.rounds(_ROUNDS))
    parts = [seeds[first::_AT_ONCE] for first in range(min(_AT_ONCE, len(seeds)))]
    homes = [session.base / f"{kind.peer.argv0}-{number}" for number in range(len(parts))]
    # By fork, which takes along where modules are found.
    with get_context("fork").Pool(len(parts)) as pool:
        work = [(kind, home, steps, part, end) for home, part in zip(homes, parts, strict=True)]
        together = Done()
        for done in pool.starmap(_do_rounds, work, chunksize=1):
            together.kills += done.kills
            together.steps |= done.steps
            for sentence, seed in done.findings:
                session.found(kind.peer, sentence, seed)
    return together


def _do_rounds(
    kind: type[Rounds], home: Path, steps: Sequence[Step], seeds: Sequence[int], end: float
) -> Done:
    """Do a round for each seed, until the time is over; the first always takes place."""
    with closing(kind(home)) as rounds:
        for number, seed in enumerate(seeds):
            if number and time.monotonic() > end:
                break
            rounds.round(seed, steps)
        return rounds.done


def steps_of(kind: type[Rounds], home: Path) -> list[Step]:
    """Return all steps that there are; nothing may be found where nobody is killed."""
    with closing(kind(home)) as rounds:
        return rounds.steps()


class Killer:
    """Watches a deed, and kills a process just before the step number `left` of its role."""

    def __init__(
        self, role_of: Callable[[int], str], roles: Collection[str], left: int | None = None
    ) -> None:
        self._role_of = role_of
        self._roles = roles
        self._left = left
        self.steps: list[tuple[str, str]] = []
        """Of the processes with one of the roles: the role, and the system call."""
        self.killed = False
        self.hung = False
        """It did not end by itself afterwards."""

    def watches(self, pid: int) -> bool:
        # All that have a role: which it is changes with the name that a process takes.
        return self._role_of(pid) != ""

    def at_change(self, pid: int, call: str) -> None:
        role = self._role_of(pid)
        if role not in self._roles or self.killed:
            return
        self.steps.append((role, call))
        if len(self.steps) == self._left:
            os.kill(pid, signal.SIGKILL)
            self.killed = True

    def during(
        self, words: tuple[str | Path, ...], env: dict[str, str], follow: tuple[int, ...] = ()
    ) -> None:
        """Do the deed; processes of `follow` run already and may have the role."""
        traced = Traced(words, watches=self.watches, at_change=self.at_change, env=env)
        for pid in follow:
            traced.follow(pid)
        traced.run(until=lambda: self.killed or traced.process.returncode is not None)
        traced.let_go()
        if traced.process.returncode is None:
            try:
                traced.process.wait(SETTLED_S)
            except subprocess.TimeoutExpired:
                self.hung = True
                traced.process.kill()
                traced.process.wait()


class Rounds(ABC):
    """What the rounds of all programs share: a home with a volume, and what is done there."""

    peer: ClassVar[type[MountedVolume]]
    roles: ClassVar[Mapping[str, Collection[str]]]
    """What can be done, and who can be killed meanwhile."""

    def __init__(self, base: Path) -> None:
        self.done = Done()
        self.undo = ExitStack()
        base.mkdir()
        self.env = private_home(base)
        self.base = base
        volume = self.peer(base, password=PASSWORD)
        volume.create()
        self.cipherdir = volume.cipherdir
        self.password = base / "password"
        self.password.write_bytes(PASSWORD + b"\n")

    def round(self, seed: int, steps: Sequence[Step]) -> None:
        """Do a deed, kill a process at one of its steps, and look at what is left."""
        number = seed * _STRIDE % len(steps)
        step = steps[number]
        killer = Killer(self.role_of, {step.role}, step.number)
        self.do(step.deed, killer)
        if not killer.killed:  # it took fewer steps this time
            self.recover(f"{step.deed} that went by", seed)
            return
        article = "an" if step.deed[0] in "aeiou" else "a"
        self.done.kills[f"{step.role} in {article} {step.deed}"] += 1
        self.done.steps.add(number)
        call = killer.steps[-1][1]
        what = f"{step.role} killed before {call} ({step.number}) of {step.deed}"
        if killer.hung:
            self.found("not ended", what, "; ".join(leftovers.describe(self.base)), seed)
        self.recover(what, seed)

    def steps(self) -> list[Step]:
        """Do everything without a kill, and return the steps that were seen."""
        found = []
        for deed, roles in self.roles.items():
            watching = Killer(self.role_of, roles)
            self.do(deed, watching)
            for role, count in Counter(role for role, _call in watching.steps).items():
                found += [Step(deed, role, number) for number in range(1, count + 1)]
            self.recover(f"{deed} without a kill", 0)
        assert not self.done.findings, self.done.findings
        return found

    @staticmethod
    @abstractmethod
    def role_of(pid: int) -> str:
        """Return which of the processes of a deed this is; empty for others, and the ended."""

    @abstractmethod
    def do(self, deed: str, killer: Killer) -> None:
        """Do the deed under the killer."""

    @abstractmethod
    def recover(self, what: str, seed: int) -> None:
        """Open and lock as a user would, and note what does not work or is left."""

    def found(self, kind: str, what: str, detail: str, seed: int) -> None:
        self.done.findings.append((f"{kind}: {what}: {detail}", seed))

    def close(self) -> None:
        """End what was started for all rounds together."""
        self.undo.close()


def words_of(pid: int) -> str:
    """Return the command line of a process, with a zero byte behind each word."""
    try:
        return os.fsdecode(Path(f"/proc/{process_of(pid)}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return ""
