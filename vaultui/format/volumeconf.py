"""The volume config, gocryptfs.conf: what a volume is made of, and its wrapped master key.

It is JSON with tabs, as gocryptfs writes it. Reading follows Go's rules, so that every file
that gocryptfs opens is opened here too: names of fields match in any case, the last of several
equal ones counts, null is the same as left out, byte strings may hold line breaks.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar

from vaultui.format.features import DEFAULT_FEATURES, BadFeatures, FeatureFlag, Features
from vaultui.format.names import NAME_MAX
from vaultui.model.errors import VolumeConfCorrupt, VolumeConfUnsupported

T = TypeVar("T")

CONF_VERSION: Final = 2
CONF_MODE: Final = 0o400
MAX_CONF_BYTES: Final = 1 << 20
"""A real one has 400 bytes; reading stops here, because the path may name anything."""
_MAX_NESTS: Final = 100
"""Lists and objects in a config, of which a real one has three. Deep nesting exhausts the stack,
here or where the file is written again."""

MIN_LOGN: Final = 10
MAX_LOGN: Final = 28
"""The range of gocryptfs's -scryptn. 28 takes 256 GiB of memory."""
DEFAULT_LOGN: Final = 16
_MAX_WORK: Final = 8 << MAX_LOGN
"""Bound on N·r·p, a quarter of an hour of work: a config that asks for more is a trap, and
scrypt cannot be interrupted once it runs."""
_MIN_SALT: Final = 32
_SCRYPT_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """How the password is stretched; `n` is the number itself, not its logarithm."""

    salt: bytes
    n: int = 1 << DEFAULT_LOGN
    r: int = 8
    p: int = 1
    key_bytes: int = _SCRYPT_KEY_BYTES

    @property
    def logn(self) -> int:
        return self.n.bit_length() - 1

    @property
    def memory_bytes(self) -> int:
        """What deriving takes while it runs (RFC 7914, section 2)."""
        return 128 * self.n * self.r


@dataclass(frozen=True, slots=True)
class VolumeConf:
    """The content of one volume config, already checked for sense."""

    creator: str
    encrypted_key: bytes
    scrypt: ScryptCost
    features: Features = DEFAULT_FEATURES
    fido2: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What its token needs to know, as it stands in the file."""
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Fields of a newer gocryptfs, which a change of the password must not lose."""


def parse(data: bytes, path: str) -> VolumeConf:
    """Return what the file at `path`, which holds `data`, says.

    Raises VolumeConfCorrupt for what is no config, and VolumeConfUnsupported for one whose
    version, features or costs are refused; both name the reason.
    """
    fields = _Fields(_load(data, path), path, "")
    version = fields.take("Version", int, 0)
    # Half of a surrogate pair can be escaped in JSON, and never be printed.
    creator = fields.take("Creator", str, "").encode("utf-8", "replace").decode()
    encrypted_key = fields.take_bytes("EncryptedKey")
    scrypt = _parse_scrypt(_Fields(fields.take("ScryptObject", dict, {}), path, "ScryptObject."))
    flag_names = fields.take("FeatureFlags", list, [])
    fido2 = fields.take("FIDO2", dict, {})
    long_name_max = fields.take("LongNameMax", int, 0)
    if not all(isinstance(name, str) for name in flag_names):
        raise VolumeConfCorrupt(path=path, reason="FeatureFlags is not a list of texts")
    if not 0 <= long_name_max <= NAME_MAX:
        raise VolumeConfCorrupt(path=path, reason="LongNameMax is out of range")

    # The types have been checked by now, as in gocryptfs, where a wrong one is another
    # exit code than a wrong value.
    if version != CONF_VERSION:
        raise VolumeConfUnsupported(
            path=path, reason=f"the on-disk format {str(version)[:20]}, not {CONF_VERSION}"
        )
    _check_scrypt(scrypt, path)
    try:
        features = Features.parse(flag_names, long_name_max)
    except BadFeatures as error:
        raise VolumeConfUnsupported(path=path, reason=error.reason) from None
    return VolumeConf(
        creator=creator,
        encrypted_key=encrypted_key,
        scrypt=scrypt,
        features=features,
        fido2=MappingProxyType(fido2),
        extra=MappingProxyType(fields.rest()),
    )


