"""The language that people read: English in the source, any other from a message catalogue.

Sentences for people pass through `_` where they are shown, with their values beside them, so that
a translation can put these in another order. `N_` marks a text in a table that is shown later, and
a `Phrase` is a text with values that is. What programs read (`--json`, codes, logs, settings)
stays English. `vaultui.model.catalogue` chooses the language.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from vaultui.model.terminaltext import shell_word

_Translate = Callable[[str], str]
_TranslateCount = Callable[[str, str, int], str]


def _english(message: str) -> str:
    return message


def _english_count(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


_translate: _Translate = _english
_translate_count: _TranslateCount = _english_count


def speak(
    translate: _Translate = _english, translate_count: _TranslateCount = _english_count
) -> None:
    """Take another language from now on; these two are a catalogue's gettext and ngettext."""
    global _translate, _translate_count
    _translate, _translate_count = translate, translate_count


class Phrase(str):
    """English text that knows what it was made of, so that `_` can say it in another language.

    For what goes to `--json` or a log as it is, and to a person through `_`. Of a text without
    values it makes one of the words that are translated, also where it is a value itself.
    """

    __slots__ = ("message", "values")

    message: str
    values: Mapping[str, object]

    def __new__(cls, message: str, /, **values: object) -> Self:
        if isinstance(message, cls) and not values:
            return message
        phrase = super().__new__(cls, _filled(message, values) if values else message)
        phrase.message, phrase.values = str(message), values
        return phrase


def _(message: str, /, **values: object) -> str:
    """Return `message` in the language in use, with its {fields} filled in.

    `{name!q}` is quoted where a shell wants that, in commands to be copied. Without values,
    braces stay. A phrase has its values with it; one among the values is translated, too.
    """
    if isinstance(message, Phrase):
        values = {**message.values}
        message = message.message
    # The translation of an empty text is, to gettext, the head of the catalogue.
    text = _translate(message) if message else ""
    return _filled(text, _in_words(values)) if values else text


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form for `count` in the language in use, with {count} and its fields filled in."""
    text = _translate_count(one, many, count)
    return _filled(text, {"count": count, **_in_words(values)})


def N_(message: str) -> str:  # noqa: N802 # the name that extractors of messages look for
    """Return `message` itself: it is to be translated where it is shown."""
    return message


def _in_words(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: _(value) if isinstance(value, Phrase) else value for name, value in values.items()
    }


def _filled(text: str, values: Mapping[str, object]) -> str:
    return _FORMATTER.vformat(text, (), _Lenient(values))


class _Lenient(dict[str, object]):
    """A missing value must not turn one failure into another."""

    def __missing__(self, key: str) -> str:
        return "?"


class _Formatter(string.Formatter):
    def convert_field(self, value: Any, conversion: str | None) -> Any:
        return shell_word(str(value)) if conversion == "q" else value


_FORMATTER: Final = _Formatter()
