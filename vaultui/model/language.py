"""The language that people read: English in the source, any other from a message catalogue.

Sentences for people pass through `_` where they are shown, with their values beside them, so that
a translation can put these in another order. `N_` marks a text in a table that is shown later.
What programs read (`--json`, codes, logs, settings) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

_Translate = Callable[[str], str]
_TranslateCount = Callable[[str, str, int], str]


def _english(message: str) -> str:
    return message


def _english_count(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


_translate: _Translate = _english
_translate_count: _TranslateCount = _english_count


def speak(translate: _Translate, translate_count: _TranslateCount) -> None:
    """Take another language from now on; these two are a catalogue's gettext and ngettext."""
    global _translate, _translate_count
    _translate, _translate_count = translate, translate_count


def _(message: str, /, **values: object) -> str:
    """Return `message` in the language in use, with its {fields} filled in.

    Without values, braces in it stay.
    """
    text = _translate(message)
    return text.format(**values) if values else text


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form for `count` in the language in use, with {count} and its fields filled in."""
    return _translate_count(one, many, count).format(count=count, **values)


def N_(message: str) -> str:  # noqa: N802 # the name that extractors of messages look for
    """Return `message` itself: it is to be translated where it is shown."""
    return message
