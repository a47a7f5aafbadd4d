"""run: a command against a vault, in the foreground or left to itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from vaultui.cli.liverelay import LiveRelay
from vaultui.cli.output import shown
from vaultui.cli.session import Session
from vaultui.cli.taskoptions import request_given
from vaultui.cli.tasksignals import TaskSignals
from vaultui.model.errors import NotOpen, TaskLost, TaskOutOfMemory, TaskOutOfTime, UsageError
from vaultui.model.language import N_, _
from vaultui.vaults import PasswordSource, Streams, UnlockOptions, exit_code_of

if TYPE_CHECKING:
    # What a run in an open vault needs none of stays unloaded.
    from vaultui.vaults import Key, RunningTask, StepName, TaskRequest, TaskStatus
    from vaultui.vaults.terminalrelay import TerminalRelay

_STOPPING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""What ends us ends the task, too: whoever wants it to go on starts it with --detach."""


def run_verb(session: Session) -> int:
    """Run a command, or a saved task, and return its exit code."""
    request = request_given(session)
    if session.arguments.detach:
        task = start(session, request, Streams())
        session.output.line(task.task_id)
        return 0
    if request.terminal:
        return _with_terminal(session, request)
    return _with_pipes(session, request)


def start(
    session: Session,
    request: TaskRequest,
    streams: Streams,
    on_begin: Callable[[], None] = lambda: None,
) -> RunningTask:
    """Start a task; what opens its vault comes from where the arguments and the machine have it."""
    name = session.arguments.name
    tasks = session.vaults.tasks
    status = session.run(session.vaults.status(name))

    def attempt(key: Key | None, source: PasswordSource = PasswordSource.TYPED) -> RunningTask:
        options = UnlockOptions(mountpoint=session.arguments.mountpoint, password_source=source)
        # What opens it may have been typed, and the vault may be another by then.
        found = status if key is None else None
        return session.run(
            tasks.start(
                name,
                request,
                key,
                streams=streams,
                options=options,
                on_step=step,
                on_begin=begin,
                status=found,
            )
        )

    def step(_taken: StepName, words: str) -> None:
        session.output.step(words)

    def begin() -> None:
        # Before there is anything of the task on that line.
        session.output.clear_step()
        on_begin()

    if not tasks.needs_key(status):
        try:
            task = attempt(None)
        except NotOpen:
            # It was open for another task, and has locked itself at this very moment.
            pass
        else:
            _tell_what_is_not_kept(session, request, name)
            return task
    # Of no use where the vault is open, and not worth its time then.
    from vaultui.cli.currentkey import with_key_or_token

    session.run(tasks.check(status, request))
    return with_key_or_token(session, name, attempt)


def _tell_what_is_not_kept(session: Session, request: TaskRequest, name: str) -> None:
    """Tell what a vault that was open already does not give: it is not opened a second time."""
    if request.private:
        sentence = _("{name} is open already; the task is not alone in it.", name=shown(name))
        session.output.note(sentence)


def _with_pipes(session: Session, request: TaskRequest) -> int:
    with LiveRelay() as relay, TaskSignals() as signals:
        streams = Streams(0 if request.interactive else -1, relay.stdout, relay.stderr)
        task = start(session, request, streams, signals.begin)
        relay.handed_over()
        status = session.run(_until_ended(task, relay, signals))
        relay.finish()
    code = _told_end(session, task, status)
    if _is_bare_shell(request) and os.isatty(0) and os.isatty(1):
        program = shown(request.command[0])
        session.output.note(_("{program} had no input and no terminal; -t gives it one.",
                              program=program))  # fmt: skip
    return 128 + signal.SIGPIPE if relay.reader_gone else code


def _with_terminal(session: Session, request: TaskRequest) -> int:
    from vaultui.vaults.terminalrelay import TerminalRelay

    if not (os.isatty(0) and os.isatty(1)):
        raise UsageError(what=N_("--tty needs a terminal for input and output"))
    with TerminalRelay() as relay, TaskSignals() as signals:
        task = start(session, request, Streams(terminal=relay.theirs), signals.begin)
        relay.handed_over()
        status = session.run(_beside_terminal(task, relay, signals))
    return _told_end(session, task, status)


def _is_bare_shell(request: TaskRequest) -> bool:
    """Return whether a shell was to be talked to, which ends without a word where nobody does."""
    shells = {"bash", "dash", "fish", "ksh", "sh", "zsh"}
    return (
        not request.interactive
        and len(request.command) == 1
        and os.path.basename(request.command[0]) in shells
    )


async def _until_ended(task: RunningTask, relay: LiveRelay, signals: TaskSignals) -> TaskStatus:
    """Return how the task ended. Ctrl-C goes to it; the second time it is stopped, then killed."""
    loop = asyncio.get_running_loop()

    def reader_gone() -> None:
        loop.call_soon_threadsafe(task.stop)

    relay.on_reader_gone = reader_gone
    if relay.reader_gone:
        task.stop()
    presses = iter((task.interrupt, task.stop))

    def pressed() -> None:
        next(presses, task.kill)()

    signals.heed({signal.SIGINT: pressed, **dict.fromkeys(_STOPPING, task.stop)})
    return await task.ended()


async def _beside_terminal(
    task: RunningTask, relay: TerminalRelay, signals: TaskSignals
) -> TaskStatus:
    """Return how the task ended, with our terminal as its own until then."""
    signals.heed(dict.fromkeys((signal.SIGINT, *_STOPPING), task.stop))
    # Descendants may have the terminal after the task itself, but not after its end.
    await relay.until_closed()
    return await task.ended()


def _told_end(session: Session, task: RunningTask, status: TaskStatus) -> int:
    """Tell what the exit code leaves open, and return that."""
    output, name = session.output, shown(status.record.vault_name)
    if task.temporary and not session.run(task.locked_again()):
        output.note(_("{name} is still in use, and locks itself when it is not.", name=name))
    if status.failure is not None:
        raise status.failure
    if status.end is None:
        raise TaskLost(task=status.record.title)
    if status.end.timed_out:
        output.error(TaskOutOfTime(task=status.record.title))
    elif status.end.exit.oom_killed:
        output.error(TaskOutOfMemory(task=status.record.title))
    return exit_code_of(status.end)
