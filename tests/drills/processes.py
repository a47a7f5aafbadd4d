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
import time
from pathlib import Path
from typing import Any, ClassVar

import leftovers
from mounting import Gocryptfs, Vaultfs, detach, mountpoints_below
from programs import Completed, program, run_program
from waiting import wait_until

from tests.drills.harness import Drill, Row, Session
from tests.drills.stepkills import (
    SETTLED_S,
    Killer,
    Rounds,
    share_out,
    steps_of,
    words_of,
)

_OURS_UNTIL, _THEIRS_UNTIL = 0.85, 1.0
_FRONT, _SHIM, _BACKEND, _PROGRAM = "front end", "shim or keeper", "backend", "gocryptfs"
_ROLES = {
    "shim/__main__.py": _SHIM,
    "vaultui.mountd": _BACKEND,
    "bin/vaultui\0": _FRONT,
    "gocryptfs\0-q": _PROGRAM,
}
"""What a command line has that tells them apart, the first that fits."""


def run(session: Session) -> list[Row]:
    our_steps = steps_of(_OurRounds, session.base / "our-steps")
    ours = share_out(session, _OurRounds, our_steps, _OURS_UNTIL)
    their_steps = steps_of(_TheirRounds, session.base / "their-steps")
    theirs = share_out(session, _TheirRounds, their_steps, _THEIRS_UNTIL)
    kills = [
        Row(f"kills, {what}", *(str(done.kills[what] or "–") for done in (ours, theirs)))
        for what in sorted(ours.kills.keys() | theirs.kills.keys())
    ]
    kinds = ("not ended", "not explained", "not opened again", "not locked again", "left behind")
    return [
        *kills,
        Row("of these, before different steps", str(len(ours.steps)), str(len(theirs.steps))),
        Row("steps that there are", str(len(our_steps)), str(len(their_steps))),
        *(Row(kind, *(str(session.count(peer, kind)) for peer in session.peers)) for kind in kinds),
    ]


class _UnlockRounds(Rounds):
    @staticmethod
    def role_of(pid: int) -> str:
        words = words_of(pid)
        return next((role for mark, role in _ROLES.items() if mark in words), "")


class _OurRounds(_UnlockRounds):
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

    def do(self, deed: str, killer: Killer) -> None:
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
            wait_until(is_settled, SETTLED_S, "a state that lasts")
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


class _TheirRounds(_UnlockRounds):
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

    def do(self, deed: str, killer: Killer) -> None:
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
