"""Running a program with everything that it starts under ptrace(2), to stop it where a test wants.

The kernel stops each process just before it ends, with its memory still there, and, where asked
for, before each of its system calls. x86-64 alone: system calls have other numbers elsewhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_CONT, _SYSCALL, _DETACH = 7, 24, 17
_GETEVENTMSG, _SEIZE, _INTERRUPT, _LISTEN, _GET_SYSCALL_INFO = (
    0x4201,
    0x4206,
    0x4207,
    0x4208,
    0x420E,
)
_SYSGOOD, _FORK, _VFORK, _CLONE, _EXEC, _EXIT = 0x01, 0x02, 0x04, 0x08, 0x10, 0x40
_EVENT_EXEC, _EVENT_EXIT, _EVENT_STOP = 4, 6, 128
_NEW_TRACEE = (1, 2, 3)
_WALL = 0x40000000
_STOPS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}

CHANGES: Final = {
    1: "write", 3: "close", 41: "socket", 49: "bind", 50: "listen", 56: "clone", 57: "fork",
    58: "vfork", 59: "execve", 62: "kill", 73: "flock", 74: "fsync", 75: "fdatasync",
    77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir", 87: "unlink", 91: "fchmod",
    112: "setsid", 165: "mount", 166: "umount2", 231: "exit_group", 258: "mkdirat",
    263: "unlinkat", 264: "renameat", 265: "linkat", 293: "pipe2", 316: "renameat2",
    424: "pidfd_send_signal", 435: "clone3",
}  # fmt: skip
"""System calls that others can see the effect of, by their number on x86-64."""

_ptrace = ctypes.CDLL(None, use_errno=True).ptrace
_ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_ptrace.restype = ctypes.c_long


class _SyscallInfo(ctypes.Structure):
    """The head of struct ptrace_syscall_info, and the call that is about to be made."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
        ("rest", ctypes.c_uint64 * 2),
    )


