"""The use cases of what happens without anybody: unlocking at login, tasks that run by a timer.

Both are units of the user's systemd, and nothing but those: what is there is what is on.

    vaultui@NAME.service              unlocks a vault, and is active as long as that is open
    vaultui-task-ID-TASK.timer        runs a saved task, through the service of the same name
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.model.errors import TaskNotScheduled
from vaultui.model.exitcodes import ExitCode
from vaultui.vaults import units
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.registry import Registry
from vaultui.vaults.units import Units

_LOGIN_FILE: Final = "vaultui@.service"
_LOGIN_TARGET: Final = "default.target"
_TIMER_TARGET: Final = "timers.target"
_STOP_S: Final = 120
"""What systemd waits for a lock, which may run hooks before, and for the end of a task."""


@dataclass(frozen=True)
class Schedule:
    """When a saved task is run."""

    vault: str
    task: str
    when: str
    """As systemd.time(7) has it: daily, Mon..Fri 18:00."""
    unit: str
    """The timer, for systemctl(1) and journalctl(1)."""


class Automation:
    """What a user's systemd does with his vaults."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._units = Units()

    def at_login(self, name: str) -> bool:
        """Return whether a vault is unlocked when its user logs in."""
        return self._units.is_enabled(login_unit(self._registry.entry(name)), _LOGIN_TARGET)

    async def set_at_login(self, name: str, on: bool) -> bool:
        """Have a vault unlocked at login from now on, or no longer.

        Nothing is unlocked or locked now. Returns whether a systemd of the user runs that knows
        of it; the next one will.
        """
        entry = self._registry.entry(name)
        if on:
            self._units.write(_LOGIN_FILE, _login_lines())
            self._units.enable(login_unit(entry), _LOGIN_TARGET, _LOGIN_FILE)
        else:
            self._units.disable(login_unit(entry), _LOGIN_TARGET)
        return await units.reload()

    def schedules(self, name: str | None = None) -> list[Schedule]:
        """Return when saved tasks are run, of one vault or of all, in the order of the list."""
        entries = self._registry.entries() if name is None else [self._registry.entry(name)]
        return [schedule for entry in entries for schedule in self._of(entry)]

    async def schedule(self, name: str, task: str, when: str) -> Schedule:
        """Have a task, which is saved, run at times of systemd.time(7), in place of others.

        Raises ScheduleInvalid, SystemdMissing or UnitNotWritten. The timer begins at once where a
        systemd of the user runs, else with the next one.
        """
        await units.check_calendar(when)
        entry = self._registry.entry(name)
        schedule = self._write(entry, task, when)
        await units.reload()
        await units.restart(schedule.unit)
        return schedule

    async def unschedule(self, name: str, task: str) -> None:
        """Have a task run by itself no longer; raises TaskNotScheduled."""
        entry = self._registry.entry(name)
        timer = _timer(entry, task)
        if timer not in self._units.lines(timer):
            raise TaskNotScheduled(name=name, task=task)
        await units.stop(timer)
        self._remove(entry, task)
        await units.reload()

    def drop(self, entry: VaultEntry, task: str) -> None:
        """Take away the timer of a task that is saved no longer, where it has one."""
        if self._remove(entry, task):
            units.reload_now(stopped=_timer(entry, task))

    def _of(self, entry: VaultEntry) -> Iterable[Schedule]:
        prefix = _stem(entry, "")
        for unit, lines in self._units.lines(f"{prefix}*.timer").items():
            when = next((line for line in lines if line.startswith("OnCalendar=")), "")
            task = units.unescaped(unit.removeprefix(prefix).removesuffix(".timer"))
            yield Schedule(entry.name, task, when.partition("=")[2].replace("%%", "%"), unit)

    def _write(self, entry: VaultEntry, task: str, when: str) -> Schedule:
        stem, timer = _stem(entry, task), _timer(entry, task)
        self._units.write(f"{stem}.service", _task_lines(entry, task))
        self._units.write(timer, _timer_lines(entry, task, when))
        self._units.enable(timer, _TIMER_TARGET, timer)
        return Schedule(entry.name, task, when, timer)

    def _remove(self, entry: VaultEntry, task: str) -> list[Path]:
        stem = _stem(entry, task)
        return self._units.remove(f"{stem}.service") + self._units.remove(f"{stem}.timer")

    async def rename(self, before: VaultEntry, after: VaultEntry) -> None:
        """Have the units of a vault call it by its new name."""
        schedules = list(self._of(before))
        for schedule in schedules:
            self._write(after, schedule.task, schedule.when)
        at_login = bool(self._units.disable(login_unit(before), _LOGIN_TARGET))
        if at_login:
            self._units.enable(login_unit(after), _LOGIN_TARGET, _LOGIN_FILE)
        if schedules or at_login:
            await units.reload()

    async def forget(self, entry: VaultEntry) -> None:
        """Take away the units of a vault that is in the list no longer."""
        removed = self._units.disable(login_unit(entry), _LOGIN_TARGET)
        for schedule in list(self._of(entry)):
            await units.stop(schedule.unit)
            removed += self._remove(entry, schedule.task)
        if removed:
            await units.reload()

    async def remove_all(self) -> list[Path]:
        """Take away all units that were ever written, and return their files."""
        tasks = f"vaultui-task-{'[0-9a-f]' * 16}-*"
        for timer in self._units.lines(f"{tasks}.timer"):
            await units.stop(timer)
        removed = self._units.remove("vaultui@*.service") + self._units.remove(tasks)
        if removed:
            await units.reload()
        return removed


