"""What a volume is made of: its feature flags, and the combinations that make sense."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, StrEnum
from typing import Final, Self

from vaultui.format.names import LONG_NAME_MAX_RANGE, NAME_MAX
from vaultui.model.records import record


class FeatureFlag(Enum):
    """Every flag that gocryptfs knows, by its name in the volume config, and one of ours."""

    PLAINTEXT_NAMES = "PlaintextNames"
    DIR_IV = "DirIV"
    EME_NAMES = "EMENames"
    GCM_IV128 = "GCMIV128"
    LONG_NAMES = "LongNames"
    LONG_NAME_MAX = "LongNameMax"
    AES_SIV = "AESSIV"
    RAW64 = "Raw64"
    HKDF = "HKDF"
    FIDO2 = "FIDO2"
    XCHACHA20_POLY1305 = "XChaCha20Poly1305"
    KEY_SLOTS = "VaultuiKeySlots"
    """Ours: gocryptfs refuses a volume with it, and says its name."""


class ContentScheme(StrEnum):
    """The content ciphers, as people call them."""

    AES_GCM = "AES-256-GCM"
    AES_SIV = "AES-SIV-512"
    XCHACHA = "XChaCha20-Poly1305"


class NameScheme(StrEnum):
    """The ways in which names lie on disk."""

    EME = "EME"
    """Encrypted, and differently in each directory."""
    DETERMINISTIC = "deterministic"
    """Encrypted, and equal names are equal everywhere: for tools that synchronise."""
    PLAINTEXT = "plaintext"


class BadFeatures(Exception):
    """Flags that make no volume that could be opened; `reason` names the culprit."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@record(frozen=True)
class Features:
    """The features of one volume."""

    flags: tuple[FeatureFlag, ...]
    """In the order of the file."""
    long_name_max: int = NAME_MAX
    """Longest encrypted name that is kept as it is, in bytes."""

    @classmethod
    def parse(cls, names: Iterable[str], long_name_max: int = 0) -> Self:
        """Return the features with these names; 0 is the default of `long_name_max`.

        Raises BadFeatures for a name that nobody knows and for a combination that no
        gocryptfs wrote, or none whose volumes are of this format.
        """
        flags: dict[FeatureFlag, None] = {}
        for name in names:
            try:
                flags[FeatureFlag(name)] = None
            except ValueError:
                raise BadFeatures(f"the unknown feature {name[:64]!r}") from None
        _check(set(flags), long_name_max)
        return cls(tuple(flags), long_name_max or NAME_MAX)

    @classmethod
    def of_new_volume(
        cls, content: ContentScheme, names: NameScheme, long_name_max: int = 0
    ) -> Self:
        """Return the features of a new volume, in the order in which gocryptfs writes them.

        `long_name_max` 0 is the default, and means nothing to plaintext names. Raises
        BadFeatures for a limit out of range.
        """
        flag = FeatureFlag
        xchacha = content is ContentScheme.XCHACHA
        flags = [flag.HKDF, flag.XCHACHA20_POLY1305 if xchacha else flag.GCM_IV128]
        if names is NameScheme.PLAINTEXT:
            long_name_max = 0
            flags.append(flag.PLAINTEXT_NAMES)
        else:
            if names is NameScheme.EME:
                flags.append(flag.DIR_IV)
            if long_name_max:
                flags.append(flag.LONG_NAME_MAX)
            flags += [flag.EME_NAMES, flag.LONG_NAMES, flag.RAW64]
        if content is ContentScheme.AES_SIV:
            flags.append(flag.AES_SIV)
        _check(set(flags), long_name_max)
        return cls(tuple(flags), long_name_max or NAME_MAX)

    def has(self, flag: FeatureFlag) -> bool:
        return flag in self.flags

    @property
    def raw64(self) -> bool:
        """Whether base64 goes without padding."""
        return self.has(FeatureFlag.RAW64)

    @property
    def content(self) -> ContentScheme:
        if self.has(FeatureFlag.XCHACHA20_POLY1305):
            return ContentScheme.XCHACHA
        return ContentScheme.AES_SIV if self.has(FeatureFlag.AES_SIV) else ContentScheme.AES_GCM

    @property
    def names(self) -> NameScheme:
        if self.has(FeatureFlag.PLAINTEXT_NAMES):
            return NameScheme.PLAINTEXT
        return NameScheme.EME if self.has(FeatureFlag.DIR_IV) else NameScheme.DETERMINISTIC


_NOT_WITH_PLAINTEXT: Final = (
    FeatureFlag.DIR_IV,
    FeatureFlag.EME_NAMES,
    FeatureFlag.LONG_NAMES,
    FeatureFlag.RAW64,
    FeatureFlag.LONG_NAME_MAX,
)


def _check(flags: set[FeatureFlag], long_name_max: int) -> None:
    """Raise BadFeatures for combinations that never existed, and for names in CBC."""
    has = flags.__contains__
    flag = FeatureFlag
    if has(flag.XCHACHA20_POLY1305):
        for other in (flag.AES_SIV, flag.GCM_IV128):
            if has(other):
                raise BadFeatures(f"XChaCha20Poly1305 together with {other.value}")
        if not has(flag.HKDF):
            raise BadFeatures("XChaCha20Poly1305 without HKDF")
    elif not has(flag.GCM_IV128):
        # Nonces of 12 bytes were over before either of these began.
        for newer in (flag.AES_SIV, flag.HKDF):
            if has(newer):
                raise BadFeatures(f"{newer.value} without GCMIV128")
    if has(flag.PLAINTEXT_NAMES):
        for other in _NOT_WITH_PLAINTEXT:
            if has(other):
                raise BadFeatures(f"PlaintextNames together with {other.value}")
    elif not has(flag.EME_NAMES):
        raise BadFeatures("names in CBC (no EMENames), from before gocryptfs 0.6")
    if has(flag.KEY_SLOTS) and has(flag.FIDO2):
        raise BadFeatures("VaultuiKeySlots together with FIDO2")
    if has(flag.LONG_NAME_MAX) != bool(long_name_max):
        raise BadFeatures(f"LongNameMax={long_name_max} against its feature flag")
    if long_name_max and long_name_max not in LONG_NAME_MAX_RANGE:
        low, high = LONG_NAME_MAX_RANGE[0], LONG_NAME_MAX_RANGE[-1]
        raise BadFeatures(f"LongNameMax={long_name_max}, outside {low} to {high}")


DEFAULT_FEATURES: Final = Features.of_new_volume(ContentScheme.AES_GCM, NameScheme.EME)
