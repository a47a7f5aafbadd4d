"""The backend as the front end starts it: a Spec and secrets on one pipe, answers on another."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from mounting import Vaultfs, detach
from programs import run_program
from waiting import wait_until

from vaultui.model.secret import Secret
from vaultui.wire import framing
from vaultui.wire.handshake import Failed, MountSpec, Ready, Starting, Step
from vaultui.wire.oneshot import (
    Calibrated,
    Checked,
    CheckProgress,
    Created,
    Damage,
    Done,
    SlotAdded,
    SlotOpened,
    VolumeInfo,
)

MESSAGES = (
    *(Starting, Step, Ready, Failed, Done, Created),
    *(CheckProgress, Damage, Checked, VolumeInfo),
    *(SlotAdded, SlotOpened, Calibrated),
)


class Started:
    """A backend with its two pipes."""

    def __init__(
        self, spec: Any, secrets: Sequence[bytes] = (), pass_fds: Sequence[int] = ()
    ) -> None:
        spec_reading, spec_writing = os.pipe()
        notify_reading, notify_writing = os.pipe()
        self.process = subprocess.Popen(
            (
                *(sys.executable, "-I", "-m", "vaultui.mountd"),
                *(f"-spec-fd={spec_reading}", f"-notify-fd={notify_writing}"),
            ),
            pass_fds=(spec_reading, notify_writing, *pass_fds),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(spec_reading)
        os.close(notify_writing)
        self.notify = notify_reading
        if spec is not None:
            framing.write_message(spec_writing, spec)
        for secret in secrets:
            framing.write_secret(spec_writing, Secret(bytearray(secret)))
        os.close(spec_writing)

    def messages(self) -> list[Any]:
        """Return all messages up to the end of file, and the secrets among them."""
        found: list[Any] = []
        while (message := framing.read_message(self.notify, *MESSAGES)) is not None:
            found.append(message)
            secrets = {Created: 1, SlotAdded: 2}.get(type(message), 0)
            found += [framing.read_secret(self.notify) for _ in range(secrets)]
        os.close(self.notify)
        return found


def mount_spec(volume: Vaultfs, **fields: Any) -> MountSpec:
    return MountSpec(
        vault_id="0123456789abcdef",
        vault_name="Work",
        cipherdir=str(volume.cipherdir),
        mountpoint=str(volume.mountpoint),
        ctlsock=str(volume.base / "ctl"),
        **fields,
    )


@contextlib.contextmanager
def opened(volume: Vaultfs, **fields: Any) -> Iterator[Started]:
    """Mount a volume with the options that `fields` of a MountSpec name; nobody unmounts it."""
    started = Started(mount_spec(volume, **fields), [volume.password])
    try:
        messages = started.messages()
        assert isinstance(messages[-1], Ready), messages
        yield started
    finally:
        started.process.kill()
        started.process.wait(20)
        detach(volume.mountpoint)


@contextlib.contextmanager
def served(volume: Vaultfs, **fields: Any) -> Iterator[Started]:
    """Do the same, and unmount it."""
    with opened(volume, **fields) as started:
        yield started
        unmount = ("fusermount3", "-u", volume.mountpoint)
        wait_until(lambda: run_program(unmount).returncode == 0, 5, "it is unmounted")
        assert started.process.wait(20) == 0
