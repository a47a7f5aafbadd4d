"""Where messages go: the terminal, the keeper's log, or syslog.

Information goes to standard output, warnings and errors to standard error, as gocryptfs has
it, with colours where both are terminals. Of an exception the log shows the place in the
code; never the values of variables.
"""

from __future__ import annotations

import logging
import os
import sys
import syslog
from collections.abc import Mapping
from typing import Final, NoReturn

from vaultui.model.errors import VaultuiError

log: Final = logging.getLogger("vaultfs")

GREEN: Final[Mapping[str, object]] = {"colour": "\x1b[32m"}
YELLOW: Final[Mapping[str, object]] = {"colour": "\x1b[33m"}
GREY: Final[Mapping[str, object]] = {"colour": "\x1b[2m"}
"""What a message takes as `extra` to have a colour on a terminal."""

_RED: Final = "\x1b[31m"
_PLAIN: Final = "\x1b[0m"

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


class _Colours(logging.Formatter):
    """Bare messages in colours: yellow for warnings, red for errors, else what they ask for."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        colour = getattr(record, "colour", "")
        if record.levelno >= logging.WARNING:
            colour = _RED if record.levelno >= logging.ERROR else YELLOW["colour"]
        return f"{colour}{text}{_PLAIN}" if colour else text


class _Panic(logging.Handler):
    """Ends the process at the first warning, as gocryptfs's -wpanic does: for tests."""

    EXIT_CODE: Final = 2

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING:
            self._end()

    def _end(self) -> NoReturn:
        # From whatever thread: an exception would end that one only.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.EXIT_CODE)


class _Syslog(logging.Handler):
    """Sends to the system log, and drops what it does not take."""

    def emit(self, record: logging.LogRecord) -> None:
        priority = {
            logging.DEBUG: syslog.LOG_DEBUG,
            logging.INFO: syslog.LOG_INFO,
            logging.WARNING: syslog.LOG_WARNING,
        }.get(record.levelno, syslog.LOG_ERR)
        syslog.syslog(priority, self.format(record))


def log_plainly(*, quiet: bool = False, debug: bool = False, panic: bool = False) -> None:
    """Log bare messages, as a command line shows them.

    `quiet` leaves warnings and errors, `debug` says more, also where it is quiet, and after
    the first warning `panic` ends the process.
    """
    formatter = _Colours() if _has_colours() else logging.Formatter()
    _use(_Streams(), formatter, panic=panic)
    log.setLevel(logging.DEBUG if debug else logging.WARNING if quiet else logging.INFO)
    # Of what happens to the mount a person at a terminal hears what is wrong.
    logging.getLogger("vaultfs.events").setLevel(logging.WARNING)


def log_with_times() -> None:
    """Log lines that stand in a file for weeks, and everything that happens to the mount."""
    logging.getLogger("vaultfs.events").setLevel(logging.NOTSET)
    _use(_Streams(), logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))


def log_to_syslog(program: str) -> None:
    """Log to the system log from now on, under the name `program`."""
    syslog.openlog(program, syslog.LOG_PID, syslog.LOG_USER)
    panic = any(isinstance(handler, _Panic) for handler in logging.getLogger().handlers)
    _use(_Syslog(), logging.Formatter(), panic=panic)


def set_level(name: str) -> None:
    """Log messages of that level ("debug", "info", "warning", "error") and above."""
    log.setLevel(_LEVELS.get(name, logging.INFO))


def report(error: VaultuiError) -> None:
    """Log an error as a person reads it: what is wrong, and the cure."""
    # Loaded by those alone who need it. Paths are in an error that others have chosen.
    from vaultui.model.terminaltext import shown

    log.error("%s\n%s", shown(error.summary), shown(error.hint))


def _has_colours() -> bool:
    """Tell whether a person reads both streams and likes colours, see no-color.org."""
    return "NO_COLOR" not in os.environ and os.isatty(1) and os.isatty(2)


def _use(handler: logging.Handler, formatter: logging.Formatter, *, panic: bool = False) -> None:
    handler.setFormatter(formatter)
    # pyfuse3 and trio log under their own names; nothing of theirs may get lost.
    root = logging.getLogger()
    root.handlers[:] = [handler, _Panic()] if panic else [handler]
    root.setLevel(logging.WARNING)
    if log.level == logging.NOTSET:
        log.setLevel(logging.INFO)
