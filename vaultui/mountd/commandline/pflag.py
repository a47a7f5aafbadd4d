"""How words become options: the rules of pflag behind a pre-pass, as in gocryptfs.

The pre-pass turns `-o a,b=c` into `-a -b=c` in front of everything, as mount(8) calls us, and
gives words with one dash a second one, so that `-fg` is the option `fg` and never a cluster of
letters. pflag then takes options and other words in any order, up to `--`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from vaultui.model.errors import CommandLineInvalid, UsageError
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.optiontable import OPTIONS, Option

_BY_NAME: Final = {name: option for option in OPTIONS for name in option.names if name != "h"}
"""Of all names, only -h is no option but a word of its own: --h is unknown."""


def parse(argv: Sequence[str]) -> Options:
    """Return the options of `argv`, whose first word is the program; raises UsageError.

    Help ends the reading where it stands: what is wrong behind it is not looked at.
    """
    words = _with_two_dashes(_with_mount_options(argv[1:]))
    options = Options()
    try:
        _read(iter(words), options)
    except ValueError as error:
        raise CommandLineInvalid(
            words=shown(argv), what=_without_keys(str(error)), program=argv[0]
        ) from None
    return options


def shown(argv: Sequence[str]) -> str:
    """Return the words in quotes, without what may be a master key."""
    # Not worth the time of every start.
    from vaultui.model.terminaltext import quoted

    return _without_keys(" ".join(map(quoted, argv)))


def _without_keys(text: str) -> str:
    """Leave out what may be a master key, mistyped or in the wrong place; names in paths stay."""
    return re.sub(r"(?<![0-9A-Fa-f/])[0-9A-Fa-f-]{48,}", "…", text)


def _read(words: Iterator[str], options: Options) -> None:
    for word in words:
        if word == "--":
            options.positionals += words
        elif word == "-h":
            options.help = True
            return
        elif not word.startswith("--"):
            options.positionals.append(word)
        else:
            name, equals, value = word[2:].partition("=")
            if not name or name.startswith("-"):
                raise ValueError(f"bad flag syntax: {word}")
            if name == "help":
                options.help = True
                return
            option = _BY_NAME.get(name)
            if option is None:
                raise ValueError(f"unknown flag: --{name}")
            if not equals:
                value = "true" if option.is_flag else _following(words, name)
            _assign(options, option, name, value)


def _following(words: Iterator[str], name: str) -> str:
    """Return the next word whatever it looks like, as the value of the option `name`."""
    try:
        return next(words)
    except StopIteration:
        raise ValueError(f"flag needs an argument: --{name}") from None


def _assign(options: Options, option: Option, name: str, text: str) -> None:
    try:
        value = option.kind(text)
    except ValueError as error:
        raise ValueError(f'invalid argument "{text}" for "--{name}" flag: {error}') from None
    options.given.add(option.names[0])
    current = getattr(options, option.target)
    if isinstance(current, list):
        current.append(value)
    else:
        setattr(options, option.target, value)


def _with_two_dashes(words: Sequence[str]) -> list[str]:
    """Give each word with one dash a second one, up to "--"; values of options, too.

    The last is gocryptfs's own bug, kept because its scripts know it: the value in
    `-extpass -X` becomes `--X`.
    """
    end = words.index("--") if "--" in words else len(words)
    doubled = [
        f"-{word}"
        if word.startswith("-") and not word.startswith("--") and word not in ("-", "-h")
        else word
        for word in words[:end]
    ]
    return doubled + list(words[end:])


def _with_mount_options(words: Sequence[str]) -> list[str]:
    """Turn the last `-o a,b=c` into `-a -b=c` in front of the other words.

    Beside a `--` anywhere, `-o` is left where it is, and means nothing to whoever reads on.
    """
    if len(words) < 2 or "--" in words:
        return list(words)
    items, others = "", []
    rest = iter(words)
    for word in rest:
        if word == "-o":
            try:
                items = next(rest)
            except StopIteration:
                raise UsageError(what='The "-o" option requires an argument') from None
        elif word.startswith("-o="):
            items = word.removeprefix("-o=")
        else:
            others.append(word)
    # mount(8) writes "rw" where the user wrote nothing: it is no wish of anybody.
    options = [item for item in items.split(",") if item not in ("", "rw")]
    if "o" in options or "-o" in options:
        raise UsageError(what='You can\'t pass "-o" to "-o"')
    return [*(f"-{option}" for option in options), *others]
