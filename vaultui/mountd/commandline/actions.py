"""`vaultfs` as a person or a script calls it: what is asked for, in gocryptfs's order."""

from __future__ import annotations

import contextlib
import os
import sys

import vaultui
from vaultui.model.errors import CipherdirMissing, UsageError
from vaultui.model.exitcodes import ExitCode
from vaultui.mountd import console
from vaultui.mountd.commandline import pflag, refusals
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.console import log

SPOKEN_VERSION = "v2.6.1"
"""The gocryptfs whose command line, files and exit codes we have."""


def run(options: Options, program: str) -> int:
    """Do what `options` ask for; return the exit code.

    Errors leave as VaultuiError; whoever calls prints them.
    """
    if options.debug:
        console.log_plainly(debug=True)
        log.debug("command line: %s", pflag.shown(sys.argv))
    if options.help or options.long_help or not (options.positionals or options.given):
        from vaultui.mountd.commandline.helptext import help_text

        print(help_text(program, _version(program), full=options.long_help and not options.help))
        return ExitCode.OK if options.help or options.long_help else ExitCode.USAGE
    if options.version:
        print(_version(program))
        return ExitCode.OK
    if options.speed:
        from vaultui.mountd.commandline import speed

        print(_version(program))
        return speed.run()
    if options.inspections:
        from vaultui.mountd.commandline import inspection

        return inspection.run(options)
    return _act(options, program)


def _version(program: str) -> str:
    import platform
    from importlib import metadata

    # Programs that call gocryptfs read its version up to the first semicolon, and refuse one
    # that is too old.
    spoken = "" if program == "vaultfs" else f"{program} {SPOKEN_VERSION}; "
    return (
        f"{spoken}vaultfs {vaultui.__version__}; pyfuse3 {metadata.version('pyfuse3')}; "
        f"Python {platform.python_version()}; {_compiled_part()}"
    )


def _compiled_part() -> str:
    """Say whether mounts have a hot path; the doctor reads this, too."""
    from vaultui.crypto.hazmat import compiled
    from vaultui.mountd import hotpath

    module = compiled.load()
    if module is None or not hotpath.is_there():
        return "without compiled part"
    # Without the date: "OpenSSL 3.0.19 27 Jan 2026".
    return f"compiled with {' '.join(module.openssl_version.split()[:2])}"


def _act(options: Options, program: str) -> int:
    if not options.positionals:
        raise UsageError(what="CIPHERDIR argument is missing")
    cipherdir = os.path.abspath(options.positionals[0])
    if not os.path.isdir(cipherdir):
        raise CipherdirMissing(path=cipherdir)
    console.log_plainly(quiet=options.quiet, debug=options.debug, panic=options.warnings_end)
    refusals.check_exclusions(options)
    if options.config:
        # Absolute: a daemon goes to the root directory.
        options.config = os.path.abspath(options.config)
        log.info("Using config file at custom location %s", options.config)
    if options.key_file:
        options.key_file = os.path.abspath(options.key_file)
    refusals.check_owner(options)
    with contextlib.ExitStack() as stack:
        if options.cpu_profile or options.memory_profile or options.trace:
            from vaultui.mountd.commandline import profiles

            stack.enter_context(profiles.written(options))
        refusals.check_call(options, program)
        return _do(options, cipherdir, program)


def _do(options: Options, cipherdir: str, program: str) -> int:
    """Do the one action there is. What an action needs is imported for it alone."""
    if options.fsck:
        from vaultui.mountd.commandline import fsck

        return fsck.run(options, cipherdir)
    if options.init:
        from vaultui.mountd.commandline import init

        return init.run(options, cipherdir, program)
    if options.passwd:
        from vaultui.mountd.commandline import passwd

        return passwd.run(options, cipherdir)
    if options.info:
        from vaultui.mountd.commandline import info

        return info.run(options, cipherdir)
    from vaultui.mountd.commandline import mount

    return mount.run(options, cipherdir, program)
