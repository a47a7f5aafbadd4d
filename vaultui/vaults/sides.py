"""Both sides of a path: where a plaintext file is in the cipher directory, and back."""

from __future__ import annotations

import os
from dataclasses import replace

from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults.outcomes import PathAnswer
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.waiting import in_thread
from vaultui.wire.control import PathReply


async def both_sides(client: ControlClient, status: VaultStatus, path: str) -> PathAnswer:
    """Return both sides of `path`: a ciphertext path if one is there, else a plaintext path.

    An absolute path below the mount point or the cipher directory says its side itself. A
    plaintext path where nothing is yet has an answer too, with a warning.
    """
    cipherdir = status.entry.cipherdir
    plain = _below(path, status.mountpoint)
    if plain is not None:
        return await _encrypted(client, cipherdir, plain)
    cipher = _below(path, cipherdir)
    if cipher is not None:
        return _from_cipher(cipher, await client.decrypt_path(cipher))
    relative = path.strip("/")
    # Encrypting works for every name, also for one that is ciphertext. What lies in the
    # cipher directory decides.
    is_ciphertext = await in_thread(os.path.lexists, os.path.join(cipherdir, relative))
    if relative and is_ciphertext:
        answer = _from_cipher(relative, await client.decrypt_path(relative))
        if not answer.error:
            return answer
    return await _encrypted(client, cipherdir, relative)


async def _encrypted(client: ControlClient, cipherdir: str, plain: str) -> PathAnswer:
    answer = _from_plain(plain, await client.encrypt_path(plain))
    there = os.path.join(cipherdir, answer.cipher)
    if not answer.error and not await in_thread(os.path.lexists, there):
        return replace(answer, warning=answer.warning or "Nothing is there.")
    return answer


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
