"""The Tasks pane: what is saved to be run against a vault, what runs, and its output."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _, ngettext
from vaultui.tui.widgets.lastlines import LastLines
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.widgets.tasktable import Row, TaskTable
from vaultui.tui.wording import shown
from vaultui.vaults import TaskRequest, TaskStatus, VaultStatus

_LINES: Final = 500
_FOLLOW_S: Final = 0.25
"""How often the output of what runs is looked at while it is seen."""


class Tasks(Pane):
    """The list above, and below it the output of the one that the cursor is on."""

    KEYS = (
        ("Enter", N_("start a saved task; go to the output, or see why there is none")),
        ("r", N_("run the same again, after a look at it")),
        ("t", N_("stop it: ask it to end, and kill it where that does not help")),
        ("x", N_("kill it, or remove a saved one, after a question")),
        ("n", N_("save a new task")),
        ("e", N_("change a saved task")),
        ("o", N_("show its errors, or its output again")),
        ("c", N_("clear those that have ended, with their output")),
        *LastLines.KEYS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "Run it again", show=False),
        Binding("t", "stop", "Stop it", show=False),
        Binding("x", "kill", "Kill it, or take it away", show=False),
        Binding("n", "save", "Save a new task", show=False),
        Binding("e", "edit", "Change a saved task", show=False),
        Binding("o", "turn_over", "Show errors or output", show=False),
        Binding("c", "clear", "Clear those that have ended", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="tasks-pane")
        self._tasks: list[TaskStatus] = []
        self._listed: frozenset[str] | None = None
        """Which tasks there were, of all vaults, when they were listed."""
        self._shown: str = ""
        """Whose output is shown, by its id."""
        self._written: tuple[list[str], list[str]] = ([], [])
        """Its output, and its errors."""
        self._errors_wanted = False
        self._version: tuple[int, ...] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="tasks-note", markup=False)
        yield TaskTable()
        yield LastLines("task", self._note)

    def on_mount(self) -> None:
        self.set_interval(_FOLLOW_S, self._follow)

    @property
    def _table(self) -> TaskTable:
        return self.query_one(TaskTable)

    @property
    def _output(self) -> LastLines:
        return self.query_one(LastLines)

    @property
    def _chosen(self) -> Row | None:
        return self._table.chosen

    # -- showing ----------------------------------------------------------------------------

    def vault_changed(self) -> None:
        self._tasks, self._listed = [], None
        self._draw()

    def state_changed(self) -> None:
        if self.status is None:
            return
        ids = self.vaultui.vaults.tasks.ids()
        if ids == self._listed and not any(task.live for task in self._tasks):
            self._draw()  # what has ended stays as it is, but others may have been saved
        elif not any(worker.group == "tasks" and not worker.is_finished for worker in self.workers):
            self._look(self.status, ids)

    def repaint(self) -> None:
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    @work(group="tasks")
    async def _look(self, status: VaultStatus, ids: frozenset[str]) -> None:
        try:
            tasks = await self.vaultui.vaults.tasks.listing(status.entry.name)
        except VaultuiError as error:
            self.query_one("#tasks-note", Static).update(shown(error.summary))
            return
        if self.status is not None and self.status.entry.id == status.entry.id:
            self._tasks, self._listed = tasks, ids
            self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if self.status is None or width <= 0:
            return
        saved = self._saved(self.status)
        self._table.show([*saved, *self._tasks], width, self.vaultui.wall_clock())
        wanted = self.vaultui.flows.running.wanted
        if wanted and self._table.choose(wanted):
            self.vaultui.flows.running.wanted = ""
        self.query_one("#tasks-note", Static).update(self._hint(self.status))
        self._show_output()

    def _saved(self, status: VaultStatus) -> list[TaskRequest]:
        try:
            return list(self.vaultui.vaults.tasks.saved(status.entry.name).values())
        except VaultuiError:  # forgotten meanwhile
            return []

    def _hint(self, status: VaultStatus) -> str:
        match self._chosen:
            case None:
                name = shown(status.entry.name)
                return _(
                    "Nothing has run against {name}. r runs a command, n saves one.", name=name
                )
            case TaskRequest():
                return _("Enter starts it  e changes it  x removes it")
            case TaskStatus(failure=VaultuiError() as failure):
                return _("{why} Enter shows details", why=shown(failure.summary))
            case TaskStatus(live=False):
                return _("r runs it again  c clears the ended")
            case _:
                return _("t stops it  x kills it  Enter: output")

    # -- the output -------------------------------------------------------------------------

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        if self.status is not None:
            self.query_one("#tasks-note", Static).update(self._hint(self.status))
        self._show_output()

    def _show_output(self) -> None:
        """Show the output of the task under the cursor, from its last lines on."""
        chosen = self._chosen
        task_id = chosen.task_id if isinstance(chosen, TaskStatus) else ""
        self._output.display = bool(task_id)
        if task_id != self._shown:
            self._shown, self._version, self._written = task_id, None, ([], [])
            self._errors_wanted = False
            self._output.reset()
        self._follow()

    def _follow(self) -> None:
        """Read the output where it has grown, while somebody sees it."""
        if not self._shown or not self.is_on_screen or self._output.paused:
            return
        output = self.vaultui.vaults.tasks.output(self._shown)
        version = output.version()
        if version != self._version:
            self._version = version
            self._read(self._shown)

    @work(group="output", exclusive=True)
    async def _read(self, task_id: str) -> None:
        written = await self.vaultui.vaults.tasks.output(task_id).tail(_LINES)
        if task_id == self._shown and not self._output.paused:
            self._written = written
            self._show_written()

    @property
    def _errors_shown(self) -> bool:
        """Many a program writes nothing but errors: they are shown then without being asked for."""
        output, errors = self._written
        return self._errors_wanted or (bool(errors) and not output)

    def _show_written(self) -> None:
        self._output.show(self._written[self._errors_shown])

    def _note(self) -> str:
        chosen, (output, errors) = self._chosen, self._written
        if not isinstance(chosen, TaskStatus):
            return ""
        if chosen.record.terminal:
            return _("its terminal is not kept")
        if self._errors_shown:
            return _("errors; o shows the output") if output else _("errors")
        if errors:
            count = len(errors)
            return ngettext(
                "{count} line of errors, o shows it", "{count} lines of errors, o shows them", count
            )
        if not output:
            return _("no output yet") if chosen.live else _("it wrote nothing")
        return _("output")

    @on(LastLines.Resumed)
    def _resumed(self) -> None:
        self._version = None
        self._follow()

    @on(LastLines.Left)
    def _left(self) -> None:
        self._table.focus()

    def focus_content(self) -> None:
        self._table.focus()

    # -- keys -------------------------------------------------------------------------------

    @on(DataTable.RowSelected)
    def _entered(self) -> None:
        chosen = self._chosen
        if self.status is None:
            return
        if isinstance(chosen, TaskRequest):
            self.vaultui.flows.running.start_saved(self.status.entry, chosen)
        elif chosen is not None and chosen.failure is not None:
            self.vaultui.flows.explain(chosen.failure)
        elif chosen is not None:
            self._output.focus_text()

    def action_again(self) -> None:
        if self.status is None:
            return
        running, chosen = self.vaultui.flows.running, self._chosen
        if chosen is None:
            running.ask(self.status)
        elif isinstance(chosen, TaskRequest):
            running.ask_again(self.status.entry, chosen)
        else:
            running.ask_again(
                self.status.entry, TaskRequest(chosen.record.argv, chosen.record.driver)
            )

    def action_turn_over(self) -> None:
        self._errors_wanted = not self._errors_shown and bool(self._written[1])
        self._show_written()

    def action_stop(self) -> None:
        chosen = self._chosen
        if isinstance(chosen, TaskStatus):
            self.vaultui.flows.running.stop(chosen)

    def action_kill(self) -> None:
        chosen = self._chosen
        if isinstance(chosen, TaskStatus):
            self.vaultui.flows.running.kill(chosen)
        elif chosen is not None and self.status is not None:
            self.vaultui.flows.running.take_away(self.status.entry, chosen)

    def action_save(self) -> None:
        if self.status is not None:
            self.vaultui.flows.running.edit(self.status.entry, TaskRequest(()))

    def action_edit(self) -> None:
        chosen = self._chosen
        if self.status is not None and isinstance(chosen, TaskRequest):
            self.vaultui.flows.running.edit(self.status.entry, chosen)

    def action_clear(self) -> None:
        if self.status is not None:
            self.vaultui.flows.running.clear(self.status.entry)
