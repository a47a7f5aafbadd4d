"""Kills and limits of memory are found in either layout of control groups."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs

from vaultui.cipherfs import volume
from vaultui.linux import cgroup, memory
from vaultui.model.secret import Secret

UNIFIED = "0::/user.slice/a b.scope\n"
LEGACY = "5:memory:/jail\n4:cpu,cpuacct:/jail\n0::/\n"


@pytest.mark.parametrize(
    ("groups", "file", "content"),
    [
        (UNIFIED, "user.slice/a b.scope/memory.events", "low 0\nhigh 0\noom 3\noom_kill 2\n"),
        (LEGACY, "memory/jail/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
    ],
)
def test_kills_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str, file: str, content: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(content)
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "Path", lambda _path: _Groups(groups))
    assert cgroup.oom_kills() == (str(tmp_path / file), 2)


MIB = 1 << 20


@pytest.mark.parametrize(
    ("files", "left"),
    [
        # Version 2: of all groups on the way up, the one that leaves least.
        ({"user.slice/a b.scope/memory.max": "max"}, None),
        ({"user.slice/a b.scope/memory.max": 100 * MIB}, 100 * MIB),
        (
            {
                "user.slice/a b.scope/memory.max": 100 * MIB,
                "user.slice/a b.scope/memory.current": 70 * MIB,
                "user.slice/a b.scope/memory.stat": f"anon 9\ninactive_file {20 * MIB}\n",
            },
            50 * MIB,
        ),
        (
            {
                "user.slice/a b.scope/memory.max": 100 * MIB,
                "user.slice/a b.scope/memory.high": 40 * MIB,
                "user.slice/memory.max": 90 * MIB,
                "user.slice/memory.current": 80 * MIB,
            },
            10 * MIB,
        ),
        ({"user.slice/memory.max": 9 * MIB, "user.slice/memory.current": 10 * MIB}, 0),
        # In a container the path is that of the host, and the top is the container's group.
        ({"memory.max": 64 * MIB}, 64 * MIB),
    ],
)
def test_of_several_limits_the_one_that_leaves_least_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, object], left: int | None
) -> None:
    lay_out(tmp_path, monkeypatch, UNIFIED, files)
    assert cgroup.memory_left() == left


def test_the_older_layout_has_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "memory/jail/memory.limit_in_bytes": 200 * MIB,
        "memory/jail/memory.usage_in_bytes": 150 * MIB,
        "memory/jail/memory.stat": f"inactive_file 0\ntotal_inactive_file {30 * MIB}\n",
        # No limit is a number as well, which no machine has.
        "memory/memory.limit_in_bytes": 9223372036854771712,
    }
    lay_out(tmp_path, monkeypatch, LEGACY, files)
    assert cgroup.memory_left() == 80 * MIB
    assert cgroup.memory_limit() == memory.most_bytes() == 200 * MIB
    assert memory.available_bytes() == 80 * MIB


def lay_out(
    root: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, object]
) -> None:
    """Make `files` what the control groups say, of a process that is in `groups`."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    monkeypatch.setattr(cgroup, "ROOT", root)
    monkeypatch.setattr(cgroup, "Path", lambda _path: _Groups(groups))


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A group of the kernel's own whose processes have 100 MiB."""
    counter = Path(cgroup.oom_kills()[0])
    limit = "memory.max" if counter.name == "memory.events" else "memory.limit_in_bytes"
    directory = counter.parent / f"vaultui-tests-{os.getpid()}"
    directory.mkdir()
    try:
        (directory / limit).write_text(str(100 * MIB))
        yield directory
    finally:
        directory.rmdir()


@needs("memory-cgroup")
def test_argon2id_is_not_chosen_where_it_would_be_killed_for_it(small_group: Path) -> None:
    script = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from vaultui.crypto.calibration import choose_argon2id
from vaultui.linux import memory
from vaultui.model.errors import Argon2idRefused
try:
    choose_argon2id(memory.available_bytes())
except Argon2idRefused as error:
    print(error.summary)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, small_group], capture_output=True, check=True, text=True
    )
    assert "Argon2id takes 64 MiB" in done.stdout


@needs("memory-cgroup")
def test_a_volume_too_dear_for_its_container_is_told_and_nobody_is_killed(
    small_group: Path, tmp_path: Path
) -> None:
    cipherdir = tmp_path / "c"
    cipherdir.mkdir()
    volume.create(cipherdir, Secret(bytearray(b"password")), 10)
    conf = cipherdir / "gocryptfs.conf"
    costly = json.loads(conf.read_text())
    costly["ScryptObject"]["N"] = 1 << 17
    conf.chmod(0o600)
    conf.write_text(json.dumps(costly))
    enter = 'echo $$ > "$1/cgroup.procs" && exec "$2" -m vaultui.mountd -dumpmasterkey "$3"'
    done = subprocess.run(
        ("sh", "-c", enter, "sh", small_group, sys.executable, conf),
        input="password\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 13, done
    assert "takes 128 MiB of memory, and there are 100 MiB here" in done.stderr


def test_where_nothing_can_be_read_nothing_is_claimed() -> None:
    assert cgroup.oom_kills(2**22 + 1) == ("", 0)
    assert cgroup.memory_left(2**22 + 1) is None
    assert cgroup.memory_limit(2**22 + 1) is None


def test_the_own_counter_is_a_number() -> None:
    group, count = cgroup.oom_kills()
    assert count >= 0
    assert group == "" or Path(group).exists()


class _Groups:
    """Stands for /proc/PID/cgroup."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, **_options: str) -> str:
        return self._text
