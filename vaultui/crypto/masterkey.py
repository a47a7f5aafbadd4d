"""The master key: wrapped under a password in the volume config, and what derives from it."""

from __future__ import annotations

import os
from typing import Final

from vaultui.crypto import keyslots
from vaultui.crypto.hazmat import kdf
from vaultui.crypto.hazmat.aead import AesGcm, InvalidTag
from vaultui.crypto.keyslots import PASSWORD_MAX, Credentials
from vaultui.crypto.stretching import stretch
from vaultui.format.features import ContentScheme, FeatureFlag, Features
from vaultui.format.kdfcost import KEY_BYTES, ScryptCost
from vaultui.format.keyslots import WITH_KEY_FILE, WITHOUT_KEY_FILE, SlotKind
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import (
    Fido2TokenNeeded,
    KeyFileNeeded,
    MasterKeyDamaged,
    PasswordEmpty,
    PasswordIncorrect,
    PasswordTooLong,
    VolumeConfTampered,
)
from vaultui.model.records import record
from vaultui.model.secret import Secret

_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 16
_OLD_NONCE_BYTES: Final = 12
"""Of volumes without the HKDF flag."""
_WRAP_AD: Final = bytes(8)
_GCM_INFO: Final = b"AES-GCM file content encryption"
_CONTENT_INFO: Final = {
    ContentScheme.AES_GCM: _GCM_INFO,
    ContentScheme.AES_SIV: b"AES-SIV file content encryption",
    ContentScheme.XCHACHA: b"XChaCha20-Poly1305 file content encryption",
}
_NAMES_INFO: Final = b"EME filename encryption"
_SIV_KEY_BYTES: Final = 64
"""Half of it authenticates, half encrypts (RFC 5297, 2.2)."""


@record(frozen=True)
class Keys:
    """What the master key is used for; each half is wiped by whoever asked for it."""

    content: Secret
    names: Secret

    def wipe(self) -> None:
        self.content.wipe()
        self.names.wipe()


def check_password(password: Secret) -> None:
    """Raise PasswordEmpty or PasswordTooLong for what no volume can have as its password."""
    if not password:
        raise PasswordEmpty
    if len(password) > PASSWORD_MAX:
        raise PasswordTooLong(limit=PASSWORD_MAX)


def check_takes_password(conf: VolumeConf, *, with_key_file: bool = False) -> None:
    """Raise Fido2TokenNeeded or KeyFileNeeded for a volume that nothing opens that is typed.

    So that nothing is asked for in vain; `with_key_file` says that there is a key file.
    """
    if conf.features.has(FeatureFlag.FIDO2):
        raise Fido2TokenNeeded
    slots = () if conf.key_slots is None or with_key_file else conf.key_slots.slots
    if slots and not any(slot.kind in WITHOUT_KEY_FILE for slot in slots):
        raise KeyFileNeeded


def takes_key_file(conf: VolumeConf) -> bool:
    """Tell whether a key file is of any use for the volume."""
    slots = () if conf.key_slots is None else conf.key_slots.slots
    return any(slot.kind in WITH_KEY_FILE for slot in slots)


def wants_password(conf: VolumeConf, *, with_key_file: bool) -> bool:
    """Tell whether a password is to be asked for: not where a key file is enough.

    Where it may be enough, and may also belong to a password, somebody is asked, who can leave
    the password empty.
    """
    if conf.key_slots is None or not with_key_file:
        return True
    kinds = {slot.kind for slot in conf.key_slots.slots}
    return SlotKind.KEY_FILE not in kinds or SlotKind.PASSWORD_AND_KEY_FILE in kinds


