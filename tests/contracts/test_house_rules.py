"""The rules of tests/conftest.py bite: a test that breaks one fails, and says which."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from capabilities import needs
from leftovers import processes_of
from support import Completed, mountpoints_below, run_program

TESTS = Path(__file__).parents[1]


def run_tests(base: Path, code: str, *options: str, **environment: str) -> Completed:
    """Run a test file of its own under the house rules, in a pytest of its own."""
    (base / "test_inner.py").write_text(code)
    command = (
        *(sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider"),
        *("-c", TESTS.parent / "pyproject.toml", "--rootdir", base, "--basetemp", base / "inner"),
        *(base / "test_inner.py", *options),
    )
    env = {**os.environ, "PYTHONPATH": str(TESTS), **environment}
    return run_program(command, env=env, cwd=base, timeout=100)


def test_a_test_that_behaves_passes(tmp_path: Path) -> None:
    done = run_tests(tmp_path, "def test_it(home):\n    assert home.is_dir()\n")
    assert b"1 passed" in done.check().stdout


def test_a_process_that_is_left_behind_fails_its_test_and_is_killed(tmp_path: Path) -> None:
    done = run_tests(
        tmp_path,
        "import os\ndef test_it():\n    os.posix_spawnp('sleep', ['sleep', '1000'], os.environ)\n",
        VAULTUI_TEST_GRACE="0.1",
    )
    text = done.check(1).text
    assert "left behind by this test" in text
    assert "sleep 1000" in text
    assert processes_of(tmp_path / "inner") == []


def test_what_a_shared_fixture_leaves_behind_fails_a_run_that_is_shared_out(tmp_path: Path) -> None:
    done = run_tests(
        tmp_path,
        "import os, pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def shared(run_home):\n"
        "    os.posix_spawnp('sleep', ['sleep', '1000'], os.environ)\n"
        "def test_it(shared):\n"
        "    pass\n",
        "-n1",
        VAULTUI_TEST_GRACE="0.1",
    )
    text = done.check(1).text
    assert "1 passed" in text
    assert "left behind by this run" in text
    assert "sleep 1000" in text
    assert processes_of(tmp_path / "inner") == []


def test_a_process_that_was_started_this_instant_is_seen(tmp_path: Path) -> None:
    environment = {**os.environ, "MARK": str(tmp_path)}
    for _ in range(100):
        pid = os.posix_spawnp("sleep", ["sleep", "1000"], environment)
        try:
            assert [found.pid for found in processes_of(tmp_path)] == [pid]
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@needs("fuse", "gocryptfs")
def test_a_mount_that_is_left_behind_fails_its_test_and_is_detached(tmp_path: Path) -> None:
    done = run_tests(
        tmp_path,
        "from support import Gocryptfs, run_program\n"
        "def test_it(tmp_path):\n"
        "    volume = Gocryptfs(tmp_path)\n"
        "    volume.create()\n"
        "    volume.mountpoint.mkdir()\n"
        "    volume.run('-q', volume.cipherdir, volume.mountpoint).check()\n",
        VAULTUI_TEST_GRACE="0.1",
    )
    text = done.check(1).text
    assert "left behind by this test" in text
    assert f"mount {tmp_path}/inner" in text
    assert mountpoints_below(tmp_path) == []


def test_a_test_that_takes_too_long_is_ended_and_named(tmp_path: Path) -> None:
    done = run_tests(
        tmp_path,
        "import pytest, threading\n"
        "@pytest.mark.timeout_s(0.5)\n"
        "def test_endless():\n"
        "    threading.Event().wait()\n",
    )
    assert "test_endless took longer than 0.5 seconds" in done.check(1).text


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_a_missing_capability_skips_at_home_and_fails_in_ci(
    tmp_path: Path, ci: str, outcome: str
) -> None:
    done = run_tests(
        tmp_path,
        "import capabilities\n"
        "capabilities._PROBES['unicorn'] = lambda: 'none on this machine'\n"
        "@capabilities.needs('unicorn')\n"
        "def test_it():\n"
        "    raise AssertionError('it ran')\n",
        CI=ci,
    )
    assert outcome in done.text
    assert "unicorn: none on this machine" in done.text


def test_no_test_sees_the_home_or_the_session_of_who_runs_it(tmp_path: Path) -> None:
    done = run_tests(
        tmp_path,
        "import os\n"
        "def test_it(home):\n"
        "    assert 'DBUS_SESSION_BUS_ADDRESS' not in os.environ\n"
        "    assert 'DISPLAY' not in os.environ\n"
        "    assert os.path.expanduser('~') == str(home)\n"
        "    assert os.environ['XDG_RUNTIME_DIR'].startswith(str(home.parent))\n",
        DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere",
        DISPLAY=":0",
        HOME="/somewhere/real",
    )
    done.check()
