"""Proves that the stand-in behaves as the real vaults do: one suite, asked of both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from capabilities import needs
from standin import StandIn
from support import Gocryptfs

from vaultui.model.errors import (
    AlreadyOpen,
    DeletionRefused,
    NotOpen,
    PasswordIncorrect,
    SavedTaskUnknown,
    TaskUnknown,
    VaultExists,
    VaultNameInvalid,
    VaultUnknown,
)
from vaultui.model.secret import Secret
from vaultui.model.states import VaultState
from vaultui.vaults import Key, LockMode, TaskRequest, UnlockOptions, Vaults

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
TRUE = TaskRequest(("true",))


def typed(text: str = PASSWORD) -> Secret:
    return Secret(bytearray(text.encode()))


def key(text: str = PASSWORD) -> Key:
    return Key(typed(text))


@pytest.fixture(
    params=[
        pytest.param("stand-in", id="stand-in"),
        pytest.param("real", id="real", marks=needs("fuse", "gocryptfs")),
    ]
)
async def vaults(request: pytest.FixtureRequest, home: Path) -> AsyncIterator[Vaults]:
    """Return vaults with one locked vault called Work."""
    if request.param == "stand-in":
        stand_in = StandIn(vaults_dir=str(home / "Vaults"))
        stand_in.put("Work", password=PASSWORD, cipherdir=str(home / "Work"))
        yield stand_in
        return
    made = Gocryptfs(home, cipherdir=home / "Work", mountpoint=home / "check")
    made.create()
    real = Vaults.open()
    await real.listing.add(str(made.cipherdir))
    yield real
    for status in await real.statuses():
        if status.mounted:
            await real.lock(status.entry.name, LockMode.KILL)


async def test_a_locked_vault_has_nothing_that_only_an_open_one_has(vaults: Vaults) -> None:
    [status] = await vaults.statuses()
    assert (status.entry.name, status.state, status.mounted) == ("Work", VaultState.LOCKED, False)
    assert status.mountpoint == status.entry.mountpoint
    assert (status.backend_pid, status.open_files, status.detail) == (None, None, None)


async def test_unlocking_reports_steps_and_returns_the_new_state(vaults: Vaults) -> None:
    steps: list[str] = []
    unlocked = await vaults.unlock(
        "Work", key(), on_step=lambda name, words: steps.append(f"{name.value}: {words}")
    )
    assert not unlocked.already
    assert unlocked.status.state is VaultState.OPEN
    assert unlocked.status.mounted
    assert unlocked.status.detail is not None
    assert unlocked.status.open_files == 0
    assert [step.partition(":")[0] for step in steps] == ["deriving", "mounting"]
    assert all(step.partition(": ")[2] for step in steps)


async def test_unlocking_twice_is_a_success_that_says_so(vaults: Vaults) -> None:
    await vaults.unlock("Work", key())
    assert (await vaults.unlock("Work", key("anything"))).already


async def test_options_of_one_unlock_show_in_its_state(vaults: Vaults, home: Path) -> None:
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    options = UnlockOptions(read_only=True, idle_timeout_s=600.0, mountpoint=str(elsewhere))
    status = (await vaults.unlock("Work", key(), options=options)).status
    assert (status.read_only, status.idle_timeout_s) == (True, 600.0)
    assert status.mountpoint == str(elsewhere)
    assert status.idle_left_s is not None
    assert 0 < status.idle_left_s <= 600.0


async def test_a_wrong_password_opens_nothing(vaults: Vaults) -> None:
    with pytest.raises(PasswordIncorrect):
        await vaults.unlock("Work", key("wrong"))
    assert (await vaults.status("Work")).state is VaultState.LOCKED


async def test_locking_twice_is_a_success_that_says_so(vaults: Vaults) -> None:
    await vaults.unlock("Work", key())
    assert not (await vaults.lock("Work")).already
    assert (await vaults.lock("Work")).already


async def test_questions_to_a_backend_need_an_open_vault(vaults: Vaults) -> None:
    with pytest.raises(NotOpen):
        await vaults.extend("Work", 60)
    with pytest.raises(NotOpen):
        await vaults.pause("Work", True)
    with pytest.raises(NotOpen):
        await vaults.volume.path("Work", "a")
    with pytest.raises(NotOpen):
        await vaults.events("Work")
    with pytest.raises(NotOpen):
        await vaults.open_folder("Work")
    assert await vaults.holders("Work") == []


async def test_the_first_event_is_the_unlock(vaults: Vaults) -> None:
    await vaults.unlock("Work", key())
    events = (await vaults.events("Work")).events
    assert events[0].kind.value == "unlocked"
    assert (await vaults.events("Work", since=events[-1].seq)).events == ()


async def test_pausing_shows_in_the_state(vaults: Vaults) -> None:
    await vaults.unlock("Work", key(), options=UnlockOptions(idle_timeout_s=600.0))
    await vaults.pause("Work", True)
    assert (await vaults.status("Work")).idle_paused
    await vaults.pause("Work", False)
    assert not (await vaults.status("Work")).idle_paused


async def test_an_open_vault_cannot_be_forgotten(vaults: Vaults) -> None:
    await vaults.unlock("Work", key())
    with pytest.raises(AlreadyOpen):
        await vaults.removal.forget("Work")
    await vaults.lock("Work")
    assert (await vaults.removal.forget("Work")).name == "Work"
    assert vaults.entries() == []


async def test_a_vault_is_deleted_while_it_is_locked_and_by_its_own_name(vaults: Vaults) -> None:
    await vaults.unlock("Work", key())
    with pytest.raises(AlreadyOpen):
        await vaults.removal.survey("Work")
    await vaults.lock("Work")
    scope = await vaults.removal.survey("Work")
    with pytest.raises(DeletionRefused):
        await vaults.removal.delete("Work", "work")
    gone: list[int] = []
    deleted = await vaults.removal.delete("Work", "Work", gone.append)
    assert deleted.gone == scope
    assert gone
    assert vaults.entries() == []


async def test_names_are_unique_valid_and_known(vaults: Vaults, home: Path) -> None:
    cipherdir = vaults.entry("Work").cipherdir
    with pytest.raises(VaultExists):
        await vaults.listing.add(cipherdir, name="Work")
    with pytest.raises(VaultNameInvalid):
        await vaults.listing.add(cipherdir, name="-x")
    for question in (vaults.status("Home"), vaults.lock("Home"), vaults.volume.info("Home")):
        with pytest.raises(VaultUnknown):
            await question


async def test_creating_registers_the_vault_and_hands_over_its_master_key(
    vaults: Vaults, home: Path
) -> None:
    created = await vaults.listing.create(str(home / "new.c"), typed(), name="New")
    with created.master_key as master_key:
        assert len(master_key) == 32
        assert "master_key" not in repr(created)
    assert not (await vaults.unlock("New", key())).already


async def test_the_volume_config_is_described(vaults: Vaults) -> None:
    info = await vaults.volume.info("Work")
    assert (info.content, info.names) == ("AES-256-GCM", "EME")
    assert info.key_derivation.startswith("scrypt N=")


async def test_the_log_of_a_vault_that_was_never_open_is_empty(vaults: Vaults) -> None:
    assert await vaults.logbook.tail("Work") == []
    assert await vaults.logbook.timeline("Work") == []
    assert vaults.logbook.version("Work") == (0, 0)
    assert vaults.logbook.path("Work").name.endswith(".log")


async def test_the_watch_can_be_waited_for(vaults: Vaults) -> None:
    watch = vaults.watch()
    assert watch.fileno() > 2
    watch.consume()
    watch.close()


async def test_a_task_is_started_listed_waited_for_and_cleared(vaults: Vaults) -> None:
    await vaults.unlock("Work", key())
    assert not vaults.tasks.needs_key(await vaults.status("Work"))
    started = await vaults.tasks.start("Work", TRUE, None)
    if isinstance(vaults, StandIn):
        vaults.tasks.end(started.task_id)
    ended = await vaults.tasks.wait(started.task_id)
    assert (ended.live, ended.succeeded, ended.record.title) == (False, True, "true")
    [listed] = await vaults.tasks.listing("Work")
    assert vaults.tasks.ids() == {listed.task_id}
    assert listed.task_id == started.task_id
    assert await vaults.tasks.output(listed.task_id).tail(10) == ([], [])
    assert await vaults.tasks.clear("Work") == 1
    assert await vaults.tasks.listing() == []


async def test_a_task_that_runs_is_stopped_and_not_cleared(vaults: Vaults) -> None:
    await vaults.unlock("Work", key())
    started = await vaults.tasks.start("Work", TaskRequest(("sleep", "1000")), None)
    assert await vaults.tasks.clear("Work") == 0
    ended = await vaults.tasks.stop(started.task_id, now=True)
    assert ended.end is not None
    assert (ended.end.stopped, ended.live, ended.succeeded) == (True, False, False)


async def test_a_task_against_a_locked_vault_takes_the_right_key(vaults: Vaults) -> None:
    assert vaults.tasks.needs_key(await vaults.status("Work"))
    with pytest.raises(PasswordIncorrect):
        await vaults.tasks.start("Work", TRUE, key("wrong"))
    assert await vaults.tasks.listing() == []
    with pytest.raises(TaskUnknown):
        await vaults.tasks.wait("01234567")


async def test_a_saved_task_is_found_by_its_name_until_it_is_taken_away(vaults: Vaults) -> None:
    vaults.tasks.save("Work", "Backup", TaskRequest(("restic", "backup"), private=True))
    [(name, request)] = vaults.tasks.saved("Work").items()
    assert (name, request.saved, request.name) == ("Backup", "Backup", "Backup")
    assert (request.command, request.private) == (("restic", "backup"), True)
    vaults.tasks.unsave("Work", "Backup")
    assert not vaults.tasks.saved("Work")
    with pytest.raises(SavedTaskUnknown):
        vaults.tasks.unsave("Work", "Backup")