def unwrap(conf: VolumeConf, given: Credentials) -> Secret:
    """Return the master key of a volume of either format.

    Where it has key slots, raises as `keyslots.unwrap`. In the plain format raises
    Fido2TokenNeeded, PasswordEmpty, PasswordTooLong, ScryptCostTooHigh, and PasswordIncorrect
    when the tag does not match: a wrong password and flipped bits in the key look the same, to
    us as to everybody. A key of the wrong length is told apart, as MasterKeyDamaged.
    """
    if conf.key_slots is not None:
        return keyslots.unwrap(conf, given)[1]
    if conf.features.has(FeatureFlag.FIDO2) and given.token is None:
        raise Fido2TokenNeeded
    password = given.token if conf.features.has(FeatureFlag.FIDO2) else given.password
    if password is None:
        raise PasswordEmpty
    check_password(password)
    has_hkdf = conf.features.has(FeatureFlag.HKDF)
    nonce_bytes = _NONCE_BYTES if has_hkdf else _OLD_NONCE_BYTES
    wrapped = conf.encrypted_key
    expected = nonce_bytes + KEY_BYTES + _TAG_BYTES
    if len(wrapped) != expected:
        raise MasterKeyDamaged(size=len(wrapped), expected=expected)
    master = bytearray(KEY_BYTES)
    with _wrapping_key(password, conf.scrypt, has_hkdf) as key, key.view as view:
        try:
            AesGcm(view).decrypt_into(
                wrapped[:nonce_bytes], wrapped[nonce_bytes:], _WRAP_AD, master
            )
        except InvalidTag:
            master[:] = bytes(KEY_BYTES)
            raise PasswordIncorrect from None
    return Secret(master)


def rescue(conf: VolumeConf, given: Credentials) -> tuple[Secret, bool]:
    """Return the master key as `unwrap` does, and whether the config is as it was made.

    It is for showing the key, which its own tag vouches for. To open a volume after a change
    that nobody vouches for would be to trust that change.
    """
    if conf.key_slots is None:
        return unwrap(conf, given), True
    master = keyslots.find(conf, given)[1]
    try:
        keyslots.check_mac(conf, master)
    except VolumeConfTampered:
        return master, False
    return master, True


def wrap(
    master: Secret, password: Secret, logn: int, *, hkdf: bool = True, r: int = 8, p: int = 1
) -> tuple[bytes, ScryptCost]:
    """Return the master key encrypted under `password`, and the cost with a fresh salt."""
    check_password(password)
    if len(master) != KEY_BYTES:
        raise ValueError(f"a master key is {KEY_BYTES} bytes")
    cost = ScryptCost(salt=os.urandom(32), n=1 << logn, r=r, p=p)
    nonce = os.urandom(_NONCE_BYTES if hkdf else _OLD_NONCE_BYTES)
    sealed = bytearray(KEY_BYTES + _TAG_BYTES)
    with _wrapping_key(password, cost, hkdf) as key, key.view as view, master.view as plain:
        AesGcm(view).encrypt_into(nonce, plain, _WRAP_AD, sealed)
    return nonce + bytes(sealed), cost


def new_master_key() -> Secret:
    """Return a random master key."""
    return Secret(bytearray(os.urandom(KEY_BYTES)))


def derive_keys(master: Secret, features: Features) -> Keys:
    """Return the keys for content and names.

    Without the HKDF flag both are the master key itself, but for AES-SIV: its key is the
    SHA-512 of it.
    """
    siv = features.content is ContentScheme.AES_SIV
    if not features.has(FeatureFlag.HKDF):
        return Keys(content=kdf.sha512(master) if siv else master.copy(), names=master.copy())
    return Keys(
        content=kdf.hkdf(
            master, _CONTENT_INFO[features.content], _SIV_KEY_BYTES if siv else KEY_BYTES
        ),
        names=kdf.hkdf(master, _NAMES_INFO, KEY_BYTES),
    )


def _wrapping_key(password: Secret, cost: ScryptCost, has_hkdf: bool) -> Secret:
    stretched = stretch(password, cost)
    if not has_hkdf:
        return stretched
    with stretched:
        # The info string is that of content in GCM, whatever the volume's own is: gocryptfs
        # treats the wrapped key as such content.
        return kdf.hkdf(stretched, _GCM_INFO, KEY_BYTES)
