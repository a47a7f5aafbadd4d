"""What happens to an exception that nobody expected: a sentence, and a report without secrets."""

from __future__ import annotations

import os
import time
import traceback
from types import TracebackType

from vaultui import __version__
from vaultui.model.errors import InternalError
from vaultui.model.language import N_, Phrase
from vaultui.vaults.paths import default_paths


def report(error: BaseException) -> InternalError:
    """Write a crash report and return the error that names it.

    Neither locals nor the exceptions' own words are in it: either may repeat a secret.
    """
    where = "an unknown place"
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        where = f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}"
    what = f"{type(error).__name__} in {where}"
    directory = default_paths().state_dir / "crashes"
    path = directory / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(_text(error))
    except OSError:
        return InternalError(what=what, report=N_("could not be written"))
    return InternalError(what=what, report=Phrase("is {path}", path=str(path)))


def _text(error: BaseException) -> str:
    parts = [f"vaultui {__version__}, {time.strftime('%Y-%m-%d %H:%M:%S %z')}\n"]
    seen: BaseException | None = error
    while seen is not None:
        kind = type(seen)
        parts.append(f"\n{kind.__module__}.{kind.__qualname__}\n{_frames(seen.__traceback__)}")
        seen = seen.__cause__ or seen.__context__
    return "".join(parts)


def _frames(trace: TracebackType | None) -> str:
    return "".join(
        f"  {frame.filename}:{frame.lineno} in {frame.name}\n"
        for frame in traceback.extract_tb(trace)
    )
