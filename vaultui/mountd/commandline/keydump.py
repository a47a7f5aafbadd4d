"""`-dumpmasterkey`: the master key of a volume config, for who has lost the config later."""

from __future__ import annotations

import os

from vaultui.cipherfs import volume as volumes
from vaultui.crypto import masterkey
from vaultui.model.errors import VolumeConfTampered
from vaultui.model.exitcodes import ExitCode
from vaultui.mountd import console, opening
from vaultui.mountd.commandline.keysources import read_password_or_token
from vaultui.mountd.commandline.options import Options
from vaultui.mountd.console import log


def run(options: Options, path: str) -> ExitCode:
    """Print the master key of the volume config at `path` as 64 hexadecimal digits.

    Nothing else goes to standard output: not even what is logged while the password is read.
    Errors leave as VaultuiError, with the exit codes that a mount has for them.
    """
    console.log_plainly(quiet=True)
    has_token = bool(options.fido2)
    conf = volumes.read_conf(os.path.dirname(path) or ".", path)
    if not has_token:
        masterkey.check_takes_password(conf, with_key_file=bool(options.key_file))
    with (
        read_password_or_token(options, conf) as secret,
        opening.given_for(conf, secret, options.key_file) as given,
    ):
        master, is_sound = masterkey.rescue(conf, given)
        with master, master.view as view:
            print(view.hex())
    if not is_sound:
        # Said, and no reason to keep the key: it may be what the volume is to be rescued with.
        log.warning("%s", VolumeConfTampered().summary)
    return ExitCode.OK
