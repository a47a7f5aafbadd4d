"""Which file of ours a path means to a task that has a view of its own.

A program is looked for before there is a view, and what the view will show of it is known.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Final

from vaultui.wire.rooms import View

_MOST_LINKS: Final = 40
"""In one path, as in the kernel."""


class ShownPaths:
    def __init__(self, view: View) -> None:
        self._links = dict(view.links)
        # The first for a target wins.
        self._places: dict[str, str | None] = {one.target: None for one in view.directories}
        self._places |= {bind.target: bind.source for bind in reversed(view.binds)}

    def ours(self, path: str) -> str | None:
        """Return the path that we know it by, or None where the task finds nothing of ours.

        Links are followed as they will lead in the view.
        """
        here, left, links = "/", path.split("/")[::-1], 0
        while left:
            name = left.pop()
            if name in ("", "."):
                continue
            if name == "..":
                here = os.path.dirname(here)
                continue
            there = os.path.join(here, name)
            target = self._link(there)
            if target is None:
                here = there
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            here = "/" if target.startswith("/") else here
            left += target.split("/")[::-1]
        return self._source(here)

    def _link(self, path: str) -> str | None:
        """Return what is in the symbolic link `path`, or None if it is none."""
        if path in self._links:
            return self._links[path]
        source = self._source(path)
        if source is None or path in self._places:
            return None
        try:
            return os.readlink(source)
        except OSError:
            return None

    def _source(self, path: str) -> str | None:
        for place in (PurePosixPath(path), *PurePosixPath(path).parents):
            if str(place) in self._places:
                source = self._places[str(place)]
                inside = os.path.relpath(path, place)
                return None if source is None else os.path.normpath(os.path.join(source, inside))
        return None