def format(conf: VolumeConf) -> bytes:  # noqa: A001 - the other half of `parse`
    """Return the bytes of the file: what gocryptfs wrote comes back as it was."""
    fields: dict[str, Any] = {
        "Creator": conf.creator,
        "EncryptedKey": _base64(conf.encrypted_key),
        "ScryptObject": {
            "Salt": _base64(conf.scrypt.salt),
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
    text = json.dumps(fields | dict(conf.extra), indent="\t", ensure_ascii=False)
    return (text + "\n").encode("utf-8", "replace")


def _load(data: bytes, path: str) -> dict[str, Any]:
    if not data:
        raise VolumeConfCorrupt(path=path, reason="it is empty")
    if len(data) > MAX_CONF_BYTES:
        raise VolumeConfCorrupt(path=path, reason=f"it has more than {MAX_CONF_BYTES} bytes")
    if data.count(b"{") + data.count(b"[") > _MAX_NESTS:
        raise VolumeConfCorrupt(
            path=path, reason=f"it holds more than {_MAX_NESTS} lists and objects"
        )
    try:
        # Go puts U+FFFD where text is not UTF-8, and so keeps such a config readable.
        loaded = json.loads(
            data.decode("utf-8", "replace"), parse_constant=_no_constant, parse_float=_finite
        )
    except ValueError as error:
        raise VolumeConfCorrupt(path=path, reason="it is not JSON", raw=str(error)) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise VolumeConfCorrupt(path=path, reason="it is not a JSON object")
    return loaded


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        # JSON could not say it when the file is written again.
        raise ValueError(f"{text[:20]} is too large")
    return number


class _Fields:
    """The fields of a JSON object, taken one by one with their types."""

    def __init__(self, fields: dict[str, Any], path: str, prefix: str) -> None:
        self._fields = fields
        self._path = path
        self._prefix = prefix
        self._taken: set[str] = set()

    def take(self, name: str, kind: type[T], default: T) -> T:
        """Return the value of `name` in any case, or `default` for null or none."""
        self._taken.add(name.lower())
        value = default
        for key, candidate in self._fields.items():
            if key.lower() == name.lower() and candidate is not None:
                value = candidate
        # type() and not isinstance(): true is an int to Python, but not to Go.
        if type(value) is not kind:
            raise VolumeConfCorrupt(
                path=self._path, reason=f"{self._prefix}{name} is of the wrong type"
            )
        return value

    def take_bytes(self, name: str) -> bytes:
        text = self.take(name, str, "").replace("\n", "").replace("\r", "")
        try:
            data = base64.b64decode(text, validate=True)
            if len(text) != 4 * -(-len(data) // 3):
                # Python lets padding pass that is too long, and so would take a key that has
                # lost a character for one under another password.
                raise ValueError("it has too much padding")
            return data
        except (binascii.Error, ValueError) as error:
            raise VolumeConfCorrupt(
                path=self._path, reason=f"{self._prefix}{name} is not base64"
            ) from error

    def rest(self) -> dict[str, Any]:
        """Return the fields that nobody took."""
        return {key: value for key, value in self._fields.items() if key.lower() not in self._taken}


def _parse_scrypt(fields: _Fields) -> ScryptCost:
    return ScryptCost(
        salt=fields.take_bytes("Salt"),
        n=fields.take("N", int, 0),
        r=fields.take("R", int, 0),
        p=fields.take("P", int, 0),
        key_bytes=fields.take("KeyLen", int, 0),
    )


def _check_scrypt(cost: ScryptCost, path: str) -> None:
    def refuse(reason: str) -> NoReturn:
        raise VolumeConfUnsupported(path=path, reason=reason)

    # Limits of the integers first, so that a sentence never carries a number of a
    # thousand digits.
    if not 1 << MIN_LOGN <= cost.n <= 1 << MAX_LOGN:
        refuse(f"a scrypt cost N outside 2^{MIN_LOGN} to 2^{MAX_LOGN}")
    if cost.n & (cost.n - 1):
        refuse(f"a scrypt cost N of {cost.n}, which is not a power of two")
    if not 8 <= cost.r <= _MAX_WORK or not 1 <= cost.p <= _MAX_WORK:
        refuse("a scrypt cost with r below 8 or p below 1, or with absurd ones")
    if cost.n * cost.r * cost.p > _MAX_WORK:
        refuse(f"scrypt with N={cost.n} r={cost.r} p={cost.p}, which would not end")
    if len(cost.salt) < _MIN_SALT:
        refuse(f"a scrypt salt of {len(cost.salt)} bytes, fewer than {_MIN_SALT}")
    if cost.key_bytes != _SCRYPT_KEY_BYTES:
        refuse(f"a scrypt key that is not {_SCRYPT_KEY_BYTES} bytes long")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
