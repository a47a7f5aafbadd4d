"""Proves how limits and binds are written, and what is told of those that are not."""

from __future__ import annotations

import pytest

from vaultui.tasks.request import BindRequest
from vaultui.vaults.tasktext import (
    format_bind,
    format_limits,
    parse_bind,
    parse_limits,
    parse_pairs,
)
from vaultui.wire.attributes import Rlimit
from vaultui.wire.tasks import Limits


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", Limits()),
        ("memory=512M", Limits(memory_bytes=512 << 20)),
        ("memory=1.5g, cpu=0.5", Limits(memory_bytes=3 << 29, cpus=0.5)),
        ("memory=4194304", Limits(memory_bytes=4 << 20)),
        ("memory=64MiB,memory=65MiB", Limits(memory_bytes=65 << 20)),
        ("pids=100,time=1h30m", Limits(pids=100, time_s=5400)),
        ("files=1024:4096", Limits(open_files=1024, open_files_hard=4096)),
        ("files=64", Limits(open_files=64)),
    ],
)
def test_limits_are_written_by_name(text: str, limits: Limits) -> None:
    assert parse_limits([text]) == (limits, ())
    assert parse_limits([format_limits(limits)]) == (limits, ())


def test_limits_of_processes_have_a_soft_and_a_hard_one() -> None:
    limits = (Rlimit("core", 0, 0), Rlimit("stack", 8 << 20, -1))
    assert parse_limits(["core=0", "stack=8M:unlimited"]) == (Limits(), limits)
    assert parse_limits([format_limits(Limits(), limits)]) == (Limits(), limits)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("memory", "is not written as name=value"),
        ("memory=lots", "is not a size"),
        ("memory=1k", "less than 4M"),
        ("cpu=many", "not a number of CPUs"),
        ("cpu=0", "not a number of CPUs"),
        ("cpu=nan", "not a number of CPUs"),
        ("pids=-1", "not a whole number"),
        ("pids=1.5", "not a whole number"),
        ("files=2", "nothing to work with"),
        ("files=100:50", "the first number is above the second"),
        ("stack=unlimited:8M", "the first number is above the second"),
        ("core=some", "is not a number"),
        ("files=99999999999999999999", "is not a number"),
        ("time=15", "which unit"),
        ("time=never", "no time at all"),
        ("disk=1G", "no limit disk"),
    ],
)
def test_a_limit_that_cannot_be_is_told(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_limits([text])


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("/a:/b", BindRequest("/a", "/b")),
        ("/a:/b:ro", BindRequest("/a", "/b", read_only=True)),
        ("/a:/b:ro,rslave", BindRequest("/a", "/b", True, "rslave")),
        ("/a:/b:rw", BindRequest("/a", "/b")),
    ],
)
def test_binds_are_a_source_and_a_target(text: str, bind: BindRequest) -> None:
    assert parse_bind(text) == bind
    assert parse_bind(format_bind(bind)) == bind


@pytest.mark.parametrize("text", ["/a", "a:/b", "/a:b", ":/b", "/a:/b:sideways"])
def test_a_bind_that_cannot_be_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"SOURCE:TARGET|there is no sideways"):
        parse_bind(text)


def test_pairs_have_a_name_and_may_have_an_empty_value() -> None:
    assert parse_pairs(["A=1", "B=", "A=x=y"]) == {"A": "x=y", "B": ""}
    for wrong in ("A", "=1", ""):
        with pytest.raises(ValueError, match="is not written as name=value"):
            parse_pairs([wrong])