def login_unit(entry: VaultEntry) -> str:
    """Return the unit that unlocks a vault."""
    return f"vaultui@{units.escaped(entry.name)}.service"


def _stem(entry: VaultEntry, task: str) -> str:
    """Return the name of a task's units without its end; the id of the vault never changes."""
    return f"vaultui-task-{entry.id}-{units.escaped(task)}"


def _timer(entry: VaultEntry, task: str) -> str:
    return f"{_stem(entry, task)}.timer"


def _login_lines() -> list[str]:
    return [
        "[Unit]",
        "Description=Vault %I",
        "Documentation=man:vaultui(1)",
        # A keyring that stays away, or a password that is wrong, is not tried for ever.
        "StartLimitIntervalSec=300",
        "StartLimitBurst=4",
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart={units.command('unlock', '--foreground', '--when-there', instance=True)}",
        *units.environment(),
        # The drive may come in an hour.
        "TimeoutStartSec=infinity",
        f"TimeoutStopSec={_STOP_S}",
        # It locks the vault then; a backend without a scope of its own is not to be killed for it.
        "KillMode=process",
        # The keyring may come up after us.
        "Restart=on-failure",
        "RestartSec=10",
        # Stopped while it waits, it was cancelled.
        f"SuccessExitStatus={int(ExitCode.SIGINT)}",
        "",
        "[Install]",
        f"WantedBy={_LOGIN_TARGET}",
    ]


def _task_lines(entry: VaultEntry, task: str) -> list[str]:
    return [
        "[Unit]",
        f"Description={units.described(f'{task} of the vault {entry.name}')}",
        "Documentation=man:vaultui(1)",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={units.command('run', entry.name, task)}",
        # Nobody looks: one that fails is to be told.
        f"ExecStopPost={units.command('tasks', 'ended', entry.name, task)}",
        *units.environment(),
        f"TimeoutStopSec={_STOP_S}",
        "KillMode=process",
    ]


def _timer_lines(entry: VaultEntry, task: str, when: str) -> list[str]:
    return [
        "[Unit]",
        f"Description={units.described(f'When {task} of the vault {entry.name} is run')}",
        "Documentation=man:vaultui(1)",
        "",
        "[Timer]",
        f"OnCalendar={units.described(when)}",
        # What was missed while the machine was off is made up for.
        "Persistent=true",
        "",
        "[Install]",
        f"WantedBy={_TIMER_TARGET}",
    ]
