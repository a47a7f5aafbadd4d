"""A vault that a task has for itself, as those meet it who want to open it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultui.model.errors import DeletionRefused, VaultPrivate
from vaultui.model.language import Phrase
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.paths import Paths

if TYPE_CHECKING:
    from vaultui.wire.tasks import TaskRecord


def refuse_beside_private(paths: Paths, entry: VaultEntry, *, read_only: bool) -> None:
    """Raise VaultPrivate where a private task has the vault, unless both only read.

    `read_only` is how it is to be opened. The backend would find that out as well, but only
    after it has waited for the other's end, and it knows no names.
    """
    if entry.options.shared_storage:
        return
    for record in _private_tasks(paths, entry):
        if not (read_only and (record.read_only or entry.opens_read_only)):
            raise VaultPrivate(name=entry.name, task=record.title, id=record.task_id)


def refuse_to_delete_under_private(paths: Paths, entry: VaultEntry) -> None:
    """Raise DeletionRefused where a private task has the vault, which looks locked meanwhile."""
    for record in _private_tasks(paths, entry):
        reason = Phrase("{holder} uses it", holder=_in_words(record))
        raise DeletionRefused(name=entry.name, reason=reason)


def _private_tasks(paths: Paths, entry: VaultEntry) -> list[TaskRecord]:
    if not paths.tasks_dir.is_dir():
        return []
    # Late: whoever runs no tasks does without.
    from vaultui.tasks.records import TaskRecords

    records = [t.record for t in TaskRecords(paths.tasks_dir).listing() if not t.is_over]
    return [record for record in records if record.private and record.vault_id == entry.id]


def _in_words(record: TaskRecord) -> Phrase:
    return Phrase("{title}, a private task ({task})", title=record.title, task=record.task_id)
