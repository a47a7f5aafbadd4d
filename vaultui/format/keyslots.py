"""Key slots: several keys for one volume, each wrapping its master key.

They stand in a field of the volume config that gocryptfs does not know, under a feature flag
that it refuses. vaultfs-keyslots(5) describes them byte by byte; here is the layout alone,
`crypto.keyslots` has the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NoReturn

from vaultui.format import canonicaljson
from vaultui.format.jsonfields import Fields, to_base64
from vaultui.format.kdfcost import (
    MAX_WORK,
    Argon2idCost,
    Cost,
    CostRefused,
    NoCost,
    ScryptCost,
)
from vaultui.model.errors import VolumeConfCorrupt, VolumeConfUnsupported
from vaultui.model.language import N_, Phrase
from vaultui.model.records import record

FIELD: Final = "VaultuiKeySlots"
VERSION: Final = 1
ID_BYTES: Final = 16
MAC_BYTES: Final = 32
NONCE_BYTES: Final = 12
WRAPPED_BYTES: Final = NONCE_BYTES + 32 + 16
"""Nonce, master key, tag."""
MAX_SLOTS: Final = 32
LABEL_MAX: Final = 64
"""Characters. All of them can be printed, so that a list of slots is safe to look at."""
_MAX_CREATED: Final = 253_402_300_799
"""The end of the year 9999, where calendars end."""


class SlotKind(StrEnum):
    """What opens a slot."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    KEY_FILE = "key-file"
    PASSWORD_AND_KEY_FILE = "password+key-file"  # noqa: S105 - the name of a kind
    RECOVERY_KEY = "recovery-key"


WITHOUT_KEY_FILE: Final = frozenset((SlotKind.PASSWORD, SlotKind.RECOVERY_KEY))
"""What can be typed alone."""
WITH_KEY_FILE: Final = frozenset(SlotKind) - WITHOUT_KEY_FILE


@record(frozen=True)
class KeySlot:
    """One way to the master key."""

    id: bytes
    """Random, and never used again."""
    kind: SlotKind
    cost: Cost
    created: int
    """Seconds since 1970, UTC."""
    label: str = ""
    wrapped: bytes = b""
    """Nonce, encrypted master key and tag."""


@record(frozen=True)
class KeySlots:
    """All slots of a volume, and what proves that they are all and as they were."""

    slots: tuple[KeySlot, ...]
    mac: bytes = b""


def is_label(text: str) -> bool:
    """Tell whether `text` can be the label of a slot."""
    return len(text) <= LABEL_MAX and (text.isprintable() or not text)


def associated_data(slot: KeySlot) -> bytes:
    """Return what the wrapped master key is bound to: all that decides how it is unwrapped."""
    return canonicaljson.encode(
        {
            "Version": VERSION,
            "ID": to_base64(slot.id),
            "Kind": slot.kind.value,
            "KDF": _cost_fields(slot.cost),
        }
    )


def to_fields(key_slots: KeySlots) -> dict[str, Any]:
    """Return the JSON object of the slots; without a MAC it has no field for it."""
    fields: dict[str, Any] = {
        "Version": VERSION,
        "Slots": [
            {
                "ID": to_base64(slot.id),
                "Kind": slot.kind.value,
                "KDF": _cost_fields(slot.cost),
                "Created": slot.created,
                "Label": slot.label,
                "EncryptedKey": to_base64(slot.wrapped),
            }
            for slot in key_slots.slots
        ],
    }
    if key_slots.mac:
        fields["MAC"] = to_base64(key_slots.mac)
    return fields


