"""The conflict copies in a mount, for people."""

from __future__ import annotations

import os
from typing import Final

from vaultui.cipherfs.tree import Tree
from vaultui.wire.conflictcopy import ConflictCopy
from vaultui.wire.control import Conflicts

MAX_COPIES: Final = 256
"""A reply has a largest size; nobody goes through more of them at once."""


def conflicts(tree: Tree) -> Conflicts:
    """Look for all conflict copies in the volume. From any thread; may take a while."""
    first, count = [], 0
    for copy in tree.conflict_copies():
        count += 1
        if count <= MAX_COPIES:
            first.append(ConflictCopy(*map(os.fsdecode, copy)))
    return Conflicts(tuple(first), count)