@contextlib.contextmanager
def _woken_by_children() -> Iterator[None]:
    """Keep what the kernel tells of children for `_wait_for_child`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Traced:
    """A program and its descendants.

    `at_end` is called with the pid of each process that is about to end. `at_change` is called
    with the pid and the name of the system call, where `watches` says so of the process. What it
    closes counts only if others can notice: a file or directory without a lock does not.
    """

    def __init__(
        self,
        words: Sequence[str | os.PathLike[str]],
        *,
        at_end: Callable[[int], None] = lambda _pid: None,
        watches: Callable[[int], bool] = lambda _pid: False,
        at_change: Callable[[int, str], None] = lambda _pid, _call: None,
        env: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        self._at_end = at_end
        self._watches = watches
        self._at_change = at_change
        self._watched: dict[int, bool] = {}
        # Stopped by itself, so that nothing of the program goes by unseen.
        script = ("sh", "-c", 'kill -STOP $$; exec "$@"', "sh")
        self.process = subprocess.Popen(
            (*script, *words), stdin=stdin, stdout=stdout, stderr=stdout, env=env
        )
        pid = self.process.pid
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        self._tracees: set[int] = set()
        self._seize(pid)
        os.kill(pid, signal.SIGCONT)

    def follow(self, pid: int) -> None:
        """Trace a process as well that runs already."""
        for name in os.listdir(f"/proc/{pid}/task"):
            self._seize(int(name))
            # Only a stop tells the kernel whether system calls are of interest.
            _request(_INTERRUPT, int(name))

    def _seize(self, tid: int) -> None:
        _request(_SEIZE, tid, _SYSGOOD | _FORK | _VFORK | _CLONE | _EXEC | _EXIT)
        self._tracees.add(tid)

    @_woken_by_children()
    def run(self, until: Callable[[], bool] = lambda: False, timeout: float = 60.0) -> None:
        """Go on until every process has ended or, now and then asked, `until` says so."""
        deadline = time.monotonic() + timeout
        asked = 0.0
        while self._tracees:
            now = time.monotonic()
            assert now < deadline, f"{self._describe()} went on for {timeout:g} seconds"
            if now - asked > 0.05:
                if until():
                    return
                self._find_strays()
                asked = now
            looked = [self._look_at(tid) for tid in list(self._tracees)]
            if not any(looked):
                _wait_for_child()

    @_woken_by_children()
    def let_go(self) -> None:
        """Leave what still runs to itself."""
        for tid in self._tracees:
            with contextlib.suppress(ProcessLookupError):
                _request(_INTERRUPT, tid)
        deadline = time.monotonic() + 60
        while self._tracees:
            assert time.monotonic() < deadline, f"{self._describe()} can't be let go"
            self._find_strays()
            looked = [self._look_at(tid, leave=True) for tid in list(self._tracees)]
            if not any(looked):
                _wait_for_child()

    def _find_strays(self) -> None:
        """Add threads that came while their process was ending, which nobody told of."""
        ours = f"TracerPid:\t{os.getpid()}\n"
        for process in {process_of(tid) for tid in self._tracees}:
            with contextlib.suppress(OSError):
                tids = {int(name) for name in os.listdir(f"/proc/{process}/task")}
                for tid in tids - self._tracees:
                    if ours in Path(f"/proc/{process}/task/{tid}/status").read_text():
                        self._tracees.add(tid)

    def _describe(self) -> str:
        """Return what the threads do that are still there: name, state, and where they wait."""
        found = []
        for tid in self._tracees:
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{tid}/stat").read_text().split()[:3]
                found.append(" ".join([*stat, Path(f"/proc/{tid}/wchan").read_text()]))
        return "; ".join(found)

    def _look_at(self, tid: int, *, leave: bool = False) -> bool:
        """Handle one stop of a thread, if it has one."""
        try:
            pid, status = os.waitpid(tid, os.WNOHANG | _WALL)
        except ChildProcessError:
            self._tracees.discard(tid)
            return True
        if pid == 0:
            return False
        if not os.WIFSTOPPED(status):
            self._tracees.discard(tid)
            if tid == self.process.pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
            return True
        with contextlib.suppress(ProcessLookupError):  # it was killed meanwhile
            self._handle(tid, status, leave)
        return True

    def _handle(self, tid: int, status: int, leave: bool) -> None:
        number, event = os.WSTOPSIG(status), status >> 16
        forwarded = 0
        if event in _NEW_TRACEE:
            self._tracees.add(_event_message(tid))
        elif event == _EVENT_EXEC:
            self._watched.clear()
        elif event == _EVENT_EXIT:
            if process_of(tid) == tid:
                self._at_end(tid)
        elif event == _EVENT_STOP:
            if number in _STOPS and not leave:
                _request(_LISTEN, tid)
                return
        elif number == signal.SIGTRAP | 0x80:
            self._notice_call(tid)
        else:
            forwarded = number
        if leave:
            _request(_DETACH, tid, forwarded)
            self._tracees.discard(tid)
        else:
            _request(_SYSCALL if self._is_watched(tid) else _CONT, tid, forwarded)

    def _notice_call(self, tid: int) -> None:
        info = _SyscallInfo()
        _request(_GET_SYSCALL_INFO, tid, ctypes.addressof(info), ctypes.sizeof(info))
        is_entry = info.op == 1
        name = CHANGES.get(info.number) if is_entry else None
        if name is None or (name == "close" and _closes_unseen(tid, info.arguments[0])):
            return
        self._at_change(process_of(tid), name)

    def _is_watched(self, tid: int) -> bool:
        if tid not in self._watched:
            self._watched[tid] = self._watches(process_of(tid))
        return self._watched[tid]


def _wait_for_child() -> None:
    """Wait a moment, or until a child of ours has changed its state.

    To wait for all of them with waitpid(2) would take the ends of other children, too.
    """
    signal.sigtimedwait({signal.SIGCHLD}, 0.002)


def _closes_unseen(tid: int, fd: int) -> bool:
    """Return whether nobody notices that a thread closes `fd`, as when it imports a module."""
    try:
        mode = os.stat(f"/proc/{tid}/fd/{fd}").st_mode
        with_lock = "lock:" in Path(f"/proc/{tid}/fdinfo/{fd}").read_text()
    except OSError:  # it is no descriptor
        return True
    return (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and not with_lock


def process_of(tid: int) -> int:
    """Return the process that a thread belongs to; the thread itself where it is gone."""
    try:
        status = Path(f"/proc/{tid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return tid
    line = next(line for line in status.splitlines() if line.startswith("Tgid:"))
    return int(line.split()[1])


def _event_message(tid: int) -> int:
    message = ctypes.c_ulong()
    _request(_GETEVENTMSG, tid, ctypes.addressof(message))
    return message.value


def _request(request: int, tid: int, data: int = 0, address: int = 0) -> None:
    if _ptrace(request, tid, address, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
