"""Running something against a vault, which may be kept under a name for the next time."""

from __future__ import annotations

from textual.widgets import Input

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.screens.taskform import TaskForm
from vaultui.tui.widgets.form import Failure, Field
from vaultui.tui.wording import shown
from vaultui.vaults import TaskRequest, VaultEntry


class RunScreen(TaskForm[str]):
    """Answers with the id of the task that was started; stays until there is one."""

    go = N_("Run")
    keys = N_("Enter runs it  Esc cancels")

    def __init__(self, entry: VaultEntry, request: TaskRequest) -> None:
        super().__init__(entry, request, id="run")

    def title_text(self) -> str:
        return _("Run against {name}", name=shown(self.entry.name))

    def name_field(self) -> Field:
        hint = _("a name, to run it again by one key")
        return Field(_("Save as"), Input(placeholder=hint, id="saved", compact=True))

    def submit(self) -> None:
        name = self.typed("saved")
        request = self.request(name)
        if request is None:
            return
        if name:
            try:
                self.vaultui.vaults.tasks.save(self.entry.name, name, request)
            except VaultuiError as error:
                self.query_one(Failure).show(error)
                self.query_one("#saved").focus()
                return
        if request.terminal:
            self.dismiss(None)  # it gets ours, and there is nothing to be shown here afterwards
        self.vaultui.flows.running.start(self.entry, request, self._started)

    def _started(self, task_id: str | None) -> None:
        if task_id is not None:
            self.dismiss(task_id)
