"""Starting a task: what opens a locked vault is looked for first, and the steps are shown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.tui.wording import shown
from vaultui.vaults import Key, TaskRequest, VaultEntry


def what_becomes_of(entry: VaultEntry, request: TaskRequest) -> str:
    """Return in a sentence what a locked vault is opened for."""
    name = shown(entry.name)
    if request.private:
        return _("{name} is opened for this task alone; nobody else sees it.", name=name)
    return _("{name} is opened for this task, and locked when it has ended.", name=name)


class StartTaskScreen(KeyForm[str]):
    """Answers with the id of the task that runs. Where nobody has to be asked, nobody is."""

    go = N_("Start")
    keys = N_("Enter starts it  Esc cancels")

    def __init__(self, entry: VaultEntry, request: TaskRequest, *, needs_key: bool) -> None:
        super().__init__(entry, id="start-task")
        self._request = request
        self._needs_key = needs_key

    def title_text(self) -> str:
        return _(
            "{task} against {name}", task=shown(self._request.name), name=shown(self.entry.name)
        )

    def fields(self) -> ComposeResult:
        if self._needs_key:
            note = what_becomes_of(self.entry, self._request)
            yield Static(note, classes="quiet", markup=False)
        yield self.opened_by()

    def on_mount(self) -> None:
        self.query_one(OpenedBy).display = self._needs_key
        if self._needs_key:
            self.query_one(OpenedBy).focus_first()
            self.look_for_key(self._start)
        else:
            self._start(None)

    def submit(self) -> None:
        if not self._needs_key:
            self._start(None)
        elif self.has_key():
            self._start(self.query_one(OpenedBy).key())

    def _start(self, key: Key | None) -> None:
        async def start() -> str:
            try:
                task = await self.vaultui.vaults.tasks.start(
                    self.entry.name,
                    self._request,
                    key,
                    on_step=lambda _step, words: self.step(words),
                )
                return task.task_id
            finally:
                if key is not None:
                    key.wipe()

        self.attempt(_("Starting"), start, self.dismiss)

    def failed(self, error: VaultuiError) -> None:
        super().failed(error)
        if not self._needs_key:
            self.query_one("#go").focus()
