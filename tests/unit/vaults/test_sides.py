"""Both sides of a path, asked in the order that people mean, against a scripted backend."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from pathlib import Path
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


class Backend:
    """Knows one file, `a/b` in plain and `X/Y` in cipher, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def encrypt_path(self, path: str) -> PathReply:
        self.asked.append(f"encrypt {path}")
        # As the real one, it encrypts names of what is not there, in a directory that is.
        return self._reply({"a/b": "X/Y", "": "", "new": "NEW", "X": "XX"}, path)

    async def decrypt_path(self, path: str) -> PathReply:
        self.asked.append(f"decrypt {path}")
        return self._reply({"X/Y": "a/b", "X": "a", "": ""}, path)

    def _reply(self, known: dict[str, str], path: str) -> PathReply:
        if path in known:
            return PathReply(known[path], 0, "", "careful" if path == "a/b" else "")
        return PathReply("", errno.ENOENT, "open: no such file", "")


@pytest.fixture
def status(tmp_path: Path) -> VaultStatus:
    cipherdir = tmp_path / "c"
    (cipherdir / "X").mkdir(parents=True)
    (cipherdir / "X" / "Y").touch()
    entry = VaultEntry(VaultId("0" * 16), "Work", str(cipherdir), "/mnt/w")
    return VaultStatus(entry, VaultState.OPEN, mountpoint="/mnt/w")


def ask(status: VaultStatus, path: str) -> tuple[PathAnswer, list[str]]:
    backend = Backend()
    path = path.replace("CIPHERDIR", status.entry.cipherdir)
    answer = asyncio.run(both_sides(cast("ControlClient", backend), status, path))
    return answer, backend.asked


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("a/b", ["encrypt a/b"]),
        ("/mnt/w/a/b", ["encrypt a/b"]),
        ("/mnt/w/a/../a/b", ["encrypt a/b"]),
        ("CIPHERDIR/X/Y", ["decrypt X/Y"]),
        ("X/Y", ["decrypt X/Y"]),
    ],
)
def test_either_side_is_understood(status: VaultStatus, path: str, asked: list[str]) -> None:
    answer, questions = ask(status, path)
    assert (answer.plain, answer.cipher, answer.error) == ("a/b", "X/Y", "")
    assert questions == asked


def test_a_ciphertext_name_is_not_encrypted_once_more(status: VaultStatus) -> None:
    assert ask(status, "X")[0].plain == "a"


def test_the_top_is_a_path_too(status: VaultStatus) -> None:
    assert ask(status, "/mnt/w")[0] == PathAnswer("", "")
    assert ask(status, "")[0] == PathAnswer("", "")


def test_a_name_that_nothing_has_yet_is_answered_with_a_warning(status: VaultStatus) -> None:
    answer, _ = ask(status, "new")
    assert (answer.cipher, answer.warning) == ("NEW", "Nothing is there.")


def test_a_path_that_is_nowhere_is_told_in_words(status: VaultStatus) -> None:
    answer, questions = ask(status, "nowhere/at/all")
    assert answer.error == "No such file or directory"
    assert questions == ["encrypt nowhere/at/all"]


def test_a_warning_of_the_backend_is_handed_on(status: VaultStatus) -> None:
    assert ask(status, "a/b")[0].warning == "careful"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("a/b", ["encrypt a/b"]),
        ("CIPHERDIR/a/b", ["encrypt a/b"]),
        ("/mnt/w/X/Y", ["decrypt X/Y"]),
        ("X/Y", ["decrypt X/Y"]),
    ],
)
def test_below_an_encrypted_view_the_plain_side_is_on_the_disk(
    status: VaultStatus, path: str, asked: list[str]
) -> None:
    top = Path(status.entry.cipherdir)
    (top / "X").rename(top / "a")
    (top / "a" / "Y").rename(top / "a" / "b")
    view = replace(status, entry=replace(status.entry, reverse=True))
    answer, questions = ask(view, path)
    assert (answer.plain, answer.cipher, answer.error) == ("a/b", "X/Y", "")
    assert questions == asked
