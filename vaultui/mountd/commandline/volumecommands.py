"""-init, -passwd and -info, with gocryptfs's texts and exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from vaultui.cipherfs import volume as volumes
from vaultui.crypto import masterkey
from vaultui.model.errors import (
    ScryptCostRefused,
    VolumeConfCorrupt,
    VolumeConfMissing,
    VolumeConfUnreadable,
    VolumeConfUnsupported,
)
from vaultui.model.exitcodes import ExitCode
from vaultui.model.secret import Secret
from vaultui.mountd import commands, console
from vaultui.mountd.commandline import fido2
from vaultui.mountd.commandline.flavour import content_scheme, long_name_max, name_scheme
from vaultui.mountd.commandline.keysources import read_master_key, read_secret
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.passwordsources import read_new_password
from vaultui.mountd.console import GREEN, GREY, log
from vaultui.wire.handshake import CreateSpec, InfoSpec, PasswdSpec

_GO_NAMES: Final = {"AES-256-GCM": "AES-GCM-256"}
"""What gocryptfs calls a cipher where it is not what everybody does."""


def init(options: Options, cipherdir: str, program: str) -> ExitCode:
    """Make a volume, and tell how to mount it."""
    spec = CreateSpec(
        cipherdir,
        scrypt_logn=options.scrypt_logn,
        config_path=options.config,
        content=content_scheme(options),
        names=name_scheme(options),
        long_name_max=long_name_max(options),
        reverse=options.reverse,
        has_master_key=options.has_master_key,
    )
    # Told before the password is asked for twice.
    commands.check_creatable(spec)
    if not options.extpass and not options.fido2:
        log.info("Choose a password for protecting your files.")
    with contextlib.ExitStack() as stack:
        token = _register(options, cipherdir)
        password = stack.enter_context(
            read_new_password(options.passfile, options.extpass)
            if token is None
            else fido2.read_secret(options.fido2, token)
        )
        key = stack.enter_context(read_master_key(options)) if spec.has_master_key else None
        _, master = commands.create(spec, password, key, fido2=token)
    with master:
        _show_master_key(master, options)
    kind = "gocryptfs-reverse" if options.reverse else "gocryptfs"
    log.info("The %s filesystem has been created successfully.", kind, extra=GREEN)
    log.info(
        "You can now mount it using: %s%s %s MOUNTPOINT",
        program,
        " -reverse" if options.reverse else "",
        _friendly(cipherdir),
        extra=GREY,
    )
    return ExitCode.OK


def _register(options: Options, cipherdir: str) -> Mapping[str, Any] | None:
    """Return what the token needs to know that stands for a password, if there is one."""
    if not options.fido2:
        return None
    return fido2.register(options.fido2, os.path.basename(cipherdir), options.fido2_assert_options)


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


def passwd(options: Options, cipherdir: str) -> ExitCode:
    """Change the password, known or with the master key."""
    spec = PasswdSpec(
        cipherdir,
        options.config,
        # None below 1, and 0 would mean the one that there is.
        scrypt_logn=(options.scrypt_logn or -1) if "scryptn" in options.given else 0,
        from_master_key=options.has_master_key,
        reverse=options.reverse,
    )
    # What is wrong with the old config or the old password is told before a new one is
    # thought of.
    conf = volumes.read_conf(cipherdir, options.config or None, reverse=options.reverse)
    masterkey.check_takes_password(conf)
    with read_secret(options, conf) as old:
        if not spec.from_master_key:
            log.info("Decrypting master key")
            masterkey.unwrap(conf, old).wipe()
        log.info("Please enter your new password.")
        # The new one never comes from the sources of the old one: it would be the same.
        with read_new_password((), ()) as new:
            try:
                copy = commands.change_password(spec, old, new)
            except ScryptCostRefused as error:
                # The same mistake has another number with -init.
                console.report(error)
                return ExitCode.SCRYPT_PARAMS
    if copy:
        log.info(
            'A copy of the old config file has been created at "%s".\n'
            "Delete it after you have verified that you can access your files with the new "
            "password.",
            copy,
            extra=GREY,
        )
    log.info("Password changed.", extra=GREEN)
    return ExitCode.OK


def info(options: Options, cipherdir: str) -> ExitCode:
    """Print what the volume config says, without a password."""
    try:
        volume = commands.info(InfoSpec(cipherdir, options.config, options.reverse))
    except (
        VolumeConfCorrupt,
        VolumeConfMissing,
        VolumeConfUnreadable,
        VolumeConfUnsupported,
    ) as error:
        console.report(error)
        return ExitCode.LOAD_CONF
    rows = {
        "Creator": volume.creator,
        "FeatureFlags": " ".join(volume.feature_flags),
        "EncryptedKey": f"{volume.encrypted_key_bytes}B",
        "ScryptObject": f"Salt={volume.salt_bytes}B N={volume.scrypt_n} R={volume.scrypt_r} "
        f"P={volume.scrypt_p} KeyLen={volume.scrypt_key_bytes}",
        "contentEncryption": _GO_NAMES.get(volume.content, volume.content),
    }
    for label, value in rows.items():
        print(f"{label + ':':<18} {value}")
    return ExitCode.OK
