"""Commands of the front end: a Spec on one descriptor, the conversation on another.

`wire.handshake` has the drawing. Nothing of this is in argv or the environment; the
secrets follow their Spec in frames of their own.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import ProtocolError, VaultuiError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.secret import Secret
from vaultui.model.terminaltext import shown
from vaultui.mountd import commands, console, daemon, mounting
from vaultui.wire import framing
from vaultui.wire.handshake import (
    CheckSpec,
    CreateSpec,
    Done,
    Failed,
    InfoSpec,
    MountSpec,
    PasswdSpec,
    Ready,
    Starting,
    Step,
    StepName,
)


class Conversation:
    """The notify pipe: messages of ours, until the last one closes it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def tell(self, message: Any) -> None:
        """Send one message. A front end that went away is no reason to stop."""
        if self._fd >= 0:
            with contextlib.suppress(BrokenPipeError):
                framing.write_message(self._fd, message)

    def tell_secret(self, secret: Secret) -> None:
        if self._fd >= 0:
            with contextlib.suppress(BrokenPipeError):
                framing.write_secret(self._fd, secret)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class SpecFront:
    """The front end, as serving a mount sees it."""

    has_token = False

    def __init__(self, spec_fd: int, conversation: Conversation, notify_pid: int) -> None:
        self._spec_fd = spec_fd
        self._conversation = conversation
        self._notify_pid = notify_pid

    def secret(self, _conf: VolumeConf | None) -> Secret:
        return framing.read_secret(self._spec_fd)

    def step(self, name: StepName) -> None:
        self._conversation.tell(Step(name))

    def ready(self, mountpoint: str, mount_id: int) -> None:
        os.chdir("/")
        self._conversation.tell(Ready(os.getpid(), mount_id, mountpoint))
        self._conversation.close()
        if self._notify_pid:
            daemon.notify(self._notify_pid)


def run(spec_fd: int, notify_fd: int, program: str) -> ExitCode:
    """Do what the Spec on `spec_fd` says and return the exit code."""
    os.set_inheritable(spec_fd, False)
    os.set_inheritable(notify_fd, False)
    console.log_with_times()
    conversation = Conversation(notify_fd)
    conversation.tell(Starting(os.getpid()))
    try:
        return _obey(spec_fd, conversation, program)
    except VaultuiError as error:
        conversation.tell(Failed(error.to_wire()))
        console.log.error("%s", shown(error.summary))
        return error.exit_code
    except Exception as error:
        failure = VaultuiError(what=type(error).__name__)
        conversation.tell(Failed(failure.to_wire()))
        console.log.error("internal error", exc_info=error)
        return failure.exit_code
    finally:
        conversation.close()


def _obey(spec_fd: int, conversation: Conversation, program: str) -> ExitCode:
    spec = framing.read_message(spec_fd, MountSpec, CreateSpec, PasswdSpec, CheckSpec, InfoSpec)
    match spec:
        case None:
            raise ProtocolError(what="specification", reason="it is missing")
        case MountSpec():
            console.set_level(spec.log_level)
            front = SpecFront(spec_fd, conversation, spec.notify_pid)
            return mounting.mount(spec, front, program=program)
        case CreateSpec():
            with contextlib.ExitStack() as stack:
                password = stack.enter_context(framing.read_secret(spec_fd))
                given = (
                    stack.enter_context(framing.read_secret(spec_fd))
                    if spec.has_master_key
                    else None
                )
                conversation.tell(Step(StepName.DERIVING))
                created, master = commands.create(spec, password, given)
            with master:
                conversation.tell(created)
                conversation.tell_secret(master)
        case PasswdSpec():
            with framing.read_secret(spec_fd) as old, framing.read_secret(spec_fd) as new:
                conversation.tell(Step(StepName.DERIVING))
                commands.change_password(spec, old, new)
                conversation.tell(Done())
        case CheckSpec():
            with framing.read_secret(spec_fd) as password:
                conversation.tell(Step(StepName.DERIVING))
                conversation.tell(commands.check(spec, password, conversation.tell))
        case InfoSpec():
            conversation.tell(commands.info(spec))
    return ExitCode.OK
