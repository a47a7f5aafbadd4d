"""The registry over real files: typos, last good copy, several writers, links, full disks."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from capabilities import needs
from support import run_program

from vaultui.model.errors import (
    SettingsInvalid,
    SettingsNotWritten,
    SettingsUnsaved,
    VaultExists,
    VaultUnknown,
)
from vaultui.model.ids import VaultId
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.paths import Paths, default_paths
from vaultui.vaults.registry import Registry


@pytest.fixture
def paths() -> Paths:
    return default_paths()


@pytest.fixture
def registry(paths: Paths) -> Registry:
    return Registry(paths)


def entry(number: int) -> VaultEntry:
    return VaultEntry(VaultId(f"{number:016x}"), f"V{number}", f"/srv/{number}.c", f"/mnt/{number}")


def test_without_a_file_there_are_no_vaults_and_nothing_is_made(
    registry: Registry, paths: Paths
) -> None:
    assert registry.entries() == []
    assert registry.warning is None
    assert not paths.config_file.parent.exists()


def test_what_is_added_is_there_for_everybody(registry: Registry, paths: Paths) -> None:
    registry.add(entry(1))
    assert registry.entries() == [entry(1)]
    assert Registry(paths).entry("V1") == entry(1)
    assert paths.config_file.stat().st_mode & 0o777 == 0o600


def test_a_change_by_hand_is_seen_at_the_next_look(registry: Registry, paths: Paths) -> None:
    registry.add(entry(1))
    assert len(registry.entries()) == 1
    text = paths.config_file.read_text()
    paths.config_file.write_text(text.replace("V1", "Renamed"))
    assert registry.entries()[0].name == "Renamed"
    assert registry.entries()[0].id == entry(1).id


def test_an_unknown_name_is_told_with_those_that_are_near(registry: Registry) -> None:
    registry.add(entry(1))
    with pytest.raises(VaultUnknown) as unknown:
        registry.entry("v11")
    assert "Did you mean V1? " in unknown.value.hint


def test_after_a_typo_the_last_good_copy_is_used_and_the_place_told(
    registry: Registry, paths: Paths
) -> None:
    registry.add(entry(1))
    registry.entries()
    broken = paths.config_file.read_text() + "\nname = oops\n"
    paths.config_file.write_text(broken)
    for reader in (registry, Registry(paths)):
        assert reader.entries() == [entry(1)]
        assert isinstance(reader.warning, SettingsInvalid)
        assert reader.warning.details["line"] == broken.count("\n")


def test_a_broken_file_is_never_written_over(registry: Registry, paths: Paths) -> None:
    registry.add(entry(1))
    broken = paths.config_file.read_text() + "\n[[vault]\n"
    paths.config_file.write_text(broken)
    with pytest.raises(SettingsUnsaved) as unsaved:
        registry.add(entry(2))
    assert "Nothing was saved" in unsaved.value.summary
    with pytest.raises(SettingsUnsaved):
        registry.remove(entry(1))
    assert paths.config_file.read_text() == broken
    assert Registry(paths).entries() == [entry(1)]


def test_correcting_the_typo_ends_the_warning(registry: Registry, paths: Paths) -> None:
    registry.add(entry(1))
    good = paths.config_file.read_text()
    registry.entries()
    paths.config_file.write_text(good + "[")
    registry.entries()
    assert registry.warning is not None
    paths.config_file.write_text(good)
    assert registry.entries() == [entry(1)]
    assert registry.warning is None


def test_two_vaults_with_one_name_are_refused_and_the_file_is_unchanged(
    registry: Registry, paths: Paths
) -> None:
    registry.add(entry(1))
    before = paths.config_file.read_bytes()
    with pytest.raises(VaultExists):
        registry.add(entry(1))
    assert paths.config_file.read_bytes() == before


def test_a_vault_that_was_removed_elsewhere_cannot_be_changed(registry: Registry) -> None:
    registry.add(entry(1))
    registry.remove(entry(1))
    with pytest.raises(VaultUnknown):
        registry.set_value(entry(1).id, "read_only", True)
    registry.remove(entry(1))


def test_a_value_that_the_file_could_not_hold_is_refused_and_changes_nothing(
    registry: Registry, paths: Paths
) -> None:
    registry.add(entry(1))
    registry.add(entry(2))
    before = paths.config_file.read_bytes()
    with pytest.raises(ValueError, match="two vaults called V1"):
        registry.set_value(entry(2).id, "name", "V1")
    with pytest.raises(VaultExists):
        registry.set_value(entry(2).id, "mountpoint", entry(1).mountpoint)
    with pytest.raises(ValueError, match="exclude is for a vault with reverse"):
        registry.set_value(entry(1).id, "exclude", ["*.tmp"])
    assert paths.config_file.read_bytes() == before


def test_vaults_come_in_the_order_that_was_asked_for(registry: Registry) -> None:
    for number in (1, 2, 3):
        registry.add(entry(number))
    registry.arrange([entry(3).id, entry(1).id])
    assert registry.entries() == [entry(3), entry(1), entry(2)]


def test_a_settings_file_that_is_a_link_stays_one(
    registry: Registry, paths: Paths, tmp_path: Path
) -> None:
    dotfile = tmp_path / "vaultui.toml"
    dotfile.write_text("# from my dotfiles\n")
    dotfile.chmod(0o640)
    paths.config_file.parent.mkdir(parents=True)
    paths.config_file.symlink_to(dotfile)
    registry.add(entry(1))
    assert paths.config_file.is_symlink()
    assert dotfile.read_text().startswith("# from my dotfiles\n")
    assert dotfile.stat().st_mode & 0o777 == 0o640
    assert registry.entries() == [entry(1)]


def test_writers_in_threads_lose_nothing_of_each_other(paths: Paths) -> None:
    threads = [
        threading.Thread(target=lambda n=n: Registry(paths).add(entry(n))) for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {vault.name for vault in Registry(paths).entries()}
    assert names == {f"V{number}" for number in range(12)}


@needs("root")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    # A tmpfs of one page, filled to its end, in a mount namespace of its own.
    script = """
