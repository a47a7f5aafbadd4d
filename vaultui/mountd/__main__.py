"""vaultfs: composition root of the mount backend."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from vaultui.model.errors import VaultuiError
from vaultui.model.exitcodes import ExitCode


def main() -> NoReturn:
    """Run the command line of this process and end it."""
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
    from vaultui.mountd import console, pflag, refusals

    console.log_plainly()
    program = program_name(argv[0])
    try:
        signal.signal(signal.SIGTERM, _stop)
        options = pflag.parse([program, *argv[1:]])
        if not options.help:
            refusals.check_options(options)
        if options.wants_background and not options.help:
            from vaultui.mountd import daemon

            return daemon.run_in_background(argv[1:], options.positionals[1])
        # Before anything secret is read: from here on no other process of this user looks
        # into our memory, and no core dump has it.
        from vaultui.linux import hardening

        hardening.protect_process()
        hardening.lock_memory()
        if options.spec_fd >= 0:
            from vaultui.mountd import specs

            return specs.run(options.spec_fd, options.notify_fd, program)
        from vaultui.mountd import commandline

        return commandline.run(options, program)
    except VaultuiError as error:
        console.report(error)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.SIGINT
    except Exception as error:
        console.log.critical("internal error", exc_info=error)
        return ExitCode.OTHER


def program_name(argv0: str) -> str:
    """Return what the mount table calls us: gocryptfs when we are started under that name."""
    return "gocryptfs" if os.path.basename(argv0) == "gocryptfs" else "vaultfs"


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """Before the mount is served, a termination ends what is going on, in order."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
