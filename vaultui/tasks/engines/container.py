"""One container of a Docker-compatible engine, from being made to being removed.

The only module that knows the library, which takes its time to import. Errors of the engine
become ours here, with what it said as their raw text.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Final

from docker import APIClient
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from vaultui.model.errors import (
    ContainerNotCreated,
    EngineKeptOut,
    EngineLost,
    ImageMissing,
    VaultuiError,
)
from vaultui.model.language import N_
from vaultui.tasks.runtimewords import about_program
from vaultui.wire.engine import EngineSpec

_ROOTS: Final = ("", "0", "root")
_CREATION_S: Final = 20.0
"""What a request to create may still take after whoever made it was killed: under load, with a
large image. Nobody waits for it but what follows a kill in just that moment."""
_PAUSE_S: Final = 0.1
_KILLED: Final = 128 + signal.SIGKILL


class EngineContainer:
    """A container that has a name before it is there."""

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._client = APIClient(base_url=f"unix://{spec.address}", version=spec.api_version)

    def check_image(self) -> None:
        """See that it can be made of its image; raises ImageMissing or EngineKeptOut."""
        spec = self._spec
        image = spec.config["Image"]
        try:
            with self._answering():
                user = self._client.inspect_image(image)["Config"].get("User") or ""
        except NotFound as error:
            raise ImageMissing(image=image, raw=_words(error)) from error
        user = (spec.config["User"] or user).partition(":")[0]
        if spec.root_alone and user not in _ROOTS:
            reason = N_("the image has a user of its own, and the vault lets nobody else in")
            raise EngineKeptOut(where=spec.address, name=spec.vault_name, reason=reason)

    def create(self) -> None:
        """Make it; raises ContainerNotCreated, or EngineLost if it may be made all the same."""
        with self._creating():
            self._client.create_container_from_config(self._spec.config, self._spec.name)

    def attach(self) -> socket.socket:
        """Return the connection with its streams. Before `start`, or the first words are lost."""
        wanted = {"stream": 1, "stdout": 1, "stderr": 1}
        if self._spec.interactive or self._spec.terminal:
            wanted["stdin"] = 1
        with self._creating():
            connection = self._client.attach_socket(self._spec.name, params=wanted)
        try:
            # What the library returns differs between kinds of connections, its number does not.
            return socket.socket(fileno=os.dup(connection.fileno()))
        finally:
            connection.close()

    def start(self) -> None:
        """Let it run; raises ContainerNotCreated, or what is wrong with its program."""
        with self._creating():
            self._client.start(self._spec.name)

    def signal(self, number: int) -> None:
        """Send a signal to its first process, if that runs."""
        with contextlib.suppress(APIError), self._answering():
            self._client.kill(self._spec.name, signal.Signals(number).name)

    def resize(self, size: os.terminal_size) -> None:
        """Give its terminal another size, if it runs."""
        with contextlib.suppress(APIError), self._answering():
            self._client.resize(self._spec.name, height=size.lines, width=size.columns)

    def wait(self) -> int:
        """Return its exit code, 128 and more for a signal, when it has ended."""
        with self._obeying():
            return int(self._client.wait(self._spec.name)["StatusCode"])

    def ran_out_of_memory(self, status: int) -> bool:
        """Tell whether it was killed for its memory; `status` is its exit code, and nobody of us
        has killed it.

        What Podman says is not to be relied on: its monitor, conmon 2.1.6, leaves the mark that it
        was so where the engine was started, and Podman looks for it elsewhere. So a SIGKILL that
        nobody sent counts, too, where there is a limit at all.
        """
        if status == _KILLED and "Memory" in self._spec.config["HostConfig"]:
            return True
        with self._obeying():
            return bool(self._client.inspect_container(self._spec.name)["State"]["OOMKilled"])

    def remove(self) -> None:
        """Have it gone, if it is there, running or not."""
        with self._obeying():
            self._remove()

    def remove_when_made(self) -> None:
        """Have it gone although it may be just being made: whoever asked for it was killed.

        The engine goes on without its client, and what it answers meanwhile is not to be believed.
        Podman says that it has removed a container which it is still making, when it has taken the
        storage from under it; and lists it afterwards. So nothing is removed before it is shown,
        and it is gone when it is no longer shown.
        """
        deadline = time.monotonic() + _CREATION_S
        while time.monotonic() < deadline:
            # What is half made or half removed is refused; a moment later it is not.
            with contextlib.suppress(APIError), self._answering():
                if self._is_shown():
                    self._remove()
                    if not self._is_shown():
                        return
            time.sleep(_PAUSE_S)
        self.remove()

    def _is_shown(self) -> bool:
        """Tell whether the engine has it in its list: it is made, and not removed."""
        try:
            self._client.inspect_container(self._spec.name)
        except NotFound:
            return False
        return True

    def _remove(self) -> None:
        name = self._spec.name
        # Removing by force alone asks it to end first, and waits ten seconds for that.
        with contextlib.suppress(APIError):
            self._client.kill(name, "SIGKILL")
        with contextlib.suppress(NotFound):
            self._client.remove_container(name, v=True, force=True)

    @contextlib.contextmanager
    def _creating(self) -> Iterator[None]:
        """Turn a refusal of the engine into what it means before the container runs."""
        try:
            with self._answering():
                yield
        except APIError as error:
            raise self._not_created(_words(error)) from error

    def _not_created(self, said: str) -> VaultuiError:
        error = about_program(self._spec.config["Cmd"][0], said, raw=said)
        # Its first line tells what, and any others where in its own source.
        reason = said.partition("\n")[0].rstrip(".")
        return error or ContainerNotCreated(
            maker=N_("The container engine"), reason=reason, raw=said
        )

    @contextlib.contextmanager
    def _obeying(self) -> Iterator[None]:
        """Take a refusal as bad as no answer: somebody else may have removed the container."""
        try:
            with self._answering():
                yield
        except APIError as error:
            raise self._lost(error) from error

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Let a refusal of the engine through; raises EngineLost where there is no answer."""
        try:
            yield
        except APIError:
            raise
        except (DockerException, RequestException, OSError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> EngineLost:
        spec = self._spec
        return EngineLost(where=spec.address, reason=_words(error), container=spec.name)


def _words(error: Exception) -> str:
    """Return what the engine said, or what kept it from saying something."""
    return str(getattr(error, "explanation", None) or error)
