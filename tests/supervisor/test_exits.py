"""Every way to end has its words."""

from dataclasses import replace

import pytest

from vaultui.model.exitcodes import ExitCode
from vaultui.supervisor.exits import UNKNOWN, ended_badly, explain_exit, explain_status
from vaultui.wire.runrecords import ExitState

CLEAN = ExitState(1, 0, None, False, False, 1.0, 2.0, 0.1, 0.1, 1)


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (CLEAN, "it unmounted and finished (exit code 0)"),
        (replace(CLEAN, exit_code=12), "the password was incorrect (exit code 12)"),
        (replace(CLEAN, exit_code=15), "it was told to end, and unmounted (exit code 15)"),
        (replace(CLEAN, exit_code=99), "it met an error (exit code 99)"),
        (replace(CLEAN, exit_code=None, signal=9), "something killed it (SIGKILL)"),
        (
            replace(CLEAN, exit_code=None, signal=9, oom_killed=True),
            "the system ran out of memory and killed it",
        ),
        (replace(CLEAN, exit_code=None, signal=15), "a signal ended it (SIGTERM)"),
        (replace(CLEAN, exit_code=None, signal=11), "it crashed (SIGSEGV)"),
        (
            replace(CLEAN, exit_code=None, signal=6, core_dumped=True),
            "it crashed (SIGABRT, core dumped)",
        ),
        (replace(CLEAN, exit_code=None, signal=42), "a signal ended it (signal 42)"),
        (None, UNKNOWN),
    ],
)
def test_an_exit_in_words(ended: ExitState | None, words: str) -> None:
    assert explain_exit(ended) == words


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_that_a_backend_can_have_has_words_of_its_own(code: ExitCode) -> None:
    ours_alone = {
        *range(40, 128),  # the front end's, but for the directory in use
        ExitCode.PROFILER,
        ExitCode.EXCLUDE,
        ExitCode.DEV_NULL,
        ExitCode.FIDO2,
    } - {ExitCode.CIPHERDIR_IN_USE}
    has_own = "it met an error (" not in explain_status(code)
    assert has_own == (code not in ours_alone)


def test_unmounting_is_a_good_end() -> None:
    assert not ended_badly(CLEAN)
    assert not ended_badly(replace(CLEAN, exit_code=15))


def test_an_end_before_it_served_leaves_nothing_broken() -> None:
    assert not ended_badly(replace(CLEAN, exit_code=12))
    assert not ended_badly(replace(CLEAN, exit_code=10))


@pytest.mark.parametrize(
    "ended",
    [
        None,
        replace(CLEAN, exit_code=None, signal=9),
        replace(CLEAN, exit_code=1),
        replace(CLEAN, exit_code=11),
        replace(CLEAN, mount_detached=True),
    ],
)
def test_everything_else_is_a_bad_end(ended: ExitState | None) -> None:
    assert ended_badly(ended)
