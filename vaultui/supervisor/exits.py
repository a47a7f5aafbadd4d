"""How a process ended, in words: parts of sentences that follow "it ended: "."""

from __future__ import annotations

import signal
from typing import Final

from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import N_, Phrase
from vaultui.wire.runrecords import EXIT_LAUNCH_FAILED, ExitState

UNKNOWN: Final = N_("nobody saw how, because its keeper was gone")

_BY_CODE: Final[dict[int, str]] = {
    ExitCode.OK: N_("it unmounted and finished"),
    ExitCode.USAGE: N_("it did not understand its options"),
    2: N_("it crashed"),
    ExitCode.CIPHERDIR: N_("the cipher directory could not be used"),
    ExitCode.INIT: N_("the volume could not be made"),
    ExitCode.LOAD_CONF: N_("the volume config could not be loaded"),
    ExitCode.READ_PASSWORD: N_("it got no password"),
    ExitCode.MOUNTPOINT: N_("the mount point could not be used"),
    ExitCode.OTHER: N_("it met an error of its own"),
    ExitCode.PASSWORD_INCORRECT: N_("the password was incorrect"),
    ExitCode.SCRYPT_PARAMS: N_("the volume config has impossible scrypt parameters"),
    ExitCode.MASTER_KEY: N_("the master key could not be read"),
    ExitCode.SIGINT: N_("it was told to end, and unmounted"),
    ExitCode.FORK_CHILD: N_("it could not start its background process"),
    ExitCode.FUSE_NEW_SERVER: N_("the mount failed"),
    ExitCode.CTLSOCK: N_("the control socket could not be opened"),
    ExitCode.WRITE_CONF: N_("the volume config could not be written"),
    ExitCode.FSCK_ERRORS: N_("the check found damage"),
    ExitCode.DEPRECATED_FS: N_("the volume asks for something this version does not do"),
    ExitCode.CIPHERDIR_IN_USE: N_("the cipher directory was in use"),
    EXIT_LAUNCH_FAILED: N_("it could not be started"),
}

# Unmounted, or never mounted. "Other" is not among them: it can happen at any time.
_LOCKED: Final = frozenset(
    {*_BY_CODE} - {ExitCode.USAGE, 2, ExitCode.OTHER, ExitCode.WRITE_CONF, ExitCode.FSCK_ERRORS}
)

_CRASHES: Final = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS}
)


def explain_exit(ended: ExitState | None) -> Phrase:
    """Return how the process ended, without a full stop; None stands for nobody knows."""
    if ended is None:
        return Phrase(UNKNOWN)
    if ended.oom_killed:
        return Phrase("the system ran out of memory and killed it")
    if ended.signal is not None:
        return _explain_signal(ended.signal, ended.core_dumped)
    return explain_status(ended.exit_code or 0)


def explain_status(returncode: int) -> Phrase:
    """Return the same for a bare exit status, which is negative for a signal."""
    if returncode < 0:
        return _explain_signal(-returncode, core_dumped=False)
    how = Phrase(_BY_CODE.get(returncode, N_("it met an error")))
    return Phrase("{how} (exit code {code})", how=how, code=returncode)


def ended_badly(ended: ExitState | None) -> bool:
    """Return whether a mount backend left its vault otherwise than locked.

    Not knowing counts as bad: a backend whose keeper was killed and that is gone with its
    mount still listed did not lock its vault. A failure from before the mount does not.
    """
    if ended is None or ended.signal is not None or ended.mount_detached:
        return True
    return ended.exit_code not in _LOCKED


def _explain_signal(number: int, core_dumped: bool) -> Phrase:
    try:
        name: str = signal.Signals(number).name
    except ValueError:
        name = Phrase("signal {number}", number=number)
    if number in _CRASHES:
        if core_dumped:
            return Phrase("it crashed ({name}, core dumped)", name=name)
        return Phrase("it crashed ({name})", name=name)
    if number == signal.SIGKILL:
        return Phrase("something killed it ({name})", name=name)
    return Phrase("a signal ended it ({name})", name=name)
