"""Commands of the backend that end by themselves: create, check, info, everything about keys.

They speak as `wire.handshake` draws it: a Spec and its secrets on fd 4, Starting and any number
of Steps back, and at the end the message that the Spec names, or Failed.
"""

from __future__ import annotations

from dataclasses import field

from vaultui.model.records import record
from vaultui.wire.conflictcopy import ConflictCopy
from vaultui.wire.handshake import WIRE_VERSION


@record(frozen=True)
class CreateSpec:
    """Make a new volume. One secret follows: the password. Answered by Created."""

    cipherdir: str
    scrypt_logn: int = 16
    config_path: str = ""
    """Empty: in the directory, under the name that belongs there."""
    content: str = "AES-256-GCM"
    """AES-256-GCM, AES-SIV-512 or XChaCha20-Poly1305."""
    names: str = "EME"
    """EME, deterministic or plaintext."""
    long_name_max: int = 0
    """Longest encrypted name that is kept as it is, 62 to 255 bytes; 0 for the default."""
    reverse: bool = False
    """Make a volume of a plain directory, for showing it encrypted."""
    argon2id: bool = False
    """Derive with Argon2id, at a cost of about a second; gocryptfs refuses the volume then."""
    key_file: str = ""
    """The password opens the volume together with this file, or where it is empty, the file
    alone; gocryptfs refuses the volume then."""
    has_master_key: bool = False
    """A second secret follows: the master key to wrap, instead of a new one."""
    version: int = WIRE_VERSION


@record(frozen=True)
class PasswdSpec:
    """Change the key that opens the volume to another of its kind, or its derivation.

    Two secrets follow: the old password, the new one. A recovery key, or the master key, in the
    place of the old one replaces the only other key there is, by one of any kind. Answered by
    Done.
    """

    cipherdir: str
    config_path: str = ""
    scrypt_logn: int = 0
    """0 keeps the cost that the volume has."""
    argon2id: bool = False
    """Derive the new key with Argon2id, at a cost of about a second."""
    from_master_key: bool = False
    """The first secret is the master key: the old password is lost."""
    reverse: bool = False
    key_file: str = ""
    """As in MountSpec."""
    new_key_file: str = ""
    """Takes the place of the key file, where the key has one or is replaced; empty keeps it."""
    same_password: bool = False
    """The second secret is empty: another derivation, or another key file, is all there is."""
    version: int = WIRE_VERSION


@record(frozen=True)
class SlotAddSpec:
    """Give the volume one key more. Answered by SlotAdded.

    Two secrets follow: what opens it now; the new password, which is empty for the kinds that
    have none.
    """

    cipherdir: str
    kind: str
    """password, key-file, password+key-file or recovery-key."""
    config_path: str = ""
    reverse: bool = False
    key_file: str = ""
    """As in MountSpec, of what opens it now."""
    new_key_file: str = ""
    label: str = ""
    argon2id: bool = False
    """Derive the new key with Argon2id, at a cost of about a second; else with scrypt."""
    scrypt_logn: int = 16
    version: int = WIRE_VERSION


@record(frozen=True)
class SlotRemoveSpec:
    """Take a key away. One secret follows: what opens the volume by another. Answered by Done."""

    cipherdir: str
    slot_id: str
    """32 hexadecimal digits."""
    config_path: str = ""
    reverse: bool = False
    key_file: str = ""
    version: int = WIRE_VERSION


@record(frozen=True)
class SlotVerifySpec:
    """Tell which key this is. One secret follows: what is said to open it.

    Answered by SlotOpened.
    """

    cipherdir: str
    config_path: str = ""
    reverse: bool = False
    key_file: str = ""
    fido2_device: str = ""
    version: int = WIRE_VERSION


@record(frozen=True)
class CalibrateSpec:
    """Measure what a derivation takes here and now. No secret follows. Answered by Calibrated."""

    version: int = WIRE_VERSION


