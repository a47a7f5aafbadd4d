"""Proves the floors below the file system alone: a tree crosses without a mount of ours.

Names, blocks, symlinks and attributes are decrypted from the real program's cipher directory
with plain reads, and written into one that it then mounts.
"""

from __future__ import annotations

import os
from pathlib import Path

import sampletree
from support import Gocryptfs, difference, tree_digest

from vaultui.cipherfs.volume import Volume, create, open_volume
from vaultui.crypto.content import new_file_id
from vaultui.format.blocks import GCM, HEADER_BYTES, format_header, parse_header
from vaultui.format.names import (
    CONF_NAME,
    DIR_IV_BYTES,
    DIR_IV_NAME,
    companion,
    decode_raw,
    encode_raw,
    is_companion,
    is_long,
)
from vaultui.model.secret import Secret


def test_every_name_and_block_of_gocryptfs_is_decrypted(tmp_path: Path) -> None:
    reference, decrypted = tmp_path / "reference", tmp_path / "decrypted"
    for tree in (reference, decrypted):
        tree.mkdir()
    sampletree.build(reference)
    with Gocryptfs(tmp_path) as theirs:
        sampletree.build(theirs.mountpoint)
    volume = open_volume(theirs.cipherdir, Secret(bytearray(theirs.password)))
    decrypt_tree(volume, os.fsencode(theirs.cipherdir), os.fsencode(decrypted), {})
    assert difference(digest(reference), digest(decrypted)) == []


def test_gocryptfs_mounts_a_volume_that_was_written_without_it(tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    reference.mkdir()
    sampletree.build(reference)
    theirs = Gocryptfs(tmp_path)
    theirs.cipherdir.mkdir()
    create(theirs.cipherdir, Secret(bytearray(theirs.password)), 10).wipe()
    volume = open_volume(theirs.cipherdir, Secret(bytearray(theirs.password)))
    encrypt_tree(volume, os.fsencode(reference), os.fsencode(theirs.cipherdir), {})
    with theirs:
        assert difference(digest(reference), digest(theirs.mountpoint)) == []
    theirs.fsck().check()


def digest(tree: Path) -> dict[bytes, object]:
    """Return the tree without its times, and without the root, which nobody copied."""
    return {name: entry for name, entry in tree_digest(tree, times=False).items() if name != b"."}


def decrypt_tree(volume: Volume, cipher: bytes, plain: bytes, seen: dict[int, bytes]) -> None:
    dir_iv = read(os.path.join(cipher, DIR_IV_NAME))
    for cname in sorted(os.listdir(cipher)):
        if cname in (CONF_NAME, DIR_IV_NAME) or is_companion(cname):
            continue
        source = os.path.join(cipher, cname)
        full = read(os.path.join(cipher, companion(cname))) if is_long(cname) else cname
        target = os.path.join(plain, volume.names.decrypt(full, dir_iv))
        inode = os.lstat(source).st_ino
        if inode in seen:
            os.link(seen[inode], target)
            continue
        seen[inode] = target
        if os.path.islink(source):
            os.symlink(volume.content.open_value(decode_raw(os.readlink(source))), target)
            continue
        if os.path.isdir(source):
            os.mkdir(target)
            decrypt_tree(volume, source, target, seen)
        elif os.path.isfile(source):
            write(target, decrypt_file(volume, read(source)))
        else:
            os.mkfifo(target)
        for stored in map(os.fsencode, os.listxattr(source)):
            value = volume.content.open_value(os.getxattr(source, stored))
            os.setxattr(target, volume.names.decrypt_xattr_name(stored), value)
        os.chmod(target, os.lstat(source).st_mode & 0o7777)


def encrypt_tree(volume: Volume, plain: bytes, cipher: bytes, seen: dict[int, bytes]) -> None:
    dir_iv = read(os.path.join(cipher, DIR_IV_NAME))
    for name in sorted(os.listdir(plain)):
        source = os.path.join(plain, name)
        target = os.path.join(cipher, name_on_disk(volume, name, dir_iv, cipher))
        inode = os.lstat(source).st_ino
        if inode in seen:
            os.link(seen[inode], target)
            continue
        seen[inode] = target
        if os.path.islink(source):
            os.symlink(encode_raw(volume.content.seal_value(os.readlink(source))), target)
            continue
        if os.path.isdir(source):
            os.mkdir(target)
            write(os.path.join(target, DIR_IV_NAME), os.urandom(DIR_IV_BYTES))
            encrypt_tree(volume, source, target, seen)
        elif os.path.isfile(source):
            write(target, encrypt_file(volume, read(source)))
        else:
            os.mkfifo(target)
        for attribute in map(os.fsencode, os.listxattr(source)):
            value = volume.content.seal_value(os.getxattr(source, attribute))
            os.setxattr(target, volume.names.encrypt_xattr_name(attribute), value)
        os.chmod(target, os.lstat(source).st_mode & 0o7777)


def name_on_disk(volume: Volume, name: bytes, dir_iv: bytes, cipher: bytes) -> bytes:
    cname = volume.names.encrypt(name, dir_iv)
    if len(cname) <= volume.features.long_name_max:
        return cname
    hashed = volume.names.hash_long_name(cname)
    write(os.path.join(cipher, companion(hashed)), cname)
    return hashed


def decrypt_file(volume: Volume, data: bytes) -> bytes:
    if len(data) <= HEADER_BYTES:
        return b""
    file_id = parse_header(data[:HEADER_BYTES])
    plain = bytes(volume.content.open(0, file_id, memoryview(data)[HEADER_BYTES:]))
    assert len(plain) == GCM.plain_size(len(data))
    return plain


def encrypt_file(volume: Volume, plain: bytes) -> bytes:
    if not plain:
        return b""
    file_id = new_file_id()
    data = format_header(file_id) + volume.content.seal(0, file_id, plain)
    assert len(data) == GCM.cipher_size(len(plain))
    return data


def read(path: bytes) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib has no bytes
        return file.read()


def write(path: bytes, data: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123 - pathlib has no bytes
        file.write(data)
