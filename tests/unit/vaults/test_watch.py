"""The watch: one descriptor that is readable after a change of settings, run files or mounts."""

from __future__ import annotations

import asyncio
import select
from pathlib import Path

import pytest
from capabilities import needs
from support import run_program

from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.mountd.control.socketfile import ControlSocket
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.paths import Paths, default_paths
from vaultui.vaults.service import Vaults
from vaultui.vaults.turns import turn
from vaultui.vaults.watch import Watch


@pytest.fixture
def paths() -> Paths:
    found = default_paths()
    found.config_file.parent.mkdir(parents=True)
    found.ensure_runtime_dir()
    return found


def changed(watch: Watch, timeout_s: float = 5.0) -> bool:
    return bool(select.select([watch], [], [], timeout_s)[0])


def test_nothing_happens_without_a_change(paths: Paths) -> None:
    with Watch(paths) as watch:
        assert not changed(watch, 0)


def test_a_change_of_the_settings_is_noticed_once(paths: Paths) -> None:
    with Watch(paths) as watch:
        paths.config_file.write_text("# changed\n")
        assert changed(watch)
        watch.consume()
        assert not changed(watch, 0)


def test_run_files_are_noticed_also_in_directories_that_come_later(paths: Paths) -> None:
    with Watch(paths) as watch:
        run_dir = paths.runtime_dir / ("0" * 16)
        run_dir.mkdir()
        assert changed(watch)
        watch.consume()
        (run_dir / "exit.json").write_text("{}")
        assert changed(watch)


def test_a_turn_is_noticed_when_it_is_taken_and_when_it_is_given_back(paths: Paths) -> None:
    async def take_and_give_back(watch: Watch) -> None:
        async with turn(paths, VaultId("0" * 16), VaultState.UNLOCKING):
            assert changed(watch)
            watch.consume()
            assert not changed(watch, 0)
        assert changed(watch)

    with Watch(paths) as watch:
        # The file of the second turn is there already: nothing is created then.
        for _ in range(2):
            asyncio.run(take_and_give_back(watch))
            watch.consume()


def test_the_touch_of_a_control_socket_is_noticed(paths: Paths) -> None:
    run_dir = paths.runtime_dir / ("0" * 16)
    run_dir.mkdir()
    with ControlSocket(str(run_dir / "ctl.sock")) as control_socket, Watch(paths) as watch:
        assert not changed(watch, 0)
        control_socket.touch()
        assert changed(watch)


def test_settings_that_come_later_are_noticed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    places = Paths(home / "config.toml", home / "state", tmp_path / "run", home, home)
    with Vaults(places).watch() as watch:
        places.config_file.write_text("")
        assert changed(watch)


@needs("root")
def test_a_mount_is_noticed(paths: Paths, tmp_path: Path) -> None:
    with Watch(paths) as watch:
        run_program(("mount", "-t", "tmpfs", "none", tmp_path)).check()
        try:
            assert changed(watch)
            watch.consume()
            assert not changed(watch, 0)
        finally:
            run_program(("umount", tmp_path)).check()
        assert changed(watch)


@needs("root")
def test_a_mount_far_from_all_vaults_concerns_nobody(paths: Paths, tmp_path: Path) -> None:
    entry = VaultEntry(VaultId("0" * 16), "Work", str(tmp_path / "drive" / "work.c"), "/m")
    with Watch(paths, lambda: [entry]) as watch:
        for name, concerns in (("elsewhere", False), ("drive", True)):
            (tmp_path / name).mkdir()
            run_program(("mount", "-t", "tmpfs", "none", tmp_path / name)).check()
            try:
                assert changed(watch)
                assert watch.consume() is concerns
            finally:
                run_program(("umount", tmp_path / name)).check()
            assert changed(watch)
            assert watch.consume() is concerns


def test_a_watch_on_places_that_are_not_there_is_quiet(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with Watch(Paths(gone / "config.toml", gone, gone, gone, gone)) as watch:
        assert not changed(watch, 0)
