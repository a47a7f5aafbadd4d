"""Which language people read: that of the settings, else that of the locale, else English.

A catalogue is a file of GNU gettext, `locale/de/LC_MESSAGES/vaultui.mo` beside this package.
`make messages` makes it from the text file of the same name that ends in `.po`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from vaultui.model import language

ENGLISH = "en"
DOMAIN = "vaultui"
FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "locale")


def choose(wish: str = "", environment: Mapping[str, str] = os.environ) -> str:
    """Speak the language that is wished for, or else that of the locale, and return its code.

    A language that has no catalogue is passed over.
    """
    for name in (wish, *_of_locale(environment)):
        for code in _codes(name):
            if code == ENGLISH:
                language.speak()
                return code
            path = _path(code)
            if os.path.exists(path):
                # Late: most people read English, and every start counts.
                from gettext import GNUTranslations

                with open(path, "rb") as file:  # noqa: PTH123 # no pathlib for one file
                    catalogue = GNUTranslations(file)
                language.speak(catalogue.gettext, catalogue.ngettext)
                return code
    language.speak()
    return ENGLISH


def languages() -> list[str]:
    """Return the codes of the languages that there are, English first."""
    return [ENGLISH, *sorted(code for code in os.listdir(FOLDER) if os.path.exists(_path(code)))]


def _path(code: str) -> str:
    return os.path.join(FOLDER, code, "LC_MESSAGES", f"{DOMAIN}.mo")


def _of_locale(environment: Mapping[str, str]) -> list[str]:
    """Return names of languages, the dearest first, by the rules of GNU gettext.

    See "Locale Environment Variables" and "The LANGUAGE variable" in its manual: an empty
    variable is none, and LANGUAGE does not count in the locale C.
    """
    set_ = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, set_), "C")
    if locale in ("C", "POSIX"):
        return []
    return [*filter(None, environment.get("LANGUAGE", "").split(":")), locale]


def _codes(name: str) -> Iterator[str]:
    """Yield what a language of that name may be called here: de_AT and de for de_AT.UTF-8."""
    region = name.partition(".")[0].partition("@")[0]
    # It becomes part of a path, and comes from the environment.
    if region.replace("_", "").isalnum():
        yield region
        if "_" in region:
            yield region.partition("_")[0]
