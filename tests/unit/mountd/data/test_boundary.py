"""Nothing but FUSEError leaves a handler, whatever the file system raises."""

from __future__ import annotations

import errno
import inspect
from typing import Any

import pyfuse3
import pytest
import trio

from vaultui.mountd.activity import Activity
from vaultui.mountd.data.operations import HANDLERS, VaultOperations
from vaultui.mountd.data.requestloop import RequestLoop
from vaultui.mountd.eventring import EventRing
from vaultui.wire.control import EventKind


class Raising:
    """A file system all of whose calls raise; a listing raises at its first entry."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def raises(*_: Any) -> Any:
            raise self._error

        return raises


class Fields:
    """Stands in for SetattrFields, which pyfuse3 alone can fill."""

    update_mode = update_uid = update_gid = update_size = update_atime = update_mtime = True


def call(error: BaseException, handler: str) -> tuple[Any, VaultOperations]:
    """Return what `handler` returned, and the operations, when the file system raises."""
    operations = VaultOperations(
        Raising(error),  # type: ignore[arg-type]  # any attribute is a call that raises
        RequestLoop(),
        Activity(),
        EventRing(),
        lambda: None,
    )
    method = getattr(operations, handler)

    async def run() -> Any:
        return await method(*_arguments(handler))

    return trio.run(run), operations


def _arguments(handler: str) -> list[Any]:
    special = {
        "forget": [[(2, 1), (3, 1)]],
        "setattr": [2, pyfuse3.EntryAttributes(), Fields(), None, None],
    }
    if handler in special:
        return special[handler]
    parameters = list(inspect.signature(getattr(VaultOperations, handler)).parameters)[1:]
    return [
        b"x" if "name" in name or name in ("target", "data", "value") else 2 for name in parameters
    ]


def test_every_request_of_pyfuse3_has_a_handler_of_ours() -> None:
    theirs = {
        name
        for name, value in vars(pyfuse3.Operations).items()
        if inspect.iscoroutinefunction(value)
    }
    assert theirs - {"poll"} == set(HANDLERS)


@pytest.mark.parametrize("handler", [name for name in HANDLERS if name != "forget"])
@pytest.mark.parametrize(
    "error", [KeyError("secret"), RecursionError(), MemoryError(), TypeError(), OSError("bare")]
)
def test_a_mistake_in_any_handler_is_eio_and_an_event(handler: str, error: Exception) -> None:
    with pytest.raises(pyfuse3.FUSEError) as failure:
        call(error, handler)
    assert failure.value.errno == errno.EIO
    assert failure.value.__cause__ is None


@pytest.mark.parametrize("error", [KeyError("secret"), OSError(errno.EIO, "x")])
def test_nothing_at_all_leaves_forget(error: Exception) -> None:
    result, operations = call(error, "forget")
    assert result is None
    assert operations.events.last == 1


@pytest.mark.parametrize("handler", [name for name in HANDLERS if name != "forget"])
def test_an_errno_reaches_the_kernel_as_it_is(handler: str) -> None:
    with pytest.raises(pyfuse3.FUSEError) as failure:
        call(OSError(errno.EUCLEAN, "x"), handler)
    assert failure.value.errno == errno.EUCLEAN


def test_the_event_of_a_mistake_names_the_place_and_not_the_words() -> None:
    operations = VaultOperations(
        Raising(KeyError("my passphrase")),  # type: ignore[arg-type]  # as above
        RequestLoop(),
        Activity(),
        EventRing(),
        lambda: None,
    )

    async def run() -> None:
        with pytest.raises(pyfuse3.FUSEError):
            await operations.mkdir(1, b"a", 0o755, None)

    trio.run(run)
    (event,) = operations.events.since(0).events
    assert event.kind is EventKind.INTERNAL_ERROR
    assert event.detail.startswith("mkdir: KeyError")
    assert "passphrase" not in event.detail


def test_a_name_that_is_not_there_is_an_answer_that_the_kernel_may_keep() -> None:
    entry, _ = call(FileNotFoundError(errno.ENOENT, "x"), "lookup")
    assert entry.st_ino == 0
    assert entry.entry_timeout == 1.0
