"""Proves that a request and its plain values are two sides of one thing, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.tasks.request import BindRequest, Surroundings, TaskRequest
from vaultui.vaults.taskvalues import KEYS, WrongValue, request_of, values_of
from vaultui.wire.attributes import Rlimit
from vaultui.wire.tasks import Driver, Limits

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(WORDS, min_size=1).filter(lambda words: bool(words[0].strip())))
def test_a_command_comes_back_word_for_word(words: list[str]) -> None:
    request = TaskRequest(command=tuple(words))
    assert request_of(values_of(request)) == request


FULL = TaskRequest(
    command=("restic", "backup", "${VAULT_MOUNT}"),
    driver=Driver.ENGINE,
    read_only=True,
    env={"A": "b c"},
    limits=Limits(1 << 30, 1.5, 100, 1024, 4096, 600.0),
    rlimits=(Rlimit("core", 0, 0),),
    workdir="/vault/src",
    around=Surroundings(
        user="1000:1000",
        image="debian:stable",
        at="/vault",
        network="bridge",
        dns=("192.0.2.1",),
        dns_search=("example.org",),
        add_hosts=("db:192.0.2.2",),
        publish=("8080:80",),
        labels={"for": "me"},
        hostname="box",
        binds=(BindRequest("/a", "/b", read_only=True),),
        seccomp="default",
    ),
    interactive=True,
    title="Backup to the NAS",
    saved="Backup",
    grace_s=30.0,
)


def test_a_request_with_everything_comes_back_and_names_every_value() -> None:
    values = values_of(FULL)
    assert request_of(values, "Backup") == FULL
    elsewhere = {"private", "terminal", "rootfs", "privileged", "runtime", "namespace"}
    assert set(values) | elsewhere == set(KEYS)


def test_what_is_at_its_default_is_left_out() -> None:
    assert values_of(TaskRequest(command=("ls", "-l"))) == {"command": "ls -l"}
    assert values_of(TaskRequest(command=("a b", "*"))) == {"command": ["a b", "*"]}


@pytest.mark.parametrize(
    ("values", "key", "reason"),
    [
        ({}, "command", "has no command"),
        ({"command": "  "}, "command", "the command is empty"),
        ({"command": "a 'b"}, "command", "is not closed"),
        ({"command": 3}, "command", "a text in quotes, or a list"),
        ({"command": "a", "driver": "magic"}, "driver", "one of command, isolated"),
        ({"command": "a", "privat": True}, "privat", "no setting called privat"),
        ({"command": "a", "private": "yes"}, "private", "true or false"),
        ({"command": "a", "limit": "x=1"}, "limit", "no limit x"),
        ({"command": "a", "env": {"1A": "b"}}, "env", "cannot be called"),
        ({"command": "a", "env": {"A": 1}}, "env", "is a table"),
        ({"command": "a", "image": "x"}, "image", "it is for engine"),
        ({"command": "a", "driver": "engine"}, "driver", "needs an image"),
        ({"command": "a", "driver": "oci"}, "driver", "needs a rootfs"),
        ({"command": "a", "driver": "oci", "rootfs": "here"}, "rootfs", "begins with /"),
        ({"command": "a", "grace": "soon"}, "grace", "not a time"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_key(
    values: dict[str, Any], key: str, reason: str
) -> None:
    with pytest.raises(WrongValue, match=reason) as wrong:
        request_of(values)
    assert wrong.value.key == key


def test_nobody_sees_the_arguments_of_a_task_in_its_name() -> None:
    assert TaskRequest(command=("/usr/bin/psql", "--password=x")).name == "psql"
    assert TaskRequest(command=("psql",), saved="Dump").name == "Dump"
    assert TaskRequest(command=("psql",), saved="Dump", title="Database").name == "Database"
