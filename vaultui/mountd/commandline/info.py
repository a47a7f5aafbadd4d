"""-info: what a volume config says, in gocryptfs's rows and with its exit codes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from vaultui.model.errors import (
    VolumeConfCorrupt,
    VolumeConfMissing,
    VolumeConfUnreadable,
    VolumeConfUnsupported,
)
from vaultui.model.exitcodes import ExitCode
from vaultui.mountd import commands, console
from vaultui.mountd.commandline.options import Options
from vaultui.wire.oneshot import InfoSpec, SlotInfo, VolumeInfo

_GO_NAMES: Final = {"AES-256-GCM": "AES-GCM-256"}
"""What gocryptfs calls a cipher where it is not what everybody does."""


def run(options: Options, cipherdir: str) -> ExitCode:
    """Print what the volume config says, without a password."""
    try:
        volume = commands.info(InfoSpec(cipherdir, options.config, options.reverse))
    except (
        VolumeConfCorrupt,
        VolumeConfMissing,
        VolumeConfUnreadable,
        VolumeConfUnsupported,
    ) as error:
        console.report(error)
        return ExitCode.LOAD_CONF
    rows = {
        "Creator": volume.creator,
        "FeatureFlags": " ".join(volume.feature_flags),
        **(_slot_rows(volume) if volume.slots else _plain_rows(volume)),
        "contentEncryption": _GO_NAMES.get(volume.content, volume.content),
    }
    for label, value in rows.items():
        print(f"{label + ':':<18} {value}")
    return ExitCode.OK


def _plain_rows(volume: VolumeInfo) -> dict[str, str]:
    return {
        "EncryptedKey": f"{volume.encrypted_key_bytes}B",
        "ScryptObject": f"Salt={volume.salt_bytes}B N={volume.scrypt_n} R={volume.scrypt_r} "
        f"P={volume.scrypt_p} KeyLen={volume.scrypt_key_bytes}",
    }


def _slot_rows(volume: VolumeInfo) -> dict[str, str]:
    return {f"KeySlot {number}": _slot(slot) for number, slot in enumerate(volume.slots, 1)}


def _slot(slot: SlotInfo) -> str:
    """Return a line about a slot; no terminal obeys a label, which can be printed as it is."""
    made = datetime.fromtimestamp(slot.created, UTC).date().isoformat()
    label = f' "{slot.label}"' if slot.label else ""
    return f"{slot.kind} ({slot.key_derivation}) of {made}{label} ID={slot.id}"
