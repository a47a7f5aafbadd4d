"""Asking a control socket for many paths; the other end may be anything that listens."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vaultui.mountd.commandline.pathclient import translate_paths

Answer = Callable[[bytes], bytes]


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[[Answer], str]]:
    """Return what starts a server that answers each request of one connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        path = str(tmp_path / "socket")
        listener.bind(path)
        listener.listen()
        threads: list[threading.Thread] = []

        def start(answer: Answer) -> str:
            def serve() -> None:
                connection, _ = listener.accept()
                with connection:
                    while request := connection.recv(5000):
                        line = answer(request)
                        if not line:
                            return
                        connection.sendall(line)

            thread = threading.Thread(target=serve)
            thread.start()
            threads.append(thread)
            return path

        yield start
        for thread in threads:
            thread.join(10)


@pytest.fixture
def ask(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., tuple[int, bytes, str]]:
    """Return what translates paths, given as standard input would have them."""

    def run(path: str, given: bytes, *, separator: bytes = b"\n") -> tuple[int, bytes, str]:
        pieces = [given[at : at + 7] for at in range(0, len(given), 7)]
        monkeypatch.setattr(os, "read", lambda _fd, _size: pieces.pop(0) if pieces else b"")
        code = translate_paths(path, decrypt=False, separator=separator)
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return run


def reply(result: str, number: int = 0, text: str = "", warning: str = "") -> bytes:
    fields = {"Result": result, "ErrNo": number, "ErrText": text, "WarnText": warning}
    return json.dumps(fields).encode() + b"\n"


def echo(request: bytes) -> bytes:
    path = json.loads(request)["EncryptPath"]
    if path == "bad":
        return reply("", 2, "no such file or directory")
    return reply(path.upper(), warning="odd" if path == "odd" else "")


def test_each_path_has_its_line_and_each_complaint_its_number(
    listen: Callable[[Answer], str], ask: Callable[..., tuple[int, bytes, str]]
) -> None:
    code, out, err = ask(listen(echo), b"first path\nbad\nodd\nlast")
    assert (code, out) == (1, b"FIRST PATH\nODD\nLAST\n")
    assert err == (
        'error at input line 2 "bad": errno 2: no such file or directory\n'
        'warning at input line 3 "odd": odd\n'
    )


def test_any_bytes_go_through_between_nul_bytes(
    listen: Callable[[Answer], str], ask: Callable[..., tuple[int, bytes, str]]
) -> None:
    given = b"new\nline\0\xff\xfe\0"
    assert ask(listen(echo), given, separator=b"\0") == (0, b"NEW\nLINE\0\xff\xfe\0", "")


def test_a_path_that_is_too_long_is_refused_and_the_next_one_asked(
    listen: Callable[[Answer], str], ask: Callable[..., tuple[int, bytes, str]]
) -> None:
    code, out, err = ask(listen(echo), b"x" * 5000 + b"\nnext\n")
    assert (code, out) == (1, b"NEXT\n")
    assert err.endswith("the path is too long for a request\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "it closed the connection"),
        (b"hello\n", "its answer cannot be understood"),
        (b"[]\n", "its answer cannot be understood"),
        (b"{}\n", "its answer cannot be understood"),
        (reply("x").replace(b'"x"', b"5"), "its answer cannot be understood"),
    ],
)
def test_whoever_does_not_speak_the_protocol_ends_it(
    listen: Callable[[Answer], str],
    ask: Callable[..., tuple[int, bytes, str]],
    line: bytes,
    reason: str,
) -> None:
    path = listen(lambda _request: line)
    assert ask(path, b"a\nb\n") == (1, b"", f"fatal: {path}: {reason}\n")
