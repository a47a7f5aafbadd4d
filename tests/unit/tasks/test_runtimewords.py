"""What runtimes print, as they did when they were asked."""

from __future__ import annotations

import pytest

from vaultui.model.errors import TaskCommandNotExecutable, TaskCommandNotFound
from vaultui.tasks.runtimewords import about_program

_RUNC = "runc create failed: unable to start container process: "


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (_RUNC + 'exec: "none": executable file not found in $PATH', TaskCommandNotFound),
        (_RUNC + 'exec: "/none": stat /none: no such file or directory', TaskCommandNotFound),
        ("executable file `none` not found in $PATH: No such file", TaskCommandNotFound),
        (_RUNC + 'exec: "/vault": permission denied', TaskCommandNotExecutable),
        (_RUNC + 'exec: "/etc": is a directory', TaskCommandNotExecutable),
        ("open executable: Permission denied", TaskCommandNotExecutable),
        (_RUNC + 'error mounting "/none" to rootfs: no such file or directory', type(None)),
        (_RUNC + "error setting rlimit type 6: operation not permitted", type(None)),
    ],
)
def test_it_is_told_apart_what_is_wrong_with_a_program(words: str, kind: type) -> None:
    assert type(about_program("it", words, words)) is kind
