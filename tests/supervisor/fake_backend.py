"""A program that speaks a backend's side of the conversation, without FUSE and without keys.

It is run like vaultui.mountd: a specification and secrets on descriptor 4, answers on 5.
What it does is said by the vault's name: words separated by spaces, carried out in order.
For `ready` it mounts a real file system on the mount point (a tmpfs, which root can), so
that the mount table has something to confirm.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from vaultui.linux import process
from vaultui.linux.mountinfo import mount_at
from vaultui.linux.spawn import run
from vaultui.model.errors import PasswordIncorrect
from vaultui.model.secret import Secret
from vaultui.wire import framing
from vaultui.wire.handshake import Failed, MountSpec, Ready, Starting, Step, StepName
from vaultui.wire.oneshot import (
    Calibrated,
    CalibrateSpec,
    Checked,
    CheckProgress,
    CheckSpec,
    Created,
    CreateSpec,
    Done,
    InfoSpec,
    PasswdSpec,
    SlotAdded,
    SlotAddSpec,
    SlotInfo,
)

SPEC, NOTIFY = 4, 5


def say(message: object) -> None:
    # A front end that was killed is no reason to end.
    with contextlib.suppress(BrokenPipeError):
        framing.write_message(NOTIFY, message)


def unmount(mountpoint: str) -> None:
    run(["umount", "--lazy", mountpoint], timeout=10)


def serve(spec: MountSpec) -> None:
    with framing.read_secret(SPEC) as secret, secret.view as view:
        password = bytes(view)

    def on_term(_number: int, _frame: object) -> None:
        if mount_at(spec.mountpoint) is not None:
            unmount(spec.mountpoint)
        os._exit(15)

    signal.signal(signal.SIGTERM, on_term)
    for word in spec.vault_name.split():
        match word:
            case "starting":
                say(Starting(os.getpid()))
            case "deriving":
                say(Step(StepName.DERIVING))
            case "mounting":
                say(Step(StepName.MOUNTING))
            case "ready":
                run(["mount", "-t", "tmpfs", "fake", spec.mountpoint], timeout=10)
                mount = mount_at(spec.mountpoint)
                say(Ready(os.getpid(), mount.mount_id, spec.mountpoint))
                os.close(NOTIFY)
            case "lie":
                say(Ready(os.getpid(), 1, spec.mountpoint))
            case "refuse":
                say(Failed(PasswordIncorrect().to_wire()))
            case "describe":
                Path(spec.config_path).write_text(
                    f"{sorted(map(int, os.listdir('/proc/self/fd')))}\n"
                    f"{os.getsid(0) == os.getpid()}\n{os.getcwd()}\n{password.decode()}\n"
                    f"{sorted(os.environ)}\n"
                )
            case "print":
                print("last words", file=sys.stderr, flush=True)
            case "flood":
                block = b"x" * 1023 + b"\n"
                for _ in range(4096):
                    os.write(2, block)
            case "sleep":
                time.sleep(600)
            case "silence":
                os.close(NOTIFY)
            case "garbage":
                os.write(NOTIFY, b"\0\0\0\2{}")
            case "orphan":
                if os.fork() == 0:
                    if os.fork() == 0:
                        time.sleep(600)
                    os._exit(0)
                os.wait()
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case word:
                sys.exit(int(word))


def once(spec: object) -> None:
    say(Starting(os.getpid()))
    match spec:
        case CreateSpec():
            framing.read_secret(SPEC).wipe()
            say(Step(StepName.DERIVING))
            say(Created(spec.cipherdir, 0.5))
            framing.write_secret(NOTIFY, Secret(bytearray(range(32))))
        case PasswdSpec():
            old, new = framing.read_secret(SPEC), framing.read_secret(SPEC)
            if len(old) == len(new):
                say(Failed(PasswordIncorrect().to_wire()))
                sys.exit(12)
            say(Done())
        case SlotAddSpec():
            given, new = framing.read_secret(SPEC), framing.read_secret(SPEC)
            say(SlotAdded(SlotInfo("00" * 16, spec.kind, "none", 0, spec.label)))
            framing.write_secret(NOTIFY, given)
            framing.write_secret(NOTIFY, new)
        case CalibrateSpec():
            say(Calibrated("scrypt", 0.25, "", 0.0))
        case CheckSpec():
            framing.read_secret(SPEC).wipe()
            for files in range(3):
                say(CheckProgress(files, 4096 * files, "a"))
            say(Checked(3, 8192, 0, 0))
        case InfoSpec():
            print("no such volume", file=sys.stderr, flush=True)
            if spec.cipherdir == "hang":
                Path(spec.config_path).write_text(
                    f"{os.getpid()} {process.start_time(os.getpid())}"
                )
                time.sleep(600)
            sys.exit(11)


if __name__ == "__main__":
    received = framing.read_message(
        SPEC,
        *(MountSpec, CreateSpec, PasswdSpec, CheckSpec, InfoSpec, SlotAddSpec, CalibrateSpec),
    )
    if isinstance(received, MountSpec):
        serve(received)
    else:
        once(received)
