"""Proves the Tasks pane: what is saved, what runs and what it writes; started and ended from it."""

from __future__ import annotations

import pytest
from driver import Driver, Running
from standin import StandIn
from support import eventually
from textual.widgets import Input

from vaultui.model.errors import ContainerNotCreated, EngineUnreachable
from vaultui.vaults import Driver as TaskDriver
from vaultui.vaults import Limits, TaskRequest

pytestmark = pytest.mark.anyio


async def to_the_form(driver: Driver, *keys: str) -> None:
    await driver.press(*(keys or ("r",)))
    await driver.comes_to("run")


async def test_a_vault_against_which_nothing_has_run_says_how_to_begin(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("Nothing has run against Work. r runs a command, n saves one.")


async def test_saved_tasks_come_first_then_the_newest(running: Running, vaults: StandIn) -> None:
    vaults.tasks.save("Work", "Backup", TaskRequest(("restic", "backup")))
    vaults.tasks.put("Work", "make", code=0)
    vaults.tasks.put("Work", "rsync")
    vaults.tasks.put("Photos", "elsewhere")
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("saved Backup")
        lines = driver.text.splitlines()
        rows = [n for word in ("Backup", "rsync", "make") for n, x in enumerate(lines) if word in x]
        assert rows == sorted(rows)
        assert len(rows) == 3
        assert "● running" in driver.text
        assert "✓ done" in driver.text
        assert "elsewhere" not in driver.text


async def test_a_command_that_is_typed_runs_against_an_open_vault_and_is_shown(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("make -j2")
        await driver.press("enter")
        await driver.sees("● running make")
        [(name, request)] = vaults.tasks.started
        assert (name, request.command, request.driver) == (
            "Work",
            ("make", "-j2"),
            TaskDriver.COMMAND,
        )
        [task] = await vaults.tasks.listing("Work")
        vaults.tasks.lines[task.task_id].append("all: done")
        await driver.sees("all: done")
        vaults.tasks.end(task.task_id, 2)
        await driver.hears("make against Work: exit code 2.")


async def test_all_that_the_form_says_goes_into_the_request(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("ls")
        await driver.press("tab", "right", "tab")
        await driver.type("/srv/debian")
        await driver.press("tab")
        await driver.type("memory=64M,time=10s")
        await driver.press("tab")
        await driver.type("Look")
        await driver.press("tab", "space", "tab", "space", "enter")
        await eventually(lambda: vaults.tasks.started)
    [(_name, request)] = vaults.tasks.started
    assert request.driver is TaskDriver.ISOLATED
    assert request.around.rootfs == "/srv/debian"
    assert request.limits == Limits(memory_bytes=64 << 20, time_s=10)
    assert (request.private, request.read_only) == (True, True)
    assert vaults.tasks.saved("Work")["Look"].command == ("ls",)


@pytest.mark.parametrize(
    ("command", "complaint"),
    [("", "This task has no command."), ("'ls", "A quote in the command is not closed.")],
)
async def test_a_command_that_cannot_be_is_told_in_the_form(
    running: Running, vaults: StandIn, command: str, complaint: str
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        driver.app.screen.query_one("#command", Input).value = command
        await driver.press("enter")
        await driver.sees(complaint)
        assert driver.app.focused.id == "command"
    assert vaults.tasks.started == []


async def test_a_limit_that_cannot_be_is_told_at_its_field(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("ls")
        driver.app.screen.query_one("#limit", Input).value = "memory=lots"
        await driver.press("enter")
        await driver.sees("'lots' is not a size like 512M or 2G.")
        assert driver.app.focused.id == "limit"


async def test_what_stands_in_the_way_of_a_start_is_told_and_the_form_is_still_there(
    running: Running, vaults: StandIn
) -> None:
    vaults.failure = EngineUnreachable(where="/run/docker.sock", reason="it is not there")
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("ls")
        await driver.press("enter")
        await driver.comes_to("start-task")
        await driver.sees("No container engine answers at /run/docker.sock")
        await driver.press("escape")
        await driver.comes_to("run")
        assert driver.app.screen.query_one("#command", Input).value == "ls"


async def test_a_container_that_could_not_be_made_is_told_with_its_cure(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("ls")
        await driver.press("enter")
        await driver.sees("● running ls")
        [task] = await vaults.tasks.listing("Work")
        error = ContainerNotCreated(maker="runc", reason="no such file", raw="what it printed")
        vaults.tasks.end(task.task_id, 125, failure=error)
        await driver.hears("runc could not create the container: no such file.")
        await driver.sees("✖ could not begin")
        await driver.sees("shows details")
        await driver.press("enter")
        await driver.comes_to("error")
        await driver.sees("runc could not create the container: no such file.")
        await driver.press("f2")
        await driver.sees("what it printed")


async def test_a_locked_vault_is_opened_for_the_task_with_a_password(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver, "j", "r")
        await driver.type("ls")
        await driver.press("enter")
        await driver.comes_to("start-task")
        await driver.sees("Taxes is opened for this task, and locked when it has ended.")
        await driver.type("wrong")
        await driver.press("enter")
        await driver.sees("Password incorrect.")
        await driver.type("secret")
        await driver.press("enter")
        await driver.comes_to("home")
        await driver.sees("● running ls")


async def test_a_password_of_the_keyring_starts_a_saved_task_with_one_key(
    running: Running, vaults: StandIn
) -> None:
    vaults.tasks.save("Taxes", "Backup", TaskRequest(("restic",), private=True))
    vaults.saved["Taxes"] = "secret"
    async with running(vaults) as driver:
        await driver.press("j", "5")
        await driver.sees("Enter starts it")
        await driver.press("enter")
        await driver.sees("● running Backup")
    [(name, request)] = vaults.tasks.started
    assert (name, request.saved, request.private) == ("Taxes", "Backup", True)


async def test_the_palette_runs_a_saved_task_by_its_name(running: Running, vaults: StandIn) -> None:
    vaults.tasks.save("Work", "Backup", TaskRequest(("restic",)))
    async with running(vaults) as driver:
        await driver.press("colon")
        await driver.type("runbackup")
        await driver.sees("Run Backup Work")
        await driver.press("enter")
        await driver.sees("● running Backup")


async def test_stopping_asks_the_task_to_end_and_tells_how_it_went(
    running: Running, vaults: StandIn
) -> None:
    task = vaults.tasks.put("Work", "rsync", "sending")
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("sending")
        await driver.press("t")
        await driver.hears("rsync was asked to end.")
        await driver.sees("✖ stopped")
        await driver.press("t")
        await driver.hears("rsync has ended.")
    assert vaults.calls == [f"stop {task}"]


async def test_killing_asks_first_and_enter_means_no(running: Running, vaults: StandIn) -> None:
    task = vaults.tasks.put("Work", "rsync")
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("● running")
        await driver.press("x")
        await driver.comes_to("confirm")
        await driver.press("enter")
        await driver.comes_to("home")
        assert vaults.calls == []
        await driver.press("x")
        await driver.comes_to("confirm")
        await driver.press("shift+tab", "enter")
        await driver.sees("✖ stopped")
    assert vaults.calls == [f"stop {task} now"]


async def test_the_output_is_paused_searched_and_turned_over_to_the_errors(
    running: Running, vaults: StandIn
) -> None:
    task = vaults.tasks.put("Work", "rsync", "sending a", "sending b")
    vaults.tasks.errors[task].append("a: permission denied")
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("1 line of errors, o shows it")
        await driver.press("enter")
        await driver.press("slash")
        await driver.type("b")
        await driver.sees("1 of 2 lines")
        await driver.loses("sending a")
        await driver.press("escape", "space")
        await driver.sees("paused, Space follows")
        vaults.tasks.lines[task].append("sending c")
        await driver.app.live.refresh()
        await driver.pilot.pause()
        assert "sending c" not in driver.text
        await driver.press("space")
        await driver.sees("sending c")
        await driver.press("o")
        await driver.sees("a: permission denied")
        await driver.sees("errors; o shows the output")


async def test_colours_and_tabs_of_the_output_are_not_spelled_out(
    running: Running, vaults: StandIn
) -> None:
    vaults.tasks.put("Work", "make", "\x1b[1;31merror:\x1b[0m\tnone", code=0)
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("error: none")


async def test_errors_are_shown_where_there_is_nothing_else(
    running: Running, vaults: StandIn
) -> None:
    task = vaults.tasks.put("Work", "curl", code=6)
    vaults.tasks.errors[task].append("could not resolve host")
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("could not resolve host")


async def test_a_saved_task_is_made_changed_renamed_and_taken_away(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("5", "n")
        await driver.comes_to("saved-task")
        await driver.type("restic backup .")
        await driver.press("enter")
        await driver.sees("A saved task needs a name.")
        await driver.type("Backup")
        await driver.press("enter")
        await driver.sees("saved Backup")
        await driver.press("e")
        await driver.comes_to("saved-task")
        driver.app.screen.query_one("#saved", Input).value = "Nightly"
        await driver.press("enter")
        await driver.sees("saved Nightly")
        assert list(vaults.tasks.saved("Work")) == ["Nightly"]
        await driver.press("x")
        await driver.comes_to("confirm")
        await driver.press("enter")
        await driver.sees("Nothing has run against Work.")


async def test_what_a_form_does_not_show_of_a_saved_task_stays_as_it_was(
    running: Running, vaults: StandIn
) -> None:
    request = TaskRequest(("make",), env={"CC": "clang"}, workdir="/srv", grace_s=3.0)
    vaults.tasks.save("Work", "Build", request)
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("saved Build")
        await driver.press("e")
        await driver.comes_to("saved-task")
        driver.app.screen.query_one("#command", Input).value = "make all"
        await driver.press("enter")
        await driver.comes_to("home")
    changed = vaults.tasks.saved("Work")["Build"]
    assert changed.command == ("make", "all")
    assert (changed.env, changed.workdir, changed.grace_s) == ({"CC": "clang"}, "/srv", 3.0)


async def test_running_again_begins_with_what_was_run(running: Running, vaults: StandIn) -> None:
    vaults.tasks.put("Work", "make", argv=("make", "a b"), code=2)
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("exit code 2")
        await to_the_form(driver)
        assert driver.app.screen.query_one("#command", Input).value == "make 'a b'"


async def test_clearing_leaves_what_runs(running: Running, vaults: StandIn) -> None:
    vaults.tasks.put("Work", "make", code=0)
    vaults.tasks.put("Work", "rsync")
    async with running(vaults) as driver:
        await driver.press("5")
        await driver.sees("✓ done")
        await driver.press("c")
        await driver.hears("1 task is cleared.")
        await driver.loses("✓ done")
        await driver.sees("● running rsync")


async def test_a_private_shell_takes_a_key_and_leaves_the_vault_locked(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("A")
        await driver.hears("Work is open already, so nothing is private; s opens a shell.")
        await driver.press("j", "A")
        await driver.comes_to("ask-key")
        await driver.sees("Taxes is opened for this shell alone; nobody else sees it.")