import os, sys
from pathlib import Path
from vaultui.model.errors import SettingsNotWritten
from vaultui.model.ids import VaultId
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.paths import Paths
from vaultui.vaults.registry import Registry
base, state = Path(sys.argv[1]), Path(sys.argv[2])
registry = Registry(Paths(base / "config.toml", state, state, state, base))
registry.add(VaultEntry(VaultId("0" * 16), "A", "/a", "/m"))
before = (base / "config.toml").read_bytes()
with open(base / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(512))
    except OSError:
        pass
try:
    registry.add(VaultEntry(VaultId("1" * 16), "B", "/b", "/n"))
except SettingsNotWritten as error:
    print(error.summary)
assert (base / "config.toml").read_bytes() == before
assert sorted(os.listdir(base)) == ["config.toml", "filler"], os.listdir(base)
"""
    small, state = tmp_path / "small", tmp_path / "state"
    small.mkdir()
    command = f'mount -t tmpfs -o size=16k none {small} && exec "$@"'
    words = ("unshare", "--mount", "sh", "-c", command, "sh", sys.executable, "-c", script)
    done = run_program((*words, str(small), str(state))).check()
    assert b"No space left" in done.stdout


def test_a_directory_that_cannot_be_written_is_told(paths: Paths) -> None:
    # A file where a directory should be stops root as well.
    paths.config_file.parent.parent.mkdir(parents=True, exist_ok=True)
    paths.config_file.parent.touch()
    with pytest.raises(SettingsNotWritten) as failed:
        Registry(paths).add(entry(1))
    assert str(paths.config_file) in failed.value.summary


def test_the_lock_of_writers_is_not_inherited_by_the_file(registry: Registry, paths: Paths) -> None:
    registry.add(entry(1))
    inode = paths.config_file.stat().st_ino
    registry.add(entry(2))
    assert paths.config_file.stat().st_ino != inode, "it is replaced as a whole"
    assert os.path.exists(paths.state_dir / "config.lock")
