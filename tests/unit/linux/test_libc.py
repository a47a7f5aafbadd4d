"""Functions of the C library."""

import ctypes
import os

import pytest

from vaultui.linux import libc


def test_a_function_that_two_modules_declare_has_the_arguments_that_each_has_declared() -> None:
    first = libc.function("syscall", ctypes.c_long)
    libc.function("syscall", ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    with pytest.raises(OSError, match="syscall") as caught:
        first(-1)
    assert os.strerror(caught.value.errno or 0) == "Function not implemented"


def test_a_function_that_there_is_not_is_told_when_it_is_declared() -> None:
    with pytest.raises(AttributeError):
        libc.function("no_such_function")
