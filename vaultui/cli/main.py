"""From argv to an exit code. Nothing leaves here as a traceback."""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from vaultui.cli.argparsewords import translate_argparse
from vaultui.cli.arguments import parse, split_command, verb_of
from vaultui.cli.output import Output
from vaultui.model.catalogue import ENGLISH, choose
from vaultui.model.errors import Cancelled, OutputFailed, VaultuiError
from vaultui.model.exitcodes import ExitCode

_EXITS_OF_RUN = (
    ExitCode.TASK_FAILED,
    ExitCode.TASK_NOT_EXECUTABLE,
    ExitCode.TASK_NOT_FOUND,
)
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Treated as Ctrl-C is: what was started is ended, and the terminal gets its echo back."""


def run(argv: Sequence[str], start_application: Callable[[bool], int]) -> int:
    """Run one command line and return the exit code.

    `start_application` is called when no verb is given; it is told whether to draw in ASCII.
    """
    _open_standard_streams()
    ours, _command = split_command(argv)
    output = Output(as_json="--json" in ours, ascii_only="--ascii" in ours)
    if choose() != ENGLISH and not output.as_json:
        translate_argparse()
    try:
        if argv[:1] == ["--complete"]:
            return _complete(argv[1:], output)
        arguments = parse(argv)
        if arguments.verb is None:
            return start_application(arguments.ascii)
        with _interrupted_by(_ENDING):
            return _run_verb(arguments, output)
    except KeyboardInterrupt:
        return _failed(Cancelled(what=f"`vaultui {verb_of(ours)}`"), ours, output)
    except OutputFailed as error:
        _drop_output()
        return _failed(error, ours, output)
    except VaultuiError as error:
        return _failed(error, ours, output)
    except BrokenPipeError:
        # Whoever read our output has enough of it.
        _drop_output()
        return 128 + signal.SIGPIPE
    except Exception as error:
        from vaultui.cli.crash import report

        return _failed(report(error), ours, output)


def _failed(error: VaultuiError, argv: Sequence[str], output: Output) -> int:
    """Tell an error, and return the exit code: of `run`, all but three are those of the task."""
    output.error(error)
    code = error.exit_code
    if verb_of(argv) != "run" or code in _EXITS_OF_RUN:
        return int(code)
    return int(ExitCode.TASK_FAILED)


def _complete(words: Sequence[str], output: Output) -> int:
    """Answer a completion script; `completing` says how it asks."""
    from vaultui.cli.completing import answer_lines

    for line in answer_lines(words[0] if words else "", words[1:]):
        output.line(line)
    return 0


def _open_standard_streams() -> None:
    """Put /dev/null where a standard stream is closed.

    Python has None there, and the next file that is opened would get its number: what a
    child prints would go into that file.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != fd:
                os.dup2(null, fd)
                os.close(null)
            setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _drop_output() -> None:
    """Lead standard output nowhere: the interpreter would try, and complain, again at its end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run_verb(arguments: Namespace, output: Output) -> int:
    # Late, after the arguments are known to be right: this brings asyncio and the vaults.
    from vaultui.cli.session import Session
    from vaultui.cli.verbs import find

    with Session(arguments, output) as session:
        return find(arguments.verb)(session)


@contextmanager
def _interrupted_by(numbers: Sequence[signal.Signals]) -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # Shells start background jobs so; asyncio leaves that alone, and so do we.
            raise KeyboardInterrupt
        # Not raised here: within asyncio, SIGINT cancels the task, and the task tidies up.
        signal.raise_signal(signal.SIGINT)

    before = [(number, signal.signal(number, interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
