"""Running something against a vault: asked for, started, watched, and ended before its time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from vaultui.model.language import _, ngettext
from vaultui.tui.flows.flow import Flow
from vaultui.tui.flows.lending import Errand
from vaultui.tui.wording import shown

if TYPE_CHECKING:
    # What is known of tasks is imported by the first who wants something of them.
    from vaultui.tui.app import VaultuiApp
    from vaultui.vaults import Key, TaskRequest, TaskStatus, VaultEntry, VaultStatus


class Running(Flow):
    """Tasks go on without the application; the end of one that was started from here is told."""

    def __init__(self, app: VaultuiApp) -> None:
        super().__init__(app)
        self.wanted = ""
        """The task that the Tasks pane goes to as soon as it knows it, by its id."""

    # -- starting ---------------------------------------------------------------------------

    def ask(self, status: VaultStatus) -> None:
        """Ask what shall be run."""
        from vaultui.vaults import TaskRequest

        self.ask_again(status.entry, TaskRequest(()))

    def ask_again(self, entry: VaultEntry, request: TaskRequest) -> None:
        """Ask so, beginning with what was run before."""
        from vaultui.tui.screens.run import RunScreen

        self.app.push_screen(RunScreen(entry, request), partial(self._started, entry))

    def start_saved(self, entry: VaultEntry, request: TaskRequest) -> None:
        """Start a task as it is saved."""
        self.start(entry, request, partial(self._started, entry))

    def start(
        self,
        entry: VaultEntry,
        request: TaskRequest,
        started: Callable[[str | None], None],
    ) -> None:
        """Start a task, asking for what opens the vault if need be.

        `started` gets its id, or None where it was not started.
        """
        from vaultui.tui.screens.starttask import StartTaskScreen

        status = self.app.live.status(entry.id)
        needs_key = status is not None and self.app.vaults.tasks.needs_key(status)
        if request.private and not needs_key:
            text = _("{name} is open already; the task is not alone in it.", name=shown(entry.name))
            self.app.say(text, severity="warning")
        if request.terminal:
            self._start_on_terminal(entry, request, needs_key=needs_key)
        else:
            self.app.push_screen(StartTaskScreen(entry, request, needs_key=needs_key), started)

    def _start_on_terminal(
        self, entry: VaultEntry, request: TaskRequest, *, needs_key: bool
    ) -> None:
        """Leave our terminal to a task that wants one, for as long as it runs."""
        from vaultui.tui.screens.starttask import what_becomes_of

        title = _("{task} against {name}", task=shown(request.name), name=shown(entry.name))

        async def run(key: Key | None) -> None:
            ended = await self.app.vaults.tasks.run_on_terminal(entry.name, request, key)
            self._say_end(ended)

        question = (title, what_becomes_of(entry, request)) if needs_key else None
        self.app.flows.lending.lend(Errand(entry, title, run, question))

    def _started(self, entry: VaultEntry, task_id: str | None) -> None:
        if task_id is None:
            return
        self.wanted = task_id
        self.app.show_tab(entry.id, "tasks")
        self.app.background(partial(self._tell_end, task_id), group="task-end")
        self.run(self.app.live.refresh, "refresh")

    async def _tell_end(self, task_id: str) -> None:
        """Say how a task has ended that was started from here."""
        task = await self.app.vaults.tasks.wait(task_id)
        await self.app.live.refresh()
        self._say_end(task)

    def _say_end(self, task: TaskStatus) -> None:
        from vaultui.vaults import task_in_words

        if task.failure is not None:
            self.warn(task.failure)
            return
        title, name = shown(task.record.title), shown(task.record.vault_name)
        words = _(task_in_words(task))
        text = _("{task} against {name}: {words}.", task=title, name=name, words=words)
        self.app.say(text, severity="information" if task.succeeded else "warning")

    # -- ending -----------------------------------------------------------------------------

    def stop(self, task: TaskStatus) -> None:
        """Ask a task to end; it is killed where it does not."""
        if self._lives(task):
            title = shown(task.record.title)
            self.app.say(_("{task} was asked to end.", task=title))
            self.run(partial(self._stop, task.task_id, now=False), "stop-task")

    def kill(self, task: TaskStatus) -> None:
        """End a task at once, after a question."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.run(partial(self._stop, task.task_id, now=True), "stop-task")

        if self._lives(task):
            question = ConfirmScreen(
                _("Kill {process}", process=shown(task.record.title)),
                _("It ends at once, with all that it has started; what is not saved is lost."),
                yes=_("Kill"),
                danger=True,
            )
            self.app.push_screen(question, answered)

    async def _stop(self, task_id: str, *, now: bool) -> None:
        await self.app.vaults.tasks.stop(task_id, now=now)

    def _lives(self, task: TaskStatus) -> bool:
        if not task.live:
            self.app.say(_("{task} has ended.", task=shown(task.record.title)), severity="warning")
        return task.live

    def clear(self, entry: VaultEntry) -> None:
        """Forget the tasks of a vault that have ended, with their output."""

        async def clear() -> None:
            count = await self.app.vaults.tasks.clear(entry.name)
            self.app.say(ngettext("{count} task is cleared.", "{count} tasks are cleared.", count))

        self.run(clear, "clear-tasks")

    # -- those that are saved ---------------------------------------------------------------

    def edit(self, entry: VaultEntry, request: TaskRequest) -> None:
        """Change a saved task; one without a name is a new one."""
        from vaultui.tui.screens.savedtask import SavedTaskScreen

        def answered(name: str | None) -> None:
            if name is not None:
                self.app.say(_("{task} is saved.", task=shown(name)))
                self.run(self.app.live.refresh, "refresh")

        self.app.push_screen(SavedTaskScreen(entry, request), answered)

    def take_away(self, entry: VaultEntry, request: TaskRequest) -> None:
        """Delete a saved task, after a question."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.run(partial(self._take_away, entry, request.saved), "settings")

        task, name = shown(request.saved), shown(entry.name)
        question = ConfirmScreen(
            _("Remove {task}", task=task),
            _("{task} is no longer one of the saved tasks of {name}.", task=task, name=name),
            yes=_("Remove"),
        )
        self.app.push_screen(question, answered)

    async def _take_away(self, entry: VaultEntry, task: str) -> None:
        self.app.vaults.tasks.unsave(entry.name, task)
