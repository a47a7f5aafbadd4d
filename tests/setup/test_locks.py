"""The lock files fit pyproject.toml and each other, and every package in them has its hashes."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
RUNNING = PROJECT["project"]["dependencies"] + EXTRAS["engine"]
GROUPS = PROJECT["dependency-groups"]


def _pins(lock: str) -> dict[str, list[str]]:
    """Return the pinned versions by package; there are several where Pythons differ."""
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ \\\n]+)", text, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), []).append(version)
    return pins


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [("run", RUNNING), ("test", RUNNING + GROUPS["test"]), ("build", GROUPS["build"])],
    ids=["run", "test", "build"],
)
def test_lock_has_a_fitting_version_of_everything_that_is_asked_for(
    lock: str, wanted: list[str]
) -> None:
    pins = _pins(lock)
    assert wanted
    for requirement in map(Requirement, wanted):
        versions = pins[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_what_runs_these_tests_is_what_is_locked() -> None:
    text = (ROOT / "requirements" / "test.lock").read_text()
    lines = [line.rstrip(" \\") for line in text.splitlines() if re.match(r"[\w.-]+==", line)]
    wanted = {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in map(Requirement, lines)
        if requirement.marker is None or requirement.marker.evaluate()
    }
    there = {
        canonicalize_name(found.metadata["Name"]): found.version
        for found in metadata.distributions()
    }
    assert {name: there.get(canonicalize_name(name)) for name in wanted} == wanted


def test_build_tools_are_enough_for_the_build_of_this_project() -> None:
    pins = _pins("build")
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        (version,) = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version)


def test_going_from_running_to_testing_changes_no_version() -> None:
    testing = _pins("test")
    assert {name: testing.get(name) for name in _pins("run")} == _pins("run")


@pytest.mark.parametrize("lock", ["run", "test", "build"])
def test_every_package_has_its_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    packages = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(packages) >= 5
    assert [p.split()[0] for p in packages if "--hash=sha256:" not in p] == []
