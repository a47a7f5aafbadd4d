"""Opening the volume of a Spec: by its config and a password, or by a master key alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vaultui.cipherfs import keyfile
from vaultui.cipherfs import volume as volumes
from vaultui.cipherfs.volume import Volume
from vaultui.crypto import masterkey
from vaultui.crypto.keyslots import Credentials
from vaultui.format.features import ContentScheme, FeatureFlag
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import UsageError
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret
from vaultui.mountd.console import log
from vaultui.wire.handshake import MountSpec

if TYPE_CHECKING:
    # A mount does without these messages.
    from vaultui.wire.oneshot import CheckSpec

_AES_SIV_ONLY: Final = "AES-SIV is required by reverse mode"


def read_conf(spec: MountSpec | CheckSpec, *, has_token: bool = False) -> VolumeConf | None:
    """Return the config, before anybody is asked for a password; None where none is read.

    A config may be a pipe: it is read once. Raises as `volumes.read_conf`, and
    Fido2TokenNeeded or KeyFileNeeded.
    """
    if spec.master_key_flags:
        return None
    reverse = isinstance(spec, MountSpec) and spec.reverse
    conf = volumes.read_conf(spec.cipherdir, spec.config_path or None, reverse=reverse)
    if not has_token:
        masterkey.check_takes_password(conf, with_key_file=bool(spec.key_file))
    if reverse and conf.features.content is not ContentScheme.AES_SIV:
        raise UsageError(
            what=Phrase("{what}, but not enabled in the config file", what=_AES_SIV_ONLY)
        )
    return conf


def open_volume(spec: MountSpec | CheckSpec, conf: VolumeConf | None, secret: Secret) -> Volume:
    """Return the volume that the secret opens.

    That is what was typed, or what a token gave for it, and without a config the master key.
    Raises KeyFileUnusable, and as `masterkey.unwrap`.
    """
    if conf is None:
        volume = volumes.volume_from_master_key(secret, spec.master_key_flags, spec.long_name_max)
        reverse = isinstance(spec, MountSpec) and spec.reverse
        if reverse and volume.features.content is not ContentScheme.AES_SIV:
            raise UsageError(what=_AES_SIV_ONLY)
    else:
        with (
            given_for(conf, secret, spec.key_file) as given,
            masterkey.unwrap(conf, given) as master,
        ):
            volume = volumes.volume_of(conf.features, master)
    flags = " ".join(flag.value for flag in volume.features.flags)
    log.debug("the volume is open; its features: %s", flags)
    return volume


def given_for(conf: VolumeConf, secret: Secret, key_file: str) -> Credentials:
    """Return as `credentials`, or what a token gave, where the volume is opened with one."""
    if conf.features.has(FeatureFlag.FIDO2):
        return Credentials(token=secret.copy())
    return credentials(secret, key_file)


def credentials(typed: Secret, key_file: str) -> Credentials:
    """Return what was given to open a volume: what was typed, which may be empty, and a key file.

    The caller wipes it. Raises KeyFileUnusable and PasswordTooLong.
    """
    return Credentials.typed(typed, read_key_file(key_file))


def read_key_file(path: str) -> Secret | None:
    """Return what the key file of a Spec stands for, None where there is none."""
    return keyfile.read(path) if path else None
