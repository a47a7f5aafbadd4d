"""The backend as the front end starts it: a Spec and secrets on one pipe, answers on another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from capabilities import needs
from mounting import Vaultfs
from programs import run_program
from starting import Started, mount_spec
from support import wait_until

from vaultui.model.errors import from_wire
from vaultui.model.switches import HOTPATH
from vaultui.wire.handshake import Failed, Ready, Starting, Step, StepName
from vaultui.wire.oneshot import CheckSpec, CreateSpec, Done, InfoSpec, PasswdSpec

pytestmark = needs("fuse")


def conversation(spec: Any, *secrets: bytes) -> tuple[int, list[Any]]:
    """Return the exit code of a one-shot command and its messages after Starting."""
    started = Started(spec, secrets)
    first, *rest = started.messages()
    assert first == Starting(started.process.pid)
    return started.process.wait(30), rest


def test_a_mount_says_started_steps_and_ready_and_then_closes_the_pipe(volume: Vaultfs) -> None:
    started = Started(mount_spec(volume), [volume.password])
    messages = started.messages()
    pid = started.process.pid
    assert messages[:3] == [
        Starting(pid),
        Step(StepName.DERIVING),
        Step(StepName.MOUNTING),
    ]
    ready = messages[3]
    assert isinstance(ready, Ready)
    assert (ready.pid, ready.mountpoint) == (pid, str(volume.mountpoint))
    assert len(messages) == 4
    (line,) = (
        line
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if line.split()[4] == str(volume.mountpoint)
    )
    assert int(line.split()[0]) == ready.mount_id
    # Nothing secret where others look.
    for name in ("cmdline", "environ"):
        assert volume.password not in Path(f"/proc/{pid}/{name}").read_bytes()
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    wait_until(lambda: run_program(("fusermount3", "-u", volume.mountpoint)).returncode == 0, 5)
    assert started.process.wait(20) == 0


def test_a_failure_crosses_the_pipe_as_its_error_and_is_the_exit_code(volume: Vaultfs) -> None:
    code, messages = conversation(mount_spec(volume), b"wrong")
    assert code == 12
    assert isinstance(messages[-1], Failed)
    assert from_wire(messages[-1].error).code == "password-incorrect"
    assert not (volume.base / "ctl").exists()


def test_a_spec_that_never_comes_is_a_protocol_error(volume: Vaultfs) -> None:
    code, (failed,) = conversation(None)
    assert code == 11
    assert from_wire(failed.error).code == "protocol"
    code, messages = conversation(mount_spec(volume))  # its secret is missing
    assert from_wire(messages[-1].error).code == "protocol"
    assert code == 11


def test_a_volume_is_made_described_given_another_password_and_checked(tmp_path: Path) -> None:
    cipherdir = tmp_path / "new"
    cipherdir.mkdir()
    code, (step, created, master) = conversation(CreateSpec(str(cipherdir), 10), b"one")
    assert (code, step, created.cipherdir) == (0, Step(StepName.DERIVING), str(cipherdir))
    assert len(master) == 32
    code, (info,) = conversation(InfoSpec(str(cipherdir)))
    assert (code, info.content, info.names, info.scrypt_n) == (0, "AES-256-GCM", "EME", 1024)
    code, messages = conversation(PasswdSpec(str(cipherdir)), b"one", b"two")
    assert (code, messages[-1]) == (0, Done())
    assert conversation(PasswdSpec(str(cipherdir)), b"one", b"three")[0] == 12
    code, messages = conversation(CheckSpec(str(cipherdir)), b"two")
    assert (code, messages[-1].corrupt, messages[-1].skipped) == (0, 0, 0)


def test_a_backend_goes_on_when_its_front_end_is_gone(volume: Vaultfs) -> None:
    started = Started(mount_spec(volume), [volume.password])
    os.close(started.notify)
    wait_until(volume.is_mounted, 30)
    (volume.mountpoint / "a").write_text("a")
    started.process.terminate()
    assert started.process.wait(20) == 15


COUNTING = """
import sys
from vaultui.model.switches import HOTPATH
from vaultui.mountd import __main__
from vaultui.mountd.data import plane
run = plane.DataPlane._run
def counting(self):
    run(self)
    print("requests", self._loop.requests, "passes", self._loop.passes, file=sys.stderr)
plane.DataPlane._run = counting
__main__.main()
"""


def test_requests_of_a_mount_come_through_our_loop_and_few_of_them_through_trio(
    volume: Vaultfs,
) -> None:
    process = subprocess.Popen(
        (sys.executable, "-c", COUNTING, "-fg", "-q", volume.cipherdir, volume.mountpoint),
        env={**os.environ, HOTPATH: "off"},  # the hot path would leave next to nothing to count
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(volume.password + b"\n")
    process.stdin.flush()
    wait_until(volume.is_mounted, 30)
    with (volume.mountpoint / "f").open("wb", 0) as file:
        for _ in range(1000):
            file.write(b"x" * 4096)
    wait_until(lambda: run_program(("fusermount3", "-u", volume.mountpoint)).returncode == 0, 5)
    _, errors = process.communicate(timeout=20)
    words = errors.split()
    requests, passes = int(words[1]), int(words[3])
    assert requests > 1000
    assert passes < requests / 2
