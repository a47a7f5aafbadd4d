"""`vaultfs` as a person or a script calls it, with gocryptfs's texts and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import vaultui
from vaultui.model.errors import (
    CipherdirMissing,
    CipherdirNotEmpty,
    UsageError,
    VolumeConfCorrupt,
    VolumeConfMissing,
    VolumeConfUnreadable,
    VolumeConfUnsupported,
)
from vaultui.model.exitcodes import ExitCode
from vaultui.model.secret import Secret
from vaultui.mountd import commands, console, daemon
from vaultui.mountd.console import log
from vaultui.mountd.options import Options, help_text
from vaultui.mountd.passwordsources import read_new_password, read_password
from vaultui.mountd.server import serve
from vaultui.wire.handshake import (
    CheckSpec,
    CreateSpec,
    InfoSpec,
    MountSpec,
    PasswdSpec,
    StepName,
)


def run(options: Options, arguments: list[str], program: str) -> int:
    """Do what `options`, parsed from `arguments`, ask for; return the exit code.

    Errors leave as VaultuiError; whoever calls prints them.
    """
    console.log_plainly(quiet=options.quiet)
    if not arguments:
        print(help_text(program, full=False))
        return ExitCode.USAGE
    if options.help or options.long_help:
        print(help_text(program, full=options.long_help))
        return ExitCode.OK
    if options.version:
        print(_version(program))
        return ExitCode.OK
    return _act(options, program)


def _version(program: str) -> str:
    import platform
    from importlib import metadata

    return (
        f"{program} {vaultui.__version__}; pyfuse3 {metadata.version('pyfuse3')}; "
        f"Python {platform.python_version()}"
    )


def _act(options: Options, program: str) -> int:
    if not options.positionals:
        raise UsageError(what="The argument CIPHERDIR is missing")
    cipherdir = os.path.abspath(options.positionals[0])
    if not os.path.isdir(cipherdir):
        raise CipherdirMissing(path=cipherdir)
    if options.idle_s < 0:
        raise UsageError(what="The idle time cannot be negative")
    if options.passfile and options.extpass:
        raise UsageError(what="-passfile and -extpass cannot be used together")
    actions = options.actions
    if len(actions) > 1:
        raise UsageError(what="At most one of -info, -init, -passwd, -fsck is allowed")
    wanted = 1 if actions else 2
    if len(options.positionals) != wanted:
        raise UsageError(
            what=f"{'-' + actions[0] if actions else 'Mounting'} takes {wanted} "
            f"argument{'s' if wanted > 1 else ''}, and {len(options.positionals)} were given"
        )
    if not actions:
        return _mount(options, cipherdir, program)
    action: dict[str, Callable[[Options, str, str], int]] = {
        "init": _init,
        "passwd": _passwd,
        "info": _info,
        "fsck": _fsck,
    }
    return action[actions[0]](options, cipherdir, program)


def _init(options: Options, cipherdir: str, program: str) -> int:
    if names := os.listdir(cipherdir):
        # Told before the password is asked for twice.
        raise CipherdirNotEmpty(path=cipherdir, first=min(names))
    log.info("Choose a password for protecting your files.")
    with read_new_password(options.passfile, options.extpass) as password:
        spec = CreateSpec(cipherdir, options.scrypt_logn or CreateSpec.scrypt_logn)
        _, master = commands.create(spec, password)
    with master:
        _show_master_key(master, options)
    log.info("The gocryptfs filesystem has been created successfully.")
    log.info("You can now mount it using: %s %s MOUNTPOINT", program, options.positionals[0])
    return ExitCode.OK


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


def _passwd(options: Options, cipherdir: str, _program: str) -> int:
    with read_password(options.passfile, options.extpass) as old:
        log.info("Please enter your new password.")
        # The new one never comes from the sources of the old one: it would be the same.
        with read_new_password((), ()) as new:
            spec = PasswdSpec(cipherdir, options.config, options.scrypt_logn)
            commands.change_password(spec, old, new)
    log.info("Password changed.")
    return ExitCode.OK


def _info(options: Options, cipherdir: str, _program: str) -> int:
    try:
        info = commands.info(InfoSpec(cipherdir, options.config))
    except (
        VolumeConfCorrupt,
        VolumeConfMissing,
        VolumeConfUnreadable,
        VolumeConfUnsupported,
    ) as error:
        console.report(error)
        return ExitCode.LOAD_CONF
    rows = {
        "Creator": info.creator,
        "FeatureFlags": " ".join(info.feature_flags),
        "EncryptedKey": f"{info.encrypted_key_bytes}B",
        "ScryptObject": f"Salt={info.salt_bytes}B N={info.scrypt_n} R={info.scrypt_r} "
        f"P={info.scrypt_p} KeyLen={info.scrypt_key_bytes}",
        "contentEncryption": _GO_NAMES.get(info.content, info.content),
    }
    for label, value in rows.items():
        print(f"{label + ':':<18} {value}")
    return ExitCode.OK


_GO_NAMES = {"AES-256-GCM": "AES-GCM-256"}


def _fsck(options: Options, cipherdir: str, _program: str) -> int:
    from vaultui.mountd import fsck

    with read_password(options.passfile, options.extpass) as password:
        log.info("Decrypting master key")
        return fsck.run(CheckSpec(cipherdir, options.config), password)


def _mount(options: Options, cipherdir: str, program: str) -> int:
    spec = MountSpec(
        vault_id="",
        vault_name="",
        cipherdir=cipherdir,
        mountpoint=os.path.abspath(options.positionals[1]),
        ctlsock=os.path.abspath(options.ctlsock) if options.ctlsock else "",
        config_path=os.path.abspath(options.config) if options.config else "",
        read_only=options.read_only,
        idle_timeout_s=options.idle_s,
        fsname=options.fsname,
        nonempty=options.nonempty,
        notify_pid=options.notify_pid,
        password_source=_source(options),
    )
    return serve(spec, _CommandFront(options, program), program=program)


def _source(options: Options) -> str:
    if options.passfile:
        return "file"
    if options.extpass:
        return "program"
    return "typed" if os.isatty(0) else "standard input"


class _CommandFront:
    """The person or script at the command line, as serving a mount sees it."""

    def __init__(self, options: Options, program: str) -> None:
        self._options = options
        self._program = program

    def password(self) -> Secret:
        return read_password(self._options.passfile, self._options.extpass)

    def step(self, name: StepName) -> None:
        if name is StepName.DERIVING:
            log.info("Decrypting master key")

    def ready(self, _mountpoint: str, _mount_id: int) -> None:
        log.info("Filesystem mounted and ready.")
        if self._options.notify_pid > 0:
            daemon.detach(self._program, to_syslog=not self._options.nosyslog)
            daemon.notify(self._options.notify_pid)
