"""A task that is saved in the settings of a vault: made, or changed."""

from __future__ import annotations

from textual.widgets import Input

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.screens.taskform import TaskForm
from vaultui.tui.widgets.form import Failure, Field
from vaultui.tui.wording import shown
from vaultui.vaults import TaskRequest, VaultEntry


class SavedTaskScreen(TaskForm[str]):
    """Answers with the name that it is saved under then."""

    go = N_("Save")
    keys = N_("Enter saves it  Esc cancels")

    def __init__(self, entry: VaultEntry, request: TaskRequest) -> None:
        """Take a saved task; one without a name is a new one."""
        super().__init__(entry, request, id="saved-task")
        self._saved_as = request.saved

    def title_text(self) -> str:
        if not self._saved_as:
            return _("A task for {name}", name=shown(self.entry.name))
        return _("{task} of {name}", task=shown(self._saved_as), name=shown(self.entry.name))

    def name_field(self) -> Field:
        return Field(_("Name"), Input(self._saved_as, id="saved", compact=True))

    def submit(self) -> None:
        name, tasks = self.typed("saved"), self.vaultui.vaults.tasks
        request = self.request(name)
        if request is None:
            return
        if not name:
            self.complain(_("A saved task needs a name."), "saved")
            return
        try:
            tasks.save(self.entry.name, name, request)
            if self._saved_as not in {"", name}:
                tasks.unsave(self.entry.name, self._saved_as)
        except VaultuiError as error:
            self.query_one(Failure).show(error)
            return
        self.dismiss(name)
