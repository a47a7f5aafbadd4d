"""Where messages go: the terminal, the keeper's log, or syslog.

Information goes to standard output, warnings and errors to standard error, as gocryptfs has
it. Of an exception the log shows the place in the code; never the values of variables.
"""

from __future__ import annotations

import logging
import sys
import syslog
from typing import Final

from vaultui.model.errors import VaultuiError

log: Final = logging.getLogger("vaultfs")

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class _Streams(logging.Handler):
    """Writes to the standard streams that there are when a message comes."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stderr if record.levelno >= logging.WARNING else sys.stdout
        try:
            stream.write(self.format(record) + "\n")
            stream.flush()
        except (OSError, ValueError):
            pass  # a closed terminal or a full disk must not stop the file system


class _Syslog(logging.Handler):
    """Sends to the system log, and drops what it does not take."""

    def emit(self, record: logging.LogRecord) -> None:
        priority = {
            logging.DEBUG: syslog.LOG_DEBUG,
            logging.INFO: syslog.LOG_INFO,
            logging.WARNING: syslog.LOG_WARNING,
        }.get(record.levelno, syslog.LOG_ERR)
        syslog.syslog(priority, self.format(record))


def log_plainly(*, quiet: bool) -> None:
    """Log bare messages, as a command line shows them."""
    _use(_Streams(), logging.Formatter("%(message)s"))
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    # Of what happens to the mount a person at a terminal hears what is wrong.
    logging.getLogger("vaultfs.events").setLevel(logging.WARNING)


def log_with_times() -> None:
    """Log lines that stand in a file for weeks, and everything that happens to the mount."""
    logging.getLogger("vaultfs.events").setLevel(logging.NOTSET)
    _use(_Streams(), logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))


def log_to_syslog(program: str) -> None:
    """Log to the system log from now on, under the name `program`."""
    syslog.openlog(program, syslog.LOG_PID, syslog.LOG_USER)
    _use(_Syslog(), logging.Formatter("%(message)s"))


def set_level(name: str) -> None:
    """Log messages of that level ("debug", "info", "warning", "error") and above."""
    log.setLevel(_LEVELS.get(name, logging.INFO))


def report(error: VaultuiError) -> None:
    """Log an error as a person reads it: what is wrong, and the cure."""
    log.error("%s\n%s", error.summary, error.hint)


def _use(handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    # pyfuse3 and trio log under their own names; nothing of theirs may get lost.
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)
