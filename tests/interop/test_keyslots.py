"""A volume with key slots is named and refused by gocryptfs, served by us, and can go back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from slotmaking import cheap_argon2id, password, recovery
from support import Gocryptfs, Vaultfs

from vaultui.cipherfs import slots
from vaultui.cipherfs import volume as volumes
from vaultui.crypto.recoverykey import format as format_recovery_key
from vaultui.format.kdfcost import NoCost
from vaultui.format.keyslots import SlotKind
from vaultui.model.secret import Secret

pytestmark = needs("fuse", "gocryptfs")

FLAG = "VaultuiKeySlots"
ADA, BOB = b"correct horse battery", b"second password"
PAPER = b"paper".ljust(32, b".")


def conf_path(volume: Vaultfs) -> bytes:
    return os.fsencode(volume.cipherdir / "gocryptfs.conf")


def slot_ids(volume: Vaultfs) -> list[str]:
    fields = json.loads((volume.cipherdir / "gocryptfs.conf").read_bytes())
    return [slot["ID"] for slot in fields[FLAG]["Slots"]]


def typed_paper() -> bytes:
    with format_recovery_key(Secret(bytearray(PAPER))) as text:
        return bytes(text.view)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Vaultfs]:
    """A volume that gocryptfs made, with a second password and a recovery key since."""
    made = Gocryptfs(tmp_path, password=ADA, init_options=("-scryptn", "10"))
    with made:
        (made.mountpoint / "file").write_bytes(b"inside")
    ours = made.by(Vaultfs)
    path = conf_path(ours)
    slots.add(path, password(ADA), password(BOB), SlotKind.PASSWORD, cheap_argon2id(), "Bob")
    slots.add(path, password(BOB), recovery(b"paper"), SlotKind.RECOVERY_KEY, NoCost(), "safe")
    yield ours
    ours.kill()


def test_gocryptfs_refuses_by_the_name_of_the_flag(volume: Vaultfs) -> None:
    theirs = volume.by(Gocryptfs)
    refused = theirs.run("-fg", theirs.cipherdir, theirs.mountpoint)
    assert FLAG in refused.check(27).text
    assert FLAG in theirs.run("-info", theirs.cipherdir).check(8).text
    assert FLAG in theirs.fsck().check(27).text
    assert FLAG in theirs.run("-passwd", theirs.cipherdir, input=b"a\nb\n").check(27).text


def test_every_key_mounts_checks_and_shows_the_same_volume(volume: Vaultfs) -> None:
    shown = set()
    for given in (ADA, BOB, typed_paper().lower()):
        volume.password = given
        with volume:
            assert (volume.mountpoint / "file").read_bytes() == b"inside"
        volume.fsck().check()
        shown.add(volume.run("-q", "-dumpmasterkey", conf_path(volume)).check().stdout)
    (key,) = shown
    assert len(key.strip()) == 64


def test_the_slots_are_listed_without_a_password(volume: Vaultfs) -> None:
    rows = [line.split(":", 1) for line in volume.info().splitlines()]
    info = {label: value.strip() for label, value in rows}
    assert FLAG in info["FeatureFlags"]
    assert info["KeySlot 1"].startswith("password (scrypt N=1024 r=8 p=1) of 20")
    assert info["KeySlot 2"].startswith("password (argon2id m=1024KiB t=1 p=1) of 20")
    assert ' "Bob" ID=' in info["KeySlot 2"]
    assert info["KeySlot 3"].startswith("recovery-key (none) of 20")
    assert "EncryptedKey" not in info


def test_a_wrong_key_and_a_mistyped_one_are_told_apart(volume: Vaultfs) -> None:
    mount = ("-fg", volume.cipherdir, volume.mountpoint)
    volume.run(*mount, input=b"wrong\n").check(12)
    text = typed_paper()
    mistyped = volume.run(*mount, input=text[:1] + b"U" + text[2:] + b"\n").check(14)
    assert "mistake in group 1" in mistyped.text


def test_with_one_password_left_gocryptfs_mounts_it_again(volume: Vaultfs) -> None:
    path = conf_path(volume)
    before = volume.run("-q", "-dumpmasterkey", path).check().stdout
    for slot in slots.slots_of(volumes.read_conf(volume.cipherdir))[1:]:
        slots.remove(path, password(ADA), slot.id)
    assert FLAG not in volume.info()
    with volume.by(Gocryptfs) as theirs:
        assert (theirs.mountpoint / "file").read_bytes() == b"inside"
    theirs.run("-fg", theirs.cipherdir, theirs.mountpoint, input=BOB + b"\n").check(12)
    assert volume.run("-q", "-dumpmasterkey", path).check().stdout == before


def test_the_password_of_one_slot_changes_by_the_command_line(volume: Vaultfs) -> None:
    others = slot_ids(volume)
    volume.run("-passwd", "-q", volume.cipherdir, input=BOB + b"\nthird\n").check()
    assert slot_ids(volume) == others
    dump = ("-q", "-dumpmasterkey", conf_path(volume))
    volume.run(*dump, input=BOB + b"\n").check(12)
    keys = {volume.run(*dump, input=each + b"\n").check().stdout for each in (ADA, b"third")}
    assert len(keys) == 1
    # Whose password does the master key stand for? There are two.
    refused = volume.run(
        "-passwd", "-masterkey", keys.pop().decode().strip(), volume.cipherdir, input=b"fourth\n"
    )
    assert "2 keys, and which was lost" in refused.check(1).text


def test_a_config_that_was_meddled_with_is_not_mounted_and_its_key_is_shown(
    volume: Vaultfs,
) -> None:
    conf = volume.cipherdir / "gocryptfs.conf"
    sound = volume.run("-q", "-dumpmasterkey", conf).check().stdout
    fields = json.loads(conf.read_bytes())
    del fields[FLAG]["Slots"][2]
    conf.chmod(0o600)
    conf.write_text(json.dumps(fields))
    for action in (
        ("-fg", volume.cipherdir, volume.mountpoint),
        ("-fsck", volume.cipherdir),
        ("-passwd", volume.cipherdir),
    ):
        refused = volume.run(*action).check(11)
        assert "changed by something that does not have the master key" in refused.text
    shown = volume.run("-q", "-dumpmasterkey", conf).check()
    assert shown.stdout == sound
    assert b"changed by something" in shown.stderr


def test_argon2id_by_the_command_line_and_the_way_back(tmp_path: Path) -> None:
    volume = Vaultfs(tmp_path, password=ADA)
    volume.cipherdir.mkdir()
    volume.run("-init", "-q", "-argon2id", volume.cipherdir).check()
    with volume:
        (volume.mountpoint / "file").write_bytes(b"inside")
    fields = json.loads((volume.cipherdir / "gocryptfs.conf").read_bytes())
    (slot,) = fields[FLAG]["Slots"]
    assert (slot["KDF"]["Name"], slot["KDF"]["Lanes"]) == ("argon2id", 4)
    assert slot["KDF"]["MemoryKiB"] >= 64 << 10
    assert slot["KDF"]["Passes"] >= 3
    theirs = volume.by(Gocryptfs)
    assert FLAG in theirs.run("-fg", theirs.cipherdir, theirs.mountpoint).check(27).text
    both = ADA + b"\n" + BOB + b"\n"
    volume.run("-passwd", "-q", "-scryptn", "10", volume.cipherdir, input=both).check()
    theirs.password = BOB
    with theirs:
        assert (theirs.mountpoint / "file").read_bytes() == b"inside"


@pytest.mark.parametrize("other", [("-scryptn", "12"), ("-fido2", "/dev/null")])
def test_argon2id_does_not_go_with_another_derivation(
    tmp_path: Path, other: tuple[str, str]
) -> None:
    (tmp_path / "cipher").mkdir()
    volume = Vaultfs(tmp_path)
    refused = volume.run("-init", "-argon2id", *other, tmp_path / "cipher").check(1)
    assert "cannot be used at the same time" in refused.text
    assert os.listdir(tmp_path / "cipher") == []
