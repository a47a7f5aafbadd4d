"""The runner of an engine's container: signals, its terminal, and what a killed one leaves."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from enginetask import NAME, EngineTask
from mounting import detach
from podmanservice import PodmanService
from programs import exit_code
from terminal import Terminal
from waiting import wait_until

from vaultui.model.errors import EngineLost, NotOpen
from vaultui.tasks.engines.container import EngineContainer
from vaultui.wire import codec
from vaultui.wire.engine import ENGINE_FILE, EngineSpec
from vaultui.wire.tasks import Limits

pytestmark = needs("podman")

WAITS = ("sh", "-c", "trap 'echo told; exit 3' TERM; echo here; while :; do sleep 0.1; done")


def started(task: EngineTask) -> subprocess.Popen[bytes]:
    process = task.start(*WAITS)
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    return process


def test_a_signal_goes_on_to_the_container(task: EngineTask) -> None:
    process = started(task)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (3, b"told\n")


def test_sigquit_kills_the_container_and_removes_it(task: EngineTask) -> None:
    process = task.start(*WAITS, limits=Limits(memory_bytes=64 << 20))
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGQUIT)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGKILL
    assert task.service.containers() == []
    assert not task.out_of_memory()


def test_a_container_has_a_terminal_whose_size_follows_ours(task: EngineTask) -> None:
    plan = task.prepare(
        *("sh", "-c", "stty size; read line; stty size; echo got $line; exit 4"), terminal=True
    )
    environment = [f"{name}={value}" for name, value in plan.env.items()]
    with Terminal(("env", "-i", *environment, *plan.argv), (90, 30)) as terminal:
        terminal.wait_for("30 90")
        terminal.resize((100, 40))
        wait_until(lambda: "40 100" in task.stty(), 20, "the size has followed")
        terminal.type("a line\r")
        terminal.wait_for("40 100")
        terminal.wait_for("got a line")
        assert terminal.wait() == 4


def test_a_runner_that_is_told_to_end_early_leaves_no_container(task: EngineTask) -> None:
    process = task.start("sleep", "1000")
    wait_until(task.asked.exists, 20, "the engine is asked")
    process.send_signal(signal.SIGTERM)
    # The first process of a container takes no signal that it has not asked for.
    process.send_signal(signal.SIGQUIT)
    process.communicate(timeout=30)
    assert process.returncode in (128 + signal.SIGTERM, 128 + signal.SIGQUIT, 128 + signal.SIGKILL)
    assert task.service.containers() == []
    assert not task.asked.exists()


def test_the_container_of_a_killed_runner_is_removed_by_its_teardown(task: EngineTask) -> None:
    process = started(task)
    process.kill()
    process.communicate(timeout=30)
    assert task.service.containers() == [NAME]
    task.take_down()
    assert task.service.containers() == []
    assert not task.asked.exists()


def test_a_container_that_was_just_being_made_is_removed_too(task: EngineTask) -> None:
    process = task.start("sleep", "1000")
    wait_until(task.asked.exists, 20, "the engine is asked")
    process.kill()
    process.communicate(timeout=30)
    task.take_down()
    assert task.service.containers() == []


def test_a_container_that_is_half_made_is_not_taken_for_removed(task: EngineTask) -> None:
    # Podman answers its removal with success, and lists it afterwards without its storage. The
    # start of an interpreter leaves it too much time.
    for _round in range(3):
        process = task.start("sleep", "1000")
        wait_until(task.asked.exists, 20, "the engine is asked")
        process.kill()
        process.communicate(timeout=30)
        spec = codec.decode(task.asked.with_name(ENGINE_FILE).read_bytes(), EngineSpec)
        EngineContainer(spec).remove_when_made()
        task.asked.unlink()
        assert task.service.containers() == []


def test_there_is_nothing_to_take_down_after_a_runner_that_ended(task: EngineTask) -> None:
    assert task.run("true").exit_code == 0
    task.take_down()
    assert not task.asked.exists()


@pytest.fixture
def own_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanService]:
    with PodmanService(tmp_path_factory.mktemp("p")) as service:
        yield service


def test_an_engine_that_goes_away_is_told_and_the_container_named(
    own_service: PodmanService, task: EngineTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", own_service.address)
    process = started(task)
    own_service.stop()
    process.communicate(timeout=60)
    assert exit_code(process) == 125
    failure = task.failure()
    assert isinstance(failure, EngineLost)
    assert NAME in failure.hint
    assert task.asked.exists()
    # As soon as the engine is back, a second removal does what the first could not.
    own_service.start()
    task.take_down()
    assert own_service.containers() == []


def test_a_directory_whose_vault_is_locked_is_not_taken_for_it(task: EngineTask) -> None:
    detach(task.vault)
    assert task.run("touch", "plaintext").exit_code == 125
    assert isinstance(task.failure(), NotOpen)
    assert list(task.vault.iterdir()) == []


def test_a_container_that_somebody_else_removes_is_told_as_lost(task: EngineTask) -> None:
    process = started(task)
    task.service.podman("rm", "--force", "--time=0", NAME).check()
    process.communicate(timeout=30)
    if process.returncode != 128 + signal.SIGKILL:  # it had ended before it was gone
        assert process.returncode == 125
        assert isinstance(task.failure(), EngineLost)


def test_a_runner_that_breaks_down_is_not_taken_for_the_program(task: EngineTask) -> None:
    plan = task.prepare("true")
    spec = Path(plan.argv[-1])
    spec.write_text(spec.read_text().replace('"Image"', '"Picture"'))
    done = subprocess.run(plan.argv, env=plan.env, capture_output=True, timeout=30, check=False)
    assert done.returncode == 125
    assert b"KeyError" in done.stderr
    failure = task.failure()
    assert failure is not None
    assert "KeyError" in failure.summary


def test_the_specification_is_for_nobody_else_to_read(task: EngineTask) -> None:
    plan = task.prepare("true", env={"TOKEN": "abc"})
    assert os.stat(plan.argv[-1]).st_mode & 0o777 == 0o600
    assert "abc" not in " ".join((*plan.argv, *plan.env.values()))
