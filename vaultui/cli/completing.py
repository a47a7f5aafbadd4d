"""What can stand at the cursor of a command line, asked by the completion scripts of the shells.

    vaultui --complete bash LINE        the command line up to the cursor, as it was typed
    vaultui --complete zsh WORD...      the words behind the program's name, the last one unfinished
    vaultui --complete fish WORD...     the same, with the last one as it was typed

The answer is a line with `words`, `files` or `directories`, and with `words` a line for each that
fits: the word, a tab, and what it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from vaultui.cli.arguments import as_verb, build_parser, split_command

_BY_METAVAR: Final = {
    "DIR": "directories",
    "FILE": "files",
    "PATH": "files",
    "DEVICE": "files",
}


class Offer(NamedTuple):
    word: str
    help: str = ""


class Answer(NamedTuple):
    kind: str
    """`words`, or what the shell itself completes: `files`, `directories`."""
    offers: tuple[Offer, ...] = ()


def answer_lines(shell: str, given: Sequence[str]) -> list[str]:
    """Return what a completion script asks for, line by line."""
    words = list(given)
    if shell == "bash":
        words = split_typed("".join(given))[1:]
    elif shell == "fish" and words:
        words[-1] = "".join(split_typed(words[-1])[:1])
    answer = complete(words)
    return [answer.kind, *(f"{offer.word}\t{offer.help}" for offer in answer.offers)]


def complete(words: Sequence[str]) -> Answer:
    """Return what fits in the place of the last of `words`, which is still being typed."""
    before, command = split_command(words[:-1])
    if command is not None:
        return Answer("files")
    *before, typed = as_verb([*before, *words[-1:]]) or [""]
    walk = _Walk(build_parser())
    for word in before:
        walk.take(word)
    name, equals, value = typed.partition("=")
    if equals and (option := walk.option(name)) is not None:
        answer = walk.values_of(option)
        offers = (offer for offer in answer.offers if offer.word.startswith(value))
        return Answer(answer.kind, tuple(Offer(f"{name}={word}", text) for word, text in offers))
    answer = walk.answer(typed)
    return Answer(answer.kind, tuple(o for o in answer.offers if o.word.startswith(typed)))


def split_typed(line: str) -> list[str]:
    """Return the words of an unfinished command line, without their quotes; the last may be ""."""
    words, word, quote, started, escaped = list[str](), "", "", False, False
    for character in line:
        if escaped:
            word, escaped = word + character, False
        elif character == "\\" and quote != "'":
            started = escaped = True
        elif quote:
            if character == quote:
                quote = ""
            else:
                word += character
        elif character in "\"'":
            quote, started = character, True
        elif character.isspace():
            if started:
                words.append(word)
            word, started = "", False
        else:
            word, started = word + character, True
    return [*words, word]


class _Walk:
    """Goes along a command line as argparse does, and knows what may come next."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._enter(parser)
        self._only_positionals = False

    def _enter(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser
        self._positionals = [a for a in parser._actions if not a.option_strings]
        self._used: set[argparse.Action] = set()
        self._waiting: argparse.Action | None = None
        self._given: set[str] = set()

    def option(self, name: str) -> argparse.Action | None:
        """Return the option of that name which takes a value, if there is one."""
        action = None if self._only_positionals else self._parser._option_string_actions.get(name)
        return action if action is not None and action.nargs != 0 else None

    def take(self, word: str) -> None:
        """Go past a finished word."""
        if self._waiting is not None:
            self._waiting = None
        elif not self._only_positionals and word.startswith("-"):
            self._only_positionals = word == "--"
            name, equals, _value = word.partition("=")
            if (action := self._parser._option_string_actions.get(name)) is not None:
                self._used.add(action)
                self._waiting = None if equals else self.option(name)
        elif self._positionals:
            self._take_positional(self._positionals[0], word)

    def _take_positional(self, action: argparse.Action, word: str) -> None:
        if isinstance(action, argparse._SubParsersAction):
            if word in action.choices:
                self._enter(action.choices[word])
            else:
                self._positionals.clear()  # behind a typing error nothing is known
            return
        self._given.add(word)
        if action.nargs not in ("*", "+"):
            self._positionals.pop(0)

    def answer(self, typed: str) -> Answer:
        """Return what may come next, where `typed` has been begun."""
        if self._waiting is not None:
            return self.values_of(self._waiting)
        if typed.startswith("-") and not self._only_positionals:
            return Answer("words", tuple(self._options()))
        return self.values_of(self._positionals[0]) if self._positionals else Answer("words")

    def values_of(self, action: argparse.Action) -> Answer:
        """Return what an argument may be."""
        if isinstance(action, argparse._SubParsersAction):
            listed = action._choices_actions
            return Answer("words", tuple(Offer(one.dest, one.help or "") for one in listed))
        if action.choices is not None:
            return Answer("words", tuple(Offer(str(choice)) for choice in action.choices))
        if action.metavar == "NAME":
            return Answer("words", tuple(n for n in _vault_names() if n.word not in self._given))
        if action.metavar == "TASK":
            return Answer("words", tuple(_saved_tasks(self._given)))
        if action.metavar == "ID":
            return Answer("words", tuple(_tasks()))
        if action.dest == "key" and action.metavar == "KEY":
            return Answer("words", tuple(_settings()))
        return Answer(_BY_METAVAR.get(str(action.metavar), "words"))

    def _options(self) -> Iterator[Offer]:
        """Yield the options that can still be given."""
        excluded = {
            action
            for group in self._parser._mutually_exclusive_groups
            if not self._used.isdisjoint(group._group_actions)
            for action in group._group_actions
        }
        for action in self._parser._actions:
            hidden = action.help == argparse.SUPPRESS
            if action.option_strings and not hidden and action not in self._used | excluded:
                yield Offer(action.option_strings[-1], action.help or "")


def _vault_names() -> Iterator[Offer]:
    # Late, and without the use cases: whoever presses a key waits for this.
    from vaultui.vaults.paths import default_paths
    from vaultui.vaults.registry import Registry

    for entry in Registry(default_paths()).entries():
        yield Offer(entry.name, entry.cipherdir)


def _saved_tasks(given: Collection[str]) -> Iterator[Offer]:
    from vaultui.vaults.paths import default_paths
    from vaultui.vaults.registry import Registry

    registry = Registry(default_paths())
    for entry in registry.entries():
        if entry.name in given:
            for name, request in registry.settings().tasks[entry.id].items():
                yield Offer(name, " ".join(request.command))


def _tasks() -> Iterator[Offer]:
    from vaultui.vaults.paths import default_paths
    from vaultui.vaults.taskstatus import known_tasks

    for task in known_tasks(default_paths()):
        yield Offer(task.task_id, f"{task.record.vault_name}: {task.record.title}")


def _settings() -> Iterator[Offer]:
    from vaultui.model.language import _
    from vaultui.vaults.setting import PROGRAM, VAULT

    for settings in (PROGRAM, VAULT):
        for setting in settings.values():
            yield Offer(setting.key, _(setting.sentence))
