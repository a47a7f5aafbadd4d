"""The shell twin as tests use it: `vaultui` as a process, and volumes of the real gocryptfs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from programs import Completed, program, run_program
from warmprogram import Warm

PASSWORD = "correct horse battery"
_STARTED: set[str] = set()
"""The verbs that were started as processes of their own in this run, as each is the first time."""


@dataclass
class Shell:
    """Runs `vaultui` as a process of its own, without a terminal, in the test's own home.

    With `warm`, only the first time of each verb is one whose interpreter is started for it.
    """

    home: Path
    password_file: Path
    warm: Warm | None = None

    def __call__(self, *words: str | os.PathLike[str], timeout: float = 60.0) -> Completed:
        verb = os.fspath(words[0]) if words else ""
        if self.warm is None or verb not in _STARTED or not self.warm.fits():
            _STARTED.add(verb)
            return run_program((program("vaultui"), *words), timeout=timeout)
        return self.warm.run(tuple(os.fspath(word) for word in words), timeout)

    def json(self, *words: str | os.PathLike[str], returncode: int = 0) -> Any:
        """Return what the verb prints with --json."""
        return json.loads(self(*words, "--json").check(returncode).stdout)

    def error(self, *words: str | os.PathLike[str]) -> Any:
        """Run a verb that must fail; return its error, whose exit number must be the process's."""
        done = self(*words, "--json")
        error = json.loads(done.stdout)["error"]
        assert done.returncode == error["exit_code"] != 0
        assert error["summary"].endswith(".")
        assert error["hint"]
        assert b"Traceback" not in done.stderr
        return error

    def unlock(self, name: str = "Work", *options: str) -> Any:
        return self.json("unlock", name, "--password-file", str(self.password_file), *options)

    def status(self, name: str = "Work") -> Any:
        (vault,) = self.json("status", name)["vaults"]
        return vault

    def state(self, name: str = "Work") -> str:
        state = self.status(name)["state"]
        assert isinstance(state, str)
        return state


@dataclass
class RealVolume:
    """A volume made by the real gocryptfs, and that program to look at it."""

    cipherdir: Path
    password_file: Path

    def mount(self, point: Path, *options: str) -> None:
        point.mkdir(exist_ok=True)
        words: Sequence[str | Path] = ("gocryptfs", "-q", "-nosyslog", *options)
        run_program((*words, "-passfile", self.password_file, self.cipherdir, point)).check()
