"""Key slots: wrapping the master key under several keys, and proving that the list is whole.

Who opens one slot has the master key, and with it the key of the MAC over the whole config:
slots that were swapped, put in another order, removed, added or made cheaper are found then,
and so is every other change. An older config as a whole is not. vaultfs-keyslots(5) has the
derivations and the analysis.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import Final, Self

from vaultui.crypto import recoverykey
from vaultui.crypto.hazmat import kdf
from vaultui.crypto.hazmat.aead import AesGcm, InvalidTag
from vaultui.crypto.stretching import stretch
from vaultui.format import volumeconf
from vaultui.format.kdfcost import KEY_BYTES
from vaultui.format.keyslots import (
    NONCE_BYTES,
    WITHOUT_KEY_FILE,
    WRAPPED_BYTES,
    KeySlot,
    KeySlots,
    SlotKind,
    associated_data,
)
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import (
    KeyFileIncorrect,
    KeyFileNeeded,
    PasswordEmpty,
    PasswordIncorrect,
    PasswordTooLong,
    RecoveryKeyMistyped,
    ScryptCostTooHigh,
    VaultuiError,
    VolumeConfTampered,
)
from vaultui.model.language import N_
from vaultui.model.records import record
from vaultui.model.secret import Secret

PASSWORD_MAX: Final = 2048
"""Bytes; gocryptfs reads no more, so a longer password could never be given to it."""

_WRAP_INFO: Final = b"vaultui key slot"
_MAC_INFO: Final = b"vaultui key slots MAC"


@record(frozen=True)
class Credentials:
    """What somebody gives to open a volume; the secrets are wiped by `wipe`."""

    password: Secret | None = None
    key_file: Secret | None = None
    """The SHA-256 of the file."""
    recovery_key: Secret | None = None
    token: Secret | None = None
    """What a FIDO2 token gave; it stands for the password of a volume in the plain format."""

    @classmethod
    def typed(cls, text: Secret, key_file: Secret | None = None) -> Self:
        """Return what a text stands for that was given as a password: a recovery key perhaps.

        An empty one is none. The key file becomes the credentials' own. Raises PasswordTooLong.
        """
        if len(text) > PASSWORD_MAX:
            raise PasswordTooLong(limit=PASSWORD_MAX)
        recovery_key = None
        if recoverykey.looks_like_one(text):
            # What its mistakes are is said when nothing else has opened either: see `find`.
            with contextlib.suppress(RecoveryKeyMistyped):
                recovery_key = recoverykey.parse(text)
        return cls(
            password=text.copy() if text else None, key_file=key_file, recovery_key=recovery_key
        )

    @property
    def kind(self) -> SlotKind:
        """What kind of slot all of it together makes."""
        if self.recovery_key is not None:
            return SlotKind.RECOVERY_KEY
        if self.key_file is None:
            return SlotKind.PASSWORD
        return SlotKind.PASSWORD_AND_KEY_FILE if self.password else SlotKind.KEY_FILE

    def material(self, kind: SlotKind) -> Secret | None:
        """Return what is stretched for a slot of this kind, or None where that was not given."""
        match kind:
            case SlotKind.PASSWORD:
                return self.password and self.password.copy()
            case SlotKind.KEY_FILE:
                return self.key_file and self.key_file.copy()
            case SlotKind.RECOVERY_KEY:
                return self.recovery_key and self.recovery_key.copy()
            case SlotKind.PASSWORD_AND_KEY_FILE:
                if not self.password or not self.key_file:
                    return None
                with self.password.view as password:
                    return Secret(bytearray(kdf.hmac_sha256(self.key_file, password)))

    def wipe(self) -> None:
        for secret in (self.password, self.key_file, self.recovery_key, self.token):
            if secret is not None:
                secret.wipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.wipe()


def wrap(master: Secret, credentials: Credentials, slot: KeySlot) -> KeySlot:
    """Return `slot` with `master` wrapped in it under what `credentials` hold for its kind."""
    material = credentials.material(slot.kind)
    if material is None:
        raise ValueError(f"nothing was given for a slot of the kind {slot.kind}")
    nonce = os.urandom(NONCE_BYTES)
    sealed = bytearray(WRAPPED_BYTES - NONCE_BYTES)
    with material, _wrapping_key(material, slot) as key, key.view as view, master.view as plain:
        AesGcm(view).encrypt_into(nonce, plain, associated_data(slot), sealed)
    return replace(slot, wrapped=nonce + bytes(sealed))


def unwrap_slot(slot: KeySlot, credentials: Credentials) -> Secret | None:
    """Return the master key in `slot`, or None where the credentials don't open it.

    Raises ScryptCostTooHigh. That the slot belongs to its list is for `check_mac` to say.
    """
    material = credentials.material(slot.kind)
    if material is None:
        return None
    master = bytearray(KEY_BYTES)
    with material, _wrapping_key(material, slot) as key, key.view as view:
        try:
            AesGcm(view).decrypt_into(
                slot.wrapped[:NONCE_BYTES],
                slot.wrapped[NONCE_BYTES:],
                associated_data(slot),
                master,
            )
        except InvalidTag:
            master[:] = bytes(KEY_BYTES)
            return None
    return Secret(master)


def find(conf: VolumeConf, credentials: Credentials) -> tuple[KeySlot, Secret]:
    """Return the slot that the credentials open, and the master key; the cheapest go first.

    Where they open none it raises RecoveryKeyMistyped, PasswordEmpty, KeyFileNeeded or
    PasswordIncorrect, whatever explains it best, and ScryptCostTooHigh where one was left out
    for its cost. The MAC is not looked at.
    """
    assert conf.key_slots is not None
    too_high: ScryptCostTooHigh | None = None
    for slot in sorted(conf.key_slots.slots, key=lambda slot: slot.cost.work):
        try:
            master = unwrap_slot(slot, credentials)
        except ScryptCostTooHigh as error:
            too_high = error
            continue
        if master is not None:
            return slot, master
    raise too_high or _refusal(conf.key_slots, credentials)


def _refusal(key_slots: KeySlots, given: Credentials) -> VaultuiError:
    """Return what to tell of credentials that opened none of the slots."""
    kinds = {slot.kind for slot in key_slots.slots}
    mistake = given.password and _mistake_in(given.password)
    if mistake and SlotKind.RECOVERY_KEY in kinds:
        return mistake
    nothing_typed = given.password is None and given.recovery_key is None
    if given.key_file is None:
        if not kinds & WITHOUT_KEY_FILE:
            return KeyFileNeeded()
        return PasswordEmpty() if nothing_typed else PasswordIncorrect()
    if nothing_typed:
        if SlotKind.KEY_FILE not in kinds:
            return PasswordEmpty()
        return KeyFileIncorrect(what=N_("The key file is"))
    return KeyFileIncorrect(what=N_("The password, the key file, or both are"))


def _mistake_in(text: Secret) -> RecoveryKeyMistyped | None:
    """Return the mistake in what was meant as a recovery key, or None for what was not."""
    if recoverykey.looks_like_one(text):
        try:
            recoverykey.parse(text).wipe()
        except RecoveryKeyMistyped as mistake:
            return mistake
    return None


def unwrap(conf: VolumeConf, credentials: Credentials) -> tuple[KeySlot, Secret]:
    """Return and raise as `find`; VolumeConfTampered too, for a config that was changed."""
    slot, master = find(conf, credentials)
    try:
        check_mac(conf, master)
    except BaseException:
        master.wipe()
        raise
    return slot, master


def check_mac(conf: VolumeConf, master: Secret) -> None:
    """Raise VolumeConfTampered unless `master` authenticates all of the config."""
    import hmac  # with hashlib, and most volumes have no slots

    assert conf.key_slots is not None
    if not hmac.compare_digest(conf.key_slots.mac, _mac(conf, master)):
        raise VolumeConfTampered


def signed(conf: VolumeConf, master: Secret) -> VolumeConf:
    """Return `conf` with the MAC over it as it is now."""
    assert conf.key_slots is not None
    return replace(conf, key_slots=replace(conf.key_slots, mac=_mac(conf, master)))


def _mac(conf: VolumeConf, master: Secret) -> bytes:
    with kdf.hkdf(master, _MAC_INFO, KEY_BYTES) as key:
        return kdf.hmac_sha256(key, volumeconf.authenticated(conf))


def _wrapping_key(material: Secret, slot: KeySlot) -> Secret:
    with stretch(material, slot.cost) as stretched:
        return kdf.hkdf(stretched, _WRAP_INFO, KEY_BYTES)
