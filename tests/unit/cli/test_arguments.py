"""The command line: its help, its two spellings of unlock, and what it refuses."""

from __future__ import annotations

import pytest

from vaultui.cli.arguments import as_verb, build_parser
from vaultui.cli.verbs import find
from vaultui.model.errors import UsageError
from vaultui.vaults import Derivation

VERBS = (
    *("list", "status", "ps", "path", "unlock", "lock", "repair", "extend", "pause", "add"),
    *(
        "create",
        "forget",
        "info",
        "check",
        "passwd",
        "slots",
        "recovery",
        "doctor",
        "locate",
        "install-desktop",
    ),
    "completion",
)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--unlock", "Work"], ["unlock", "Work"]),
        (["--unlock=Work"], ["unlock", "Work"]),
        (["--launcher", "--unlock=W", "--json"], ["unlock", "W", "--launcher", "--json"]),
        (["--unlock=a=b"], ["unlock", "a=b"]),
        (["--unlock"], ["--unlock"]),
        (["lock", "--unlock", "x"], ["lock", "--unlock", "x"]),
        ([], []),
    ],
)
def test_the_option_unlock_is_the_verb(given: list[str], meant: list[str]) -> None:
    assert as_verb(given) == meant


def test_without_a_verb_the_application_is_meant() -> None:
    assert build_parser().parse_args([]).verb is None


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_function_and_a_help_that_is_a_sentence(verb: str) -> None:
    assert callable(find(verb))
    (action,) = [a for a in build_parser()._actions if a.dest == "verb"]
    assert action.choices is not None
    description = dict(action.choices)[verb].description  # type: ignore[call-overload]
    assert description[0].isupper()
    assert description.endswith(".")


def test_an_error_is_a_usage_error_in_words() -> None:
    with pytest.raises(UsageError) as error:
        build_parser().parse_args(["unlock", "Work", "--nonsense"])
    assert "--nonsense" in error.value.summary


def test_options_are_not_abbreviated() -> None:
    with pytest.raises(UsageError):
        build_parser().parse_args(["unlock", "Work", "--read"])


@pytest.mark.parametrize(
    ("words", "derivation"),
    [
        (["passwd", "Work"], "as-it-is"),
        (["passwd", "Work", "--argon2id"], "argon2id"),
        (["slots", "Work", "convert", "--scrypt"], "scrypt"),
        (["slots", "Work", "add", "--password", "--argon2id"], "argon2id"),
    ],
)
def test_a_derivation_is_one_that_the_vaults_know(words: list[str], derivation: str) -> None:
    assert Derivation(build_parser().parse_args(words).derivation) is Derivation(derivation)


@pytest.mark.parametrize(
    "words",
    [
        ["slots", "Work", "convert"],
        ["passwd", "Work", "--argon2id", "--scrypt"],
        ["slots", "Work", "add", "--new-key-file", "a", "--make-key-file", "b"],
        ["create", "DIR", "--key-file", "a", "--make-key-file", "b"],
        ["create", "DIR", "--content", "rot13"],
        ["slots", "Work", "polish"],
    ],
)
def test_what_contradicts_itself_or_is_unknown_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        build_parser().parse_args(words)
