"""A vault that a task has for itself, as those meet it who want to open it meanwhile."""

from __future__ import annotations

from vaultui.model.errors import CipherdirInUse
from vaultui.model.language import Phrase
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.paths import Paths


def refuse_beside_private(paths: Paths, entry: VaultEntry, *, read_only: bool) -> None:
    """Raise CipherdirInUse where a private task has the vault, unless both only read.

    `read_only` is how it is to be opened. The backend would find that out as well, but only
    after it has waited for the other's end, and it knows no names.
    """
    if entry.options.shared_storage or not paths.tasks_dir.is_dir():
        return
    # Late: whoever runs no tasks does without.
    from vaultui.tasks.records import TaskRecords

    for task in TaskRecords(paths.tasks_dir).listing():
        record = task.record
        if task.is_over or not record.private or record.vault_id != entry.id:
            continue
        if not (read_only and (record.read_only or entry.opens_read_only)):
            holder = Phrase(
                "{title}, a private task ({task})", title=record.title, task=record.task_id
            )
            raise CipherdirInUse(path=entry.cipherdir, holder=holder)
