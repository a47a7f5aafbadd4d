"""Ways to damage one directory of a volume by chance, and what of that no reader can notice.

Each way is given a `Victim` and a source of chance, and returns why the format cannot detect
what it did, or "" where it must be detected or do no harm.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

from ondisk import HEADER, IV_NAME, rewrite, swap

HOLE = "a whole block of zeros is a hole"
CUT = "a file that ends between two blocks is a shorter file"
EMPTY = "a header alone, or nothing, is an empty file"
OTHER_FILE = "the content of a file does not know its name"
OTHER_TREE = "a directory does not know its name"
OLDER = "an older version of a file, or of a block of it, is as authentic as the newest"
GONE = "nobody counts entries and attributes"
OTHER_TARGET = "the target of a link does not know the link"
OTHER_VALUE = "the value of an attribute does not know its name or its file"
ZERO_BYTES = "an empty target or value is stored as nothing"


class Flavour(NamedTuple):
    """A kind of volume, as far as it matters for what can go wrong with it."""

    init_options: tuple[str, ...] = ()
    block: int = 4096 + 32
    """Of ciphertext, in bytes."""
    names: bool = True
    """Names are encrypted."""
    ivs: bool = True
    """Directories have IVs."""


@dataclass(frozen=True)
class Victim:
    """Where on disk the things in one directory lie."""

    flavour: Flavour
    folder: Path
    files: list[Path]
    """Of one size, in the order of their plain names."""
    older: bytes
    """An earlier ciphertext of the first file, which differs in its first block."""
    small: Path
    longs: list[Path]
    links: list[Path]
    subs: list[Path]
    inners: list[Path]
    """A file in each of `subs`."""

    def content(self, chance: Random) -> Path:
        return chance.choice([*self.files, self.small, *self.inners, *self.longs])

    def iv(self, chance: Random) -> Path:
        return chance.choice([self.folder, *self.subs]) / IV_NAME

    def companion(self, chance: Random) -> Path:
        path = chance.choice(self.longs)
        return path.with_name(path.name + ".name")

    def entry(self, chance: Random) -> Path:
        return chance.choice([*self.files, self.small, *self.inners, *self.links])


Damage = Callable[[Victim, Random], str]


def _flipped(data: bytes, chance: Random) -> bytes:
    """Return `data` with one to three bits changed."""
    changed = bytearray(data)
    for at in {chance.randrange(len(data) * 8) for _ in range(chance.randint(1, 3))}:
        changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


# Content.


def flip_content(victim: Victim, chance: Random) -> str:
    path = victim.content(chance)
    rewrite(path, _flipped(path.read_bytes(), chance))
    return ""


def cut_content(victim: Victim, chance: Random) -> str:
    path = victim.content(chance)
    size = chance.randrange(path.stat().st_size)
    if chance.random() < 0.3:
        size -= max(size - HEADER, 0) % victim.flavour.block
    os.truncate(path, size)
    if size in (0, HEADER):
        return EMPTY
    return CUT if size > HEADER and (size - HEADER) % victim.flavour.block == 0 else ""


def extend_content(victim: Victim, chance: Random) -> str:
    path = victim.content(chance)
    data = path.read_bytes()
    rewrite(path, data + b"\1" + chance.randbytes(chance.choice([0, 15, 31, 32, 33, 9000])))
    return ""


def extend_with_zeros(victim: Victim, chance: Random) -> str:
    path = victim.content(chance)
    before = path.read_bytes()
    after = before + bytes(chance.choice([1, 33, victim.flavour.block, 3 * victim.flavour.block]))
    rewrite(path, after)
    return HOLE if _has_new_hole(before, after, victim.flavour.block) else ""


def zero_content(victim: Victim, chance: Random) -> str:
    path = chance.choice(victim.files)
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    size = chance.randint(1, 6000)
    if chance.random() < 0.4:
        at = HEADER + chance.randrange(3) * victim.flavour.block
        size = victim.flavour.block
    before = bytes(data)
    data[at : at + size] = bytes(len(data[at : at + size]))
    rewrite(path, bytes(data))
    return HOLE if _has_new_hole(before, data, victim.flavour.block) else ""


def _has_new_hole(before: bytes, after: bytes | bytearray, block: int) -> bool:
    return any(
        not any(after[at : at + block]) and before[at : at + block] != after[at : at + block]
        for at in range(HEADER, len(after) - block + 1, block)
    )


def move_blocks(victim: Victim, chance: Random) -> str:
    path, other = chance.sample(victim.files, 2)
    source = chance.choice([path, other]).read_bytes()
    data, block = bytearray(path.read_bytes()), victim.flavour.block
    first, second = chance.sample(range(3), 2)
    to, origin = HEADER + first * block, HEADER + second * block
    data[to : to + block] = source[origin : origin + block]
    rewrite(path, bytes(data))
    return ""


def take_block_of_another_file(victim: Victim, chance: Random) -> str:
    path, other = chance.sample(victim.files, 2)
    data, block = bytearray(path.read_bytes()), victim.flavour.block
    at = HEADER + chance.randrange(3) * block
    data[at : at + block] = other.read_bytes()[at : at + block]
    rewrite(path, bytes(data))
    return ""


def take_header_of_another_file(victim: Victim, chance: Random) -> str:
    path, other = chance.sample(victim.files, 2)
    rewrite(path, other.read_bytes()[:HEADER] + path.read_bytes()[HEADER:])
    return ""


def put_older_version_back(victim: Victim, _chance: Random) -> str:
    rewrite(victim.files[0], victim.older)
    return OLDER


def put_older_block_back(victim: Victim, _chance: Random) -> str:
    path, end = victim.files[0], HEADER + victim.flavour.block
    rewrite(path, victim.older[:end] + path.read_bytes()[end:])
    return OLDER


def shred_content(victim: Victim, chance: Random) -> str:
    path = victim.content(chance)
    rewrite(path, b"\1" + chance.randbytes(chance.randrange(1, 9000)))
    return ""


def swap_files(victim: Victim, chance: Random) -> str:
    swap(*chance.sample([*victim.files, *victim.inners], 2))
    return OTHER_FILE


# Entries.


def delete_entry(victim: Victim, chance: Random) -> str:
    victim.entry(chance).unlink()
    return GONE


def move_entry(victim: Victim, chance: Random) -> str:
    path = chance.choice(victim.files)
    path.rename(chance.choice(victim.subs) / path.name)
    return "" if victim.flavour.ivs else OTHER_FILE


def copy_entry(victim: Victim, chance: Random) -> str:
    path = chance.choice(victim.files)
    (chance.choice(victim.subs) / path.name).write_bytes(path.read_bytes())
    return "" if victim.flavour.ivs else OTHER_FILE


def flip_name(victim: Victim, chance: Random) -> str:
    path = chance.choice([*victim.files, victim.small, *victim.subs, *victim.links])
    at = chance.randrange(len(path.name))
    letter = chance.choice([c for c in "ABCxyz019-_" if c != path.name[at]])
    path.rename(path.with_name(path.name[:at] + letter + path.name[at + 1 :]))
    return ""


def cut_name(victim: Victim, chance: Random) -> str:
    path = chance.choice([*victim.files, victim.small, *victim.subs])
    path.rename(path.with_name(path.name[: chance.randrange(1, len(path.name))]))
    return ""


def foreign_entry(victim: Victim, chance: Random) -> str:
    name = chance.choice(
        ["README", ".hidden.tmp", "A" * 22, "caf\udce9", "gocryptfs.conf.bak", "x\ny", "A" * 23]
    )
    (victim.folder / name).write_bytes(chance.randbytes(chance.randrange(100)))
    return ""


def change_kind(victim: Victim, chance: Random) -> str:
    path = chance.choice(victim.files)
    path.unlink()
    match chance.randrange(3):
        case 0:
            path.mkdir()
            return "" if victim.flavour.ivs else OTHER_TREE
        case 1:
            os.mkfifo(path)
            return OTHER_FILE
        case _:
            path.symlink_to("/etc/passwd")
            return "" if victim.flavour.names else OTHER_TARGET


def swap_directories(victim: Victim, _chance: Random) -> str:
    swap(*victim.subs)
    return OTHER_TREE


# IVs.


def flip_iv(victim: Victim, chance: Random) -> str:
    path = victim.iv(chance)
    rewrite(path, _flipped(path.read_bytes(), chance))
    return ""


def resize_iv(victim: Victim, chance: Random) -> str:
    path = victim.iv(chance)
    rewrite(path, chance.choice([b"", path.read_bytes()[:15], path.read_bytes() + b"x"]))
    return ""


def delete_iv(victim: Victim, chance: Random) -> str:
    victim.iv(chance).unlink()
    return ""


def copy_iv(victim: Victim, chance: Random) -> str:
    one, other = chance.sample([victim.folder, *victim.subs], 2)
    rewrite(one / IV_NAME, (other / IV_NAME).read_bytes())
    return ""


def swap_ivs(victim: Victim, chance: Random) -> str:
    one, other = chance.sample([victim.folder, *victim.subs], 2)
    swap(one / IV_NAME, other / IV_NAME)
    return ""


def move_iv(victim: Victim, chance: Random) -> str:
    path = victim.iv(chance)
    path.rename(path.with_name("gocryptfs.diriv.moved"))
    return ""


def replace_iv(victim: Victim, chance: Random) -> str:
    path = victim.iv(chance)
    match chance.randrange(3):
        case 0:
            rewrite(path, bytes(16))
        case 1:
            rewrite(path, chance.randbytes(16))
        case _:
            path.unlink()
            path.mkdir()
    return ""


# Long names.


def flip_companion(victim: Victim, chance: Random) -> str:
    path = victim.companion(chance)
    rewrite(path, _flipped(path.read_bytes(), chance))
    return ""


def resize_companion(victim: Victim, chance: Random) -> str:
    path = victim.companion(chance)
    data = path.read_bytes()
    rewrite(path, chance.choice([b"", data[:-1], data[:-16], data + b"\n", data * 9]))
    return ""


def delete_companion(victim: Victim, chance: Random) -> str:
    victim.companion(chance).unlink()
    return ""


def swap_companions(victim: Victim, _chance: Random) -> str:
    swap(*(path.with_name(path.name + ".name") for path in victim.longs))
    return ""


def copy_companion(victim: Victim, _chance: Random) -> str:
    one, other = (path.with_name(path.name + ".name") for path in victim.longs)
    rewrite(one, other.read_bytes())
    return ""


def delete_hashed_entry(victim: Victim, chance: Random) -> str:
    chance.choice(victim.longs).unlink()
    return ""


def swap_hashed_entries(victim: Victim, _chance: Random) -> str:
    swap(*victim.longs)
    return OTHER_FILE


# Links.


def _retarget(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def flip_target(victim: Victim, chance: Random) -> str:
    path = chance.choice(victim.links)
    stored = os.readlink(path)
    at = chance.randrange(len(stored))
    letter = chance.choice([c for c in "ABCxyz019-_\n" if c != stored[at]])
    _retarget(path, stored[:at] + letter + stored[at + 1 :])
    return ""


def resize_target(victim: Victim, chance: Random) -> str:
    path = chance.choice(victim.links)
    stored = os.readlink(path)
    _retarget(path, chance.choice([stored[: chance.randrange(1, len(stored))], stored + "AAAA"]))
    return ""


def swap_targets(victim: Victim, _chance: Random) -> str:
    swap(*victim.links)
    return OTHER_TARGET


# Extended attributes.


def _attributes(path: Path) -> list[str]:
    return sorted(name for name in os.listxattr(path) if name.startswith("user."))


def flip_value(victim: Victim, chance: Random) -> str:
    path = chance.choice([victim.files[0], victim.subs[0]])
    name = chance.choice(_attributes(path))
    os.setxattr(path, name, _flipped(os.getxattr(path, name), chance))
    return ""


def cut_value(victim: Victim, chance: Random) -> str:
    path = chance.choice([victim.files[0], victim.subs[0]])
    name = chance.choice(_attributes(path))
    value = os.getxattr(path, name)
    size = chance.randrange(len(value))
    os.setxattr(path, name, value[:size])
    return "" if size else ZERO_BYTES


def swap_values(victim: Victim, _chance: Random) -> str:
    path = victim.files[0]
    one, other = _attributes(path)
    first, second = os.getxattr(path, one), os.getxattr(path, other)
    os.setxattr(path, one, second)
    os.setxattr(path, other, first)
    return OTHER_VALUE


def delete_attribute(victim: Victim, chance: Random) -> str:
    path = chance.choice([victim.files[0], victim.subs[0]])
    os.removexattr(path, chance.choice(_attributes(path)))
    return GONE


def foreign_attribute(victim: Victim, chance: Random) -> str:
    name = chance.choice(["", "AAAA", "garbage!", "A" * 22, "A" * 23])
    os.setxattr(chance.choice(victim.files), f"user.gocryptfs.{name}", chance.randbytes(40))
    return ""


DAMAGES: dict[str, tuple[Damage, ...]] = {
    "content": (
        *(flip_content, flip_content, cut_content, cut_content, extend_content),
        *(extend_with_zeros, zero_content, move_blocks, take_block_of_another_file),
        *(take_header_of_another_file, put_older_version_back, put_older_block_back),
        *(shred_content, swap_files),
    ),
    "attributes": (flip_value, cut_value, swap_values, delete_attribute, foreign_attribute),
    "entries": (delete_entry, change_kind, swap_directories),
    "names": (move_entry, copy_entry, flip_name, cut_name, foreign_entry),
    "long names": (
        *(flip_companion, resize_companion, delete_companion, swap_companions),
        *(copy_companion, delete_hashed_entry, swap_hashed_entries),
    ),
    "directory IVs": (flip_iv, resize_iv, delete_iv, copy_iv, swap_ivs, move_iv, replace_iv),
    "link targets": (flip_target, resize_target, swap_targets),
}


def damages_of(flavour: Flavour) -> list[tuple[str, Damage]]:
    """Return all ways that there are for a kind of volume, each with its group."""
    left_out = set()
    if not flavour.names:
        left_out = {"names", "long names", "link targets"}
    if not flavour.ivs:
        left_out.add("directory IVs")
    return [
        (group, damage)
        for group, damages in DAMAGES.items()
        if group not in left_out
        for damage in damages
    ]
