"""Both sides of a path: where a plaintext file is in the cipher directory, and back."""

from __future__ import annotations

import os
from dataclasses import replace

from vaultui.model.language import N_
from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.outcomes import PathAnswer
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.waiting import in_thread
from vaultui.wire.control import PathReply


async def both_sides(client: ControlClient, status: VaultStatus, path: str) -> PathAnswer:
    """Return both sides of `path`: a ciphertext path if one is there, else a plaintext path.

    An absolute path below the mount point or the cipher directory says its side itself. A
    plaintext path where nothing is yet has an answer too, with a warning.
    """
    entry = status.entry
    tops = (status.mountpoint, entry.cipherdir)
    plain_top, cipher_top = reversed(tops) if entry.reverse else tops
    plain = _below(path, plain_top)
    if plain is not None:
        return await _encrypted(client, entry, plain)
    cipher = _below(path, cipher_top)
    if cipher is not None:
        return _from_cipher(cipher, await client.decrypt_path(cipher))
    relative = path.strip("/")
    # Encrypting works for every name, also for one that is ciphertext. What lies on the disk
    # decides: that is the ciphertext, and below an encrypted view the plaintext.
    if relative and await _is_on_disk(entry, relative) is not entry.reverse:
        answer = _from_cipher(relative, await client.decrypt_path(relative))
        if not answer.error:
            return answer
    return await _encrypted(client, entry, relative)


async def _encrypted(client: ControlClient, entry: VaultEntry, plain: str) -> PathAnswer:
    answer = _from_plain(plain, await client.encrypt_path(plain))
    stored = plain if entry.reverse else answer.cipher
    if not answer.error and not await _is_on_disk(entry, stored):
        return replace(answer, warning=answer.warning or N_("Nothing is there."))
    return answer


async def _is_on_disk(entry: VaultEntry, relative: str) -> bool:
    return await in_thread(os.path.lexists, os.path.join(entry.cipherdir, relative))


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
