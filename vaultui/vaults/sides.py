"""Both sides of a path: where a plaintext file is in the cipher directory, and back."""

from __future__ import annotations

import os

from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults.outcomes import PathAnswer
from vaultui.vaults.status import VaultStatus
from vaultui.wire.control import PathReply


async def both_sides(client: ControlClient, status: VaultStatus, path: str) -> PathAnswer:
    """Return both sides of `path`, which is tried as plaintext, then as ciphertext.

    An absolute path below the mount point or the cipher directory says its side itself.
    """
    plain = _below(path, status.mountpoint)
    if plain is not None:
        return _from_plain(plain, await client.encrypt_path(plain))
    cipher = _below(path, status.entry.cipherdir)
    if cipher is not None:
        return _from_cipher(cipher, await client.decrypt_path(cipher))
    relative = path.strip("/")
    encrypted = await client.encrypt_path(relative)
    if not encrypted.ErrNo and not encrypted.ErrText:
        return _from_plain(relative, encrypted)
    decrypted = await client.decrypt_path(relative)
    if not decrypted.ErrNo and not decrypted.ErrText:
        return _from_cipher(relative, decrypted)
    # Most people ask for a plaintext path, so its failure is the one that means something.
    return _from_plain(relative, encrypted)


def _below(path: str, folder: str) -> str | None:
    """Return `path` relative to `folder`, or None when it is not below it."""
    if not path.startswith("/"):
        return None
    whole = os.path.normpath(path)
    if whole == folder:
        return ""
    prefix = folder.rstrip("/") + "/"
    return whole.removeprefix(prefix) if whole.startswith(prefix) else None


def _from_plain(plain: str, reply: PathReply) -> PathAnswer:
    if reply.ErrNo or reply.ErrText:
        return PathAnswer("", "", error=_words(reply), warning=reply.WarnText)
    return PathAnswer(plain, reply.Result, warning=reply.WarnText)


def _from_cipher(cipher: str, reply: PathReply) -> PathAnswer:
    if reply.ErrNo or reply.ErrText:
        return PathAnswer("", "", error=_words(reply), warning=reply.WarnText)
    return PathAnswer(reply.Result, cipher, warning=reply.WarnText)


def _words(reply: PathReply) -> str:
    known = reply.ErrNo > 0  # -1 is gocryptfs's "no errno"
    return os.strerror(reply.ErrNo) if known else reply.ErrText
