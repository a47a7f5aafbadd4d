"""Which language is chosen, and how sentences come out in it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from vaultui.model import language
from vaultui.model.catalogue import choose, languages
from vaultui.model.errors import KeyringNotSaved, NotOpen, VaultUnknown, error_table, from_wire
from vaultui.model.language import Phrase, _, ngettext


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    yield
    language.speak()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "de_AT.ISO-8859-1@euro"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "de_DE.UTF-8"}, "de"),
        ({"LC_ALL": "C.UTF-8", "LC_MESSAGES": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:en"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "en:de"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "tlh:de"}, "de"),
        ({"LANG": "C", "LANGUAGE": "de"}, "en"),
        ({"LANGUAGE": "de"}, "en"),
        ({"LANG": "tlh_QO.UTF-8"}, "en"),
        ({"LANG": "../../de"}, "en"),
    ],
)
def test_the_locale_chooses_the_language_as_for_every_program_of_gnu(
    environment: dict[str, str], expected: str
) -> None:
    assert choose(environment=environment) == expected


def test_the_settings_come_before_the_locale() -> None:
    assert choose("en", {"LANG": "de_DE.UTF-8"}) == "en"
    assert choose("de", {"LC_ALL": "C"}) == "de"
    assert choose("tlh", {"LANG": "de_DE.UTF-8"}) == "de"
    assert languages() == ["en", "de"]


def test_a_sentence_is_said_in_the_language_that_was_chosen_last() -> None:
    choose("de")
    assert _("{name} is locked.", name="Work") == "Work ist gesperrt."
    assert ngettext("{count} vault", "{count} vaults", 1) == "1 Tresor"
    assert ngettext("{count} vault", "{count} vaults", 2) == "2 Tresore"
    choose("en")
    assert _("{name} is locked.", name="Work") == "Work is locked."


def test_braces_of_a_name_are_no_fields() -> None:
    assert _("{name} is locked.", name="{braces}") == "{braces} is locked."
    assert _("{braces} without values") == "{braces} without values"
    assert _(Phrase("{braces} without values")) == "{braces} without values"


def test_an_empty_text_stays_empty_in_every_language() -> None:
    choose("de")
    assert _("") == ""
    assert _(Phrase("")) == ""


def test_an_error_is_german_for_people_and_english_for_programs() -> None:
    choose("de")
    error = NotOpen(name="Work", state="locked")
    assert error.summary == "Work ist nicht offen, sondern gesperrt."
    assert error.hint == "Erst entsperren: vaultui unlock Work"
    assert str(error) == "Work is locked, not open."
    assert error.to_wire()["summary"] == "Work is locked, not open."
    assert error.to_wire()["hint"] == "Unlock it first: vaultui unlock Work"
    assert error.to_wire()["details"] == {"name": "Work", "state": "locked"}


def test_a_vault_that_is_called_as_a_state_keeps_its_name() -> None:
    choose("de")
    assert VaultUnknown(name="locked", similar="").summary == (
        "Einen Tresor namens locked gibt es nicht."
    )


def test_a_reason_with_values_can_be_translated_beyond_a_pipe() -> None:
    reason = Phrase("it took longer than {seconds} seconds", seconds=5)
    error = KeyringNotSaved(keyring="KWallet", reason=reason)
    beyond = from_wire(error.to_wire())
    assert str(beyond) == (
        "The keyring KWallet did not keep the password: it took longer than 5 seconds."
    )
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    choose("de")
    assert beyond.summary == (
        "Der Schlüsselbund KWallet hat das Passwort nicht behalten: "
        "es dauerte länger als 5 Sekunden."
    )


def test_what_another_version_sends_as_phrases_harms_nobody() -> None:
    wire = KeyringNotSaved(keyring="KWallet", reason="it is locked").to_wire()
    for phrases in (None, [], {"reason": "text"}, {"reason": ["{a}", {1: 2}]}, {"reason": [1, {}]}):
        assert str(from_wire({**wire, "phrases": phrases})) == (
            "The keyring KWallet did not keep the password: it is locked."
        )


@pytest.mark.parametrize("code", languages())
def test_every_error_can_be_said_without_its_details(code: str) -> None:
    choose(code)
    for kind in error_table():
        error = kind()
        assert error.summary
        assert "{" not in error.summary
        assert "{" not in error.hint
