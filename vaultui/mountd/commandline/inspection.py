"""The actions of gocryptfs-xray: looking into what is encrypted, without a mount of it."""

from __future__ import annotations

from vaultui.model.errors import UsageError
from vaultui.model.exitcodes import ExitCode
from vaultui.mountd.commandline.options import Options


def run(options: Options) -> ExitCode:
    """Do the one inspection there is, of the file or socket that stands for CIPHERDIR."""
    if len(options.inspections) > 1 or options.actions:
        raise UsageError(
            what="At most one of -xray, -dumpmasterkey, -encrypt-paths, -decrypt-paths is allowed"
        )
    if len(options.positionals) != 1:
        raise UsageError(what=f"One file is needed, {len(options.positionals)} were given")
    path = options.positionals[0]
    if options.xray:
        from vaultui.mountd.commandline import xray

        return xray.inspect(path, aes_siv=options.aes_siv, xchacha=options.xchacha)
    if options.dump_master_key:
        from vaultui.mountd.commandline import keydump

        return keydump.run(options, path)
    from vaultui.mountd.commandline import pathclient

    return pathclient.translate_paths(
        path,
        decrypt=options.decrypt_paths,
        separator=b"\0" if options.nul_separated else b"\n",
    )
