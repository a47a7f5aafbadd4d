"""The catalogues have every text for people, and every text for people is in them."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

import pytest
from catalogues import ROOT, catalogues, collect, compiled, fields, read

_MARKS = {"_", "N_", "Phrase", "ngettext"}
_DATE = re.compile(r"(Generated-By|POT-Creation-Date|PO-Revision-Date): .*\n")


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parent.parent.name)
def test_every_text_is_translated_with_the_fields_that_it_has(path: Path) -> None:
    catalogue = read(path)
    wrong = []
    for message in collect():
        if not message.id:
            continue
        translated = catalogue.get(message.id)
        one, *many = [message.id] if isinstance(message.id, str) else message.id
        strings = translated.string if translated is not None else ""
        forms = [strings] if isinstance(strings, str) else strings
        if not all(forms):
            wrong.append(f"not translated: {one!r}")
        # A form for one of a thing may leave its number out.
        elif any(fields(form) != fields(many[0] if many else one) for form in forms[-1:]):
            wrong.append(f"other fields: {one!r}: {forms!r}")
        elif any(_edges(form) != _edges(one) for form in forms):
            wrong.append(f"other blanks at its ends: {one!r}: {forms!r}")
    assert not wrong, "`make messages`, then translate:\n" + "\n".join(wrong)


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parent.parent.name)
def test_what_the_program_reads_is_what_the_catalogue_says(path: Path) -> None:
    wanted = _read(compiled(read(path)))
    assert _read(path.with_suffix(".mo").read_bytes()) == wanted, "run `make messages`"


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parent.parent.name)
def test_a_catalogue_has_no_text_that_nobody_says(path: Path) -> None:
    said = {message.id for message in collect()}
    assert [message.id for message in read(path) if message.id not in said] == []


def test_texts_are_marked_where_they_stand_and_filled_in_where_they_are_shown() -> None:
    """A mark around anything but a text finds nothing, and f-strings are no entries."""
    wrong = [
        f"{place}: {ast.unparse(call)[:80]}"
        for place, call in _marked()
        for text in call.args[: 2 if _name(call) == "ngettext" else 1]
        if isinstance(text, ast.JoinedStr | ast.IfExp | ast.BinOp | ast.BoolOp)
        and any(isinstance(part, ast.Constant) and part.value for part in ast.walk(text))
    ]
    assert not wrong, "\n".join(wrong)


def test_every_field_of_a_text_gets_its_value_beside_it() -> None:
    wrong = []
    for place, call in _marked():
        texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
        names = {keyword.arg for keyword in call.keywords}
        if _name(call) == "N_" or None in names or not texts:
            continue
        if _name(call) == "ngettext":
            names.add("count")
        if not names and not any(fields(str(text)) for text in texts):
            continue
        wanted = {field for text in texts for field in fields(str(text)) if "%" not in field}
        if wanted - names or names - wanted - {"count"}:
            wrong.append(f"{place}: {texts[0]!r} has {sorted(names)}")
    assert not wrong, "\n".join(wrong)


def test_no_sentence_is_said_past_the_catalogue() -> None:
    """Two words or more, in what people see, and not marked: somebody will read them in English."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {_text(node)[:90]!r}"
        for package in ("cli", "tui")
        for path in sorted((ROOT / "vaultui" / package).rglob("*.py"))
        if path.name != "crash.py"  # a report for developers
        for node in _sentences(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not wrong, "put _(…) or N_(…) around:\n" + "\n".join(wrong)


def _edges(text: str) -> tuple[bool, bool]:
    return text[:1].isspace(), text[-1:].isspace()


def _read(data: bytes) -> dict[object, str]:
    entries = vars(GNUTranslations(io.BytesIO(data)))["_catalog"]
    return {key: _DATE.sub("", text) for key, text in entries.items()}


def _marked() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted((ROOT / "vaultui").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node) in _MARKS:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


_NOT_FOR_PEOPLE = {
    "AssertionError",  # a mistake of ours, which becomes a crash report
    "Binding",  # no widget of ours shows the description
    "TypeError",
    "TypeVar",
    "ValueError",  # where it is for people, it has a Phrase
    "query",
    "query_one",
    "add_class",
    "cast",
    "remove_class",
    "set_class",
}
_KEYS = {"Enter", "Esc", "Space", "Tab"}  # as they stand on the keyboard
_STYLE = re.compile(
    r"^[ `]*vaultui [a-z]|\$[a-z{]|^(bold|dim|italic|reverse|underline|not|on)( |$)|"
    r"[{;]\s|\{ |^[a-z-]+( [a-z-]+)?$"
)
_WORDS = re.compile(r"[A-Za-z]{2,}[,:;.…]? +[A-Za-z]{2,}|^[A-Z][a-z]+[.…:!?]?$")


def _sentences(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield the literals below `tree` that read like something said to a person."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.Assert):
            continue
        if isinstance(node, ast.Call):
            name = _name(node) or getattr(node.func, "attr", "")
            if name in _NOT_FOR_PEOPLE:
                continue
            if name in _MARKS:
                for part in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    if not isinstance(part, ast.Constant):
                        yield from _sentences(part)
                continue
        if isinstance(node, ast.JoinedStr | ast.Constant):
            text = _text(node)
            if _WORDS.search(text) and not _STYLE.search(text) and text not in _KEYS:
                yield node
            continue
        yield from _sentences(node)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            _text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
