"""What a start of the backend does without, in an interpreter of its own."""

from __future__ import annotations

import sys

from programs import run_program

_LOADED = """
import os, sys
from vaultui.mountd import libraries
started = []
def hear(event, given):
    if event in ("os.fork", "subprocess.Popen"):
        started.append(given)
sys.addaudithook(hear)
libraries.load()
"""


def _told(code: str) -> str:
    return run_program((sys.executable, "-I", "-c", _LOADED + code)).check().stdout.decode()


def test_nothing_is_started_and_nothing_loaded_that_a_mount_never_uses() -> None:
    unused = ("email", "idna", "shutil", "ssl", "subprocess", "zipfile")
    code = f"print(started, [name for name in {unused} if name in sys.modules])"
    assert _told(code) == "[] []\n"


def test_whoever_uses_a_library_afterwards_gets_the_real_one() -> None:
    code = """
import ctypes.util, importlib.metadata, ssl, trio
print(importlib.metadata.version("pyfuse3"), ctypes.util.find_library("c"))
print(trio.open_ssl_over_tcp_listeners.__globals__["ssl"].SSLContext is ssl.SSLContext)
print(trio.run(trio.run_process, ("true",)).returncode)
"""
    version, real, returncode = _told(code).splitlines()
    assert version.startswith("3.")
    assert version.endswith("libc.so.6")
    assert (real, returncode) == ("True", "0")


def test_libraries_that_are_loaded_stay_as_they_are() -> None:
    code = """
import ssl, importlib.metadata
before = sys.modules["ssl"], sys.modules["importlib.metadata"]
libraries.load()
print(before == (sys.modules["ssl"], sys.modules["importlib.metadata"]))
"""
    assert _told(code) == "True\n"
