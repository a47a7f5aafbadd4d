"""A volume as a whole: made, and opened.

`create` writes the config last, so that a crash leaves nothing that looks whole and is not. A
directory without a config is no volume; until the config is durable nobody holds a master key
for it. What a killed one leaves does not stand in the way of the next. Two creations in one
directory exclude each other by a lock on it.

`slots` changes the keys of a volume.

What only a creation needs is imported by its functions: an unlock must not wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from vaultui import __version__
from vaultui.cipherfs import conffile
from vaultui.cipherfs.conffile import Path
from vaultui.crypto import masterkey
from vaultui.crypto.content import ContentCipher, new_aead
from vaultui.crypto.filename import NameCipher, Names, PlainNames
from vaultui.crypto.hazmat.compiled import CompiledCiphers, new_ciphers
from vaultui.crypto.keyslots import Credentials
from vaultui.format import volumeconf
from vaultui.format.features import (
    BadFeatures,
    ContentScheme,
    FeatureFlag,
    Features,
    NameScheme,
)
from vaultui.format.kdfcost import (
    DEFAULT_LOGN,
    MAX_LOGN,
    MIN_LOGN,
    Argon2idCost,
    Cost,
    ScryptCost,
)
from vaultui.format.keyslots import SlotKind
from vaultui.format.names import LONG_NAME_MAX_RANGE
from vaultui.format.volumeconf import NO_SCRYPT, VolumeConf
from vaultui.model.errors import (
    FeaturesRefused,
    InitFailed,
    ScryptCostRefused,
    UsageError,
    VolumeConfUnsupported,
)
from vaultui.model.language import Phrase
from vaultui.model.records import record
from vaultui.model.secret import Secret

_CREATOR: Final = f"vaultui {__version__}"


@record(frozen=True)
class Volume:
    """An open volume: what it is made of, and the ciphers under its keys."""

    features: Features
    content: ContentCipher
    names: Names
    compiled: CompiledCiphers | None = None
    """The same ciphers for requests that are answered in C, where there is such a thing."""


def read_conf(
    cipherdir: Path, config_path: Path | None = None, *, reverse: bool = False
) -> VolumeConf:
    """Return the config of the volume in `cipherdir`; needs no password.

    `reverse` looks for the config that a plain directory has. Raises CipherdirMissing,
    VolumeConfMissing, VolumeConfUnreadable, VolumeConfCorrupt or VolumeConfUnsupported.
    """
    return conffile.read(conffile.locate(cipherdir, config_path, reverse=reverse)).conf


def open_volume(
    cipherdir: Path, password: Secret, config_path: Path | None = None, *, reverse: bool = False
) -> Volume:
    """Return the volume in `cipherdir`, opened; raises as `read_conf`, and PasswordIncorrect.

    The password stays the caller's to wipe.
    """
    conf = read_conf(cipherdir, config_path, reverse=reverse)
    with Credentials.typed(password) as given, masterkey.unwrap(conf, given) as master:
        return volume_of(conf.features, master)


def volume_from_master_key(master: Secret, flags: Sequence[str], long_name_max: int = 0) -> Volume:
    """Return the volume that has this master key and these features, named as in a config.

    No config is read. Raises VolumeConfUnsupported for flags that a config could not have
    either. The master key stays the caller's to wipe.
    """
    try:
        features = Features.parse(flags, long_name_max)
    except BadFeatures as error:
        raise VolumeConfUnsupported(path="given with the master key", reason=error.reason) from None
    return volume_of(features, master)


def volume_of(features: Features, master: Secret) -> Volume:
    """Return the volume for a master key that is known already."""
    keys = masterkey.derive_keys(master, features)
    try:
        with keys.content.view as content_key, keys.names.view as name_key:
            return Volume(
                features=features,
                content=ContentCipher(new_aead(features, content_key)),
                names=_new_names(features, name_key),
                compiled=_new_compiled(features, content_key, name_key),
            )
    finally:
        keys.wipe()


def _new_names(features: Features, key: memoryview) -> Names:
    if features.names is NameScheme.PLAINTEXT:
        return PlainNames(key)
    return NameCipher(key, features.raw64, uses_dir_iv=features.names is NameScheme.EME)


def _new_compiled(
    features: Features, content_key: memoryview, name_key: memoryview
) -> CompiledCiphers | None:
    is_gcm = features.content is ContentScheme.AES_GCM and features.has(FeatureFlag.GCM_IV128)
    is_eme = features.names is not NameScheme.PLAINTEXT
    return new_ciphers(
        content_key if is_gcm else None, name_key if is_eme else None, raw64=features.raw64
    )


def check_creatable(
    cipherdir: Path,
    *,
    names: str = NameScheme.EME,
    reverse: bool = False,
    config_path: Path | None = None,
) -> None:
    """Raise as `create` does where a volume can't be made here, before anybody is asked anything.

    That is CipherdirMissing, CipherdirNotEmpty, CipherdirNotAccessible, or InitFailed for a
    config that is there already.
    """
    from vaultui.cipherfs import freshdir

    conf_path = conffile.locate(cipherdir, config_path, reverse=reverse)
    if not reverse:
        freshdir.check_unused(os.fsencode(cipherdir), uses_dir_iv=names == NameScheme.EME)
    if os.path.lexists(conf_path):
        raise InitFailed(
            path=os.fsdecode(cipherdir),
            reason=Phrase("{path} is there already", path=os.fsdecode(conf_path)),
        )


def check_logn(logn: int) -> None:
    """Raise ScryptCostRefused for a cost that no volume can have."""
    if not MIN_LOGN <= logn <= MAX_LOGN:
        raise ScryptCostRefused(logn=logn, low=MIN_LOGN, high=MAX_LOGN)


def create(
    cipherdir: Path,
    password: Secret,
    scrypt_logn: int = DEFAULT_LOGN,
    *,
    content: str = ContentScheme.AES_GCM,
    names: str = NameScheme.EME,
    long_name_max: int = 0,
    reverse: bool = False,
    master: Secret | None = None,
    config_path: Path | None = None,
    fido2: Mapping[str, Any] | None = None,
    argon2id: Argon2idCost | None = None,
    key_file: Secret | None = None,
) -> Secret:
    """Make a volume in the empty directory `cipherdir`, and return its master key.

    `reverse` makes one of a plain directory, whatever that holds, to be shown encrypted; its
    content is AES-SIV. `master` is a master key to wrap instead of a random one; it stays the
    caller's. A config outside of the directory is never written over. With `fido2`, which the
    config then keeps for the token, `password` is what the token gave. With `argon2id` the
    key has a slot under Argon2id, and gocryptfs refuses the volume; with `key_file`, what a key
    file stands for, it has one for both together, or for the file alone where the password is
    empty.

    Raises UsageError, FeaturesRefused, PasswordEmpty, PasswordTooLong, ScryptCostRefused,
    CipherdirMissing, CipherdirNotEmpty, CipherdirNotAccessible, InitFailed or
    VolumeConfNotWritten. What a failure had already written is removed.
    """
    from vaultui.cipherfs import freshdir

    features = _features_of_new(content, names, long_name_max, reverse)
    if fido2 is not None and (argon2id is not None or key_file is not None):
        other = "Argon2id" if key_file is None else "a key file"
        raise FeaturesRefused(reason=Phrase("a FIDO2 token and {other}", other=other))
    if fido2 is not None:
        features = replace(features, flags=(*features.flags, FeatureFlag.FIDO2))
    if password or key_file is None:
        masterkey.check_password(password)
    check_logn(scrypt_logn)
    conf_path = conffile.locate(cipherdir, config_path, reverse=reverse)
    directory = os.fsencode(cipherdir)
    uses_dir_iv = features.names is NameScheme.EME and not reverse
    with freshdir.alone_in(directory):
        check_creatable(cipherdir, names=names, reverse=reverse, config_path=config_path)
        key = masterkey.new_master_key() if master is None else master.copy()
        try:
            if argon2id is None and key_file is None:
                encrypted_key, cost = masterkey.wrap(key, password, scrypt_logn)
                conf = VolumeConf(_CREATOR, encrypted_key, cost, features, fido2 or {})
            else:
                bare = VolumeConf(_CREATOR, b"", NO_SCRYPT, features)
                slot_cost = argon2id or ScryptCost(salt=b"", n=1 << scrypt_logn)
                conf = _with_slot(bare, key, password, key_file, slot_cost)
            data = volumeconf.format(conf)
            freshdir.write(directory, conf_path, data, uses_dir_iv=uses_dir_iv)
        except BaseException:
            key.wipe()
            raise
    return key


def _with_slot(
    bare: VolumeConf, master: Secret, password: Secret, key_file: Secret | None, cost: Cost
) -> VolumeConf:
    """Return the config `bare` with a key slot for what was given of the two."""
    from vaultui.cipherfs import slotchange

    kind = SlotKind.PASSWORD
    if key_file is not None:
        kind = SlotKind.PASSWORD_AND_KEY_FILE if password else SlotKind.KEY_FILE
    with Credentials(
        password=password.copy(), key_file=None if key_file is None else key_file.copy()
    ) as key:
        slot = slotchange.new_slot(kind, cost)
        slotchange.check_together([slot])
        return slotchange.with_slots(bare, master, [slot], {slot.id: key})


def _features_of_new(content: str, names: str, long_name_max: int, reverse: bool) -> Features:
    if long_name_max and long_name_max not in LONG_NAME_MAX_RANGE:
        low, high = LONG_NAME_MAX_RANGE[0], LONG_NAME_MAX_RANGE[-1]
        raise UsageError(
            what=Phrase("Names become long ones above {low} to {high} bytes", low=low, high=high)
        )
    try:
        content_scheme, name_scheme = ContentScheme(content), NameScheme(names)
    except ValueError as error:
        raise UsageError(what=f"{error}") from None
    if reverse:
        if content_scheme is ContentScheme.XCHACHA:
            raise FeaturesRefused(
                reason=Phrase(
                    "{content} in reverse mode, which takes AES-SIV alone", content=content
                )
            )
        content_scheme = ContentScheme.AES_SIV
    return Features.of_new_volume(content_scheme, name_scheme, long_name_max)
