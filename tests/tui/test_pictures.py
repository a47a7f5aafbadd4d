"""Proves the looks: each screen as it was approved, at 60×20, 80×24, 120×40 and 200×60.

Clock, time zone, paths and cursor stand still. After a change that is meant, look at the new
pictures and take them over with `pytest tests/tui/test_pictures.py --snapshot-update`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from driver import Clock
from standin import EPOCH, StandIn, demo
from support import eventually
from textual.pilot import Pilot
from textual.widgets import Input, Log, RichLog

from vaultui.model.errors import HookFailed
from vaultui.model.states import VaultState
from vaultui.tui.app import VaultuiApp
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.vaults import Driver as TaskDriver
from vaultui.vaults import ExitState, ProgramSettings, TaskRequest
from vaultui.wire.control import Hold

SIZES = [(60, 20), (80, 24), (120, 40)]
ALL_SIZES = [*SIZES, (200, 60)]
LOOKS = ["dark", "light", "high-contrast", "ansi", "colourless"]

Step = Callable[[Pilot[None]], Awaitable[None]]
Picture = Callable[..., bool]


@pytest.fixture
def picture(snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> Picture:
    """Return what compares a picture of the application, after some keys, with the approved one."""
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr("vaultui.tui.screens.unlock.KEYRING_PATIENCE_S", 60.0)

    def compare(
        size: tuple[int, int],
        *keys: str | Callable[[VaultuiApp], bool],
        vaults: StandIn | None = None,
        until: Callable[[VaultuiApp], bool] = lambda _app: True,
        ascii_only: bool = False,
        look: str = "dark",
    ) -> bool:
        vaults = demo() if vaults is None else vaults
        if look == "colourless":
            monkeypatch.setenv("NO_COLOR", "1")
        else:
            vaults.settings.program = ProgramSettings(theme=look)
        app = VaultuiApp(vaults, ascii_only=ascii_only, clock=Clock(), wall_clock=lambda: EPOCH)

        async def before(pilot: Pilot[None]) -> None:
            await eventually(lambda: app.live.loaded and app.keyring is not None)
            await pilot.pause()
            for key in keys:
                if isinstance(key, str):
                    await pilot.press(key)
                else:
                    await eventually(lambda seen=key: seen(app), what="the next key can be pressed")
            await eventually(lambda: until(app), what="the screen is as pictured")
            for field in app.screen.query(Input):
                field.cursor_blink = False
            await pilot.pause()

        return snap_compare(app, terminal_size=size, run_before=before)

    return compare


def on(screen: str) -> Callable[[VaultuiApp], bool]:
    return lambda app: app.screen.id == screen


def is_typed_into(field: str) -> Callable[[VaultuiApp], bool]:
    return lambda app: getattr(app.focused, "id", "") == field


def shows(part: str) -> Callable[[VaultuiApp], bool]:
    return lambda app: bool(found := app.screen.query(part)) and found.first().display


@pytest.mark.parametrize("size", ALL_SIZES, ids=["60", "80", "120", "200"])
@pytest.mark.parametrize("look", ["dark", "light", "colourless"])
def test_home(picture: Picture, size: tuple[int, int], look: str) -> None:
    assert picture(size, look=look)


@pytest.mark.parametrize("look", LOOKS)
def test_activity(picture: Picture, look: str) -> None:
    def is_read(app: VaultuiApp) -> bool:
        lines = app.screen.query("#activity-lines")
        return bool(lines) and len(lines.first(RichLog).lines) > 8

    assert picture((80, 24), "3", look=look, until=is_read)


@pytest.mark.parametrize("look", LOOKS[1:])
def test_unlock_form_in_other_colours(picture: Picture, look: str) -> None:
    assert picture((80, 24), "j", "u", look=look, until=is_typed_into("current"))


@pytest.mark.parametrize("size", SIZES, ids=["60", "80", "120"])
def test_unlock_form(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(size, "j", "u", until=is_typed_into("current"))


@pytest.mark.parametrize("size", SIZES, ids=["60", "80", "120"])
def test_busy_dialog(picture: Picture, size: tuple[int, int]) -> None:
    def holders_are_listed(app: VaultuiApp) -> bool:
        return app.screen.id == "busy" and app.screen.query_one("#busy-holders").display

    assert picture(size, "j", "j", "l", until=holders_are_listed)


@pytest.mark.parametrize("size", SIZES, ids=["60", "80", "120"])
def test_empty_state(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(size, vaults=StandIn())


def test_detail_alone(picture: Picture) -> None:
    assert picture((60, 20), "enter", until=shows("#facts"))


def test_low_terminal(picture: Picture) -> None:
    assert picture((100, 14))


def test_processes(picture: Picture) -> None:
    assert picture((120, 40), "j", "j", "p", until=lambda app: app.focused is not None
                   and app.focused.id == "holders")  # fmt: skip


def test_log(picture: Picture) -> None:
    assert picture((120, 40), "6")


@pytest.mark.parametrize("size", SIZES, ids=["60", "80", "120"])
def test_create_form(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(size, "n", until=on("create"))


def test_create_form_in_ascii(picture: Picture) -> None:
    assert picture((80, 24), "n", until=on("create"), ascii_only=True)


def keys_of_work() -> StandIn:
    """Return the vaults of the pictures, Work with a key of each kind."""
    vaults = demo()
    stick = "/media/stick/work.key"
    vaults.keys.put("Work", "password+key-file", "laptop", file=stick, label="laptop")
    vaults.keys.put("Work", "key-file", "", file=stick, label="stick", derivation="none")
    vaults.keys.put("Work", "recovery-key", "on paper", label="in the safe", derivation="none")
    return vaults


NEW_RECOVERY_KEY = (
    *("K", shows("#choices"), "r", lambda app: isinstance(app.focused, SecretInput)),
    *(*"secret", "enter", on("recovery-key")),
)


@pytest.mark.parametrize("size", SIZES, ids=["60", "80", "120"])
def test_keys(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(size, "K", vaults=keys_of_work(), until=shows("#choices"))


def test_keys_of_the_plain_format(picture: Picture) -> None:
    assert picture((80, 24), "K", until=shows("#choices"))


def test_add_key(picture: Picture) -> None:
    keys = ("K", "a", "tab", "tab", "right", "right")
    assert picture((80, 24), *keys, vaults=keys_of_work(), until=on("add-key"))


def test_change_password(picture: Picture) -> None:
    assert picture((80, 24), "P", vaults=keys_of_work(), until=on("change-password"))


def test_remove_key(picture: Picture) -> None:
    assert picture((80, 24), "K", "down", "x", vaults=keys_of_work(), until=on("remove-key"))


def test_recovery_key(picture: Picture) -> None:
    assert picture((80, 24), *NEW_RECOVERY_KEY, until=on("recovery-key"))


def test_recovery_key_typed_back(picture: Picture) -> None:
    assert picture((80, 24), *NEW_RECOVERY_KEY, "t", until=on("try-key"))


def test_qr_code_hidden_in_a_small_terminal(picture: Picture) -> None:
    assert picture((80, 20), *NEW_RECOVERY_KEY, "q", until=on("qr-code"))


def test_add_form(picture: Picture) -> None:
    assert picture((80, 24), "a", until=on("add"))


def test_forget(picture: Picture) -> None:
    assert picture((80, 24), "j", "d", until=on("forget"))


def test_help(picture: Picture) -> None:
    assert picture((80, 24), "question_mark", until=on("help"))


def test_broken(picture: Picture) -> None:
    vaults = StandIn()
    vaults.put(
        "Work",
        state=VaultState.BROKEN,
        explanation="The mount backend was ended by signal 9; its mount is dead.",
        exit=ExitState(
            pid=4711,
            exit_code=None,
            signal=9,
            core_dumped=False,
            oom_killed=False,
            started_at=EPOCH - 3600,
            ended_at=EPOCH,
            user_s=1.0,
            system_s=1.0,
            max_rss_kib=40000,
        ),
        log_lines=("2023-11-14 22:13:19 info  idle clock reset by a read",),
    )
    assert picture((120, 40), vaults=vaults)


def test_ascii(picture: Picture) -> None:
    assert picture((120, 40), ascii_only=True)


def with_tasks() -> StandIn:
    """Return the vaults of the pictures, with tasks of Work of each kind."""
    vaults = demo()
    tasks = vaults.tasks
    tasks.save("Work", "Backup", TaskRequest(("restic", "backup", "${VAULT_MOUNT}")))
    tasks.save("Work", "Site", TaskRequest(("make", "publish"), private=True))
    tasks.put("Work", "Backup", "snapshot 4f1c2d7e saved", code=0)
    tasks.put("Work", "make", "cc -o ada ada.c", code=2, driver=TaskDriver.ISOLATED)
    tasks.put("Work", "rsync", "sending incremental file list", "letters/", "letters/ada.txt")
    vaults.change("Work", holds=(Hold(4812, 1, "rsync"),))
    return vaults


@pytest.mark.parametrize("size", ALL_SIZES, ids=["60", "80", "120", "200"])
def test_tasks(picture: Picture, size: tuple[int, int]) -> None:
    def is_written(app: VaultuiApp) -> bool:
        lines = app.screen.query("#task-lines")
        return bool(lines) and lines.first(Log).line_count > 2

    assert picture(
        size, "5", shows("#task-table"), "down", "down", vaults=with_tasks(), until=is_written
    )


@pytest.mark.parametrize("size", SIZES, ids=["60", "80", "120"])
def test_run_form(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(size, "r", until=on("run"))


def test_start_form(picture: Picture) -> None:
    assert picture((80, 24), "j", "r", on("run"), "l", "s", "enter", until=on("start-task"))


def test_hook_dialog(picture: Picture) -> None:
    vaults = demo()
    vaults.failure = HookFailed(
        name="Work",
        command="git -C $VAULT_MOUNT push",
        reason="exit code 128: fatal: unable to access the remote",
        raw="fatal: unable to access the remote",
    )
    assert picture((80, 24), "l", vaults=vaults, until=on("confirm"))
