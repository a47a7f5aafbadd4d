"""The standard streams, where whoever started us closed some of them."""

from __future__ import annotations

import os
import sys
from typing import Final

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import NullDeviceMissing

_STREAMS: Final = ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w"))


def fill_closed() -> None:
    """Open on /dev/null what is closed of the descriptors 0 to 2.

    The next file would get such a number, and with it what is printed. Raises
    NullDeviceMissing.
    """
    for fd, name, mode in _STREAMS:
        if getattr(sys, name) is None:
            _fill(fd)
            stream = open(fd, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
            setattr(sys, name, stream)


def _fill(fd: int) -> None:
    try:
        opened = os.open(os.devnull, os.O_RDWR)
        # As it would have been: programs that we start have it, too.
        os.dup2(opened, fd, inheritable=True)
    except OSError as error:
        raise NullDeviceMissing(reason=reason_of(error)) from error
    if opened != fd:
        os.close(opened)
