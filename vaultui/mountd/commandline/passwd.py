"""-passwd: another password for a volume, with gocryptfs's texts and exit codes."""

from __future__ import annotations

import contextlib
import dataclasses

from vaultui.cipherfs import conffile
from vaultui.cipherfs import volume as volumes
from vaultui.crypto import masterkey
from vaultui.format.keyslots import SlotKind
from vaultui.model.errors import ScryptCostRefused, UsageError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.secret import Secret
from vaultui.mountd import console, keycommands
from vaultui.mountd.commandline.keysources import read_secret
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.passwordsources import read_new_password
from vaultui.mountd.console import GREEN, GREY, log
from vaultui.wire.oneshot import PasswdSpec


def run(options: Options, cipherdir: str) -> ExitCode:
    """Change the password, known or with the master key."""
    spec = PasswdSpec(
        cipherdir,
        options.config,
        # None below 1, and 0 would mean the one that there is.
        scrypt_logn=(options.scrypt_logn or -1) if "scryptn" in options.given else 0,
        argon2id=options.argon2id,
        from_master_key=options.has_master_key,
        reverse=options.reverse,
        key_file="" if options.has_master_key else options.key_file,
        new_key_file=options.key_file if options.has_master_key else "",
    )
    # What is wrong with the old config or the old password is told before a new one is
    # thought of.
    conf = volumes.read_conf(cipherdir, options.config or None, reverse=options.reverse)
    masterkey.check_takes_password(
        conf, with_key_file=bool(options.key_file) or spec.from_master_key
    )
    if spec.from_master_key and conf.key_slots is None:
        conffile.check_no_copy(
            conffile.locate_file(cipherdir, options.config or None, reverse=options.reverse)
        )
    with read_secret(options, conf) as old, contextlib.ExitStack() as stack:
        was = None
        if not spec.from_master_key:
            log.info("Decrypting master key")
            was = stack.enter_context(keycommands.opened(spec, old))
        if was is not None and was.slot.kind is SlotKind.KEY_FILE:
            if not (spec.argon2id or spec.scrypt_logn):
                raise UsageError(what="The key file alone opens the volume: it has no password")
            spec = dataclasses.replace(spec, same_password=True)
            new = Secret(bytearray())
        else:
            log.info("Please enter your new password.")
            # Never from the sources of the old one: it would be the same.
            new = stack.enter_context(read_new_password((), ()))
        try:
            copy = keycommands.change_password(spec, old, new, was)
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
