"""Vaults are opened, made, changed and broken in every way, and their secrets looked for.

Each process is searched in the moment before it ends; those that stay are searched while the vault
is open and after; so are all files, what went to the terminal, and cores. Passwords and keys are
random, new in each round, and computed from the volume by the test itself.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import resource
import signal
import string
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import capabilities
from mounting import Gocryptfs, Vaultfs, detach
from programs import Completed, private_home, program, run_program
from secrethunt import Find, Hunt, locked_bytes
from secretservice import gnome_keyring, session_bus
from terminal import Terminal
from tracing import Traced
from volumekeys import volume_keys
from waiting import wait_until

from tests.drills.harness import Drill, Row, Session

_ROUNDS = 4
_CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
_IN_USE = {"content_key", "names_key"}
"""What the backend of an open vault needs."""
_ONE_SHOT = "a one-shot process at its very end"
_RECOVERY_KEY_LINE = re.compile(r"groups +\d+ to +\d+ +([0-9A-Z-]{17,})")


def run(session: Session) -> list[Row]:
    ours, theirs = Counter[str](), Counter[str]()
    for seed in session.seeds(_ROUNDS, share=0.9):
        base = session.base / str(seed)
        base.mkdir()
        _Round(session, base, seed, ours).go()
    for seed in session.seeds(1):
        _look_at_gocryptfs(session, seed, theirs)
    rows = [Row(what, str(ours[what]), str(theirs.get(what, "–"))) for what in ours]
    return [*rows, Row("secrets found", *(str(session.count(peer)) for peer in session.peers))]


class _Round:
    """One home with one vault, whose secrets nothing else has."""

    def __init__(self, session: Session, base: Path, seed: int, tally: Counter[str]) -> None:
        self._session = session
        self._seed = seed
        self._tally = tally
        tally[f"passwords in {_ONE_SHOT}"] += 0
        self._chance = random.Random(seed)
        self._env = private_home(base)
        self._base = base
        self._secrets: dict[str, bytes] = {}
        self._hunt = Hunt(nothing=bytes(range(32)))
        self._given: list[Path] = []
        self._password = self._file("password")
        self._cipherdir = base / "work.c"
        self._doing = ""

    def go(self) -> None:
        try:
            self._made_and_opened()
            self._in_the_application()
            self._master_key_shown()
            self._keys_changed()
            if not capabilities.missing("gnome-keyring"):
                self._saved()
            self._crashed()
            self._files()
        finally:
            self._vaultui("lock", "--all", "--kill")
            detach(self._base)

    # -- the cases ----------------------------------------------------------------------------

    def _made_and_opened(self) -> None:
        self._verb("create", self._cipherdir, "--name", "Work", "--password-file", self._password)
        self._know(**volume_keys(self._cipherdir, self._secret("password")))
        wrong = self._file("wrong")
        self._verb("unlock", "Work", "--password-file", wrong, returncode=12)
        self._verb("unlock", "Work", "--password-command", f"cat {self._password}")
        self._while_open()
        self._verb("lock", "Work")
        self._prompted("unlock", "Work", answer="password")
        self._while_open()
        self._verb("lock", "Work")
        self._verb("check", "Work", "--password-file", self._password)

    def _in_the_application(self) -> None:
        """Type, paste, open and lock."""
        self._doing = "the application"
        self._know(typed=self._new(), other=self._new())
        with self._terminal((program("vaultui"),)) as terminal:
            terminal.wait_for("locked")
            terminal.type("u")
            terminal.wait_for("Cancel")
            terminal.type(f"{self._text('typed')}\r")
            terminal.wait_for("Password incorrect")
            terminal.paste(self._text("password"))
            terminal.type("\r")
            terminal.wait_for("is open at")
            self._while_open()
            self._vaultui("lock", "Work").check()
            self._look_into(terminal.process.pid, "the application")
            self._look_at_output(terminal.shown)
            terminal.process.terminate()
            terminal.wait()

    def _master_key_shown(self) -> None:
        """Make a vault in the application, look at its master key, and close that."""
        self._doing = "a master key that was shown"
        made = self._base / "shown.c"
        with self._terminal((program("vaultui"),)) as terminal:
            terminal.wait_for("keyring: ")
            terminal.type("n")
            terminal.wait_for("Cipher dir")
            self._press(terminal, str(made), "\t", "\t", "\t", "\t")
            terminal.paste(self._text("password"))
            self._press(terminal, "", "\t")
            terminal.paste(self._text("password"))
            self._press(terminal, "", "\r")
            terminal.wait_for("Last group")
            keys = volume_keys(made, self._secret("password"))
            assert keys["master_key"].hex()[:8] in terminal.shown, "it was not shown"
            self._know(**{f"shown_{name}": key for name, key in keys.items()})
            terminal.type("\x1b")
            wait_until(
                lambda: terminal.shown and not self._hunt.in_process(terminal.process.pid),
                30,
                "the application has forgotten the master key",
            )
            terminal.process.terminate()
            terminal.wait()
        self._vaultui("forget", "shown").check()

    def _press(self, terminal: Terminal, *keys: str) -> None:
        """Type with pauses: what comes all at once comes before the focus has moved."""
        for key in keys:
            terminal.type(key)
            until = time.monotonic() + 0.5
            wait_until(lambda until=until: terminal.shown and time.monotonic() > until)

    def _keys_changed(self) -> None:
        new = self._file("changed")
        self._verb("passwd", "Work", "--password-file", self._password, "--new-password-file", new)
        self._verb("unlock", "Work", "--password-file", self._password, returncode=12)
        self._password = new
        self._recovery_key_made()
        more = self._file("second")
        self._verb(
            *("slots", "Work", "add", "--password", "--scrypt"),
            *("--password-file", new, "--new-password-file", more),
        )
        self._verb("unlock", "Work", "--password-file", more)
        self._while_open()
        self._verb("lock", "Work")

    def _saved(self) -> None:
        with session_bus(self._base) as address:
            self._env["DBUS_SESSION_BUS_ADDRESS"] = address
            with _environment(self._env), gnome_keyring("of the session"):
                self._verb("unlock", "Work", "--password-file", self._password, "--save")
                self._verb("lock", "Work")
                self._verb("unlock", "Work")
                self._while_open()
                self._verb("lock", "Work")
            del self._env["DBUS_SESSION_BUS_ADDRESS"]

    def _crashed(self) -> None:
        """Kill each kind of process so that it would leave a core, and look for one."""
        with _cores_in(self._base / "cores") as cores:
            subprocess.run(("sh", "-c", "kill -SEGV $$"), check=False)
            assert list(cores.iterdir()), "the control of the experiment left no core"
            for number in (signal.SIGSEGV, signal.SIGABRT):
                for role in ("backend_pid", "keeper_pid"):
                    self._vaultui("unlock", "Work", "--password-file", self._password).check()
                    os.kill(self._status()[role], number)
                    wait_until(lambda role=role: not self._status()[role], 20, f"{role} is gone")
                    self._tally["crashes"] += 1
                    self._vaultui("repair", "Work")
                    self._vaultui("lock", "Work").check()
                self._crash_at_prompt(number)
                self._crash_while_checking(number)
            self._report(self._hunt.in_files(cores), "a core")

    def _crash_at_prompt(self, number: signal.Signals) -> None:
        with self._terminal((program("vaultui"),)) as terminal:
            terminal.wait_for("locked")
            terminal.type("u")
            terminal.wait_for("Cancel")
            terminal.type(self._text("password"))
            wait_until(lambda: terminal.shown.count("•") >= 8, 20, "it is typed")
            terminal.process.send_signal(number)
            terminal.wait()
            self._tally["crashes"] += 1

    def _crash_while_checking(self, number: signal.Signals) -> None:
        def crash(pid: int, _call: str) -> None:
            os.kill(pid, number)

        words = (program("vaultui"), "check", "Work", "--password-file", self._password)
        checking = Traced(words, watches=_is_backend, at_change=crash, env=self._env)
        checking.run()
        self._tally["crashes"] += 1

    def _files(self) -> None:
        self._doing = "all of it"
        self._report(self._hunt.in_files(self._base, except_for=self._given), "a file")
        self._tally["files searched"] += sum(1 for _ in self._base.rglob("*"))

    # -- what cases are made of ---------------------------------------------------------------

    def _verb(self, *words: str | Path, returncode: int = 0) -> None:
        """Run a verb, and look into each process of it in the moment before that ends."""
        self._doing = " ".join(map(str, words[:3]))
        with (self._base / "output").open("w+b") as output:
            traced = Traced(
                (program("vaultui"), *words), at_end=self._at_end, env=self._env, stdout=output
            )
            traced.run(until=lambda: traced.process.returncode is not None)
            traced.let_go()
            output.seek(0)
            told = output.read().decode("utf-8", "replace")
        assert traced.process.returncode == returncode, f"{self._doing}: {told}"
        self._look_at_output(told)
        (self._base / "output").unlink()

    def _prompted(self, *words: str, answer: str) -> None:
        """Run a verb on a terminal, and answer its question."""
        self._doing = " ".join(words[:3])
        with self._terminal((program("vaultui"), *words)) as terminal:
            terminal.wait_for("assword for ")
            terminal.type(self._text(answer) + "\n")
            assert terminal.wait() == 0, terminal.shown
            self._look_at_output(terminal.shown)

    def _recovery_key_made(self) -> None:
        """Have a recovery key shown, and leave it at that."""
        words = (program("vaultui"), "recovery", "Work", "create", "--password-file")
        with self._terminal((*words, str(self._password))) as terminal:
            terminal.wait_for("Enter goes on")
            lines = _RECOVERY_KEY_LINE.findall(terminal.shown)
            assert len(lines) > 1, terminal.shown
            self._know(
                **{f"recovery_key_{number}": line.encode() for number, line in enumerate(lines)}
            )
            terminal.type("\x03")
            assert terminal.wait() == 0, terminal.shown

    def _terminal(self, words: tuple[str, ...]) -> Terminal:
        return Terminal(
            ("env", "-i", *(f"{k}={v}" for k, v in self._env.items()), *words), (120, 36)
        )

    def _while_open(self) -> None:
        status = self._status()
        assert status["state"] == "open", status
        self._look_into(status["backend_pid"], "the backend", allowed=_IN_USE)
        self._look_into(status["keeper_pid"], "the keeper")
        if locked_bytes(status["backend_pid"]) < 20 << 20:
            self._session.found(Vaultfs, "keys of an open vault may go to swap", self._seed)

    def _at_end(self, pid: int) -> None:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        # What other programs do with a password that they are given is theirs.
        if b"vaultui" in words and not words.startswith(b"cat\0"):
            one_shot = b"keyringhelper" in words or b"vaultui.mountd" in words
            self._look_into(pid, _ONE_SHOT if one_shot else "the front end")

    def _look_into(self, pid: int, what: str, allowed: Collection[str] = ()) -> None:
        self._tally["processes searched"] += 1
        if what == _ONE_SHOT:
            # The kernel clears this memory with the process, before the next has it. Whoever
            # started it waits for its end, so only the password is looked for.
            finds = Hunt(password=self._password.read_bytes().strip()).in_process(pid)
            self._tally[f"passwords in {what}"] += bool(finds)
            return
        finds = self._hunt.in_process(pid)
        self._report([find for find in finds if find.secret not in allowed], what)

    def _look_at_output(self, text: str) -> None:
        self._report(self._hunt.search(text.encode(), "what it printed"), "the terminal")

    def _report(self, finds: list[Find], what: str) -> None:
        for find in dict.fromkeys(finds):
            self._session.found(Vaultfs, f"{what}, {self._doing}: {find}", self._seed)

    def _vaultui(self, *words: str | Path) -> Completed:
        return run_program((program("vaultui"), *words), env=self._env, timeout=60)

    def _status(self) -> Any:
        (vault,) = json.loads(self._vaultui("status", "--json").check().stdout)["vaults"]
        return vault

    def _new(self) -> bytes:
        letters = string.ascii_letters + string.digits
        return "".join(self._chance.choices(letters, k=32)).encode()

    def _file(self, name: str) -> Path:
        """Return a file with a new password, which the hunt knows from now on."""
        path = self._base / name
        self._know(**{name: self._new()})
        path.write_bytes(self._secret(name) + b"\n")
        self._given.append(path)
        return path

    def _know(self, **secrets: bytes) -> None:
        self._secrets |= secrets
        self._hunt = Hunt(**self._secrets)

    def _secret(self, name: str) -> bytes:
        return self._secrets[name]

    def _text(self, name: str) -> str:
        return self._secrets[name].decode()


def _is_backend(pid: int) -> bool:
    return b"vaultui.mountd" in Path(f"/proc/{pid}/cmdline").read_bytes()


@contextmanager
def _environment(env: dict[str, str]) -> Iterator[None]:
    """Put the addresses of a home into our own environment, for programs that are its parts."""
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _cores_in(directory: Path) -> Iterator[Path]:
    """Have the kernel write every core there, as large as it likes."""
    directory.mkdir()
    pattern = _CORE_PATTERN.read_text()
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (limits[1], limits[1]))
    _CORE_PATTERN.write_text(f"{directory}/core.%p")
    try:
        yield directory
    finally:
        _CORE_PATTERN.write_text(pattern)
        resource.setrlimit(resource.RLIMIT_CORE, limits)


def _look_at_gocryptfs(session: Session, seed: int, tally: Counter[str]) -> None:
    """Look into the real program while a volume is open."""
    password = base64.urlsafe_b64encode(random.Random(seed).randbytes(24))
    base = session.base / "gocryptfs"
    base.mkdir()
    with Gocryptfs(base, password=password) as volume:
        hunt = Hunt(password=password, **volume_keys(volume.cipherdir, password))
        assert volume.process is not None
        tally["processes searched"] += 1
        for find in hunt.in_process(volume.process.pid):
            if find.secret not in _IN_USE:
                session.found(Gocryptfs, f"an open backend: {find}", seed)


DRILL = Drill(
    "secrets",
    "Secrets looked for in memory, files, cores and on the terminal",
    run,
    minutes=3.0,
    needs=("fuse", "gocryptfs", "ptrace"),
)
