"""The counter of kills for want of memory is found in either layout of control groups."""

from pathlib import Path

import pytest

from vaultui.linux import cgroup

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
    monkeypatch.setattr(cgroup, "_ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "Path", lambda _path: _Groups(groups))
    assert cgroup.oom_kills() == (str(tmp_path / file), 2)


def test_where_nothing_can_be_read_nothing_is_claimed() -> None:
    assert cgroup.oom_kills(2**22 + 1) == ("", 0)


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
