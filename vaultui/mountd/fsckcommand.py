"""-fsck: what is checked, and with which secret."""

from __future__ import annotations

from vaultui.model.exitcodes import ExitCode
from vaultui.mountd import fsck, opening
from vaultui.mountd.console import log
from vaultui.mountd.keysources import has_master_key, read_secret
from vaultui.mountd.masterkeyflags import long_name_max, master_key_flags
from vaultui.mountd.options import Options
from vaultui.wire.handshake import CheckSpec


def run(options: Options, cipherdir: str) -> ExitCode:
    """Check the volume, and return the exit code."""
    spec = CheckSpec(cipherdir, options.config, master_key_flags(options), long_name_max(options))
    conf = opening.read_conf(spec, has_token=bool(options.fido2))
    with read_secret(options, conf) as secret:
        if not has_master_key(options):
            log.info("Decrypting master key")
        return fsck.run(spec, secret, conf)
