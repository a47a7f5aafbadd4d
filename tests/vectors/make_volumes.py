"""Make the example volumes: one of each kind, with the same small tree, by the real gocryptfs.

    PYTHONPATH=.:tests python tests/vectors/make_volumes.py

It needs gocryptfs and FUSE, and writes volumes/*.tar.gz beside itself. What no new gocryptfs
makes, but each still mounts, gets its config from us; the content is the real program's.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from exampletree import PASSWORD, fill, pack

from vaultui.crypto import masterkey
from vaultui.format import volumeconf
from vaultui.format.features import Features
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.secret import Secret

MADE = {
    "default": (),
    "aessiv": ("-aessiv",),
    "xchacha": ("-xchacha",),
    "deterministic-names": ("-deterministic-names",),
    "plaintextnames": ("-plaintextnames",),
    "plaintextnames-xchacha": ("-plaintextnames", "-xchacha"),
    "longnamemax-62": ("-longnamemax", "62"),
    "aessiv-deterministic-names-100": ("-aessiv", "-deterministic-names", "-longnamemax", "100"),
}
OLD = {
    "0.7": "GCMIV128 DirIV EMENames",
    "0.7-plaintextnames": "GCMIV128 PlaintextNames",
    "1.1-aessiv": "GCMIV128 DirIV EMENames LongNames AESSIV",
    "1.1-aessiv-plaintextnames": "GCMIV128 PlaintextNames AESSIV",
    "1.2": "GCMIV128 DirIV EMENames LongNames Raw64",
}
"""By the first version that made such volumes, with the flags that it gave them."""
REVERSE = {"reverse": (), "reverse-plaintextnames": ("-plaintextnames",)}
"""The encrypted views of a plain directory, copied."""
VOLUMES = Path(__file__).with_name("volumes")


def main() -> None:
    VOLUMES.mkdir(exist_ok=True)
    for name, options in MADE.items():
        with directories() as (cipher, plain):
            gocryptfs("-init", "-scryptn", "10", *options, str(cipher))
            with mounted(cipher, plain):
                fill(plain)
            pack(cipher, VOLUMES / f"{name}.tar.gz")
    for name, flags in OLD.items():
        with directories() as (cipher, plain):
            write_old_config(cipher, flags.split())
            with mounted(cipher, plain):
                fill(plain)
            pack(cipher, VOLUMES / f"{name}.tar.gz")
    for name, options in REVERSE.items():
        with directories() as (plain, view):
            gocryptfs("-init", "-reverse", "-scryptn", "10", *options, str(plain))
            fill(plain, xattrs=False)
            with mounted(plain, view, "-reverse"):
                pack(view, VOLUMES / f"{name}.tar.gz")


def write_old_config(cipher: Path, flags: list[str]) -> None:
    with masterkey.new_master_key() as master:
        key, cost = masterkey.wrap(master, Secret(bytearray(PASSWORD)), 10, hkdf=False)
    conf = VolumeConf("tests/vectors/make_volumes.py", key, cost, Features.parse(flags))
    cipher.joinpath("gocryptfs.conf").write_bytes(volumeconf.format(conf))
    if "DirIV" in flags:
        cipher.joinpath("gocryptfs.diriv").write_bytes(bytes(range(1, 17)))


@contextlib.contextmanager
def directories() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as scratch:
        first, second = Path(scratch, "first"), Path(scratch, "second")
        first.mkdir()
        second.mkdir()
        yield first, second


@contextlib.contextmanager
def mounted(source: Path, mountpoint: Path, *options: str) -> Iterator[None]:
    gocryptfs("-nosyslog", *options, str(source), str(mountpoint))
    try:
        yield
    finally:
        subprocess.run(["fusermount3", "-u", str(mountpoint)], check=True)


def gocryptfs(*words: str) -> None:
    subprocess.run(["gocryptfs", "-q", *words], input=PASSWORD + b"\n", check=True)


if __name__ == "__main__":
    main()
