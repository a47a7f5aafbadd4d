"""A protected process leaves no core and can't be looked into, and its buffers stay in memory."""

import resource
import subprocess
import sys

import pytest

from vaultui.linux import hardening


def in_a_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_protected_process_is_not_dumpable_and_has_no_room_for_a_core() -> None:
    code = """
import ctypes, resource
from vaultui.linux import hardening
hardening.protect_process()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""
    assert in_a_process(code) == "0 (1, 1)"


def test_other_processes_of_the_same_user_do_not_own_its_proc_files() -> None:
    code = """
import os
from vaultui.linux import hardening
if os.geteuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
hardening.protect_process()
print(os.stat('/proc/self/mem').st_uid)
"""
    assert in_a_process(code) == "0"


def test_a_locked_buffer_counts_as_locked_and_keeps_its_content() -> None:
    code = """
from vaultui.linux import hardening
buffer = bytearray(b'k' * 100_000)
def locked(): return [l.split()[1] for l in open('/proc/self/status') if l.startswith('VmLck')][0]
before = int(locked())
print(hardening.lock_buffer(buffer), int(locked()) - before >= 96, buffer == b'k' * 100_000)
"""
    assert in_a_process(code) == "True True True"


def test_an_empty_buffer_is_locked_already() -> None:
    assert hardening.lock_buffer(bytearray())


def test_a_locked_buffer_can_still_be_resized_and_wiped() -> None:
    buffer = bytearray(b"secret")
    hardening.lock_buffer(buffer)
    buffer[:] = bytes(6)
    buffer.clear()
    assert not buffer


def test_memory_is_not_locked_where_a_limit_would_break_later_allocations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With room for today's memory only, mlockall would work and the next allocation fail."""
    calls: list[int] = []
    monkeypatch.setattr(hardening, "_mlockall", calls.append)
    for limit, expected in ((1 << 50, []), (1 << 16, [7]), (resource.RLIM_INFINITY, [7, 7])):
        monkeypatch.setattr(
            hardening.resource, "getrlimit", lambda _which, soft=limit: (soft, soft)
        )
        hardening.lock_memory()
        assert calls == expected


def test_a_refusal_to_lock_memory_is_an_answer_and_breaks_nothing() -> None:
    code = """
import os, resource
from vaultui.linux import hardening
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 16, 1 << 16))
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
print(hardening.lock_memory(), hardening.lock_buffer(bytearray(1 << 20)), len(bytearray(64 << 20)))
"""
    assert in_a_process(code) == f"False False {64 << 20}"


def test_what_an_ordinary_user_may_lock_is_used_for_each_secret() -> None:
    """The backend's own way, where it may lock some memory and not all."""
    code = """
import ctypes, os, resource
from vaultui.crypto import masterkey
from vaultui.crypto.hazmat import kdf
from vaultui.linux import hardening
from vaultui.mountd import __main__
resource.setrlimit(resource.RLIMIT_MEMLOCK, (4 << 20, 4 << 20))
if os.geteuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
__main__._protect()

def is_locked(secret):
    address = ctypes.addressof(ctypes.c_char.from_buffer(secret.view))
    inside = False
    for line in open('/proc/self/smaps'):
        first, _, rest = line.partition('-')
        if rest and not line.startswith('VmFlags'):
            try:
                inside = int(first, 16) <= address < int(rest.split()[0], 16)
            except ValueError:
                pass
        elif inside and line.startswith('VmFlags:'):
            return 'lo' in line.split() and 'dd' in line.split()

master = masterkey.new_master_key()
print([is_locked(secret) for secret in (master, master.copy(), kdf.hkdf(master, b'info', 64))])
"""
    assert in_a_process(code) == "[True, True, True]"


def test_a_hidden_argument_is_not_in_the_process_list_wherever_it_stands() -> None:
    code = """
import sys
from vaultui.linux import hardening
hardening.hide_argument(sys.argv[2].encode())
print(open('/proc/self/cmdline').read().split('\\0')[3:])
"""
    words = [sys.executable, "-c", code, "first", "secret-key", "-o", "q,key=secret-key", "ü"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(["first", "x" * 10, "-o", f"q,key={'x' * 10}", "ü", ""])
