"""trio and pyfuse3, loaded without what they load and a mount never uses.

Somebody waits while they are loaded. trio starts ldconfig(8) to find a function that names its
threads; pyfuse3 reads the metadata of its installation for its version, with a parser of e-mail.
Both do without an answer, and get none. What trio has TLS, host names and child processes from
is loaded when somebody uses it.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final, NoReturn

_WHEN_USED: Final = ("idna", "ssl", "subprocess")


def load() -> None:
    """Load both, unless they are there."""
    with contextlib.ExitStack() as stack:
        for name in _WHEN_USED:
            stack.enter_context(_in_place_of(name, __getattr__=_of_real(name)))
        stack.enter_context(_in_place_of("ctypes.util", find_library=_nowhere))
        no_metadata = {"version": _unknown, "PackageNotFoundError": ModuleNotFoundError}
        stack.enter_context(_in_place_of("importlib.metadata", **no_metadata))
        importlib.import_module("trio")
        # With pyfuse3, and with what has to be there before that.
        importlib.import_module("vaultui.mountd.data.plane")


@contextlib.contextmanager
def _in_place_of(name: str, **content: Any) -> Iterator[None]:
    """Have a module with this content imported for `name`, unless the real one is there."""
    if name in sys.modules:
        yield
        return
    package, _, short = name.rpartition(".")
    stand_in = ModuleType(name)
    vars(stand_in).update(content)
    sys.modules[name] = stand_in
    if package:
        setattr(importlib.import_module(package), short, stand_in)
    try:
        yield
    finally:
        # Whoever imports it from now on gets the real one.
        del sys.modules[name]
        if package:
            delattr(sys.modules[package], short)


def _of_real(name: str) -> Callable[[str], Any]:
    """Return what finds an attribute in the real module: __getattr__ of PEP 562."""
    return lambda attribute: getattr(importlib.import_module(name), attribute)


def _nowhere(_library: str) -> None:
    return None


def _unknown(package: str) -> NoReturn:
    raise ModuleNotFoundError(package)
