"""The message catalogues as `make messages` makes them, and as tests look at them.

A catalogue is a .po file that people edit, and the .mo file beside it that the program reads.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "vaultui" / "locale"

_MARKS = {"_": None, "N_": None, "Phrase": None, "ngettext": (1, 2)}
"""What stands around a text for people in the source."""


def collect() -> Catalog:
    """Return all texts for people in the source, with the files that they are in."""
    catalogue = Catalog(domain="vaultui")
    found = extract_from_dir(ROOT / "vaultui", keywords=_MARKS, method_map=[("**.py", "python")])
    # By text and not by place: moving code about changes nothing in a catalogue.
    for file, _line, message, _comments, context in sorted(found, key=lambda each: str(each[2])):
        catalogue.add(message, locations=[(f"vaultui/{file}", 0)], context=context)
    return catalogue


def catalogues() -> list[Path]:
    """Return the .po files of all languages."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/vaultui.po"))


def read(path: Path) -> Catalog:
    """Return a catalogue; its language is the name of the folder."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain="vaultui")


def write(catalogue: Catalog, path: Path) -> None:
    """Write a catalogue without dates and line numbers, which would change with every run."""
    text = io.BytesIO()
    write_po(text, catalogue, width=100, sort_output=True, omit_header=True, include_lineno=False)
    path.write_bytes(_head(catalogue) + text.getvalue())


def compiled(catalogue: Catalog) -> bytes:
    """Return what the .mo file has to hold."""
    # The time of compiling would change it with every run.
    catalogue.creation_date = catalogue.revision_date = datetime.fromtimestamp(0, UTC)
    binary = io.BytesIO()
    write_mo(binary, catalogue)
    return binary.getvalue()


def fields(text: str) -> set[str]:
    """Return the {fields} and %-marks of a text, which its translation has to have as well."""
    braces = re.findall(r"{(\w+)(?:![a-z])?(?::[^}]*)?}", text)
    return {*braces, *re.findall(r"%(?:\(\w+\))?[rsd]", text)}


def _head(catalogue: Catalog) -> bytes:
    forms = f"nplurals={catalogue.num_plurals}; plural={catalogue.plural_expr};"
    return (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {forms}\\n"\n\n'
    ).encode()
