"""Make gocryptfs.json: bytes that the real gocryptfs wrote, and what is wrong with broken ones.

    python tests/vectors/make_gocryptfs_vectors.py > tests/vectors/gocryptfs.json
    python tests/vectors/make_gocryptfs_vectors.py flavours > tests/vectors/flavours.json

The first is a volume as gocryptfs makes it by default, the second small ones of every other
kind. Needs gocryptfs, gocryptfs-xray and FUSE. The volumes, their password and their content are
made for this purpose; a new run gives other bytes that prove the same. Each vector says what
reading it must come to: `ok`, or `tag`, `header`, `name`, `config` after the part that is refused.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PASSWORD = "correct horse, Käfer & ☃".encode()
NAMES = (
    b"a",
    b"exactly15bytes.",
    b"exactly16bytes..",
    "Ünïcödé ☃".encode(),
    b"\xff\xfe not UTF-8",
    b"with spaces and 'quotes'",
    b"n" * 175,
    b"n" * 176,
    b"n" * 255,
)
FILES = {
    b"empty": b"",
    b"one": b"1",
    b"block": bytes(range(256)) * 16,
    b"block and one": bytes(range(256)) * 16 + b"+",
}
TARGETS = (b"x", b"../plain/target", b"t" * 2000)
ATTRIBUTES = {b"user.note": b"value", b"user.empty": b"", b"user.long": b"v" * 1000}

FLAVOURS = {
    "AES-SIV": ("-aessiv",),
    "XChaCha20-Poly1305": ("-xchacha",),
    "deterministic names": ("-deterministic-names",),
    "plaintext names": ("-plaintextnames",),
    "plaintext names, XChaCha20-Poly1305": ("-plaintextnames", "-xchacha"),
    "long names from 62 bytes": ("-longnamemax", "62"),
    "all that can be had at once": ("-aessiv", "-deterministic-names", "-longnamemax", "100"),
}
# What a new gocryptfs does not make any more, but still mounts, by the master key.
OLD_FLAVOURS = {
    "no HKDF, padded": ("GCMIV128 DirIV EMENames LongNames", ()),
    "no HKDF, padded, AES-SIV": ("GCMIV128 DirIV EMENames LongNames AESSIV", ("-aessiv",)),
    "no HKDF, plaintext names": ("GCMIV128 PlaintextNames", ("-plaintextnames",)),
}
OLD_KEY = bytes(range(32))
FLAGS = [
    *("HKDF", "XChaCha20Poly1305", "GCMIV128", "PlaintextNames", "DirIV"),
    *("LongNameMax", "EMENames", "LongNames", "Raw64", "AESSIV"),
]
FLAVOUR_NAMES = (b"a", "Ünïcödé ☃".encode(), b"n" * 31, b"n" * 32, b"n" * 63, b"n" * 176)

Vector = dict[str, Any]


def main() -> None:
    document = flavours() if sys.argv[1:] == ["flavours"] else default()
    json.dump(document, sys.stdout, indent=1)
    print()


def flavours() -> dict[str, Any]:
    volumes = [flavour(what, options) for what, options in FLAVOURS.items()]
    volumes += [old_flavour(what, *how) for what, how in OLD_FLAVOURS.items()]
    return {
        "source": version(),
        "password": encoded(PASSWORD),
        "accepted": list(accepted()),
        "volumes": volumes,
    }


def accepted() -> Iterator[str]:
    """Yield each set of feature flags that gocryptfs takes in a config; it sees 1024."""
    with directories() as (cipher, _):
        gocryptfs("-init", "-scryptn", "10", str(cipher))
        path = cipher / "gocryptfs.conf"
        fields = json.loads(path.read_text("utf-8"))
        path.unlink()
        for bits in itertools.product((False, True), repeat=len(FLAGS)):
            flags = list(itertools.compress(FLAGS, bits))
            limit = {"LongNameMax": 100} if "LongNameMax" in flags else {}
            path.write_text(json.dumps({**fields, "FeatureFlags": flags, **limit}))
            asked = ["gocryptfs", "-info", str(cipher)]
            if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
                yield " ".join(flags)


def flavour(what: str, options: tuple[str, ...]) -> dict[str, Any]:
    with directories() as (cipher, plain):
        gocryptfs("-init", "-scryptn", "10", *options, str(cipher))
        conf = cipher.joinpath("gocryptfs.conf").read_text("utf-8")
        return {"what": what, "config": conf, **content(cipher, plain)}


def old_flavour(what: str, flags: str, options: tuple[str, ...]) -> dict[str, Any]:
    mount = ("-hkdf=false", "-raw64=false", "-masterkey", OLD_KEY.hex(), *options)
    with directories() as (cipher, plain):
        if "DirIV" in flags:
            cipher.joinpath("gocryptfs.diriv").write_bytes(bytes(range(1, 17)))
        made = content(cipher, plain, *mount)
        return {"what": what, "flags": flags.split(), "master_key": encoded(OLD_KEY), **made}


def content(cipher: Path, plain: Path, *options: str) -> dict[str, Any]:
    """Fill a small volume, and return what then lies in it."""
    with mounted(cipher, plain, *options):
        for name in (b"one", b"block and one"):
            path_in(plain, name).write_bytes(FILES[name])
        path_in(plain, b"link").symlink_to(os.fsdecode(TARGETS[1]))
        os.setxattr(path_in(plain, b"one"), b"user.note", ATTRIBUTES[b"user.note"])
        for name in FLAVOUR_NAMES:
            path_in(plain, name).mkdir()
    dir_iv = cipher.joinpath("gocryptfs.diriv")
    return {
        "dir_iv": encoded(dir_iv.read_bytes() if dir_iv.exists() else bytes(16)),
        "vectors": [found for found in collect(cipher, plain, *options) if found["expect"] == "ok"],
    }


@contextlib.contextmanager
def directories() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as scratch:
        cipher, plain = Path(scratch, "cipher"), Path(scratch, "plain")
        cipher.mkdir()
        plain.mkdir()
        yield cipher, plain


def version() -> str:
    shown = subprocess.run(["gocryptfs", "-version"], capture_output=True, check=True)
    return shown.stdout.decode().split(";")[0].strip()


def default() -> dict[str, Any]:
    with directories() as (cipher, plain):
        gocryptfs("-init", "-scryptn", "10", str(cipher))
        with mounted(cipher, plain):
            fill(plain)
        conf = cipher.joinpath("gocryptfs.conf").read_text("utf-8")
        return {
            "source": version(),
            "password": encoded(PASSWORD),
            "master_key": encoded(master_key(cipher)),
            "config": conf,
            "dir_iv": encoded(cipher.joinpath("gocryptfs.diriv").read_bytes()),
            "vectors": [*configs(conf), *collect(cipher, plain), *broken_names(cipher)],
        }


def fill(plain: Path) -> None:
    for name, content in FILES.items():
        path_in(plain, name).write_bytes(content)
    with path_in(plain, b"hole").open("wb") as file:
        file.write(b"A")
        file.seek(3 * 4096)
        file.write(b"Z")
    for number, target in enumerate(TARGETS):
        path_in(plain, b"link %d" % number).symlink_to(os.fsdecode(target))
    for name, value in ATTRIBUTES.items():
        os.setxattr(path_in(plain, b"one"), name, value)
    for name in NAMES:
        path_in(plain, name).mkdir()


def collect(cipher: Path, plain: Path, *options: str) -> Iterator[Vector]:
    """Yield vectors for everything in the root, matched to its plaintext by inode number."""
    with mounted(cipher, plain, *options):
        by_inode = {entry.stat(follow_symlinks=False).st_ino: entry for entry in os.scandir(plain)}
        for entry in sorted(os.scandir(cipher), key=lambda entry: entry.name):
            other = by_inode.get(entry.stat(follow_symlinks=False).st_ino)
            if other is None:
                continue
            name = os.fsencode(other.name)
            full = entry.name
            if full.startswith("gocryptfs.longname."):
                full = cipher.joinpath(full + ".name").read_text("ascii")
            yield vector("name", "ok", cipher=full, plain=encoded(name), entry=entry.name)
            if entry.is_symlink():
                target = os.fsencode(os.readlink(plain / other.name))
                text = os.readlink(entry.path)
                if os.fsencode(text) != target:
                    yield from values(base64.urlsafe_b64decode(text + "=="), target, "symlink")
            elif entry.is_file():
                yield from files(Path(entry.path).read_bytes(), Path(other.path).read_bytes())
            stored = attributes(Path(entry.path))
            if stored:
                shown = attributes(Path(other.path))
                yield vector("attributes", "ok", cipher=stored, plain=shown)


def attributes(path: Path) -> dict[str, str]:
    return {
        name: encoded(os.getxattr(path, name, follow_symlinks=False))
        for name in os.listxattr(path, follow_symlinks=False)
    }


def files(data: bytes, plain: bytes) -> Iterator[Vector]:
    yield vector("file", "ok", data=encoded(data), plain=encoded(plain))
    if len(plain) != 1:
        return
    for expect, what, broken in (
        ("header", "a version that never was", flipped(data, 1)),
        ("header", "a file ID of zeros", data[:2] + bytes(16) + data[18:]),
        ("header", "a header of zeros", bytes(18) + data[18:]),
        ("header", "half a header", data[:9]),
        ("tag", "another file's ID", flipped(data, 5)),
        ("tag", "a flipped bit in the nonce", flipped(data, 18)),
        ("tag", "a nonce of zeros", data[:18] + bytes(16) + data[34:]),
        ("tag", "a flipped bit in the ciphertext", flipped(data, 34)),
        ("tag", "a flipped bit in the tag", flipped(data, len(data) - 1)),
        ("tag", "the last byte missing", data[:-1]),
        ("tag", "a short block of zeros", data[:18] + bytes(33)),
        ("tag", "a byte too many", data + b"\0"),
    ):
        yield vector("file", expect, what=what, data=encoded(broken))


def values(data: bytes, plain: bytes, what: str) -> Iterator[Vector]:
    yield vector("value", "ok", what=what, data=encoded(data), plain=encoded(plain))
    if len(plain) != 1:
        return
    for broken, flaw in (
        (flipped(data, 0), "a flipped bit in the nonce"),
        (flipped(data, 16), "a flipped bit in the ciphertext"),
        (flipped(data, len(data) - 1), "a flipped bit in the tag"),
        (data[:32], "nothing between nonce and tag"),
        (data[:7], "cut off in the nonce"),
        (bytes(len(data)), "zeros"),
    ):
        yield vector("value", "tag", what=f"{what}: {flaw}", data=encoded(broken))


def broken_names(cipher: Path) -> Iterator[Vector]:
    good = next(
        entry.name
        for entry in sorted(os.scandir(cipher), key=lambda entry: entry.name)
        if not entry.name.startswith("gocryptfs.")
    )
    # The first character changes the first byte of the first block, and so all of them.
    other = "A" if good[0] != "A" else "B"
    for what, text in (
        ("another first character", other + good[1:]),
        ("padding where there is none", good + "=="),
        ("a line break", good[:4] + "\n" + good[4:]),
        ("the alphabet of plain base64", good[:-1] + "+"),
        ("a character of no alphabet", good[:-1] + "*"),
        ("not a whole block", good[:-2]),
        ("empty", ""),
        ("a foreign file", "README.txt"),
        ("bits after the last byte", good[:-1] + ("B" if good[-1] != "B" else "C")),
    ):
        yield vector("name", "name", what=what, cipher=text)


def configs(text: str) -> Iterator[Vector]:
    """Yield configs with the exit code that the real program ended with, asked each time."""
    fields = json.loads(text)
    scrypt = fields["ScryptObject"]
    flags = fields["FeatureFlags"]
    key = base64.b64decode(fields["EncryptedKey"])

    def but(**changes: Any) -> str:
        return json.dumps({**fields, **changes})

    def cost(**changes: Any) -> str:
        return but(ScryptObject={**scrypt, **changes})

    for what, conf in (
        ("as it is", text),
        ("names in other cases", text.replace("Version", "vErSiOn").replace("Salt", "SALT")),
        ("a field of the future", but(Zukunft={"x": [1]})),
        ("a flag twice", but(FeatureFlags=[*flags, flags[0]])),
        ("the last of two values", text.replace('"Version": 2', '"Version": 9, "version": 2')),
        ("null for a text", but(Creator=None)),
        (
            "a line break in base64",
            text.replace(scrypt["Salt"], scrypt["Salt"][:8] + "\\n" + scrypt["Salt"][8:]),
        ),
        ("empty", ""),
        ("cut off", text[: len(text) // 2]),
        ("something after the end", text + "x"),
        ("an array", "[]"),
        ("null", "null"),
        ("not JSON", "gocryptfs"),
        ("a byte order mark", "\ufeff" + text),
        ("Not a Number", text.replace("1024", "NaN")),
        ("N as a text", cost(N="1024")),
        ("N as a fraction", cost(N=1024.5)),
        ("N as true", cost(N=True)),
        ("salt that is not base64", cost(Salt="*" * 44)),
        ("a flag that is a number", but(FeatureFlags=[1])),
        ("LongNameMax above 255", but(FeatureFlags=[*flags, "LongNameMax"], LongNameMax=256)),
        ("another version", but(Version=3)),
        ("no version", but(Version=None)),
        ("an unknown flag", but(FeatureFlags=[*flags, "Zukunft"])),
        ("a flag in lower case", but(FeatureFlags=["hkdf"])),
        ("no flags", but(FeatureFlags=None)),
        ("no GCMIV128", but(FeatureFlags=[flag for flag in flags if flag != "GCMIV128"])),
        ("AESSIV and XChaCha", but(FeatureFlags=[*flags, "AESSIV", "XChaCha20Poly1305"])),
        ("XChaCha and GCMIV128", but(FeatureFlags=[*flags, "XChaCha20Poly1305"])),
        ("PlaintextNames and DirIV", but(FeatureFlags=[*flags, "PlaintextNames"])),
        ("LongNameMax without its flag", but(LongNameMax=100)),
        ("LongNameMax flag alone", but(FeatureFlags=[*flags, "LongNameMax"])),
        ("N of 2^9", cost(N=512)),
        ("r of 7", cost(R=7)),
        ("p of 0", cost(P=0)),
        ("no scrypt", but(ScryptObject=None)),
        ("a salt of 31 bytes", cost(Salt=base64.b64encode(bytes(31)).decode())),
        ("a key of 31 bytes", cost(KeyLen=31)),
        ("another salt", cost(Salt=base64.b64encode(bytes(32)).decode())),
        ("r of 9", cost(R=9)),
        ("a flipped bit in the key", but(EncryptedKey=encoded(flipped(key, 20)))),
        ("a flipped bit in the tag", but(EncryptedKey=encoded(flipped(key, len(key) - 1)))),
        ("no HKDF", but(FeatureFlags=[flag for flag in flags if flag != "HKDF"])),
        ("a short key", but(EncryptedKey=encoded(key[:20]))),
    ):
        code = exit_code(conf)
        expect = {0: "ok", 12: "tag"}.get(code, "config")
        yield vector("config", expect, what=what, conf=conf, exit_code=code)


def exit_code(conf: str) -> int:
    """Return how gocryptfs ends when it checks an empty volume with this config."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "conf")
        path.write_text(conf, "utf-8")
        cipher = Path(scratch, "cipher")
        cipher.mkdir()
        cipher.joinpath("gocryptfs.diriv").write_bytes(bytes(range(16)))
        return subprocess.run(
            ["gocryptfs", "-fsck", "-config", str(path), str(cipher)],
            input=PASSWORD + b"\n",
            capture_output=True,
            check=False,
        ).returncode


def vector(kind: str, expect: str, **fields: Any) -> Vector:
    return {"kind": kind, "expect": expect, **fields}


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def path_in(directory: Path, name: bytes) -> Path:
    return directory / os.fsdecode(name)


def master_key(cipher: Path) -> bytes:
    shown = subprocess.run(
        ["gocryptfs-xray", "-dumpmasterkey", str(cipher / "gocryptfs.conf")],
        input=PASSWORD + b"\n",
        capture_output=True,
        check=True,
    )
    return bytes.fromhex(shown.stdout.decode().strip())


def gocryptfs(*words: str) -> None:
    subprocess.run(["gocryptfs", "-q", *words], input=PASSWORD + b"\n", check=True)


@contextlib.contextmanager
def mounted(cipher: Path, plain: Path, *options: str) -> Iterator[None]:
    gocryptfs("-nosyslog", *options, str(cipher), str(plain))
    try:
        yield
    finally:
        subprocess.run(["fusermount3", "-u", str(plain)], check=True)


if __name__ == "__main__":
    main()
