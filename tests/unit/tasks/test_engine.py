"""What the driver `engine` refuses before anything exists, and what it writes for its runner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from vaultui.model.errors import (
    EngineIsOutside,
    EngineKeptOut,
    EngineLibraryMissing,
    PrivilegedRefused,
    TaskOptionInvalid,
    VaultuiError,
)
from vaultui.tasks import engine
from vaultui.tasks.engines.address import EngineAddress
from vaultui.tasks.plan import Job
from vaultui.tasks.request import BindRequest, Surroundings, TaskRequest
from vaultui.wire import codec
from vaultui.wire.attributes import Rlimit
from vaultui.wire.engine import EngineSpec
from vaultui.wire.tasks import Driver, Limits


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> list[EngineAddress]:
    """The engine that is found: Podman of our own user, unless a test puts another here."""
    found = [EngineAddress("/run/engine.sock", os.geteuid(), "1.41", is_podman=True)]
    monkeypatch.setattr(engine, "find_engine", lambda _name: found[0])
    return found


def job(task_dir: Path, *command: str, allowed: dict[str, Any] | None = None, **words: Any) -> Job:
    around = Surroundings(**{"image": "alpine", **words.pop("around", {})})
    request = TaskRequest(command or ("true",), driver=Driver.ENGINE, around=around, **words)
    return Job("0123abcd", task_dir, "Work", "/home/me/Vaults/Work", request, **(allowed or {}))


def spec_of(given: Job) -> EngineSpec:
    plan = engine.prepare(given)
    return codec.decode(Path(plan.argv[-1]).read_bytes(), EngineSpec)


def test_the_plan_is_a_runner_and_its_undoing(tmp_path: Path) -> None:
    plan = engine.prepare(job(tmp_path, "restic", "backup", "${VAULT_MOUNT}"))
    spec = tmp_path / "bundle" / "engine.json"
    assert plan.argv == (*engine.RUNNER, str(spec))
    assert plan.teardown.commands == ((*engine.RUNNER, "--remove", str(spec)),)
    assert (plan.mountpoint, plan.limits_elsewhere) == ("/vault", True)
    config = codec.decode(spec.read_bytes(), EngineSpec).config
    assert config["Cmd"] == ["restic", "backup", "/vault"]
    assert config["WorkingDir"] == "/vault"


def test_the_vault_is_bound_without_what_would_make_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "lexists", lambda _path: True)
    binds = (BindRequest("/srv", "/srv", propagation="rslave"),)
    host = spec_of(job(tmp_path, read_only=True, around={"binds": binds})).config["HostConfig"]
    assert "Binds" not in host
    assert host["Mounts"] == [
        {
            "Type": "bind",
            "Source": "/home/me/Vaults/Work",
            "Target": "/vault",
            "ReadOnly": True,
            "BindOptions": {"Propagation": "rprivate"},
        },
        {
            "Type": "bind",
            "Source": "/srv",
            "Target": "/srv",
            "ReadOnly": False,
            "BindOptions": {"Propagation": "rslave"},
        },
    ]


def test_a_vault_that_is_locked_yet_is_bound_all_the_same(tmp_path: Path) -> None:
    mounts = spec_of(job(tmp_path)).config["HostConfig"]["Mounts"]
    assert [mount["Source"] for mount in mounts] == ["/home/me/Vaults/Work"]


def test_limits_are_those_of_the_container(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=64 << 20, cpus=1.5, pids=7, open_files=10, open_files_hard=20)
    rlimits = (Rlimit("core", 0, -1),)
    host = spec_of(job(tmp_path, limits=limits, rlimits=rlimits)).config["HostConfig"]
    assert {"Name": "core", "Soft": 0, "Hard": -1} in host["Ulimits"]
    assert host["Memory"] == host["MemorySwap"] == 64 << 20
    assert (host["NanoCpus"], host["CpuShares"]) == (1_500_000_000, 1536)
    assert host["PidsLimit"] == 7
    assert {"Name": "nofile", "Soft": 10, "Hard": 20} in host["Ulimits"]


def test_without_limits_none_are_asked_for(tmp_path: Path) -> None:
    host = spec_of(job(tmp_path)).config["HostConfig"]
    assert host.keys().isdisjoint({"Memory", "MemorySwap", "NanoCpus", "CpuShares", "PidsLimit"})


def test_docker_gets_a_profile_itself_and_podman_its_path(
    tmp_path: Path, address: list[EngineAddress]
) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    given = job(tmp_path, around={"seccomp": str(profile)})
    assert spec_of(given).config["HostConfig"]["SecurityOpt"] == [f"seccomp={profile}"]
    address[0] = EngineAddress("/run/docker.sock", os.geteuid(), "1.45", is_podman=False)
    security = spec_of(given).config["HostConfig"]["SecurityOpt"]
    assert security == [f"seccomp={profile.read_text()}"]


def test_a_directory_that_is_bound_is_not_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "lexists", lambda _path: True)
    binds = (BindRequest("/srv", "/tmp"),)
    host = spec_of(job(tmp_path, around={"binds": binds})).config["HostConfig"]
    assert list(host["Tmpfs"]) == ["/task"]


REFUSED: dict[str, tuple[dict[str, Any], type[VaultuiError], str]] = {
    "private": ({"private": True}, EngineIsOutside, "private"),
    "privileged": ({"around": {"privileged": True}}, PrivilegedRefused, "not allowed"),
    "no image": ({"around": {"image": ""}}, TaskOptionInvalid, "--image"),
    "network": ({"around": {"network": "neighbour"}}, TaskOptionInvalid, "bridge"),
    "dns": ({"around": {"dns": ("dns.example.org",)}}, TaskOptionInvalid, "--dns"),
    "hosts": ({"around": {"add_hosts": ("x",)}}, TaskOptionInvalid, "--add-host"),
    "ports without a network": (
        {"around": {"network": "none", "publish": ("80",)}},
        TaskOptionInvalid,
        "no ports",
    ),
    "profile": ({"around": {"seccomp": "/no/such"}}, TaskOptionInvalid, "No such file"),
    "user": ({"around": {"user": "1000"}}, EngineKeptOut, "lets nobody else in"),
}


@pytest.mark.parametrize(("words", "error", "part"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, words: dict[str, Any], error: type[VaultuiError], part: str
) -> None:
    with pytest.raises(error) as refused:
        engine.prepare(job(tmp_path, **words))
    assert part in refused.value.summary
    assert list(tmp_path.iterdir()) == []


def test_a_profile_that_is_not_json_is_refused(tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.write_text("allow all")
    with pytest.raises(TaskOptionInvalid) as refused:
        engine.prepare(job(tmp_path, around={"seccomp": str(profile)}))
    assert "not JSON" in refused.value.summary


def test_an_engine_of_another_user_needs_a_vault_that_lets_others_in(
    tmp_path: Path, address: list[EngineAddress]
) -> None:
    address[0] = EngineAddress("/run/docker.sock", os.geteuid() + 1, "1.45", is_podman=False)
    with pytest.raises(EngineKeptOut) as refused:
        engine.prepare(job(tmp_path))
    assert "another user" in refused.value.summary
    assert "allow_other" in refused.value.hint
    assert not spec_of(job(tmp_path, allowed={"allow_other": True})).root_alone


def test_without_the_library_people_are_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda _name: None)
    with pytest.raises(EngineLibraryMissing) as missing:
        engine.prepare(job(tmp_path))
    assert "vaultui[engine]" in missing.value.hint


def test_privileged_is_for_those_whose_settings_say_so(tmp_path: Path) -> None:
    allowed = {"may_be_privileged": True}
    spec = spec_of(job(tmp_path, around={"privileged": True}, allowed=allowed))
    assert spec.config["HostConfig"]["Privileged"] is True


def test_a_terminal_has_an_input(tmp_path: Path) -> None:
    config = spec_of(job(tmp_path, terminal=True)).config
    assert (config["Tty"], config["OpenStdin"], config["StdinOnce"]) == (True, True, True)
    assert spec_of(job(tmp_path)).config["OpenStdin"] is False
