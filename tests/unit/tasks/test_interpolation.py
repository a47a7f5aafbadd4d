"""Proves what is filled into a command and its environment, and what stays as it is."""

from __future__ import annotations

import pytest

from vaultui.model.errors import TaskCommandInvalid
from vaultui.tasks.interpolation import command_of, environment_of, filled_in

OWN = {"VAULT_MOUNT": "/v/My Photos", "VAULT_NAME": "My Photos", "TASK_DIR": "/t"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${VAULT_MOUNT}/a", "/v/My Photos/a"),
        ("${VAULT_NAME}${TASK_DIR}", "My Photos/t"),
        ("$VAULT_MOUNT and ${HOME} and ${", "$VAULT_MOUNT and ${HOME} and ${"),
        ("$${VAULT_NAME}", "${VAULT_NAME}"),
        ("$${HOME}", "$${HOME}"),
        ("$$${VAULT_NAME}", "$${VAULT_NAME}"),
        ("", ""),
    ],
)
def test_known_variables_are_filled_in_and_others_are_left_to_the_program(
    text: str, expected: str
) -> None:
    assert filled_in(text, OWN) == expected


def test_a_value_that_looks_like_a_variable_is_not_filled_in_again() -> None:
    assert filled_in("${A}", {"A": "${B}", "B": "no"}) == "${B}"


def test_values_of_the_environment_know_the_vault_and_not_each_other() -> None:
    given = environment_of({"A": "${VAULT_NAME}", "B": "${A}", "VAULT_NAME": "lie"}, OWN)
    assert given == {"A": "My Photos", "B": "${A}", **OWN}


def test_a_word_stays_one_word_whatever_a_value_has_in_it() -> None:
    command = command_of(("${VAULT_MOUNT}/tool", "-v", "${X}"), {**OWN, "X": "a b; $(c)"})
    assert command == ("/v/My Photos/tool", "-v", "a b; $(c)")


@pytest.mark.parametrize(
    ("command", "env", "reason"),
    [
        ((), {}, "there is none"),
        (("",), {}, "empty"),
        (("${T}",), {"T": " "}, "empty"),
        (("${T}",), {"T": "rsync -a"}, "more than one word"),
    ],
)
def test_a_program_that_is_not_one_word_is_an_error(
    command: tuple[str, ...], env: dict[str, str], reason: str
) -> None:
    with pytest.raises(TaskCommandInvalid, match=reason):
        command_of(command, env)


def test_a_program_that_was_written_with_a_space_is_meant_so() -> None:
    assert command_of(("/opt/My App/run",), {})[0] == "/opt/My App/run"
