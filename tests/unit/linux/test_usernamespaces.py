"""What keeps an ordinary user from a user namespace, as far as the system says."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import forkedwork
import pytest
from capabilities import UNPRIVILEGED_UID, needs

from vaultui.linux import idmaps, namespaces
from vaultui.linux.usernamespaces import Barrier, barrier_behind, known_barrier
from vaultui.model.errors import LaunchFailed, NamespacesForbidden
from vaultui.tasks.rooms import own_room, refusal
from vaultui.wire.attributes import Namespace


def setting(sysctls: Path, name: str, value: str) -> None:
    path = sysctls.joinpath(*name.split("."))
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{value}\n")


@pytest.mark.parametrize(
    ("name", "value", "barrier"),
    [
        ("kernel.unprivileged_userns_clone", "0", Barrier.DEBIAN),
        ("kernel.unprivileged_userns_clone", "1", Barrier.NONE),
        ("user.max_user_namespaces", "0", Barrier.COUNT),
        ("user.max_user_namespaces", "96365", Barrier.NONE),
        # A profile of the program may allow what this forbids to others: tried, and then told.
        ("kernel.apparmor_restrict_unprivileged_userns", "1", Barrier.NONE),
    ],
)
def test_a_setting_tells_before_it_is_tried(
    tmp_path: Path, name: str, value: str, barrier: Barrier
) -> None:
    setting(tmp_path, name, value)
    assert known_barrier(tmp_path) is barrier


def test_a_kernel_without_such_settings_has_no_barrier(tmp_path: Path) -> None:
    assert known_barrier(tmp_path) is Barrier.NONE


def test_too_many_are_told_from_none_allowed(tmp_path: Path) -> None:
    setting(tmp_path, "user.max_user_namespaces", "96365")
    assert barrier_behind(errno.ENOSPC, tmp_path) is Barrier.COUNT
    assert barrier_behind(errno.EPERM, tmp_path) is Barrier.ELSEWHERE


def test_apparmor_is_named_to_whoever_is_not_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(tmp_path, "kernel.apparmor_restrict_unprivileged_userns", "1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert barrier_behind(errno.EPERM, tmp_path) is Barrier.APPARMOR
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert barrier_behind(errno.EPERM, tmp_path) is Barrier.ELSEWHERE


@needs("root", "user-namespaces")
def test_where_the_system_allows_none_the_error_names_the_setting() -> None:
    def refused() -> None:
        with pytest.raises(NamespacesForbidden) as told:
            own_room()
        assert "sysctl user.max_user_namespaces" in told.value.hint
        with pytest.raises(OSError, match="unshare") as caught:
            namespaces.unshare("user")
        failed = LaunchFailed(program="p", step="user namespace", reason="x")
        failed.__cause__ = caught.value
        assert refusal(failed).details["setting"] == "user.max_user_namespaces"

    in_user_namespace_without_more(refused)


def test_whoever_is_not_root_gets_a_user_namespace_with_a_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert own_room(Namespace.IPC).namespaces == (Namespace.MOUNT, Namespace.PID, Namespace.IPC)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if known_barrier() is Barrier.NONE:
        assert own_room().namespaces[0] is Namespace.USER


def in_user_namespace_without_more(work: Callable[[], None]) -> None:
    """Run `work` as an ordinary user, where there may be no further user namespaces."""
    maps_wanted, ask = os.pipe()
    maps_there, answer = os.pipe()

    def inside() -> None:
        namespaces.unshare("user")
        os.write(ask, b"!")
        os.read(maps_there, 1)
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        os.setresuid(*[UNPRIVILEGED_UID] * 3)
        work()

    pid = forkedwork.start(inside)
    os.read(maps_wanted, 1)
    both = [(0, 0, 1), (UNPRIVILEGED_UID, UNPRIVILEGED_UID, 1)]
    idmaps.write(pid, both, both, setgroups=True)
    os.write(answer, b"!")
    for fd in (maps_wanted, ask, maps_there, answer):
        os.close(fd)
    forkedwork.wait_for(pid)