@record(frozen=True)
class CheckSpec:
    """Read the whole volume and name what is damaged. One secret follows: what opens it.

    What it finds arrives as CheckMessages; answered by Checked.
    """

    cipherdir: str
    config_path: str = ""
    master_key_flags: tuple[str, ...] = ()
    """As in MountSpec."""
    long_name_max: int = 0
    key_file: str = ""
    """As in MountSpec."""
    fido2_device: str = ""
    version: int = WIRE_VERSION


@record(frozen=True)
class InfoSpec:
    """Tell what a volume config says. No secret follows. Answered by VolumeInfo."""

    cipherdir: str
    config_path: str = ""
    reverse: bool = False
    version: int = WIRE_VERSION


OneshotSpec = (
    CreateSpec
    | CheckSpec
    | InfoSpec
    | PasswdSpec
    | SlotAddSpec
    | SlotRemoveSpec
    | SlotVerifySpec
    | CalibrateSpec
)
"""Commands that end by themselves."""


@record(frozen=True)
class Done:
    pass


@record(frozen=True)
class Created:
    """A secret follows: the master key, 32 bytes, to be shown once and wiped."""

    cipherdir: str
    derivation_s: float


@record(frozen=True)
class CheckProgress:
    files: int
    bytes: int
    path: str
    """Plaintext path that is being read."""


@record(frozen=True)
class Damage:
    kind: str
    """corrupt-content, corrupt-name, corrupt-xattr, corrupt-symlink, missing-dir-iv, unreadable."""
    path: str
    """Plaintext path, as far as it can be decrypted."""
    cipher_path: str
    reason: str


CheckMessage = CheckProgress | Damage | ConflictCopy


@record(frozen=True)
class Checked:
    files: int
    bytes: int
    corrupt: int
    skipped: int
    """Entries that could not be opened, and so were not checked."""
    copies: int = 0
    """Conflict copies of sync clients, which are no damage."""


TOKEN_KIND = "fido2-token"  # noqa: S105 - the name of a kind
"""What opens a volume of -fido2, in the place of one of the kinds of slots."""


@record(frozen=True)
class SlotInfo:
    id: str
    """32 hexadecimal digits; empty for the only key of a volume in the plain format."""
    kind: str
    """password, key-file, password+key-file or recovery-key; or TOKEN_KIND."""
    key_derivation: str
    created: int
    """Seconds since 1970, UTC; 0 where that is not known, as in the plain format."""
    label: str


@record(frozen=True)
class SlotAdded:
    """Two secrets follow: the recovery key as text, and its QR code.

    Both are empty for another kind of key. The QR code is square, a byte for each module, 1 for
    a dark one, row by row, without the quiet zone around it.
    """

    slot: SlotInfo


@record(frozen=True)
class SlotOpened:
    slot: SlotInfo
    derivation_s: float


@record(frozen=True)
class Calibrated:
    """What the keys of a new volume cost on this machine."""

    scrypt: str
    """As in VolumeInfo."""
    scrypt_s: float
    argon2id: str
    """Empty where there is not enough memory for it."""
    argon2id_s: float


@record(frozen=True)
class VolumeInfo:
    creator: str
    feature_flags: tuple[str, ...]
    content: str
    """AES-256-GCM, AES-SIV-512 or XChaCha20-Poly1305."""
    names: str
    """EME, deterministic or plaintext."""
    key_derivation: str
    """With its cost, as "scrypt N=65536 r=8 p=1"; of several keys each once."""
    encrypted_key_bytes: int
    salt_bytes: int
    scrypt_n: int
    scrypt_r: int
    scrypt_p: int
    scrypt_key_bytes: int
    long_name_max: int = 255
    slots: tuple[SlotInfo, ...] = ()
    """None of a volume in the plain format, which has one password under scrypt."""
    extra: dict[str, str] = field(default_factory=dict)
