"""Tasks of an ordinary user: the same life, and limits only where somebody lends control groups."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from ordinaryuser import as_user, let_others_in, plainly_as_user
from support import run_program

pytestmark = needs("ordinary-user", "root")

PROGRAM = Path(__file__).parent / "users_task.py"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    let_others_in(tmp_path)
    tmp_path.chmod(0o777)
    return tmp_path


def told(place: Path, what: str, *before: str | Path) -> dict[str, Any]:
    words = before or as_user()
    done = run_program((*words, sys.executable, PROGRAM, place, what)).check()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_task_runs_is_stopped_with_all_its_sessions_and_leaves_nothing(place: Path) -> None:
    answer = told(place, "stopped")
    assert answer == {"uids": [UNPRIVILEGED_UID], "signal": signal.SIGTERM, "stopped": True}


def test_limits_that_nobody_lends_groups_for_are_an_error_with_a_cure(place: Path) -> None:
    answer = told(place, "limited")
    assert answer["code"] == "control-group-refused"
    assert "--limit" in answer["hint"]
    assert answer["left"] == []


@needs("user-namespaces")
@pytest.mark.parametrize(
    ("before", "code"),
    [(":", ""), ("mount --bind /dev/null /proc/version", "namespaces-forbidden")],
)
def test_an_isolated_task_is_not_shown_the_processes_of_others_instead_of_its_own(
    place: Path, before: str, code: str
) -> None:
    """The kernel gives it no /proc of its own where parts of the other one are covered, as in
    containers; and through that it could enter the root directory of any process of its user."""
    covered = ("unshare", "--mount", "sh", "-c", f'{before} && exec "$@"', "sh")
    answer = told(place, "isolated", *covered, *plainly_as_user(place))
    assert answer["code"] == code
    if code:
        assert "/proc" in answer["hint"]
        assert answer["left"] == []
