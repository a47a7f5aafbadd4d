"""Both sides of a path, asked in the order that people mean, against a scripted backend."""

from __future__ import annotations

import asyncio
import errno
from typing import cast

import pytest

from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.outcomes import PathAnswer
from vaultui.vaults.sides import both_sides
from vaultui.vaults.status import VaultStatus
from vaultui.wire.control import PathReply

ENTRY = VaultEntry(VaultId("0" * 16), "Work", "/srv/c", "/mnt/w")
STATUS = VaultStatus(ENTRY, VaultState.OPEN, mountpoint="/mnt/w")


class Backend:
    """Knows one file, `a/b` in plain and `X/Y` in cipher, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def encrypt_path(self, path: str) -> PathReply:
        self.asked.append(f"encrypt {path}")
        return self._reply({"a/b": "X/Y", "": ""}, path)

    async def decrypt_path(self, path: str) -> PathReply:
        self.asked.append(f"decrypt {path}")
        return self._reply({"X/Y": "a/b", "": ""}, path)

    def _reply(self, known: dict[str, str], path: str) -> PathReply:
        if path in known:
            return PathReply(known[path], 0, "", "careful" if path == "a/b" else "")
        return PathReply("", errno.ENOENT, "open: no such file", "")


def ask(path: str) -> tuple[PathAnswer, list[str]]:
    backend = Backend()
    answer = asyncio.run(both_sides(cast("ControlClient", backend), STATUS, path))
    return answer, backend.asked


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("a/b", ["encrypt a/b"]),
        ("/mnt/w/a/b", ["encrypt a/b"]),
        ("/mnt/w/a/../a/b", ["encrypt a/b"]),
        ("/srv/c/X/Y", ["decrypt X/Y"]),
        ("X/Y", ["encrypt X/Y", "decrypt X/Y"]),
    ],
)
def test_either_side_is_understood(path: str, asked: list[str]) -> None:
    answer, questions = ask(path)
    assert (answer.plain, answer.cipher, answer.error) == ("a/b", "X/Y", "")
    assert questions == asked


def test_the_top_is_a_path_too() -> None:
    assert ask("/mnt/w")[0] == PathAnswer("", "")


def test_a_path_that_is_nowhere_is_told_in_words() -> None:
    answer, questions = ask("nowhere")
    assert answer.error == "No such file or directory"
    assert questions == ["encrypt nowhere", "decrypt nowhere"]


def test_a_warning_of_the_backend_is_handed_on() -> None:
    assert ask("a/b")[0].warning == "careful"
