"""Frozen dataclasses that cost the start of a program next to nothing.

`dataclass(frozen=True)` compiles six methods for each class, which takes half a millisecond. A
program that loads all messages and makes five of them spends more on that than on anything else
it loads. Here the methods that all records have alike are functions of this module, and
`__init__` is compiled when the first record of a class is made.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: Literal[True]) -> Any:
        """Return what makes of a class the same as `dataclass(frozen=True)`, for those who use it.

        A method that the class has itself is left alone, as there.
        """
        assert frozen, "said for those who read it; there are no others"
        return _made


def _made(cls: Any) -> Any:
    if cls.__doc__ is None:
        # It would get one with its signature, and that is dearer than all else.
        cls.__doc__ = cls.__name__
    dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    cls.__dataclass_params__.frozen = True  # asked of a base class

    def init(self: Any, *values: Any, **named: Any) -> None:
        # Threads that meet here make the same thing twice.
        cls.__init__ = _compiled_init(cls)
        cls.__init__(self, *values, **named)

    for name, method in (("__init__", init), *_METHODS.items()):
        if name not in cls.__dict__:
            setattr(cls, name, method)
    return cls


def _compiled_init(cls: Any) -> Any:
    own = {"__post_init__": cls.__post_init__} if hasattr(cls, "__post_init__") else {}
    twin: Any = dataclasses.make_dataclass(
        cls.__name__,
        [(field.name, field.type, field) for field in dataclasses.fields(cls)],
        namespace={"__doc__": "", **own},
        repr=False,
        eq=False,
        frozen=True,
    )
    return twin.__init__


def _repr(self: Any) -> str:
    names = [field.name for field in dataclasses.fields(self) if field.repr]
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
    return f"{type(self).__qualname__}({shown})"


def _compared(record: Any) -> tuple[Any, ...]:
    return tuple(
        getattr(record, field.name) for field in dataclasses.fields(record) if field.compare
    )


def _eq(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return _compared(self) == _compared(other)


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _setattr(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_METHODS = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}
