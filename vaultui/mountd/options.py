"""gocryptfs's command line: pflag's rules behind a pre-pass, from one table.

An option is one row of `OPTIONS`: its names, what its value is, the field that takes it and
a line of help. The pre-pass gives words with one dash a second one, so that `-fg` is the
option `fg` and never a cluster of letters; `-o a,b=c` becomes `-a -b=c` in front.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vaultui.model.errors import UsageError


@dataclass
class Options:
    """What the command line asked for."""

    init: bool = False
    passwd: bool = False
    info: bool = False
    fsck: bool = False
    version: bool = False
    help: bool = False
    long_help: bool = False
    foreground: bool = False
    quiet: bool = False
    nosyslog: bool = False
    read_only: bool = False
    read_write: bool = False
    nonempty: bool = False
    notify_pid: int = 0
    idle_s: float = 0.0
    scrypt_logn: int = 0
    """0 when it was not given."""
    config: str = ""
    ctlsock: str = ""
    fsname: str = ""
    passfile: list[str] = field(default_factory=list)
    extpass: list[str] = field(default_factory=list)
    spec_fd: int = -1
    notify_fd: int = -1
    positionals: list[str] = field(default_factory=list)

    @property
    def wants_background(self) -> bool:
        """True where gocryptfs starts itself again, before it looks at anything else."""
        asked = self.help or self.long_help
        return len(self.positionals) == 2 and not self.foreground and not asked

    @property
    def actions(self) -> list[str]:
        """The actions that were asked for; none means to mount."""
        return [name for name in ("info", "init", "passwd", "fsck") if getattr(self, name)]


@dataclass(frozen=True)
class Option:
    names: tuple[str, ...]
    kind: Callable[[str], Any]
    """Turns the text of a value into the value; raises ValueError with the reason."""
    target: str
    help: str = ""
    """Empty for options that no person gives."""
    common: bool = True
    """Shown in the short help, too."""

    @property
    def is_flag(self) -> bool:
        return self.kind is parse_bool


def parse_bool(text: str) -> bool:
    """Return a truth value in one of Go's spellings."""
    if text in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if text in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise ValueError("invalid syntax")


def parse_int(text: str) -> int:
    """Return an integer, in decimal or with Go's prefixes 0x, 0o and 0b."""
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError("invalid syntax") from None


_UNIT_S: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_DURATION_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> float:
    """Return the seconds of a duration in Go's form: 500s, 1h30m, 1.5h, or a bare 0."""
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0.0
    total, end = 0.0, 0
    while part := _DURATION_PART.match(rest, end):
        total += float(part[1]) * _UNIT_S[part[2]]
        end = part.end()
    if not rest or end != len(rest):
        missing = re.fullmatch(r"[\d.]+", rest) is not None
        raise ValueError(
            f'missing unit in duration "{text}"' if missing else f'invalid duration "{text}"'
        )
    return sign * total


OPTIONS: Final = (
    Option(("init",), parse_bool, "init", "Initialize encrypted directory"),
    Option(("info",), parse_bool, "info", "Display information about encrypted directory"),
    Option(("passwd",), parse_bool, "passwd", "Change password"),
    Option(("fsck",), parse_bool, "fsck", "Check filesystem integrity"),
    Option(("version",), parse_bool, "version", "Print version information"),
    Option(("help", "h"), parse_bool, "help", "This short help text"),
    Option(("hh",), parse_bool, "long_help", "Long help text with all options"),
    Option(("passfile",), str, "passfile", "Read password from plain text file(s)"),
    Option(("extpass",), str, "extpass", "Call external program to prompt for the password"),
    Option(("config",), str, "config", "Custom path to config file"),
    Option(("ctlsock",), str, "ctlsock", "Create control socket at location"),
    Option(
        ("idle", "i"),
        parse_duration,
        "idle_s",
        "Unmount automatically after specified idle duration",
    ),
    Option(("fg", "f"), parse_bool, "foreground", "Stay in the foreground"),
    Option(("q", "quiet"), parse_bool, "quiet", "Silence informational messages"),
    Option(("nosyslog",), parse_bool, "nosyslog", "Do not redirect log messages to syslog"),
    Option(("ro",), parse_bool, "read_only", "Mount read-only"),
    Option(("rw",), parse_bool, "read_write", "Mount read-write (the default)", common=False),
    Option(("nonempty",), parse_bool, "nonempty", "Allow mounting over non-empty directory"),
    Option(("fsname",), str, "fsname", "Source that the mount table shows", common=False),
    Option(
        ("scryptn",),
        parse_int,
        "scrypt_logn",
        "Cost of deriving the key as a power of two, 10 to 28 (with -init, -passwd)",
        common=False,
    ),
    Option(
        ("notifypid",),
        parse_int,
        "notify_pid",
        "Send SIGUSR1 to this process when mounted",
        common=False,
    ),
    Option(("spec-fd",), parse_int, "spec_fd"),
    Option(("notify-fd",), parse_int, "notify_fd"),
)

