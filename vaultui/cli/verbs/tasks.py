"""tasks: what runs and ran against the vaults, and what is saved to be run."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Mapping
from typing import Any

from vaultui.cli.output import Output, error_data, shown
from vaultui.cli.session import Session
from vaultui.cli.taskoptions import request_to_save
from vaultui.cli.verbs import automation
from vaultui.model.language import _, ngettext
from vaultui.vaults import TaskRequest, TaskStatus, exit_code_of, task_in_words, values_of
from vaultui.vaults.patientwrite import write_all

_FOLLOW_S = 0.1
"""Between two looks at what a task that runs has written."""


def tasks_verb(session: Session) -> int:
    """Do what the action says; without one, list."""
    return _ACTIONS[session.arguments.action or "list"](session)


def _list(session: Session) -> int:
    name: str | None = getattr(session.arguments, "name", None)
    tasks = session.run(session.vaults.tasks.listing(name))
    names = [name] if name else [entry.name for entry in session.vaults.entries()]
    saved = {vault: session.vaults.tasks.saved(vault) for vault in names}
    times = {(it.vault, it.task): it.when for it in session.vaults.automation.schedules(name)}
    output = session.output
    if output.as_json:
        output.data(
            {
                "tasks": [task_data(task) for task in tasks],
                "saved": [
                    {
                        "vault": vault,
                        "task": task,
                        "when": times.get((vault, task)),
                        **values_of(request),
                    }
                    for vault, requests in saved.items()
                    for task, request in requests.items()
                ],
            }
        )
        return 0
    if not tasks and not any(saved.values()):
        output.line(_("No tasks yet. `vaultui run NAME -- COMMAND` starts one."))
    if tasks:
        head = (_("Task"), _("Vault"), _("What"), _("How"), _("State"), _("Began"))
        output.table(head, [_row(task) for task in tasks])
    _list_saved(output, saved, times, below=bool(tasks))
    return 0


def _list_saved(
    output: Output,
    saved: Mapping[str, Mapping[str, TaskRequest]],
    times: Mapping[tuple[str, str], str],
    *,
    below: bool,
) -> None:
    rows = [
        (
            shown(vault),
            shown(task),
            shown(times.get((vault, task), "—")),
            shown(shlex.join(request.command)),
        )
        for vault, requests in saved.items()
        for task, request in requests.items()
    ]
    if rows:
        if below:
            output.line()
        output.table((_("Vault"), _("Saved task"), _("When"), _("Command")), rows)


def _row(task: TaskStatus) -> tuple[str, ...]:
    record = task.record
    how = record.driver.value + (_(", private") if record.private else "")
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.launched_at))
    return (
        record.task_id,
        shown(record.vault_name),
        shown(record.title),
        how,
        _(task_in_words(task)),
        began,
    )


def task_data(task: TaskStatus) -> dict[str, Any]:
    """Return a task as `--json` has it."""
    record, end = task.record, task.end
    return {
        "id": record.task_id,
        "title": record.title,
        "vault": record.vault_name,
        "driver": record.driver.value,
        "command": list(record.argv),
        "private": record.private,
        "read_only": record.read_only,
        "terminal": record.terminal,
        "saved": record.saved,
        "mountpoint": record.mountpoint,
        "state": task.state.value,
        "began_at": record.launched_at,
        "ended_at": task.ended_at,
        "exit_code": task.exit_code,
        "signal": end.exit.signal if end else None,
        "stopped": end.stopped if end else False,
        "timed_out": end.timed_out if end else False,
        "out_of_memory": end.exit.oom_killed if end else False,
        "error": error_data(task.failure) if task.failure else None,
        "pid": record.task_pid if task.live else None,
    }


def _show(session: Session) -> int:
    task = _named(session)
    output, record = session.output, task.record
    if output.as_json:
        output.data({"task": task_data(task)})
        return 0
    facts = {
        _("Task"): record.task_id,
        _("What"): shown(record.title),
        _("Vault"): shown(record.vault_name),
        _("Command"): shown(shlex.join(record.argv)),
        _("How"): _row(task)[3],
        _("State"): _(task_in_words(task)),
        _("Began"): _moment(record.launched_at),
    }
    if task.ended_at is not None:
        facts[_("Ended")] = _moment(task.ended_at)
    if not record.terminal:
        facts[_("Output")] = shown(str(session.vaults.tasks.output(task.task_id).path()))
    width = max(map(len, facts))
    for label, value in facts.items():
        output.item(f"{label:{width}}  ", value)
    if task.failure is not None:
        output.error(task.failure)
    return 0


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _follow(session: Session) -> int:
    """Print what it has written, and what it writes until its end, each where it belongs."""
    task = _named(session)
    ended = session.run(_copied(session, task))
    return exit_code_of(ended.end) if ended.end is not None else 0


async def _copied(session: Session, task: TaskStatus) -> TaskStatus:
    written = session.vaults.tasks.output(task.task_id)
    streams = ((written.reader(), 1), (written.reader(errors=True), 2))
    waiting = asyncio.ensure_future(session.vaults.tasks.wait(task.task_id))
    over = False
    while not over:
        over = waiting.done()
        for reader, fd in streams:
            write_all(fd, reader.new_bytes())
        if not over:
            await asyncio.wait([waiting], timeout=_FOLLOW_S)
    return waiting.result()


def _output(session: Session) -> int:
    task = _named(session)
    written = session.vaults.tasks.output(task.task_id)
    for chunk in written.content(errors=session.arguments.errors):
        write_all(1, chunk)
    return 0


def _stop(session: Session) -> int:
    arguments, output = session.arguments, session.output
    task = _named(session)
    grace_s = session.seconds(arguments.grace)
    stopping = session.vaults.tasks.stop(task.task_id, grace_s, now=arguments.now)
    output.step(_("Ending {task}…", task=shown(task.record.title)))
    ended = session.run(stopping)
    output.clear_step()
    if output.as_json:
        output.data({"task": task_data(ended), "already": not task.live})
    elif not task.live:
        output.line(_("{task} has ended already.", task=shown(task.record.title)))
    else:
        output.line(_("{task} has ended.", task=shown(task.record.title)))
    return 0


def _clear(session: Session) -> int:
    count = session.run(session.vaults.tasks.clear(session.arguments.name))
    if session.output.as_json:
        session.output.data({"cleared": count})
    else:
        session.output.line(
            ngettext(
                "{count} ended task is forgotten.", "{count} ended tasks are forgotten.", count
            )
        )
    return 0


def _save(session: Session) -> int:
    arguments = session.arguments
    session.vaults.tasks.save(arguments.name, arguments.task, request_to_save(arguments))
    if session.output.as_json:
        session.output.data({"vault": arguments.name, "task": arguments.task})
    else:
        words = _("{task} is saved. `vaultui run {name!q} {task!q}` runs it.",
                  task=shown(arguments.task), name=shown(arguments.name))  # fmt: skip
        session.output.line(words)
    return 0


def _remove(session: Session) -> int:
    arguments = session.arguments
    session.vaults.tasks.unsave(arguments.name, arguments.task)
    if session.output.as_json:
        session.output.data({"vault": arguments.name, "task": arguments.task})
    else:
        session.output.line(_("{task} is no longer saved.", task=shown(arguments.task)))
    return 0


def _named(session: Session) -> TaskStatus:
    task: TaskStatus = session.run(session.vaults.tasks.status(session.arguments.id))
    return task


_ACTIONS = {
    "schedule": automation.schedule,
    "unschedule": automation.unschedule,
    "ended": automation.ended,
    "list": _list,
    "show": _show,
    "follow": _follow,
    "output": _output,
    "stop": _stop,
    "clear": _clear,
    "save": _save,
    "remove": _remove,
}
