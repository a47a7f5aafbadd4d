"""The house rules of the tests.

Each test gets a home and XDG directories of its own and a time limit; one that leaves a
mount or a process behind fails, and what it left is swept away. Everything of a run lies
below one directory that carries the pid of the run, so that the next run can sweep what a
killed one could not.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import hypothesis
import pytest

sys.path.insert(0, os.path.dirname(__file__))

import capabilities
import leftovers
from programs import private_home, restore_interrupts

TEST_TIMEOUT_S = float(os.environ.get("VAULTUI_TEST_TIMEOUT", "120"))
"""For set-up, call and tear-down together. `@pytest.mark.timeout_s(N)` sets another."""

_RUN_PREFIX = "vaultui-tests-"

# How long an example takes says how busy the machine is, and nothing of what is tried.
_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("default", **_PATIENT)
hypothesis.settings.register_profile("ci", **_PATIENT, derandomize=True)
hypothesis.settings.register_profile("few", **_PATIENT, derandomize=True, max_examples=25)
hypothesis.settings.register_profile("thorough", **_PATIENT, max_examples=2000)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if capabilities.in_ci() else "default")
)


class TimeLimitReached(BaseException):
    """A test took longer than it may. Not an Exception, so that no handler of ours eats it."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the run its directory, and sweep those of runs that are no longer there."""
    config.addinivalue_line("markers", "timeout_s(seconds): time limit of the test")
    restore_interrupts()
    _sweep_dead_runs()
    is_ours = Path(config.option.basetemp or "").parent.name.startswith(_RUN_PREFIX)
    if config.option.basetemp is None or (_is_worker(config) and is_ours):
        # Short on purpose: the path of a Unix socket ends at 107 bytes.
        config.option.basetemp = os.path.join(tempfile.gettempdir(), f"{_RUN_PREFIX}{os.getpid()}")
    # A copy of the real stderr: while a test runs, descriptor 2 is pytest's capture file.
    config.stash[_STDERR] = os.dup(2)


def pytest_collection_finish() -> None:
    """Look for cycles of garbage less often: that took a fifth of a run, and finds next to none."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Show what the machine can do."""
    return capabilities.header()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose capability is missing; in CI, fail it."""
    item.stash[_OLDER] = leftovers.pids()
    for mark in item.iter_markers("needs"):
        for capability in mark.args:
            if reason := capabilities.missing(capability):
                if capabilities.in_ci():
                    pytest.fail(f"CI must have {capability}: {reason}", pytrace=False)
                pytest.skip(f"needs {capability}: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Hold the test to its time limit, in three steps of growing force.

    The alarm raises inside the test. A test that sits in a call into a dead mount does not
    notice: ten seconds later the processes of the run are killed, which makes the kernel
    answer such a call. Ten more, and the whole run ends with the stacks of all threads.
    """
    mark = item.get_closest_marker("timeout_s")
    limit = float(mark.args[0]) if mark else TEST_TIMEOUT_S
    top = _run_dir(item.config)

    def on_alarm(signum: int, frame: FrameType | None) -> None:
        faulthandler.dump_traceback(item.config.stash[_STDERR])
        raise TimeLimitReached(f"{item.nodeid} took longer than {limit:g} seconds")

    killer = threading.Timer(limit + 10, leftovers.kill_processes, (top,))
    killer.daemon = True
    previous = signal.signal(signal.SIGALRM, on_alarm)
    faulthandler.dump_traceback_later(limit + 20, exit=True, file=item.config.stash[_STDERR])
    killer.start()
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        killer.cancel()
        killer.join()
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, previous)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that left a mount or a process in one of its own directories."""
    yield
    own = item.stash.get(_OWN_DIRS, [])
    lines = leftovers.after_grace(*own, older=item.stash[_OLDER]) if own else []
    if lines:
        leftovers.sweep(*own)
        pytest.fail("left behind by this test:\n  " + "\n  ".join(lines), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Fail the run if anything of it is still there; remove its directory."""
    yield  # a run that stops early tears down its shared fixtures in here
    top = _run_dir(session.config)
    lines = leftovers.after_grace(top)
    if lines:
        leftovers.sweep(top)
    if _is_worker(session.config):
        session.config.workeroutput[_LEFT_BEHIND] = lines
    lines += session.config.stash.get(_LEFT_BY_WORKERS, [])
    if lines:
        print("\nleft behind by this run:\n  " + "\n  ".join(lines), file=sys.stderr)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if session.exitstatus == pytest.ExitCode.OK and top.name.startswith(_RUN_PREFIX):
        shutil.rmtree(top, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over from a worker of xdist what it found at its end."""
    lines = getattr(node, "workeroutput", {}).get(_LEFT_BEHIND, [])
    node.config.stash.setdefault(_LEFT_BY_WORKERS, []).extend(lines)


@pytest.fixture(scope="session", autouse=True)
def run_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a home for what several tests share: fixtures of a wider scope than one test."""
    base = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as monkeypatch:
        _live_in(base, monkeypatch)
        yield base / "home"


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty directory of the test's own, below that of the run.

    In the place of pytest's fixture, which looks for a free number among the directories of all
    tests before: in a long run that takes longer than many a test.
    """
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return tmp_path_factory.mktemp(f"{name}{next(_NUMBERS)}", numbered=False)


@pytest.fixture(autouse=True)
def home(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Return a home of the test's own, with the whole environment pointing into it."""
    base = tmp_path_factory.mktemp(f"h{next(_NUMBERS)}", numbered=False)
    own = request.node.stash.setdefault(_OWN_DIRS, [])
    own.append(base)
    if "tmp_path" in request.fixturenames:
        own.append(request.getfixturevalue("tmp_path"))
    _live_in(base, monkeypatch)
    return base / "home"


def _live_in(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = private_home(base)
    for name in set(os.environ) - set(environment):
        if not name.startswith(_PLUGINS_OWN):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


_NUMBERS = itertools.count()
_STDERR = pytest.StashKey[int]()
_LEFT_BEHIND = "vaultui_left_behind"
_LEFT_BY_WORKERS = pytest.StashKey[list[str]]()
_OWN_DIRS = pytest.StashKey[list[Path]]()
_OLDER = pytest.StashKey[frozenset[str]]()
"""The processes that were there before the test: reading of them all is most of its end."""
_PLUGINS_OWN = ("PYTEST_", "TEXTUAL_SNAPSHOT_", "HYPOTHESIS_", "COV")
"""Variables with these prefixes belong to pytest and its plugins, and stay."""


def _is_worker(config: pytest.Config) -> bool:
    """Tell whether this process does a part of a run for another, pytest-xdist's."""
    return hasattr(config, "workerinput")


def _run_dir(config: pytest.Config) -> Path:
    return Path(config.option.basetemp)


def _sweep_dead_runs() -> None:
    for top in Path(tempfile.gettempdir()).glob(f"{_RUN_PREFIX}*"):
        pid = top.name.removeprefix(_RUN_PREFIX)
        if pid.isdecimal() and not Path("/proc", pid).exists():
            with contextlib.suppress(PermissionError):  # another user's
                leftovers.sweep(top)
                # Of a tree of thousands of levels, such as a test makes, shutil recurses too deep.
                subprocess.run(("rm", "-rf", "--one-file-system", top), check=False)
