"""Closing what would write secrets down: Textual's own logs, and its devtools.

Textual can record every key: `TEXTUAL_LOG` appends each event to a file, `TEXTUAL=devtools`
sends it to another process, `TEXTUAL_DEBUG` keeps the raw input in `keys.log`. Such a
record of a form holds the password, letter by letter. A program that asks for passwords has
no use for any of them, so all are off for all of its time, not only while a form is open: a
switch that must be thrown at the right moment is missed once.
"""

from __future__ import annotations

import logging
from typing import Any

from textual import constants
from textual.app import App

_OFF: dict[str, object] = {"LOG_FILE": None, "DEBUG": False, "SHOW_RETURN": False, "PRESS": ""}


def close_recorders() -> None:
    """Turn off every recorder that Textual reads from the environment.

    To be called before the application is made. The constants are read at each use, which
    a test proves by pressing keys with all of the variables set.
    """
    for name, value in _OFF.items():
        setattr(constants, name, value)
    # asyncio's debug mode logs slow callbacks with their arguments, events among them.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def detach_devtools(app: App[Any]) -> None:
    """Undo what the constructor of an application made of the variable TEXTUAL."""
    app.features = frozenset()
    app.devtools = None
    app._devtools_redirector = None
    app.css_monitor = None
