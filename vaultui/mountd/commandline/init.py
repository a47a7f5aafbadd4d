"""-init: a new volume, with gocryptfs's texts."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from vaultui.model.exitcodes import ExitCode
from vaultui.model.secret import Secret
from vaultui.mountd import commands
from vaultui.mountd.commandline.flavour import content_scheme, long_name_max, name_scheme
from vaultui.mountd.commandline.keysources import read_master_key
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.passwordsources import read_new_password
from vaultui.mountd.console import GREEN, GREY, log
from vaultui.wire.oneshot import CreateSpec


def run(options: Options, cipherdir: str, program: str) -> ExitCode:
    """Make a volume, and tell how to mount it."""
    spec = CreateSpec(
        cipherdir,
        scrypt_logn=options.scrypt_logn,
        config_path=options.config,
        content=content_scheme(options),
        names=name_scheme(options),
        long_name_max=long_name_max(options),
        reverse=options.reverse,
        argon2id=options.argon2id,
        key_file=options.key_file,
        has_master_key=options.has_master_key,
    )
    # Told before the password is asked for twice.
    commands.check_creatable(spec)
    if not options.extpass and not options.fido2:
        log.info("Choose a password for protecting your files.")
        if options.key_file:
            log.info("It is needed together with the key file. Left empty, the file is enough.")
    with contextlib.ExitStack() as stack:
        kept, secret = _new_secret(options, cipherdir)
        stack.enter_context(secret)
        key = stack.enter_context(read_master_key(options)) if spec.has_master_key else None
        _, master = commands.create(spec, secret, key, fido2=kept)
    with master:
        _show_master_key(master, options)
    kind = "gocryptfs-reverse" if options.reverse else "gocryptfs"
    log.info("The %s filesystem has been created successfully.", kind, extra=GREEN)
    log.info(
        "You can now mount it using: %s%s%s %s MOUNTPOINT",
        program,
        " -reverse" if options.reverse else "",
        f" -keyfile {_friendly(options.key_file)}" if options.key_file else "",
        _friendly(cipherdir),
        extra=GREY,
    )
    return ExitCode.OK


def _new_secret(options: Options, cipherdir: str) -> tuple[Mapping[str, Any] | None, Secret]:
    """Return a new password, or what a token gives in its place and wants to be told again."""
    if options.fido2:
        from vaultui.mountd.commandline import fido2

        user = os.path.basename(cipherdir)
        return fido2.register(options.fido2, user, options.fido2_assert_options)
    may_be_empty = bool(options.key_file)
    return None, read_new_password(options.passfile, options.extpass, may_be_empty=may_be_empty)


def _friendly(path: str) -> str:
    """Return the path as a person would type it here."""
    near = os.path.relpath(path)
    name = path if near.startswith("../") else near
    return f'"{name}"' if " " in name else name


def _show_master_key(master: Secret, options: Options) -> None:
    """Show the key once, to a person only: a log or a pipe must not keep it."""
    if not sys.stdout.isatty() or options.quiet:
        log.info("Not running on a terminal, suppressing master key display")
        return
    with master.view as view:
        digits = view.hex("-", 4)
    half = len(digits) // 2 + 1
    print(
        "\nYour master key is:\n\n"
        f"    {digits[:half]}\n    {digits[half:]}\n\n"
        "If the config file becomes corrupted or you ever forget your password,\n"
        "there is only one hope for recovery: the master key. Print it to a piece of\n"
        "paper and keep it in a safe place. This message is shown only once.\n"
    )
