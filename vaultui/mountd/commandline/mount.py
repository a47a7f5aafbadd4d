"""A mount as the command line asks for it: the options as a MountSpec, and who is told."""

from __future__ import annotations

import os

from vaultui.format.volumeconf import VolumeConf
from vaultui.model.exitcodes import ExitCode
from vaultui.model.secret import Secret
from vaultui.mountd import daemon, mounting
from vaultui.mountd.commandline.exclusions import read_patterns
from vaultui.mountd.commandline.flavour import long_name_max, master_key_flags
from vaultui.mountd.commandline.keysources import read_secret
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.commandline.optionvalues import parse_owner
from vaultui.mountd.console import GREEN, YELLOW, log
from vaultui.wire.handshake import MountSpec, StepName


def run(options: Options, cipherdir: str, program: str) -> ExitCode:
    """Mount, and serve until it is unmounted; return the exit code."""
    front = _CommandFront(options, program)
    return mounting.mount(spec_of(options, cipherdir), front, program=program)


def spec_of(options: Options, cipherdir: str) -> MountSpec:
    """Return what is to be mounted. Raises ExcludeUnreadable."""
    owner = parse_owner(options.force_owner) if options.force_owner else ()
    return MountSpec(
        vault_id="",
        vault_name="",
        cipherdir=cipherdir,
        mountpoint=os.path.abspath(options.positionals[1]),
        ctlsock=os.path.abspath(options.ctlsock) if options.ctlsock else "",
        config_path=options.config,
        read_only=options.read_only,
        read_write=options.read_write,
        # A reverse mount has no idle lock: nothing of it is secret.
        idle_timeout_s=0.0 if options.reverse else options.idle_s,
        fsname=options.fsname,
        nonempty=options.nonempty,
        allow_other=options.allow_other or bool(owner),
        force_owner=owner,
        suid=options.suid and not options.nosuid,
        dev=options.dev and not options.nodev,
        exec=not options.noexec,
        kernel_options=tuple(word for word in options.kernel_options.split(",") if word),
        context=options.context,
        acl=options.acl,
        xattrs=not options.noxattr,
        shared_storage=options.shared_storage,
        kernel_cache=options.kernel_cache,
        serialize_reads=options.serialize_reads,
        prealloc=not options.noprealloc,
        bad_names=tuple(options.bad_names),
        conflict_copies=options.conflict_copies,
        reverse=options.reverse,
        exclude=tuple(options.exclude),
        exclude_patterns=(
            read_patterns(options.exclude_wildcard, options.exclude_from) if options.reverse else ()
        ),
        one_file_system=options.one_file_system,
        master_key_flags=master_key_flags(options),
        long_name_max=long_name_max(options),
        key_file=options.key_file,
        notify_pid=options.notify_pid,
        fuse_debug=options.fuse_debug or bool(options.trace),
        password_source=_source(options),
    )


def _source(options: Options) -> str:
    if options.has_master_key:
        return "master key"
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
        self.has_token = bool(options.fido2)

    def secret(self, conf: VolumeConf | None) -> Secret:
        return read_secret(self._options, conf)

    def step(self, name: StepName) -> None:
        if name is StepName.DERIVING and not self._options.has_master_key:
            log.info("Decrypting master key")
        if name is StepName.MOUNTING and (self._options.allow_other or self._options.force_owner):
            log.info(
                'The option "-allow_other" is set. Make sure the file permissions protect '
                "your data from unwanted access.",
                extra=YELLOW,
            )

    def ready(self, _mountpoint: str, _mount_id: int, _derivation_s: float) -> None:
        log.info("Filesystem mounted and ready.", extra=GREEN)
        if self._options.notify_pid > 0:
            daemon.detach(self._program, to_syslog=not self._options.nosyslog)
            daemon.notify(self._options.notify_pid)
