"""The volume config, gocryptfs.conf: what a volume is made of, and its wrapped master key.

It is JSON with tabs, as gocryptfs writes it. Reading follows Go's rules, so that every file
that gocryptfs opens is opened here too: names of fields match in any case, the last of several
equal ones counts, null is the same as left out, byte strings may hold line breaks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import Any, Final, NoReturn

from vaultui.format import canonicaljson, keyslots
from vaultui.format.features import DEFAULT_FEATURES, BadFeatures, FeatureFlag, Features
from vaultui.format.jsonfields import Fields, to_base64
from vaultui.format.kdfcost import MIN_LOGN, CostRefused, ScryptCost
from vaultui.format.keyslots import KeySlots
from vaultui.format.names import NAME_MAX
from vaultui.model.errors import VolumeConfCorrupt, VolumeConfUnsupported
from vaultui.model.language import N_, Phrase
from vaultui.model.records import record
from vaultui.model.terminaltext import shown

CONF_VERSION: Final = 2
CONF_MODE: Final = 0o400
MAX_CONF_BYTES: Final = 1 << 20
"""A real one has 400 bytes, and 12 000 with 32 key slots; reading stops here, because the path
may name anything."""
_MAX_NESTS: Final = 100
"""Lists and objects in a config: a real one has three, and 69 with 32 key slots. Deep nesting
exhausts the stack, here or where the file is written again."""

NO_SCRYPT: Final = ScryptCost(salt=bytes(32), n=1 << MIN_LOGN)
"""In the config of a volume with key slots, which has no key where gocryptfs would look for it.
gocryptfs looks at the cost before it does at the flags, and would name that as what it refuses
if this was not one that it takes."""


@record(frozen=True)
class VolumeConf:
    """The content of one volume config, already checked for sense."""

    creator: str
    encrypted_key: bytes
    scrypt: ScryptCost
    features: Features = DEFAULT_FEATURES
    fido2: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What its token needs to know, as it stands in the file."""
    key_slots: KeySlots | None = None
    """Where there are some, `encrypted_key` is empty and `scrypt` is NO_SCRYPT."""
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Fields of a newer gocryptfs, which a change of the password must not lose."""


def parse(data: bytes, path: str) -> VolumeConf:
    """Return what the file at `path`, which holds `data`, says.

    Raises VolumeConfCorrupt for what is no config, and VolumeConfUnsupported for one whose
    version, features or costs are refused; both name the reason.
    """
    fields = Fields(_load(data, path), path, "")
    version = fields.take("Version", int, 0)
    # JSON can spell what steers a terminal, and what is no character at all.
    creator = shown(fields.take("Creator", str, ""))
    encrypted_key = fields.take_bytes("EncryptedKey")
    scrypt = _parse_scrypt(Fields(fields.take("ScryptObject", dict, {}), path, "ScryptObject."))
    flag_names = fields.take("FeatureFlags", list, [])
    fido2 = fields.take("FIDO2", dict, {})
    long_name_max = fields.take("LongNameMax", int, 0)
    slots = fields.take(keyslots.FIELD, dict, {})
    if not all(isinstance(name, str) for name in flag_names):
        raise VolumeConfCorrupt(path=path, reason=N_("FeatureFlags is not a list of texts"))
    if not 0 <= long_name_max <= NAME_MAX:
        raise VolumeConfCorrupt(path=path, reason=N_("LongNameMax is out of range"))

    # The types have been checked by now, as in gocryptfs, where a wrong one is another
    # exit code than a wrong value.
    if version != CONF_VERSION:
        raise VolumeConfUnsupported(
            path=path,
            reason=Phrase(
                "the on-disk format {version}, not {expected}",
                version=str(version)[:20],
                expected=CONF_VERSION,
            ),
        )
    try:
        scrypt.check()
        features = Features.parse(flag_names, long_name_max)
    except (BadFeatures, CostRefused) as error:
        raise VolumeConfUnsupported(path=path, reason=error.reason) from None
    has_slots = features.has(FeatureFlag.KEY_SLOTS)
    if bool(slots) != has_slots:
        # Without the flag gocryptfs would take the config, and ignore the slots.
        raise VolumeConfUnsupported(path=path, reason=N_("key slots against their feature flag"))
    conf = VolumeConf(
        creator=creator,
        encrypted_key=encrypted_key,
        scrypt=scrypt,
        features=features,
        fido2=MappingProxyType(fido2),
        key_slots=keyslots.from_fields(slots, path) if has_slots else None,
        extra=MappingProxyType(fields.rest()),
    )
    if has_slots:
        _check_unambiguous(conf, data, path)
    return conf


def format(conf: VolumeConf) -> bytes:  # noqa: A001 - the other half of `parse`
    """Return the bytes of the file: what gocryptfs wrote comes back as it was."""
    text = json.dumps(_fields_of(conf), indent="\t", ensure_ascii=False)
    return (text + "\n").encode("utf-8", "replace")


def authenticated(conf: VolumeConf) -> bytes:
    """Return what the MAC of the key slots is made over: all of the config but itself."""
    assert conf.key_slots is not None
    unsigned = replace(conf, key_slots=replace(conf.key_slots, mac=b""))
    return canonicaljson.encode(_fields_of(unsigned))


def _check_unambiguous(conf: VolumeConf, data: bytes, path: str) -> None:
    """Raise VolumeConfCorrupt unless the file says what was read of it, and nothing else.

    Go's rules are many ways to say one thing. What is authenticated has one, so that two
    programs never read the same file differently. That also keeps keys out of the fields
    in which gocryptfs would look for them.
    """
    try:
        read = canonicaljson.decode(data)
        is_same = canonicaljson.encode(read) == canonicaljson.encode(_fields_of(conf))
    except ValueError:
        is_same = False
    if not is_same or conf.encrypted_key or conf.scrypt != NO_SCRYPT:
        raise VolumeConfCorrupt(
            path=path, reason=N_("it has a field that no volume with key slots has, or not so")
        )


def _fields_of(conf: VolumeConf) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "Creator": conf.creator,
        "EncryptedKey": to_base64(conf.encrypted_key),
        "ScryptObject": {
            "Salt": to_base64(conf.scrypt.salt),
            "N": conf.scrypt.n,
            "R": conf.scrypt.r,
            "P": conf.scrypt.p,
            "KeyLen": conf.scrypt.key_bytes,
        },
        "Version": CONF_VERSION,
        "FeatureFlags": [flag.value for flag in conf.features.flags],
    }
    if conf.fido2:
        fields["FIDO2"] = dict(conf.fido2)
    if conf.features.has(FeatureFlag.LONG_NAME_MAX):
        fields["LongNameMax"] = conf.features.long_name_max
    if conf.key_slots is not None:
        fields[keyslots.FIELD] = keyslots.to_fields(conf.key_slots)
    return fields | dict(conf.extra)


def _load(data: bytes, path: str) -> dict[str, Any]:
    if not data:
        raise VolumeConfCorrupt(path=path, reason=N_("it is empty"))
    if len(data) > MAX_CONF_BYTES:
        raise VolumeConfCorrupt(
            path=path,
            reason=Phrase("it has more than {limit} bytes", limit=MAX_CONF_BYTES),
        )
    if data.count(b"{") + data.count(b"[") > _MAX_NESTS:
        raise VolumeConfCorrupt(
            path=path,
            reason=Phrase("it holds more than {limit} lists and objects", limit=_MAX_NESTS),
        )
    try:
        # Go puts U+FFFD where text is not UTF-8, and so keeps such a config readable.
        loaded = json.loads(
            data.decode("utf-8", "replace"), parse_constant=_no_constant, parse_float=_finite
        )
    except ValueError as error:
        raise VolumeConfCorrupt(path=path, reason=N_("it is not JSON"), raw=str(error)) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise VolumeConfCorrupt(path=path, reason=N_("it is not a JSON object"))
    return loaded


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        # JSON could not say it when the file is written again.
        raise ValueError(f"{text[:20]} is too large")
    return number


def _parse_scrypt(fields: Fields) -> ScryptCost:
    return ScryptCost(
        salt=fields.take_bytes("Salt"),
        n=fields.take("N", int, 0),
        r=fields.take("R", int, 0),
        p=fields.take("P", int, 0),
        key_bytes=fields.take("KeyLen", int, 0),
    )
