"""Ways to damage a volume on disk, each with whether a check must find it.

Each way has a directory of its own in the volume, with the same things in it, so that all of
them are in one volume and one check of it tells which were found.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ondisk import HEADER, IV_NAME, places_by_inode, rewrite, swap

LONG = "l" * 200
CONTENT = bytes(range(256)) * 40
"""Two blocks and a half."""

Apply = Callable[["Victim"], object]


@dataclass(frozen=True)
class Flavour:
    """A kind of volume, as far as it matters for what can go wrong with it."""

    init_options: tuple[str, ...] = ()
    block: int = 4096 + 32
    """Of ciphertext, in bytes."""
    encrypted_names: bool = True
    dir_ivs: bool = True


@dataclass(frozen=True)
class Victim:
    """Where on disk the things in the directory of one corruption lie."""

    flavour: Flavour
    folder: Path
    file: Path
    twin: Path
    """Another file with the same content."""
    long: Path
    link: Path
    sub: Path
    inner: Path
    """A file in `sub`."""


def populate(folder: Path) -> None:
    """Put into a directory of the mount what a corruption may damage."""
    folder.mkdir()
    for name in ("file", "twin", LONG):
        (folder / name).write_bytes(CONTENT)
    (folder / "link").symlink_to("some/target")
    (folder / "sub").mkdir()
    (folder / "sub" / "inner").write_bytes(CONTENT)
    os.setxattr(folder / "file", "user.attribute", b"value")
    os.setxattr(folder / "sub", "user.attribute", b"value")


def find_victim(mounted: Path, cipherdir: Path, flavour: Flavour) -> Callable[[str], Victim]:
    """Return what finds a victim by the name of its directory.

    Everything is looked up now, because the mount will be gone.
    """
    on_disk = places_by_inode(cipherdir)

    def place(*parts: str) -> Path:
        return on_disk[os.lstat(mounted.joinpath(*parts)).st_ino]

    victims = {
        name: Victim(
            flavour,
            place(name),
            *(place(name, entry) for entry in ("file", "twin", LONG, "link", "sub")),
            place(name, "sub", "inner"),
        )
        for name in os.listdir(mounted)
    }
    return victims.__getitem__


@dataclass(frozen=True)
class Corruption:
    """`found` tells whether a check must report it; `of` names the flavours that it is for."""

    apply: Apply
    found: bool = True
    of: Callable[[Flavour], bool] = field(default=lambda _: True)


def _encrypted(flavour: Flavour) -> bool:
    return flavour.encrypted_names


def _with_ivs(flavour: Flavour) -> bool:
    return flavour.dir_ivs


def _flip(at: Callable[[Flavour], int]) -> Apply:
    def apply(victim: Victim) -> None:
        data = bytearray(victim.file.read_bytes())
        data[at(victim.flavour)] ^= 1
        victim.file.write_bytes(data)

    return apply


def _cut(at: Callable[[int], int]) -> Apply:
    """Cut the file to a size that depends on that of a block."""
    return lambda victim: os.truncate(victim.file, at(victim.flavour.block))


def _edit(change: Callable[[bytes, int], bytes]) -> Apply:
    """Change the content, given with the size of a block."""
    return lambda victim: rewrite(
        victim.file, change(victim.file.read_bytes(), victim.flavour.block)
    )


def _replace(make: Callable[[Path], object]) -> Apply:
    def apply(victim: Victim) -> None:
        victim.file.unlink()
        make(victim.file)

    return apply


def _foreign(name: str | bytes) -> Apply:
    return lambda victim: (victim.folder / os.fsdecode(name)).write_bytes(b"foreign")


def _iv(change: Callable[[Path], object]) -> Apply:
    return lambda victim: change(victim.sub / IV_NAME)


def _companion(change: Callable[[Path], object]) -> Apply:
    return lambda victim: change(victim.long.with_name(victim.long.name + ".name"))


def _link(target: Callable[[str], str]) -> Apply:
    def apply(victim: Victim) -> None:
        stored = os.readlink(victim.link)
        victim.link.unlink()
        victim.link.symlink_to(target(stored))

    return apply


def _made_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _made_link(path: Path) -> None:
    path.rename(path.with_name("gocryptfs.moved"))
    path.symlink_to("gocryptfs.moved")


def _attribute(path: Path) -> str:
    return next(name for name in os.listxattr(path) if name.startswith("user."))


def _attribute_value(value: Callable[[bytes], bytes], on: Callable[[Victim], Path]) -> Apply:
    def apply(victim: Victim) -> None:
        path = on(victim)
        name = _attribute(path)
        os.setxattr(path, name, value(os.getxattr(path, name)))

    return apply


def _attribute_name(name: str, on: Callable[[Victim], Path]) -> Apply:
    return lambda victim: os.setxattr(on(victim), name, b"anything")


def _short_named(victim: Victim) -> tuple[Path, ...]:
    """Several, because one wrong name in 256 decrypts to something by chance."""
    return victim.file, victim.twin, victim.link


def _other_letter(text: str) -> str:
    return ("A" if text[0] != "A" else "B") + text[1:]


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))


def _file(victim: Victim) -> Path:
    return victim.file


def _sub(victim: Victim) -> Path:
    return victim.sub


CORRUPTIONS: dict[str, Corruption] = {
    "untouched": Corruption(lambda _: None, found=False),
    # Content.
    "version of the header": Corruption(_flip(lambda _: 1)),
    "id in the header": Corruption(_flip(lambda _: 9)),
    "header of zeros": Corruption(_edit(lambda data, _: bytes(HEADER) + data[HEADER:])),
    "id of zeros": Corruption(_edit(lambda data, _: data[:2] + bytes(16) + data[HEADER:])),
    "nonce of the first block": Corruption(_flip(lambda _: HEADER)),
    "nonce of the last block": Corruption(_flip(lambda f: HEADER + 2 * f.block + 11)),
    "tag of the second block": Corruption(_flip(lambda f: HEADER + 2 * f.block - 1)),
    "behind the nonce": Corruption(_flip(lambda f: HEADER + f.block + f.block - 4096 - 16)),
    "body": Corruption(_flip(lambda f: HEADER + f.block + 2000)),
    "last byte": Corruption(_flip(lambda _: -1)),
    "nonce of zeros": Corruption(_edit(lambda data, _: data[:HEADER] + bytes(16) + data[34:])),
    "block of zeros, which is a hole": Corruption(
        _edit(lambda data, block: data[:HEADER] + bytes(block) + data[HEADER + block :]),
        found=False,
    ),
    "short block of zeros": Corruption(
        _edit(
            lambda data, block: data[: HEADER + 2 * block] + bytes(len(data) - HEADER - 2 * block)
        )
    ),
    "hole for a short block": Corruption(
        lambda victim: (
            os.truncate(victim.file, HEADER + 2 * victim.flavour.block),
            os.truncate(victim.file, HEADER + 2 * victim.flavour.block + 700),
        )
    ),
    "cut to 1 byte": Corruption(_cut(lambda _: 1)),
    "cut to 17 bytes": Corruption(_cut(lambda _: HEADER - 1)),
    "cut to the header": Corruption(_cut(lambda _: HEADER), found=False),
    "cut to a byte more than the header": Corruption(_cut(lambda _: HEADER + 1)),
    "cut in a nonce": Corruption(_cut(lambda block: HEADER + block + 8)),
    "cut before a tag": Corruption(_cut(lambda block: HEADER + block + 16)),
    "cut to an empty block": Corruption(_cut(lambda block: HEADER + block + block - 4096)),
    "cut to a block of one byte": Corruption(_cut(lambda block: HEADER + block + block - 4095)),
    "cut a byte before the end of a block": Corruption(_cut(lambda block: HEADER + 2 * block - 1)),
    "cut between blocks": Corruption(_cut(lambda block: HEADER + block), found=False),
    "cut to nothing": Corruption(_cut(lambda _: 0), found=False),
    "a byte more": Corruption(_edit(lambda data, _: data + b"x")),
    "a hole behind": Corruption(_cut(lambda block: HEADER + 7 * block)),
    "exchanged blocks": Corruption(
        _edit(
            lambda data, block: (
                data[:HEADER]
                + data[HEADER + block : HEADER + 2 * block]
                + data[HEADER : HEADER + block]
                + data[HEADER + 2 * block :]
            )
        )
    ),
    "block twice": Corruption(
        _edit(
            lambda data, block: (
                data[: HEADER + block] + data[HEADER : HEADER + block] + data[HEADER + 2 * block :]
            )
        )
    ),
    "block of another file": Corruption(
        lambda victim: rewrite(
            victim.file,
            victim.file.read_bytes()[: HEADER + victim.flavour.block]
            + victim.twin.read_bytes()[HEADER + victim.flavour.block :],
        )
    ),
    "content of another file, whole": Corruption(
        lambda victim: rewrite(victim.file, victim.twin.read_bytes()), found=False
    ),
    "plaintext instead of content": Corruption(
        lambda victim: rewrite(victim.file, b"plain text of somebody\n" * 100)
    ),
    "damage in a file with two names": Corruption(
        lambda victim: (
            os.link(victim.file, victim.folder / "foreign name"),
            _flip(lambda _: 500)(victim),
        )
    ),
    # Kinds of entries.
    "directory instead of a file": Corruption(_replace(Path.mkdir), of=_with_ivs),
    "fifo instead of a file": Corruption(_replace(os.mkfifo), found=False),
    "link instead of a file": Corruption(
        _replace(lambda path: path.symlink_to("/etc/passwd")), of=_encrypted
    ),
    # Names.
    "file with a foreign name": Corruption(_foreign("readme.txt"), of=_encrypted),
    "file with a foreign name that is not UTF-8": Corruption(_foreign(b"caf\xe9"), of=_encrypted),
    "file with a name of one block": Corruption(_foreign("AAAAAAAAAAAAAAAAAAAAAA"), of=_encrypted),
    "file with half a block as its name": Corruption(_foreign("AAAAAAAAAAA"), of=_encrypted),
    "file with a padded name": Corruption(_foreign("AAAAAAAAAAAAAAAAAAAAAA=="), of=_encrypted),
    "config in a directory": Corruption(_foreign("gocryptfs.conf"), of=_encrypted),
    "copy of a config": Corruption(_foreign("gocryptfs.conf.bak"), of=_encrypted),
    "IV of an interrupted rmdir": Corruption(
        _foreign("gocryptfs.diriv.rmdir.1234567890"), of=_encrypted
    ),
    "IV where there are none": Corruption(
        _foreign(IV_NAME), of=lambda f: f.encrypted_names and not f.dir_ivs
    ),
    "directory with a foreign name": Corruption(
        lambda victim: (victim.folder / "lost+found").mkdir(), of=_encrypted
    ),
    "name in another directory": Corruption(
        lambda victim: victim.file.rename(victim.sub / victim.file.name) and None, of=_with_ivs
    ),
    "names with a letter changed": Corruption(
        lambda victim: [
            path.rename(path.with_name(_other_letter(path.name))) for path in _short_named(victim)
        ],
        of=_encrypted,
    ),
    # Long names.
    "no companion": Corruption(_companion(Path.unlink), of=_encrypted),
    "empty companion": Corruption(_companion(lambda path: rewrite(path, b"")), of=_encrypted),
    "companion with a newline": Corruption(
        _companion(lambda path: rewrite(path, path.read_bytes() + b"\n")), of=_encrypted
    ),
    "companion that is cut": Corruption(
        _companion(lambda path: rewrite(path, path.read_bytes()[:-3])), of=_encrypted
    ),
    "companion that is too long": Corruption(
        _companion(lambda path: rewrite(path, b"A" * 5000)), of=_encrypted
    ),
    "companion of garbage": Corruption(
        _companion(lambda path: rewrite(path, b"\xff" * 250)), of=_encrypted
    ),
    "directory for a companion": Corruption(_companion(_made_directory), of=_encrypted),
    "companion without its entry": Corruption(lambda victim: victim.long.unlink(), of=_encrypted),
    "hash of nothing": Corruption(
        lambda victim: victim.long.rename(victim.long.with_name("gocryptfs.longname." + "A" * 43)),
        of=_encrypted,
    ),
    # Directory IVs.
    "no IV": Corruption(_iv(Path.unlink), of=_with_ivs),
    "short IV": Corruption(_iv(lambda path: rewrite(path, b"short")), of=_with_ivs),
    "empty IV": Corruption(_iv(lambda path: rewrite(path, b"")), of=_with_ivs),
    "long IV": Corruption(_iv(lambda path: rewrite(path, b"l" * 17)), of=_with_ivs),
    "IV of zeros": Corruption(_iv(lambda path: rewrite(path, bytes(16))), of=_with_ivs),
    "other IV": Corruption(
        lambda victim: rewrite(victim.folder / IV_NAME, b"i" * 16), of=_with_ivs
    ),
    "directory for an IV": Corruption(_iv(_made_directory), of=_with_ivs),
    "link for an IV": Corruption(_iv(_made_link), of=_with_ivs),
    "exchanged IVs": Corruption(
        lambda victim: swap(victim.sub / IV_NAME, victim.folder / IV_NAME),
        of=_with_ivs,
    ),
    "empty directory without an IV": Corruption(
        lambda victim: (victim.inner.unlink(), (victim.sub / IV_NAME).unlink()),
        of=_with_ivs,
    ),
    # Symlinks.
    "link to garbage": Corruption(_link(lambda _: "!not base64!"), of=_encrypted),
    "link to a few letters": Corruption(_link(lambda _: "AAAA"), of=_encrypted),
    "link that is cut": Corruption(_link(lambda stored: stored[:-4]), of=_encrypted),
    "link with a letter changed": Corruption(_link(_other_letter), of=_encrypted),
    "link with a newline": Corruption(_link(lambda stored: stored + "\n"), of=_encrypted),
    # Extended attributes.
    "name of an attribute": Corruption(_attribute_name("user.gocryptfs.AAAA", _file)),
    "attribute without a name": Corruption(_attribute_name("user.gocryptfs.", _file)),
    "name of a directory's attribute": Corruption(_attribute_name("user.gocryptfs.garbage", _sub)),
    "value of an attribute": Corruption(_attribute_value(lambda _: b"garbage", _file)),
    "flipped value": Corruption(_attribute_value(_flipped, _file)),
    "flipped value of a directory's": Corruption(_attribute_value(_flipped, _sub)),
    "cut value": Corruption(_attribute_value(lambda value: value[:-1], _file)),
    "empty value": Corruption(_attribute_value(lambda _: b"", _file), found=False),
    "foreign attribute": Corruption(_attribute_name("user.foreign", _file), found=False),
}
