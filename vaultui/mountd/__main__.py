"""vaultfs: composition root of the mount backend."""

from __future__ import annotations

import gc
import io
import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from vaultui.model.errors import VaultuiError
from vaultui.model.exitcodes import ExitCode

_DEFAULT_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""As gocryptfs has it. mount(8) clears PATH, and fusermount3 is found on it."""

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""What modules make while they are loaded is here to stay: to look for garbage in it after each 700
is a tenth of a start. A mount goes back to that when it begins to serve."""

_SHORTEST_KEY = 64
"""Characters; less is no master key, or the word stdin."""


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # A path that the locale has no letters for must not end a check of it.
        sys.stdout.reconfigure(errors="backslashreplace")
    if not os.environ.get("PATH"):
        os.environ["PATH"] = _DEFAULT_PATH
    code = _run(sys.argv)
    logging.shutdown()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        # Nobody reads what we print any more, for instance because our keeper was killed.
        # The interpreter's own last flush would fail as well, and make the exit code 120.
        os._exit(code)
    if threading.active_count() > 1:
        # Files of a lazily detached mount may still be open: their thread would go on
        # into the interpreter's end.
        os._exit(code)
    sys.exit(code)


def _run(argv: list[str]) -> int:
    # Imported piece by piece: the process that only waits for its child in the background
    # needs neither the file system nor cryptography.
    from vaultui.mountd import console, streams

    try:
        streams.fill_closed()
        console.log_plainly()
        signal.signal(signal.SIGTERM, _stop)
        if os.path.basename(argv[0]) == "gocryptfs-xray":
            from vaultui.mountd.commandline import xrayline

            _protect()
            return xrayline.run(argv[1:])
        return _obey(argv)
    except VaultuiError as error:
        console.report(error)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.SIGINT
    except Exception as error:
        console.log.critical("internal error", exc_info=error)
        return ExitCode.OTHER


def _obey(argv: list[str]) -> int:
    """Do what the command line says, here or in a process in the background."""
    from vaultui.mountd.commandline import pflag, refusals

    program = program_name(argv[0])
    options = pflag.parse([program, *argv[1:]])
    if len(options.master_key) >= _SHORTEST_KEY:
        from vaultui.linux import hardening

        hardening.hide_argument(os.fsencode(options.master_key))
    if not options.help:
        refusals.check_options(options)
        if options.wants_background:
            from vaultui.mountd import daemon

            return daemon.run_in_background(argv[1:], options.positionals[1])
    _protect()
    if options.spec_fd >= 0:
        from vaultui.mountd import specs

        return specs.run(options.spec_fd, options.notify_fd, program)
    from vaultui.mountd.commandline import actions

    return actions.run(options, program)


def _protect() -> None:
    """Keep our memory to ourselves, before anything secret is read.

    From here on no other process of this user looks into it, and no core dump has it; and no
    derivation takes more of it than would get us killed.
    """
    from vaultui.crypto import memorylimit
    from vaultui.linux import hardening, memory
    from vaultui.model.secret import Secret

    memorylimit.limit = memory.most_bytes
    hardening.protect_process()
    if not hardening.lock_memory():
        # An ordinary user may lock some megabytes: the pages of secrets, and not all others.
        Secret.guard = hardening.lock_buffer


def program_name(argv0: str) -> str:
    """Return what the mount table calls us: gocryptfs when we are started under that name."""
    return "gocryptfs" if os.path.basename(argv0) == "gocryptfs" else "vaultfs"


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """Before the mount is served, a termination ends what is going on, in order."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
