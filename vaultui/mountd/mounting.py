"""One mount, from the checks before it to the end of the process.

In gocryptfs's order: directories, control socket, volume config, password, mount. Each can
fail in its own way, and what was set up until then is taken down again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import os
import signal
import threading
import time
from typing import Final

from vaultui.cipherfs import conffile
from vaultui.cipherfs.volume import Volume
from vaultui.format.volumeconf import VolumeConf
from vaultui.linux import memory
from vaultui.model.errors import UsageError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret
from vaultui.mountd import opening, places
from vaultui.mountd.claim import claim
from vaultui.mountd.console import log
from vaultui.mountd.front import Front
from vaultui.wire.handshake import MountSpec, StepName

_USUAL_THRESHOLD: Final = (700, 10, 10)
"""Python's own."""


def mount(spec: MountSpec, front: Front, *, program: str) -> ExitCode:
    """Mount `spec` and serve it until it is unmounted; return the exit code.

    `program` is the subtype that the mount table shows, and with "gocryptfs" the idle
    monitor is gocryptfs's. Raises VaultuiError when the mount could not be made.
    """
    spec = dataclasses.replace(
        spec,
        cipherdir=os.path.abspath(spec.cipherdir),
        mountpoint=os.path.abspath(spec.mountpoint),
        allow_other=spec.allow_other or bool(spec.force_owner),
    )
    with contextlib.ExitStack() as stack:
        cipherdir_fd = places.open_cipherdir(spec.cipherdir)
        stack.callback(os.close, cipherdir_fd)
        spec = _as_the_storage_allows(spec, cipherdir_fd)
        places.check_mountpoint(spec.mountpoint, spec.cipherdir, nonempty=spec.nonempty)
        if not spec.shared_storage:
            claim(cipherdir_fd, spec.cipherdir, shared=spec.read_only)
        control_socket = None
        if spec.ctlsock:
            # Many have none, and the password need not wait for what sockets load.
            from vaultui.mountd.control.socketfile import ControlSocket

            # A signal between making the file and noting that it has to go would leave it there.
            unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
            try:
                control_socket = stack.enter_context(ControlSocket(spec.ctlsock))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        conf = opening.read_conf(spec, has_token=front.has_token)
        with front.secret(conf) as secret:
            front.step(StepName.DERIVING)
            derivation = _Derivation(spec, conf, secret)
            # Loading these takes as long as the derivation, which runs in a thread and leaves
            # the interpreter to us.
            from vaultui.mountd import libraries

            libraries.load()
            from vaultui.mountd import serving

            volume = derivation.result()
        if not spec.read_only and not volume.names.is_plain:
            # Where names are plain it would be somebody's file that only looks like one.
            conffile.remove_leftovers(spec.cipherdir)
        memory.give_back()
        _collect_garbage_of_requests_alone()
        front.step(StepName.MOUNTING)
        log.debug("deriving the key took %.2f s", derivation.seconds)
        return serving.serve(
            spec,
            cipherdir_fd,
            volume,
            control_socket,
            front,
            program,
            derivation_s=derivation.seconds,
        )


def _collect_garbage_of_requests_alone() -> None:
    """Leave what was loaded out of each collection from now on, and collect as often as usual."""
    gc.freeze()
    gc.set_threshold(*_USUAL_THRESHOLD)


def _as_the_storage_allows(spec: MountSpec, cipherdir_fd: int) -> MountSpec:
    """Return `spec`, read-only where nothing can be written.

    Raises UsageError when writing was asked for by name and the storage is read-only.
    """
    if spec.read_only:
        return spec
    if spec.reverse:
        return dataclasses.replace(spec, read_only=True)
    if not os.fstatvfs(cipherdir_fd).f_flag & os.ST_RDONLY:
        return spec
    if spec.read_write:
        raise UsageError(
            what=Phrase(
                "{cipherdir} is on read-only storage, which -rw can't change",
                cipherdir=spec.cipherdir,
            )
        )
    log.info("%s is on read-only storage: mounting read-only", spec.cipherdir)
    return dataclasses.replace(spec, read_only=True)


class _Derivation:
    """A volume that is being opened in a thread: a signal ends us without waiting for it."""

    seconds: float
    """What it took, when `result` has returned."""

    def __init__(self, spec: MountSpec, conf: VolumeConf | None, secret: Secret) -> None:
        self._open = functools.partial(opening.open_volume, spec, conf, secret)
        self._volume: Volume | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="derivation", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            self._volume = self._open()
        except BaseException as error:  # raised again where the result is asked for
            self._failure = error
        self.seconds = time.monotonic() - began

    def result(self) -> Volume:
        """Wait for the end, and return the volume or raise what opening it raised."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        assert self._volume is not None
        return self._volume
