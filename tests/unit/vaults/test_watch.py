"""The watch: one descriptor that is readable after a change of settings, run files or mounts."""

from __future__ import annotations

import select
from pathlib import Path

import pytest
from capabilities import needs
from support import run_program

from vaultui.vaults.paths import Paths, default_paths
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


def test_a_watch_on_places_that_are_not_there_is_quiet(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with Watch(Paths(gone / "config.toml", gone, gone, gone, gone)) as watch:
        assert not changed(watch, 0)
