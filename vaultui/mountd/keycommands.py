"""What is done to the keys of a volume: another one, one more, one less, and trying one.

Each takes the Spec of the wire and what opens the volume, and returns its answer, for the
command line and for the front end alike. Nobody is kept from writing to the volume meanwhile:
its content stays as it is.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

from vaultui.cipherfs import conffile, slots
from vaultui.cipherfs import volume as volumes
from vaultui.crypto import calibration, masterkey, recoverykey
from vaultui.crypto.keyslots import Credentials
from vaultui.format.kdfcost import Argon2idCost, Cost, NoCost, ScryptCost
from vaultui.format.keyslots import KeySlot, SlotKind
from vaultui.format.volumeconf import VolumeConf
from vaultui.linux import memory
from vaultui.model.errors import Argon2idRefused, KeySlotUnknown, UsageError
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret
from vaultui.mountd import opening
from vaultui.wire.oneshot import (
    TOKEN_KIND,
    Calibrated,
    PasswdSpec,
    SlotAdded,
    SlotAddSpec,
    SlotInfo,
    SlotOpened,
    SlotRemoveSpec,
    SlotVerifySpec,
)


@contextlib.contextmanager
def opened(spec: PasswdSpec, old: Secret) -> Iterator[slots.Opened]:
    """Open the config with the old key, so that `change_password` need not derive it again."""
    with opening.credentials(old, spec.key_file) as given, slots.opened(_path(spec), given) as was:
        yield was


def change_password(
    spec: PasswdSpec, old: Secret, new: Secret, was: slots.Opened | None = None
) -> str:
    """Give the volume another key; `old` is what opens it, or the master key.

    Returns the path of a copy of the old config, or "".
    """
    cost = _changed_cost(spec)
    if not spec.same_password:
        masterkey.check_password(new)
    with Credentials(
        password=None if spec.same_password else new.copy(),
        key_file=opening.read_key_file(spec.new_key_file),
    ) as changed:
        if spec.from_master_key:
            return slots.replace_lost_key(_path(spec), old, changed, cost)
        with opening.credentials(old, spec.key_file) as given:
            slots.rekey(_path(spec), given, changed, cost, was)
    return ""


def add_slot(spec: SlotAddSpec, secret: Secret, new: Secret) -> tuple[SlotAdded, Secret, Secret]:
    """Give the volume one key more; `secret` opens it now, and `new` is the new password.

    Returns the answer with a new recovery key as text and as QR code, which the caller wipes;
    both are empty where it is another kind of key.
    """
    try:
        kind = SlotKind(spec.kind)
    except ValueError:
        raise UsageError(
            what=Phrase("No key is of the kind {kind}", kind=repr(spec.kind))
        ) from None
    text, code = Secret(bytearray()), Secret(bytearray())
    if kind is SlotKind.RECOVERY_KEY:
        # Imported here: no unlock waits for the library.
        from vaultui.mountd import qrcode

        key = Credentials(recovery_key=recoverykey.new())
        assert key.recovery_key is not None
        text = recoverykey.format(key.recovery_key)
        # Drawn first: what can fail does so before the volume has a key that nobody saw.
        code = qrcode.modules(text)
        cost: Cost = NoCost()
    else:
        key = Credentials(
            password=new.copy() if new else None,
            key_file=opening.read_key_file(spec.new_key_file),
        )
        if key.kind is not kind:
            # Less would open nothing, and what is left out of a key protects nothing, unnoticed.
            key.wipe()
            raise UsageError(
                what=Phrase("What was given does not make a key of the kind {kind}", kind=kind)
            )
        cost = argon2id() if spec.argon2id else _scrypt(spec.scrypt_logn)
    with key, opening.credentials(secret, spec.key_file) as given:
        slot = slots.add(_path(spec), given, key, kind, cost, spec.label)
    return SlotAdded(describe_slot(slot)), text, code


def remove_slot(spec: SlotRemoveSpec, secret: Secret) -> None:
    """Take a key away; `secret` opens the volume by another."""
    try:
        slot_id = bytes.fromhex(spec.slot_id)
    except ValueError:
        raise KeySlotUnknown(slot=spec.slot_id) from None
    with opening.credentials(secret, spec.key_file) as given:
        slots.remove(_path(spec), given, slot_id)


def read_conf(spec: SlotVerifySpec) -> VolumeConf:
    """Return the config of the volume, before anything is derived.

    Raises as `volumes.read_conf`, and Fido2TokenNeeded or KeyFileNeeded.
    """
    conf = volumes.read_conf(spec.cipherdir, spec.config_path or None, reverse=spec.reverse)
    if not spec.fido2_device:
        masterkey.check_takes_password(conf, with_key_file=bool(spec.key_file))
    return conf


def verify_slot(spec: SlotVerifySpec, conf: VolumeConf, secret: Secret) -> SlotOpened:
    """Tell which key of the volume `secret` is, and what opening it took."""
    with opening.given_for(conf, secret, spec.key_file) as given:
        began = time.monotonic()
        slot = describe_slot(slots.verify(conf, given))
        if given.token is not None:
            slot = replace(slot, kind=TOKEN_KIND)
        return SlotOpened(slot, time.monotonic() - began)


def calibrate() -> Calibrated:
    """Measure what the keys of a new volume cost here."""
    scrypt = ScryptCost(salt=bytes(32))
    scrypt_s = calibration.derivation_s(scrypt)
    try:
        chosen = argon2id()
    except Argon2idRefused:
        return Calibrated(str(scrypt), scrypt_s, "", 0.0)
    return Calibrated(str(scrypt), scrypt_s, str(chosen), calibration.derivation_s(chosen))


def argon2id() -> Argon2idCost:
    """Return a cost of about a second on this machine; raises Argon2idRefused."""
    return calibration.choose_argon2id(memory.available_bytes())


def describe_slot(slot: KeySlot) -> SlotInfo:
    """Return a key slot as the wire has it."""
    return SlotInfo(slot.id.hex(), slot.kind.value, str(slot.cost), slot.created, slot.label)


def _changed_cost(spec: PasswdSpec) -> Cost | None:
    if spec.argon2id:
        return argon2id()
    return _scrypt(spec.scrypt_logn) if spec.scrypt_logn else None


def _scrypt(logn: int) -> ScryptCost:
    volumes.check_logn(logn)
    return ScryptCost(salt=b"", n=1 << logn)


def _path(spec: PasswdSpec | SlotAddSpec | SlotRemoveSpec) -> bytes:
    return conffile.locate_file(spec.cipherdir, spec.config_path or None, reverse=spec.reverse)
