"""What a volume is made of where no config says it: options beside -init and a master key."""

from __future__ import annotations

from typing import Final

from vaultui.format.features import ContentScheme, FeatureFlag, NameScheme
from vaultui.model.errors import FeaturesRefused
from vaultui.mountd.commandline.options import Options

_DEFAULT_LONG_NAME_MAX: Final = 255


def content_scheme(options: Options) -> ContentScheme:
    """Return the content cipher of a new volume; raises FeaturesRefused for two of them."""
    aes_siv = options.aes_siv or options.reverse
    if options.xchacha and aes_siv:
        raise FeaturesRefused(reason=f"{ContentScheme.XCHACHA} and {ContentScheme.AES_SIV}")
    if options.xchacha:
        return ContentScheme.XCHACHA
    return ContentScheme.AES_SIV if aes_siv else ContentScheme.AES_GCM


def name_scheme(options: Options) -> NameScheme:
    """Return how names lie on disk in a new volume."""
    if options.plaintext_names:
        return NameScheme.PLAINTEXT
    return NameScheme.DETERMINISTIC if options.deterministic_names else NameScheme.EME


def long_name_max(options: Options) -> int:
    """Return the longest encrypted name that is kept as it is, in bytes; 0 for the default."""
    if options.plaintext_names or options.long_name_max == _DEFAULT_LONG_NAME_MAX:
        return 0
    return options.long_name_max


def master_key_flags(options: Options) -> tuple[str, ...]:
    """Return the features as a volume config names them; none without a master key.

    XChaCha20-Poly1305 comes before AES-SIV, as in gocryptfs; a reverse mount refuses it then.
    """
    if not options.has_master_key:
        return ()
    aes = not options.xchacha
    encrypted = not options.plaintext_names
    wanted = {
        FeatureFlag.HKDF: options.hkdf,
        FeatureFlag.XCHACHA20_POLY1305: options.xchacha,
        FeatureFlag.GCM_IV128: aes,
        FeatureFlag.AES_SIV: aes and (options.aes_siv or options.reverse),
        FeatureFlag.PLAINTEXT_NAMES: options.plaintext_names,
        FeatureFlag.DIR_IV: encrypted and not options.deterministic_names,
        FeatureFlag.LONG_NAME_MAX: long_name_max(options) > 0,
        FeatureFlag.EME_NAMES: encrypted,
        FeatureFlag.LONG_NAMES: encrypted and options.long_names,
        FeatureFlag.RAW64: encrypted and options.raw64,
    }
    return tuple(flag.value for flag, is_wanted in wanted.items() if is_wanted)
