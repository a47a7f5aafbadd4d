"""What a volume is made of where no config says it: the options beside a master key."""

from __future__ import annotations

from typing import Final

from vaultui.mountd.commandline.keysources import has_master_key
from vaultui.mountd.commandline.options import Options

_DEFAULT_LONG_NAME_MAX: Final = 255


def master_key_flags(options: Options) -> tuple[str, ...]:
    """Return the features as a volume config names them; none without a master key.

    XChaCha20-Poly1305 comes before AES-SIV, as in gocryptfs; a reverse mount refuses it then.
    """
    if not has_master_key(options):
        return ()
    flags = ["HKDF"] if options.hkdf else []
    if options.xchacha:
        flags.append("XChaCha20Poly1305")
    else:
        flags.append("GCMIV128")
        if options.aes_siv or options.reverse:
            flags.append("AESSIV")
    return (*flags, *_name_flags(options))


def _name_flags(options: Options) -> tuple[str, ...]:
    if options.plaintext_names:
        return ("PlaintextNames",)
    wanted = {
        "DirIV": not options.deterministic_names,
        "LongNameMax": long_name_max(options) > 0,
        "EMENames": True,
        "LongNames": options.long_names,
        "Raw64": options.raw64,
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def long_name_max(options: Options) -> int:
    """Return the longest encrypted name that is kept as it is; 0 for the default."""
    if options.plaintext_names or options.long_name_max == _DEFAULT_LONG_NAME_MAX:
        return 0
    return options.long_name_max
