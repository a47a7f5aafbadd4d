"""Key slots as vaultfs-keyslots(5) describes them, written from the page and not from our code.

It shows that the page says enough, and makes the test vectors that the page names:

    python tests/keyslotsbypage.py > assets/keyslots-vectors.json
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import sys
from collections.abc import Callable
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Json = dict[str, Any]
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def canonical(value: Any) -> bytes:
    # All names are ASCII here, so that Python's order is that of RFC 8785.
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def hkdf(key: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=info).derive(key)


def material(kind: str, given: Json) -> bytes:
    password = bytes.fromhex(given.get("password", ""))
    digest = hashlib.sha256(bytes.fromhex(given.get("key_file", ""))).digest()
    match kind:
        case "password":
            return password
        case "key-file":
            return digest
        case "password+key-file":
            return hmac.digest(digest, password, "sha256")
    return bytes.fromhex(given["recovery_key"])


def stretched(data: bytes, kdf: Json) -> bytes:
    salt = base64.b64decode(kdf.get("Salt", ""))
    match kdf["Name"]:
        case "scrypt":
            sizes = {"n": kdf["N"], "r": kdf["R"], "p": kdf["P"], "dklen": 32}
            return hashlib.scrypt(data, salt=salt, maxmem=1 << 30, **sizes)
        case "argon2id":
            cost = (kdf["Passes"], kdf["MemoryKiB"], kdf["Lanes"])
            return hash_secret_raw(data, salt, *cost, 32, Type.ID)
    return data


def associated(slot: Json) -> bytes:
    return canonical({"Version": 1, **{name: slot[name] for name in ("ID", "Kind", "KDF")}})


def mac(config: Json, master: bytes) -> bytes:
    unsigned = copy.deepcopy(config)
    unsigned["VaultuiKeySlots"].pop("MAC", None)
    key = hkdf(master, b"vaultui key slots MAC")
    return hmac.digest(key, canonical(unsigned), "sha256")


def unwrapped(slot: Json, given: Json) -> bytes:
    key = hkdf(stretched(material(slot["Kind"], given), slot["KDF"]), b"vaultui key slot")
    wrapped = base64.b64decode(slot["EncryptedKey"])
    return AESGCM(key).decrypt(wrapped[:12], wrapped[12:], associated(slot))


def recovery_text(key: bytes) -> str:
    bits = "0000" + "".join(f"{byte:08b}" for byte in key)
    symbols = [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]
    groups = []
    for number in range(1, 14):
        data = symbols[4 * number - 4 : 4 * number]
        check = number
        for power, symbol in zip((4, 3, 2, 1), data, strict=True):
            for _ in range(power):
                symbol = symbol << 1 ^ (37 if symbol & 16 else 0)
            check ^= symbol
        groups.append("".join(ALPHABET[symbol] for symbol in [*data, check]))
    return "-".join(groups)


# The vectors.

MASTER = bytes(range(0x40, 0x60))
RECOVERY = bytes(range(32))
GIVEN: list[tuple[str, Json, Json]] = [
    (
        "password",
        {"Name": "scrypt", "Salt": b64(bytes(range(32))), "N": 1024, "R": 8, "P": 1},
        {"password": b"correct horse".hex()},
    ),
    (
        "password",
        {
            "Name": "argon2id",
            "Salt": b64(bytes(range(16))),
            "MemoryKiB": 8192,
            "Passes": 3,
            "Lanes": 4,
        },
        {"password": "Käse ☃".encode().hex()},
    ),
    (
        "key-file",
        {
            "Name": "argon2id",
            "Salt": b64(bytes(range(16, 32))),
            "MemoryKiB": 1024,
            "Passes": 1,
            "Lanes": 1,
        },
        {"key_file": b"any file\n".hex()},
    ),
    (
        "password+key-file",
        {"Name": "scrypt", "Salt": b64(bytes(range(32, 64))), "N": 1024, "R": 8, "P": 1},
        {"key_file": b"another file\n".hex(), "password": b"1234".hex()},
    ),
    ("recovery-key", {"Name": "none"}, {"recovery_key": RECOVERY.hex()}),
]


def config() -> Json:
    slots = []
    for number, (kind, kdf, given) in enumerate(GIVEN):
        slot: Json = {
            "ID": b64(bytes([number] * 16)),
            "Kind": kind,
            "KDF": dict(kdf),
            "Created": 1_700_000_000 + number,
            "Label": ["", "Ada's", "blue stick", "", "in the säfe"][number],
        }
        key = hkdf(stretched(material(kind, given), kdf), b"vaultui key slot")
        nonce = bytes([0xF0 + number] * 12)
        sealed = AESGCM(key).encrypt(nonce, MASTER, associated(slot))
        slots.append({**slot, "EncryptedKey": b64(nonce + sealed)})
    made: Json = {
        "Creator": "vaultui 0.1.0",
        "EncryptedKey": "",
        "ScryptObject": {"Salt": b64(bytes(32)), "N": 1024, "R": 8, "P": 1, "KeyLen": 32},
        "Version": 2,
        "FeatureFlags": [
            *("HKDF", "GCMIV128", "DirIV", "EMENames", "LongNames", "Raw64"),
            "VaultuiKeySlots",
        ],
        "VaultuiKeySlots": {"Version": 1, "Slots": slots},
    }
    made["VaultuiKeySlots"]["MAC"] = b64(mac(made, MASTER))
    return made


def changed(change: Callable[[Json, list[Json]], object]) -> Json:
    made = config()
    change(made, made["VaultuiKeySlots"]["Slots"])
    return made


def swap_keys(slots: list[Json]) -> None:
    one, two = slots[0]["EncryptedKey"], slots[1]["EncryptedKey"]
    slots[0]["EncryptedKey"], slots[1]["EncryptedKey"] = two, one


def vectors() -> Json:
    made = config()
    unsigned = copy.deepcopy(made)
    del unsigned["VaultuiKeySlots"]["MAC"]
    opened = []
    for slot, (kind, kdf, given) in zip(made["VaultuiKeySlots"]["Slots"], GIVEN, strict=True):
        data = material(kind, given)
        middle = stretched(data, kdf)
        opened.append(
            {
                "given": given,
                "material": data.hex(),
                "stretched": middle.hex(),
                "wrapping_key": hkdf(middle, b"vaultui key slot").hex(),
                "associated_data": associated(slot).decode(),
            }
        )
    refusals: list[tuple[str, str, Callable[[Json, list[Json]], object]]] = [
        ("a slot removed", "tampered", lambda _conf, slots: slots.pop()),
        ("two slots in another order", "tampered", lambda _conf, slots: slots.reverse()),
        ("another label", "tampered", lambda _conf, slots: slots[1].update(Label="Eve's")),
        ("another creator", "tampered", lambda conf, _slots: conf.update(Creator="Eve")),
        (
            "another slot made cheaper",
            "tampered",
            lambda _conf, slots: slots[1]["KDF"].update(Passes=1),
        ),
        ("two keys swapped", "password", lambda _conf, slots: swap_keys(slots)),
        ("the slot made dearer", "password", lambda _conf, slots: slots[0]["KDF"].update(N=2048)),
        (
            "the flag removed",
            "unsupported",
            lambda conf, _slots: conf["FeatureFlags"].remove("VaultuiKeySlots"),
        ),
        (
            "a later version",
            "unsupported",
            lambda conf, _slots: conf["VaultuiKeySlots"].update(Version=2),
        ),
        (
            "too much memory",
            "unsupported",
            lambda _conf, slots: slots[1]["KDF"].update(MemoryKiB=1 << 23),
        ),
        ("a field twice in two cases", "corrupt", lambda conf, _slots: conf.update(creator="Eve")),
    ]
    return {
        "about": "Test vectors of vaultfs-keyslots(5). Bytes are hexadecimal.",
        "master_key": MASTER.hex(),
        "config": made,
        "slots": opened,
        "mac_key": hkdf(MASTER, b"vaultui key slots MAC").hex(),
        "mac_data": canonical(unsigned).decode(),
        "mac": mac(made, MASTER).hex(),
        "recovery_keys": [
            {"key": key.hex(), "text": recovery_text(key)}
            for key in (RECOVERY, bytes(32), b"\xff" * 32)
        ],
        "refused": [
            {"what": what, "expect": expect, "password": GIVEN[0][2]["password"], "config": wrong}
            for what, expect, wrong in (
                (what, expect, changed(change)) for what, expect, change in refusals
            )
        ],
    }


if __name__ == "__main__":
    json.dump(vectors(), sys.stdout, indent=1, ensure_ascii=False)
    print()
