"""The drills' own frame: what is found in our program fails, with the seed that repeats it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pytest
from support import run_program

from tests.drills import __main__ as drills
from tests.drills.harness import Drill, Row, Session

TESTS = Path(__file__).parents[1]
GIVEN = argparse.Namespace(seed=7, rounds=3, minutes=1.0, directory=None)


def run(tmp_path: Path, drill: Drill) -> tuple[str, bool]:
    return drills._run(drill, 1.0, argparse.Namespace(**{**vars(GIVEN), "directory": tmp_path}))


def test_a_finding_in_our_program_fails_with_its_seed(tmp_path: Path) -> None:
    def work(session: Session) -> list[Row]:
        seeds = list(session.seeds(500))
        session.found(session.peers.ours, "a byte was lost", seeds[-1])
        return [Row("rounds", str(len(seeds)), "0")]

    section, ok = run(tmp_path, Drill("one", "One", work, needs=()))
    assert not ok
    assert "- seed 9: a byte was lost" in section
    assert "| rounds | 3 | 0 |" in section


def test_a_finding_in_gocryptfs_is_a_figure(tmp_path: Path) -> None:
    def work(session: Session) -> list[Row]:
        session.found(session.peers.gocryptfs, "lost: a byte", session.seed)
        counts = [str(session.count(peer, "lost")) for peer in session.peers]
        return [Row("lost", *counts)]

    section, ok = run(tmp_path, Drill("one", "One", work, needs=()))
    assert ok
    assert "| lost | 0 | 1 |" in section


def test_a_drill_that_breaks_down_fails(tmp_path: Path) -> None:
    def work(session: Session) -> list[Row]:
        raise RuntimeError("it broke")

    section, ok = run(tmp_path, Drill("one", "One", work, needs=()))
    assert not ok
    assert "RuntimeError: it broke" in section


def test_a_new_section_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "RESULTS.md"
    monkeypatch.setattr(drills, "RESULTS", results)
    drills._write({"One": "## One\n\nold\n", "Two": "## Two\n\nkept\n"}, ["One", "Two"])
    before = results.read_text()
    drills._write({"One": "## One\n\nnew\n"}, ["One", "Two"])
    assert results.read_text() == before.replace("old", "new")


def test_ctrl_c_on_a_terminal_is_heard_although_the_drills_run_in_the_background() -> None:
    code = """
import signal, sys
from terminal import Terminal
from tests.drills import __main__ as drills
from tests.drills.harness import Drill

def interrupt(_session):
    with Terminal(("sh", "-c", "echo here; read line")) as terminal:
        terminal.wait_for("here")
        terminal.type("\x03")
        assert terminal.wait() == -signal.SIGINT
    return []

# As a shell without job control starts what ends with an ampersand.
signal.signal(signal.SIGINT, signal.SIG_IGN)
drills._all_drills = lambda: [Drill("one", "One", interrupt, needs=())]
sys.exit(drills.main())
"""
    paths = {"PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    run_program((sys.executable, "-c", code, "--rounds=1"), env=os.environ | paths).check()


def test_every_drill_has_a_name_of_its_own() -> None:
    names = [drill.name for drill in drills._all_drills()]
    assert len(names) == len(set(names))
