"""What a program tells the kernel to do with files, call by call, as strace(1) writes it down.

Seen from below, by a file system of ours, some of it would not be there to see: files without a
name, syncfs(2) and sync_file_range(2) end in the kernel before any FUSE daemon hears of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Final

_NAMES: Final = (
    *("openat", "?open", "?creat", "close", "dup", "?dup2", "dup3", "fcntl"),
    *("clone", "clone3", "?fork", "?vfork"),
    *("fsync", "fdatasync", "sync", "syncfs", "sync_file_range"),
    *("?mkdir", "mkdirat", "?unlink", "unlinkat", "?rmdir"),
    *("?rename", "?renameat", "renameat2", "?link", "linkat", "?symlink", "symlinkat"),
    *("?mknod", "mknodat", "write", "pwrite64", "pwritev", "truncate", "ftruncate", "fallocate"),
)
_LONGEST_STRING: Final = 2 << 20
"""Bytes. FUSE writes 1 MiB at most, which is a little more as ciphertext."""
_CLONE_FILES: Final = 0x400
_CLONES: Final = frozenset({"clone", "clone3", "fork", "vfork"})

_LINE: Final = re.compile(r"(\d+) +(\d+)\.(\d{9}) (.*)")
_UNFINISHED: Final = re.compile(r"(.*?)\s*<unfinished \.\.\.>")
_RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_WHOLE: Final = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+)\b.*<(\d+)\.(\d{9})>")
_WORD: Final = re.compile(
    r'\s*(?:"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?|(0x[0-9a-f]+|-?\d+)(?=,|$)|[^,]+)'
)
_FLAGS: Final = re.compile(r"flags=(0x[0-9a-f]+|\d+)")


def recorder(record: Path) -> tuple[str, ...]:
    """Return the words that go before a command to have its calls written into `record`."""
    return (
        *("strace", "-f", "-qqq", "--seccomp-bpf", "--signal=none"),
        *("-X", "raw", "-xx", "-s", str(_LONGEST_STRING)),
        *("--absolute-timestamps=format:unix,precision:ns", "--syscall-times=ns"),
        *("-e", f"trace={','.join(_NAMES)}", "-o", str(record)),
    )


@dataclass(frozen=True, slots=True)
class Call:
    """A call that went well, of any process that was recorded."""

    name: str
    thread: int
    words: tuple[int | bytes, ...]
    """Its arguments: numbers, and what pointers to bytes point to."""
    result: int
    began: int
    """In nanoseconds since the epoch, as `ended`. What came about before the one and what was
    noticed after the other can't have anything to do with the call."""
    ended: int
    shares_descriptors: bool = False
    """Of a new thread: whether its descriptors are those of the one that made it."""

    @property
    def makes_thread(self) -> bool:
        return self.name in _CLONES


def read(record: Path) -> list[Call]:
    """Return the calls in the order in which they took effect.

    A descriptor is free when close(2) begins, and everything else is done when a call ends.
    strace looks at one thread after the other: its lines are in a better order than its times.
    """
    return [call for _line, call in sorted(_parse(record), key=itemgetter(0))]


def _parse(record: Path) -> Iterator[tuple[int, Call]]:
    """Yield each call with the number of the line that stands for its effect."""
    begun: dict[int, tuple[int, int, str]] = {}
    with record.open(encoding="ascii") as lines:
        for number, line in enumerate(lines):
            found = _LINE.match(line)
            assert found, f"strace wrote {line[:200]!r}"
            thread, now = int(found[1]), int(found[2] + found[3])
            text = found[4]
            if unfinished := _UNFINISHED.fullmatch(text):
                begun[thread] = (number, now, unfinished[1])
                continue
            first, began = number, now
            if resumed := _RESUMED.fullmatch(text):
                first, began, start = begun.pop(thread)
                text = start + resumed[1]
            # Without a result, or with one that is no number, the process has ended in it.
            whole = _WHOLE.fullmatch(text)
            if whole is None or int(whole[3], 0) < 0:
                continue
            name, words, result, seconds, nanoseconds = whole.groups()
            yield (
                first if name == "close" else number,
                Call(
                    name,
                    thread,
                    tuple(_words(words)),
                    int(result, 0),
                    began,
                    now if resumed else began + int(seconds + nanoseconds),
                    _shares_descriptors(words),
                ),
            )


def _words(text: str) -> Iterator[int | bytes]:
    for found in _WORD.finditer(text):
        string, is_cut, number = found.groups()
        assert not is_cut, "strace has cut a string"
        if string is not None:
            yield bytes.fromhex(string.replace("\\x", ""))
        elif number is not None:
            # An octal number, as modes are shown, has no letter: int() would refuse it.
            is_octal = number.startswith("0") and number.isdigit()
            yield int(number, 8 if is_octal else 0)


def _shares_descriptors(text: str) -> bool:
    found = _FLAGS.search(text)
    return bool(found) and bool(int(found[1], 0) & _CLONE_FILES)
