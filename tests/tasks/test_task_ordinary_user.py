"""Tasks of an ordinary user: the same life, and limits only where somebody lends control groups."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from ordinaryuser import as_user, let_others_in
from support import run_program

pytestmark = needs("ordinary-user", "root")

PROGRAM = Path(__file__).parent / "users_task.py"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    let_others_in(tmp_path)
    tmp_path.chmod(0o777)
    return tmp_path


def told(place: Path, what: str) -> dict[str, Any]:
    done = run_program((*as_user(), sys.executable, PROGRAM, place, what)).check()
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
