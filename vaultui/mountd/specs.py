"""Commands of the front end: a Spec on one descriptor, the conversation on another.

`wire.handshake` has the drawing. Nothing of this is in argv or the environment; the
secrets follow their Spec in frames of their own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any, Final, get_args

from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import KeyFileUnusable, ProtocolError, VaultuiError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import N_
from vaultui.model.secret import Secret
from vaultui.model.terminaltext import shown
from vaultui.mountd import (
    commands,
    console,
    daemon,
    keycommands,
    mounting,
    opening,
    spectoken,
)
from vaultui.wire import framing
from vaultui.wire.handshake import Failed, MountSpec, Ready, Starting, Step, StepName
from vaultui.wire.oneshot import (
    CalibrateSpec,
    CheckSpec,
    CreateSpec,
    Done,
    InfoSpec,
    OneshotSpec,
    PasswdSpec,
    SlotAddSpec,
    SlotRemoveSpec,
    SlotVerifySpec,
)

_SPECS: Final = (MountSpec, *get_args(OneshotSpec))
_OWN_TO_A_PROCESS: Final = ("/dev/fd/", "/dev/std", "/proc/self/", "/proc/thread-self/")
"""What a shell makes of `<(program)`, for one."""


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

    def __init__(self, spec_fd: int, conversation: Conversation, spec: MountSpec) -> None:
        self._spec_fd = spec_fd
        self._conversation = conversation
        self._device = spec.fido2_device
        self._notify_pid = spec.notify_pid
        self.has_token = bool(spec.fido2_device)

    def secret(self, conf: VolumeConf | None) -> Secret:
        given = framing.read_secret(self._spec_fd)
        return spectoken.exchanged(given, conf, self._device, self._touch)

    def _touch(self) -> None:
        self.step(StepName.TOUCHING)

    def step(self, name: StepName) -> None:
        self._conversation.tell(Step(name))

    def ready(self, mountpoint: str, mount_id: int, derivation_s: float) -> None:
        os.chdir("/")
        self._conversation.tell(Ready(os.getpid(), mount_id, mountpoint, derivation_s))
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
        console.log.error("%s", shown(error.phrase))
        return error.exit_code
    except Exception as error:
        failure = VaultuiError(what=type(error).__name__)
        conversation.tell(Failed(failure.to_wire()))
        console.log.error("internal error", exc_info=error)
        return failure.exit_code
    finally:
        conversation.close()


def _obey(spec_fd: int, conversation: Conversation, program: str) -> ExitCode:
    spec: MountSpec | OneshotSpec | None = framing.read_message(spec_fd, *_SPECS)
    if spec is None:
        raise ProtocolError(what="specification", reason=N_("it is missing"))
    _check_key_files(spec)
    if isinstance(spec, MountSpec):
        console.set_level(spec.log_level)
        front = SpecFront(spec_fd, conversation, spec)
        return mounting.mount(spec, front, program=program)
    with contextlib.ExitStack() as stack:
        secrets = [
            stack.enter_context(framing.read_secret(spec_fd)) for _ in range(_secrets_of(spec))
        ]
        if not isinstance(spec, InfoSpec):
            conversation.tell(Step(StepName.DERIVING))
        _do(spec, secrets, conversation)
    return ExitCode.OK


def _check_key_files(spec: MountSpec | OneshotSpec) -> None:
    """Raise KeyFileUnusable for a path that leads here to another place than at the front end."""
    for field in ("key_file", "new_key_file"):
        path = getattr(spec, field, "")
        if path and not path.startswith("/"):
            raise KeyFileUnusable(path=path, reason=N_("its path has to begin with a slash"))
        if path.startswith(_OWN_TO_A_PROCESS):
            raise KeyFileUnusable(
                path=path, reason=N_("only the program that was given it has it open; name a file")
            )


def _secrets_of(spec: OneshotSpec) -> int:
    """Return how many secrets follow a Spec of a command that ends by itself."""
    match spec:
        case CreateSpec():
            return 2 if spec.has_master_key else 1
        case PasswdSpec() | SlotAddSpec():
            return 2
        case CheckSpec() | SlotRemoveSpec() | SlotVerifySpec():
            return 1
        case InfoSpec() | CalibrateSpec():
            return 0


def _do(spec: OneshotSpec, secrets: Sequence[Secret], conversation: Conversation) -> None:
    """Do what a Spec says that ends by itself, and tell its answer."""
    match spec, secrets:
        case CreateSpec(), [password, *given]:
            created, master = commands.create(spec, password, *given)
            with master:
                conversation.tell(created)
                conversation.tell_secret(master)
        case PasswdSpec(), [old, new]:
            keycommands.change_password(spec, old, new)
            conversation.tell(Done())
        case SlotAddSpec(), [secret, new]:
            added, text, code = keycommands.add_slot(spec, secret, new)
            with text, code:
                conversation.tell(added)
                conversation.tell_secret(text)
                conversation.tell_secret(code)
        case SlotRemoveSpec(), [secret]:
            keycommands.remove_slot(spec, secret)
            conversation.tell(Done())
        case SlotVerifySpec(), [secret]:
            slots_conf = keycommands.read_conf(spec)
            with _opening_secret(spec, slots_conf, secret, conversation) as opening_secret:
                conversation.tell(keycommands.verify_slot(spec, slots_conf, opening_secret))
        case CalibrateSpec(), []:
            conversation.tell(keycommands.calibrate())
        case CheckSpec(), [secret]:
            conf = opening.read_conf(spec, has_token=bool(spec.fido2_device))
            with _opening_secret(spec, conf, secret, conversation) as opening_secret:
                checked = commands.check(spec, opening_secret, conversation.tell, conf=conf)
                conversation.tell(checked)
        case InfoSpec(), []:
            conversation.tell(commands.info(spec))


def _opening_secret(
    spec: CheckSpec | SlotVerifySpec,
    conf: VolumeConf | None,
    given: Secret,
    conversation: Conversation,
) -> Secret:
    """Return what opens the volume, which is not `given` where a token has to make it."""
    secret = spectoken.exchanged(
        given, conf, spec.fido2_device, lambda: conversation.tell(Step(StepName.TOUCHING))
    )
    if secret is not given:
        conversation.tell(Step(StepName.DERIVING))
    return secret
