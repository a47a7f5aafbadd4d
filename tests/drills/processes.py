"""Each process of an unlock and of a lock is killed just before each of its steps.

A step is a system call that others can see the effect of; consecutive seeds kill at different
ones. What is there afterwards must be explained, the next unlock must work without anybody's help,
and the next lock must leave nothing: no mount, process, socket, lock, or half-written file. Of
gocryptfs, which is one program that goes into the background, the same is asked as far as it has
the means.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import leftovers
from mounting import Gocryptfs, MountedVolume, Vaultfs, detach, mountpoints_below
from programs import Completed, private_home, program, run_program
from tracing import Traced, process_of
from waiting import wait_until

from tests.drills.harness import Drill, Row, Session

PASSWORD = b"correct horse battery"
_ROUNDS = 2000
_OURS_UNTIL, _THEIRS_UNTIL = 0.85, 1.0
_AT_ONCE = max(2, os.cpu_count() or 1)
"""Homes in which rounds take place. Much of a round is waiting."""
_STRIDE = 7919
"""From step to step of consecutive seeds: a prime, so that each step has its turn."""
_SETTLED_S = 30.0
_FRONT, _SHIM, _BACKEND, _PROGRAM = "front end", "shim or keeper", "backend", "gocryptfs"
_ROLES = {
    "shim/__main__.py": _SHIM,
    "vaultui.mountd": _BACKEND,
    "bin/vaultui\0": _FRONT,
    "gocryptfs\0-q": _PROGRAM,
}
"""What a command line has that tells them apart, the first that fits."""


def run(session: Session) -> list[Row]:
    our_steps = _OurRounds(session.base / "our-steps").steps()
    ours = _share_out(session, _OurRounds, our_steps, _OURS_UNTIL)
    their_steps = _TheirRounds(session.base / "their-steps").steps()
    theirs = _share_out(session, _TheirRounds, their_steps, _THEIRS_UNTIL)
    kills = [
        Row(f"kills, {what}", *(str(done.kills[what] or "–") for done in (ours, theirs)))
        for what in sorted(ours.kills.keys() | theirs.kills.keys())
    ]
    kinds = ("not explained", "not opened again", "not locked again", "left behind")
    return [
        *kills,
        Row("of these, before different steps", str(len(ours.steps)), str(len(theirs.steps))),
        Row("steps that there are", str(len(our_steps)), str(len(their_steps))),
        *(Row(kind, *(str(session.count(peer, kind)) for peer in session.peers)) for kind in kinds),
    ]


class _Step(NamedTuple):
    """Something to kill a process before."""

    deed: str
    role: str
    number: int
    """Of the steps of all processes with this role in this deed."""


@dataclass
class _Done:
    """What rounds came to."""

    kills: Counter[str] = field(default_factory=Counter)
    steps: set[int] = field(default_factory=set)
    """Those before which something was killed, by their numbers."""
    findings: list[tuple[str, int]] = field(default_factory=list)
    """Sentences, each with its seed."""


def _share_out(
    session: Session, kind: type[_Rounds], steps: Sequence[_Step], share: float
) -> _Done:
    """Have rounds done by several processes, each in a home of its own."""
    end = session.began + share * session.minutes * 60
    seeds = range(session.seed, session.seed + session.rounds(_ROUNDS))
    parts = [seeds[first::_AT_ONCE] for first in range(min(_AT_ONCE, len(seeds)))]
    homes = [session.base / f"{kind.peer.argv0}-{number}" for number in range(len(parts))]
    # By fork, which takes along where modules are found.
    with get_context("fork").Pool(len(parts)) as pool:
        work = [(kind, home, steps, part, end) for home, part in zip(homes, parts, strict=True)]
        together = _Done()
        for done in pool.starmap(_do_rounds, work, chunksize=1):
            together.kills += done.kills
            together.steps |= done.steps
            for sentence, seed in done.findings:
                session.found(kind.peer, sentence, seed)
    return together


def _do_rounds(
    kind: type[_Rounds], home: Path, steps: Sequence[_Step], seeds: Sequence[int], end: float
) -> _Done:
    """Do a round for each seed, until the time is over; the first always takes place."""
    rounds = kind(home)
    for number, seed in enumerate(seeds):
        if number and time.monotonic() > end:
            break
        rounds.round(seed, steps)
    return rounds.done


class _Killer:
    """Watches a deed, and kills a process just before the step number `left` of its role."""

    def __init__(self, roles: Collection[str], left: int | None = None) -> None:
        self._roles = roles
        self._left = left
        self.steps: list[tuple[str, str]] = []
        """Of the processes with one of the roles: the role, and the system call."""
        self.killed = False

    def watches(self, pid: int) -> bool:
        return role_of(pid) in self._roles

    def at_change(self, pid: int, call: str) -> None:
        self.steps.append((role_of(pid), call))
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
            traced.process.wait(_SETTLED_S)


def role_of(pid: int) -> str:
    """Return which of the processes of an unlock this is; empty for others, and the ended."""
    try:
        words = os.fsdecode(Path(f"/proc/{process_of(pid)}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return next((role for mark, role in _ROLES.items() if mark in words), "")


class _Rounds:
    """What the rounds of both programs share: a home with a volume, and what is done there."""

    peer: type[MountedVolume]
    roles: ClassVar[Mapping[str, Collection[str]]]
    """What can be done, and who can be killed meanwhile."""

    def __init__(self, base: Path) -> None:
        self.done = _Done()
        base.mkdir()
        self.env = private_home(base)
        self.base = base
        volume = self.peer(base, password=PASSWORD)
        volume.create()
        self.cipherdir = volume.cipherdir
        self.password = base / "password"
        self.password.write_bytes(PASSWORD + b"\n")

    def round(self, seed: int, steps: Sequence[_Step]) -> None:
        """Do a deed, kill a process at one of its steps, and look at what is left."""
        number = seed * _STRIDE % len(steps)
        step = steps[number]
        killer = _Killer({step.role}, step.number)
        self.do(step.deed, killer)
        if not killer.killed:  # it took fewer steps this time
            self.recover(f"{step.deed} that went by", seed)
            return
        article = "an" if step.deed[0] in "aeiou" else "a"
        self.done.kills[f"{step.role} in {article} {step.deed}"] += 1
        self.done.steps.add(number)
        call = killer.steps[-1][1]
        self.recover(f"{step.role} killed before {call} ({step.number}) of {step.deed}", seed)

    def steps(self) -> list[_Step]:
        """Do everything without a kill, and return the steps that were seen."""
        found = []
        for deed, roles in self.roles.items():
            watching = _Killer(roles)
            self.do(deed, watching)
            for role, count in Counter(role for role, _call in watching.steps).items():
                found += [_Step(deed, role, number) for number in range(1, count + 1)]
            self.recover(f"{deed} without a kill", 0)
        assert not self.done.findings, self.done.findings
        return found

    @abstractmethod
    def do(self, deed: str, killer: _Killer) -> None:
        """Do the deed under the killer."""

    @abstractmethod
    def recover(self, what: str, seed: int) -> None:
        """Open and lock as a user would, and note what does not work or is left."""

    def found(self, kind: str, what: str, detail: str, seed: int) -> None:
        self.done.findings.append((f"{kind}: {what}: {detail}", seed))


class _OurRounds(_Rounds):
    peer = Vaultfs
    roles: ClassVar = dict.fromkeys(("unlock", "lock"), (_FRONT, _SHIM, _BACKEND))

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.run("add", self.cipherdir, "--name", "Work").check()
        self.mountpoint = Path(self.env["HOME"]) / "Vaults" / "Work"
        self._unlock = ("unlock", "Work", "--password-file", self.password)
        self.run(*self._unlock).check()
        (self.mountpoint / "file").write_text("content")
        self.run("lock", "Work").check()
        self._places = [Path(self.env[name]) for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME")]

    def run(self, *words: str | Path) -> Completed:
        return run_program((program("vaultui"), *words), env=self.env, timeout=60)

    def do(self, deed: str, killer: _Killer) -> None:
        if deed == "unlock":
            killer.during((program("vaultui"), *self._unlock), self.env)
            return
        self.run(*self._unlock).check()
        status = self.status()
        serving = (status["backend_pid"], status["keeper_pid"])
        killer.during((program("vaultui"), "lock", "Work"), self.env, serving)

    def status(self) -> Any:
        (vault,) = json.loads(self.run("status", "--json").check().stdout)["vaults"]
        return vault

    def recover(self, what: str, seed: int) -> None:
        settled: dict[str, Any] = {}

        def is_settled() -> bool:
            settled.update(self.status())
            return settled["state"] in {"open", "locked", "broken"}

        try:
            wait_until(is_settled, _SETTLED_S, "a state that lasts")
        except AssertionError:
            self.found("not explained", what, f"it stays {settled['state']}", seed)
        if settled["state"] == "broken" and not settled["explanation"]:
            self.found("not explained", what, "it is broken", seed)
        opened = self.run(*self._unlock)
        if opened.returncode != 0 or not self._reads():
            self.found("not opened again", what, opened.text, seed)
        locked = self.run("lock", "Work")
        if locked.returncode != 0 or self.status()["state"] != "locked":
            self.found("not locked again", what, locked.text, seed)
        for line in self._left():
            self.found("left behind", what, line, seed)
        leftovers.sweep(self.base)

    def _reads(self) -> bool:
        return run_program(("cat", self.mountpoint / "file")).stdout == b"content"

    def _left(self) -> list[str]:
        lines = leftovers.after_grace(self.base)
        for place in self._places:
            for path in place.rglob("*"):
                if path.name.endswith(".tmp") or path.is_socket():
                    lines.append(f"{path.relative_to(self.base)}")
        lines += [f"{path.name} in the cipher directory" for path in self.cipherdir.glob(".*")]
        if any(self.mountpoint.iterdir()) or self.mountpoint.stat().st_mode & 0o222:
            lines.append("a mount point that can be written to")
        with_lock = os.open(self.cipherdir, os.O_RDONLY)
        try:
            fcntl.flock(with_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lines.append("a lock on the cipher directory")
        finally:
            os.close(with_lock)
        return lines


class _TheirRounds(_Rounds):
    peer = Gocryptfs
    roles: ClassVar = {"unlock": (_PROGRAM,)}

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.mountpoint = self.base / "plain"
        self.mountpoint.mkdir()
        self._mount = (
            *("gocryptfs", "-q", "-nosyslog", "-passfile", self.password),
            *(self.cipherdir, self.mountpoint),
        )

    def do(self, deed: str, killer: _Killer) -> None:
        killer.during(self._mount, self.env)

    def recover(self, what: str, seed: int) -> None:
        # One that was left alone goes on until it serves, or gives up.
        time.sleep(0.2)
        if not self._reads():
            opened = run_program(self._mount, env=self.env)
            if opened.returncode != 0 or not self._reads():
                self.found("not opened again", what, opened.text, seed)
        locked = run_program(("fusermount3", "-u", self.mountpoint))
        if locked.returncode != 0 or mountpoints_below(self.mountpoint):
            self.found("not locked again", what, locked.text, seed)
            detach(self.mountpoint)
        for line in leftovers.after_grace(self.base):
            self.found("left behind", what, line, seed)
        leftovers.sweep(self.base)

    def _reads(self) -> bool:
        return bool(mountpoints_below(self.mountpoint)) and (
            run_program(("ls", self.mountpoint)).returncode == 0
        )


DRILL = Drill(
    "processes",
    "Processes killed at each step of an unlock and a lock",
    run,
    minutes=6.0,
    needs=("fuse", "gocryptfs", "ptrace"),
)
