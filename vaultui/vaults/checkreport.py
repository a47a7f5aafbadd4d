"""The report of a check as a text file: a verdict, and a line for each damage and conflict copy."""

from __future__ import annotations

import time
from collections.abc import Iterable

from vaultui.vaults.newfile import NewFile
from vaultui.wire.conflictcopy import ConflictCopy
from vaultui.wire.oneshot import Damage


def write_report(
    file: NewFile,
    cipherdir: str,
    verdict: str,
    damages: Iterable[Damage],
    copies: Iterable[ConflictCopy],
    *,
    at: float,
) -> None:
    """Write what a check found to a new file, and see it on the disk; `at` counts from the epoch.

    Kind, plain path, encrypted path and reason stand behind each other with tabs in between, for
    programs as well. Nobody else should read it: it has names in the clear. Raises FileNotMade.
    """
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    file.write(f"{when}  {cipherdir}\n{verdict}\n")
    for damage in damages:
        file.write(_line(damage.kind, damage.path, damage.cipher_path, damage.reason))
    for copy in copies:
        file.write(_line("conflict-copy", copy.path, copy.cipher_path, copy.original))
    file.finish()


def _line(*fields: str) -> str:
    return "\t".join(field.replace("\t", "\\t").replace("\n", "\\n") for field in fields) + "\n"