_BY_NAME: Final = {name: option for option in OPTIONS for name in option.names}


def parse(argv: Sequence[str]) -> Options:
    """Return the options of `argv`, whose first word is the program; raises UsageError."""
    words = [argv[0], *_with_two_dashes(argv[1:])]
    words = _with_mount_options(words)
    options = Options()
    try:
        _parse_words(words[1:], options)
    except ValueError as error:
        quoted = " ".join(f'"{word}"' for word in argv)
        raise UsageError(what=f"Invalid command line: {quoted}: {error}") from error
    return options


def _parse_words(words: list[str], options: Options) -> None:
    rest = iter(words)
    for word in rest:
        if word == "--":
            options.positionals += rest
        elif word == "-h":
            options.help = True
        elif not word.startswith("--"):
            options.positionals.append(word)
        else:
            name, equals, value = word[2:].partition("=")
            option = _BY_NAME.get(name)
            if option is None:
                raise ValueError(f"unknown flag: --{name}")
            if not equals:
                if option.is_flag:
                    value = "true"
                else:
                    following = next(rest, None)
                    if following is None:
                        raise ValueError(f"flag needs an argument: --{name}")
                    value = following
            _assign(options, option, name, value)


def _assign(options: Options, option: Option, name: str, text: str) -> None:
    try:
        value = option.kind(text)
    except ValueError as error:
        raise ValueError(f'invalid argument "{text}" for "--{name}" flag: {error}') from None
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


def _with_mount_options(words: list[str]) -> list[str]:
    """Turn the last `-o a,b=c` into `-a -b=c` in front, as mount(8) calls us."""
    if len(words) < 3 or "--" in words:
        return words
    found, rest = None, [words[0]]
    index = 1
    while index < len(words):
        word = words[index]
        if word == "--o":
            index += 1
            if index == len(words):
                raise UsageError(what='The "-o" option requires an argument')
            found = words[index]
        elif word.startswith("--o="):
            found = word[len("--o=") :]
        else:
            rest.append(word)
        index += 1
    if found is None:
        return words
    items = [item for item in found.split(",") if item]
    if any(item.partition("=")[0] in ("o", "-o") for item in items):
        raise UsageError(what='"-o" cannot be used inside "-o"')
    return [rest[0], *(f"--{item}" for item in items), *rest[1:]]


def help_text(program: str, *, full: bool) -> str:
    """Return the help, of the common options or of all."""
    rows = [option for option in OPTIONS if option.help and (full or option.common)]
    lines = [
        f"Usage: {program} -init|-passwd|-info|-fsck [OPTIONS] CIPHERDIR",
        f"  or   {program} [OPTIONS] CIPHERDIR MOUNTPOINT",
        "",
        "All options:" if full else "Common options (use -hh to show all):",
        *(
            f"  {', '.join(f'-{name}' for name in sorted(row.names, key=len)):<18} {row.help}"
            for row in rows
        ),
        f"  {'--':<18} Stop option parsing",
    ]
    return "\n".join(lines)
