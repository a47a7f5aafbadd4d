"""The one place where what a handler raises becomes an errno, an event and a log line.

pyfuse3 ends the mount when anything but FUSEError leaves a handler. Handlers are therefore
written as plain methods, and `handler` makes of each the coroutine that pyfuse3 awaits: it
counts the request, runs the method, and lets nothing out but FUSEError.
"""

from __future__ import annotations

import errno
import functools
import time
from collections.abc import Callable
from typing import Any, Final

from pyfuse3 import FUSEError

from vaultui.mountd.activity import Activity, Touch
from vaultui.mountd.eventring import EventRing
from vaultui.wire.control import EventKind

_clock = time.clock_gettime
_BOOTTIME: Final = time.CLOCK_BOOTTIME


class Boundary:
    """What a class needs whose methods `handler` wraps."""

    activity: Activity
    events: EventRing

    def refusal(self, name: str, error: Exception) -> FUSEError:
        """Return what the kernel gets for an exception of the handler `name`.

        The errno of an OSError is what the file system decided; the errors that a person
        should hear of are reported there. Everything else is a mistake of ours, and EIO.
        """
        if isinstance(error, FUSEError):
            return error
        if isinstance(error, OSError) and error.errno:
            return FUSEError(error.errno)
        self.record_bug(name, error)
        return FUSEError(errno.EIO)

    def record_bug(self, name: str, error: Exception) -> None:
        """Make an event and a log line of an exception that nobody expected.

        The event has only the kind of the exception: its text may hold anything. The log
        has the place in the code, without the values of variables.
        """
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "?" if place is None else f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}"
        self.events.add(EventKind.INTERNAL_ERROR, detail=f"{name}: {type(error).__name__}, {where}")


def handler(touch: Touch) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a coroutine function of a method of a Boundary; see the module.

    Only pyfuse3 calls the result, and it has no types, so the result has none either; the
    method itself is checked.
    """
    counts_path = touch in (Touch.LOOK, Touch.USE)
    counts_use = touch in (Touch.USE, Touch.DATA)

    def wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        name = method.__name__

        @functools.wraps(method)
        async def handle(self: Boundary, *args: Any) -> Any:
            activity = self.activity
            activity.operations[name] += 1
            if counts_path:
                activity.path_operations += 1
            if counts_use:
                activity.last_use = _clock(_BOOTTIME)
            try:
                return method(self, *args)
            except Exception as error:
                raise self.refusal(name, error) from None

        return handle

    return wrap
