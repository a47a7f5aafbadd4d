"""Where things are kept: the XDG variables, and a runtime directory that nobody else enters."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from capabilities import needs

from vaultui.model.errors import RuntimeDirUnsafe
from vaultui.vaults.paths import Paths, default_paths


def test_the_xdg_variables_move_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    paths = default_paths()
    assert paths.config_file == tmp_path / "config/vaultui/config.toml"
    assert paths.log_dir == tmp_path / "state/vaultui/log"
    assert paths.runtime_dir == tmp_path / "vaultui"


def test_a_relative_xdg_path_is_ignored(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    assert default_paths().config_file == home / ".config/vaultui/config.toml"


def test_without_a_session_the_runtime_directory_is_below_tmp(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    expected = f"/run/user/{os.getuid()}/vaultui"
    if not Path(expected).parent.is_dir():
        expected = f"/tmp/vaultui-{os.getuid()}"
    assert str(default_paths().runtime_dir) == expected


def test_plaintext_of_tasks_goes_into_memory_where_the_runtime_directory_may_be_on_a_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_paths().tasks_dir == tmp_path / "vaultui/tasks"
    monkeypatch.setattr("vaultui.vaults.paths._session_dir", lambda: None)
    assert str(default_paths().tasks_dir) == f"/dev/shm/vaultui-{os.getuid()}/tasks"


def test_the_directories_of_tasks_are_for_their_owner_alone(tmp_path: Path) -> None:
    paths = replace(_paths(tmp_path / "run"), memory_dir=tmp_path / "memory")
    old = os.umask(0)
    try:
        made = paths.ensure_tasks_dir()
    finally:
        os.umask(old)
    assert made == tmp_path / "memory" / "tasks"
    assert [path.stat().st_mode & 0o7777 for path in (made, made.parent)] == [0o700, 0o700]
    made.chmod(0o755)
    with pytest.raises(RuntimeDirUnsafe):
        paths.ensure_tasks_dir()


@needs("root")
def test_the_runtime_directory_of_another_user_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    os.chown(tmp_path, 12345, 12345)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert tmp_path not in default_paths().runtime_dir.parents


def test_the_runtime_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made = _paths(tmp_path / "run").ensure_runtime_dir()
    finally:
        os.umask(old)
    assert made.stat().st_mode & 0o7777 == 0o700


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    _refused(tmp_path / "run", "symbolic link")


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o755)
    _refused(tmp_path / "run", "0755")


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    _refused(tmp_path / "run", "not a directory")


@needs("root")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    os.chown(tmp_path / "run", 12345, 12345)
    _refused(tmp_path / "run", "user 12345")


def test_a_parent_that_is_not_there_is_told(tmp_path: Path) -> None:
    _refused(tmp_path / "gone" / "run", "No such file")


def _refused(path: Path, reason: str) -> None:
    with pytest.raises(RuntimeDirUnsafe) as refused:
        _paths(path).ensure_runtime_dir()
    assert reason in refused.value.summary


def _paths(runtime: Path) -> Paths:
    return Paths(runtime, runtime, runtime, runtime, runtime)