def from_fields(fields: Mapping[str, Any], path: str) -> KeySlots:
    """Return the slots of the config at `path`.

    Raises VolumeConfCorrupt for what is none, and VolumeConfUnsupported for another version,
    an unknown kind of slot, and costs that are not to be tried.
    """
    outer = Fields(dict(fields), path, f"{FIELD}.")
    version = outer.take("Version", int, 0)
    if version != VERSION:
        _refuse(path, f"key slots of version {str(version)[:20]}, not {VERSION}")
    mac = outer.take_bytes("MAC")
    found = outer.take("Slots", list, [])
    if not 1 <= len(found) <= MAX_SLOTS:
        raise VolumeConfCorrupt(
            path=path, reason=Phrase("it has not 1 to {limit} key slots", limit=MAX_SLOTS)
        )
    slots = tuple(_slot(item, path, f"{FIELD}.Slots[{at}]") for at, item in enumerate(found))
    if len({slot.id for slot in slots}) != len(slots):
        raise VolumeConfCorrupt(path=path, reason=N_("two key slots have the same ID"))
    if len(mac) != MAC_BYTES:
        raise VolumeConfCorrupt(
            path=path,
            reason=Phrase("{field}.MAC has not {size} bytes", field=FIELD, size=MAC_BYTES),
        )
    if sum(slot.cost.work for slot in slots) > MAX_WORK:
        _refuse(path, "key slots whose derivations together would take minutes")
    return KeySlots(slots, mac)


def _slot(item: Any, path: str, where: str) -> KeySlot:
    if not isinstance(item, dict):
        raise VolumeConfCorrupt(
            path=path, reason=Phrase("{where} is of the wrong type", where=where)
        )
    fields = Fields(item, path, f"{where}.")
    kind_name = fields.take("Kind", str, "")
    try:
        kind = SlotKind(kind_name)
    except ValueError:
        _refuse(path, f"a key slot of the unknown kind {kind_name[:64]!r}")
    slot = KeySlot(
        id=fields.take_bytes("ID"),
        kind=kind,
        cost=_cost(Fields(fields.take("KDF", dict, {}), path, f"{where}.KDF."), path),
        created=fields.take("Created", int, 0),
        label=fields.take("Label", str, ""),
        wrapped=fields.take_bytes("EncryptedKey"),
    )
    _check(slot, path, where)
    return slot


def _check(slot: KeySlot, path: str, where: str) -> None:
    for name, data, size in (
        ("ID", slot.id, ID_BYTES),
        ("EncryptedKey", slot.wrapped, WRAPPED_BYTES),
    ):
        if len(data) != size:
            raise VolumeConfCorrupt(
                path=path,
                reason=Phrase(
                    "{where}.{name} has {data} bytes, not {size}",
                    where=where,
                    name=name,
                    data=len(data),
                    size=size,
                ),
            )
    if not 0 <= slot.created <= _MAX_CREATED:
        raise VolumeConfCorrupt(
            path=path, reason=Phrase("{where}.Created is out of range", where=where)
        )
    if not is_label(slot.label):
        raise VolumeConfCorrupt(
            path=path, reason=Phrase("{where}.Label can't be printed, or is too long", where=where)
        )
    if (slot.kind is SlotKind.RECOVERY_KEY) != isinstance(slot.cost, NoCost):
        _refuse(path, f"a key slot of the kind {slot.kind} with the derivation {slot.cost}")
    try:
        slot.cost.check()
    except CostRefused as error:
        _refuse(path, error.reason)


def _cost(fields: Fields, path: str) -> Cost:
    match name := fields.take("Name", str, ""):
        case "scrypt":
            return ScryptCost(
                salt=fields.take_bytes("Salt"),
                n=fields.take("N", int, 0),
                r=fields.take("R", int, 0),
                p=fields.take("P", int, 0),
            )
        case "argon2id":
            return Argon2idCost(
                salt=fields.take_bytes("Salt"),
                memory_kib=fields.take("MemoryKiB", int, 0),
                passes=fields.take("Passes", int, 0),
                lanes=fields.take("Lanes", int, 0),
            )
        case "none":
            return NoCost()
        case _:
            raise VolumeConfUnsupported(
                path=path, reason=Phrase("the unknown key derivation {name}", name=repr(name[:64]))
            )


def _cost_fields(cost: Cost) -> dict[str, Any]:
    match cost:
        case ScryptCost():
            return {
                "Name": "scrypt",
                "Salt": to_base64(cost.salt),
                "N": cost.n,
                "R": cost.r,
                "P": cost.p,
            }
        case Argon2idCost():
            return {
                "Name": "argon2id",
                "Salt": to_base64(cost.salt),
                "MemoryKiB": cost.memory_kib,
                "Passes": cost.passes,
                "Lanes": cost.lanes,
            }
        case NoCost():
            return {"Name": "none"}


def _refuse(path: str, reason: str) -> NoReturn:
    raise VolumeConfUnsupported(path=path, reason=reason)
