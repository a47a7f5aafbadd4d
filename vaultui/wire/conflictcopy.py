"""A conflict copy of a sync client, as a check finds it and a running backend lists it."""

from __future__ import annotations

from vaultui.model.records import record


@record(frozen=True)
class ConflictCopy:
    path: str
    """Plaintext path; the last component is the name on disk where there is no plain one."""
    original: str
    """Plaintext path of what it is a copy of; empty for a file of the volume's own."""
    cipher_path: str
