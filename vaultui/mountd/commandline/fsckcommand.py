"""-fsck: what is checked, and with which secret."""

from __future__ import annotations

from vaultui.model.exitcodes import ExitCode
from vaultui.mountd import opening
from vaultui.mountd.commandline import fsck
from vaultui.mountd.commandline.keysources import has_master_key, read_secret
from vaultui.mountd.commandline.masterkeyflags import long_name_max, master_key_flags
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.console import log
from vaultui.wire.handshake import CheckSpec


def run(options: Options, cipherdir: str) -> ExitCode:
    """Check the volume, and return the exit code."""
    spec = CheckSpec(cipherdir, options.config, master_key_flags(options), long_name_max(options))
    conf = opening.read_conf(spec, has_token=bool(options.fido2))
    with read_secret(options, conf) as secret:
        if not has_master_key(options):
            log.info("Decrypting master key")
        return fsck.run(spec, secret, conf)
