"""What a task is given as people write it: limits, binds, variables. In both directions.

Each `parse` raises ValueError with a phrase that says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from vaultui.model.language import N_, Phrase
from vaultui.tasks.request import BindRequest
from vaultui.vaults.duration import format_duration, parse_duration
from vaultui.wire.attributes import Rlimit
from vaultui.wire.tasks import Limits

_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN: Final = ("memory", "cpu", "pids", "files", "time")
_RLIMITS: Final = (
    *("as", "core", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nproc"),
    *("rss", "rtprio", "rttime", "sigpending", "stack"),
)
"""Of getrlimit(2), but for those that `cpu` and `files` stand for."""
_UNLIMITED: Final = ("unlimited", "-1")
_PROPAGATIONS: Final = ("private", "rprivate", "slave", "rslave", "shared", "rshared")
_LEAST_MEMORY: Final = 4 << 20
"""Less does not hold a process that does anything."""
_TOO_MUCH: Final = 1 << 63
"""What a limit of the kernel cannot say."""


def parse_limits(texts: Sequence[str]) -> tuple[Limits, tuple[Rlimit, ...]]:
    """Return what texts like "memory=512M,cpu=1.5" mean; of one named twice the last counts."""
    limits, rlimits = Limits(), dict[str, Rlimit]()
    for item in ",".join(texts).split(","):
        if not item.strip():
            continue
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals:
            raise ValueError(Phrase("{text} is not written as name=value", text=item.strip()))
        if name in _RLIMITS:
            rlimits[name] = Rlimit(name, *_pair(name, value))
        else:
            limits = _with_limit(limits, name, value)
    return limits, tuple(rlimits.values())


def format_limits(limits: Limits, rlimits: Sequence[Rlimit] = ()) -> str:
    """Return the text that `parse_limits` reads back; empty for no limits."""
    parts = []
    if limits.memory_bytes:
        parts.append(f"memory={_size_text(limits.memory_bytes)}")
    if limits.cpus:
        parts.append(f"cpu={limits.cpus:g}")
    if limits.pids:
        parts.append(f"pids={limits.pids}")
    if limits.open_files:
        hard = limits.open_files_hard
        parts.append(f"files={limits.open_files}" + (f":{hard}" if hard else ""))
    if limits.time_s:
        parts.append(f"time={format_duration(limits.time_s)}")
    parts += [f"{one.name}={_limit_text(one.soft)}:{_limit_text(one.hard)}" for one in rlimits]
    return ",".join(parts)


def parse_bind(text: str) -> BindRequest:
    """Return what "SOURCE:TARGET[:option,…]" means: ro, rw, and how mounts propagate."""
    source, _, rest = text.partition(":")
    target, _, options = rest.partition(":")
    if not source.startswith("/") or not target.startswith("/"):
        raise ValueError(
            Phrase("{text} is not SOURCE:TARGET with two absolute paths", text=repr(text))
        )
    bind = BindRequest(source, target)
    for option in filter(None, options.split(",")):
        if option in ("ro", "rw"):
            bind = replace(bind, read_only=option == "ro")
        elif option in _PROPAGATIONS:
            bind = replace(bind, propagation=option)
        else:
            known = ", ".join(("ro", "rw", *_PROPAGATIONS))
            raise ValueError(
                Phrase("there is no {word}; it takes {known}", word=option, known=known)
            )
    return bind


def format_bind(bind: BindRequest) -> str:
    """Return the text that `parse_bind` reads back."""
    options = ",".join(filter(None, ("ro" if bind.read_only else "", bind.propagation)))
    return f"{bind.source}:{bind.target}" + (f":{options}" if options else "")


def parse_pairs(texts: Sequence[str]) -> dict[str, str]:
    """Return what texts like "NAME=value" mean, the last of a name."""
    pairs = [text.partition("=") for text in texts]
    for name, equals, _value in pairs:
        if not equals or not name:
            raise ValueError(Phrase("{text} is not written as name=value", text=name or "="))
    return {name: value for name, _equals, value in pairs}


def check_variable(name: str) -> None:
    """Raise ValueError unless a variable of the environment can be called so."""
    if not _VARIABLE.fullmatch(name):
        raise ValueError(Phrase("a variable cannot be called {name}", name=repr(name)))


def _with_limit(limits: Limits, name: str, value: str) -> Limits:
    match name:
        case "memory":
            size = _size(value)
            if size < _LEAST_MEMORY:
                raise ValueError(Phrase("memory={value} is less than 4M", value=value))
            return replace(limits, memory_bytes=size)
        case "cpu":
            return replace(limits, cpus=_cpus(value))
        case "pids":
            return replace(limits, pids=_count(name, value))
        case "files":
            soft, hard = _pair(name, value)
            if soft < 3 or hard < soft:
                raise ValueError(Phrase("files={value} leaves nothing to work with", value=value))
            return replace(limits, open_files=soft, open_files_hard=hard if hard != soft else 0)
        case "time":
            seconds = parse_duration(value)
            if not seconds:
                raise ValueError(Phrase("time={value} is no time at all", value=value))
            return replace(limits, time_s=seconds)
    known = ", ".join((*_OWN, *_RLIMITS))
    raise ValueError(Phrase("there is no limit {name}; there are {known}", name=name, known=known))


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(Phrase("{text} is not a size like 512M or 2G", text=repr(text)))
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _size_text(size: int) -> str:
    for unit, factor in reversed(_UNITS.items()):
        if size % factor == 0:
            return f"{size // factor}{unit.upper()}"
    return str(size)


def _cpus(text: str) -> float:
    try:
        cpus = float(text)
    except ValueError:
        cpus = 0.0
    if not 0.01 <= cpus <= 4096:
        raise ValueError(Phrase("{text} is not a number of CPUs like 0.5 or 2", text=repr(text)))
    return cpus


def _count(name: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 1 << 31:
        wrong = N_("{name}={text} is not a whole number above 0")
        raise ValueError(Phrase(wrong, name=name, text=text))
    return int(text)


def _pair(name: str, text: str) -> tuple[int, int]:
    """Return soft and hard limit of "soft:hard", or of one number for both; -1 is no limit."""
    soft, colon, hard = text.partition(":")
    pair = _one_limit(name, soft), _one_limit(name, hard if colon else soft)
    if pair[1] >= 0 and not 0 <= pair[0] <= pair[1]:
        raise ValueError(
            Phrase("{name}={text}: the first number is above the second", name=name, text=text)
        )
    return pair


def _one_limit(name: str, text: str) -> int:
    if text in _UNLIMITED:
        return -1
    match = _SIZE.fullmatch(text)
    if match is None or _size(text) >= _TOO_MUCH:
        wrong = N_("{name}={text} is not a number, two with a colon between, or unlimited")
        raise ValueError(Phrase(wrong, name=name, text=text))
    return _size(text)


def _limit_text(limit: int) -> str:
    return "unlimited" if limit < 0 else str(limit)
