"""Proves that keys come and go without anybody being locked out, also when a change is killed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from dyingwriter import died_at_each_call
from slotmaking import cheap_argon2id, cheap_scrypt, key_file, password, recovery, secret
from volumemaking import (
    CONF,
    DIR_IV,
    NEW,
    OLD,
    change_password,
    keep_directories_from_the_disk,
    no_file_can_grow,
    replace_lost,
)

from vaultui.cipherfs import conffile, keyfile, slotchange, slots, volume
from vaultui.crypto import keyslots, masterkey
from vaultui.crypto.keyslots import Credentials
from vaultui.crypto.recoverykey import format as format_recovery_key
from vaultui.crypto.stretching import stretch
from vaultui.format.features import FeatureFlag
from vaultui.format.kdfcost import Argon2idCost, Cost, NoCost, ScryptCost
from vaultui.format.keyslots import MAX_SLOTS, KeySlot, SlotKind
from vaultui.model.errors import (
    FeaturesRefused,
    KeyFileUnusable,
    KeySlotsFull,
    KeySlotStillNeeded,
    KeySlotUnknown,
    LastKeySlot,
    LostKeyUnclear,
    MasterKeyInvalid,
    PasswordEmpty,
    PasswordIncorrect,
    PasswordTooLong,
    UsageError,
    VaultuiError,
    VolumeConfNotWritten,
    VolumeConfTampered,
)
from vaultui.model.secret import Secret

PAPER = b"paper".ljust(32, b".")


def conf_path(made: Path) -> bytes:
    return os.fsencode(made / CONF)


def opens(cipherdir: Path, given: Credentials) -> bool:
    conf = volume.read_conf(cipherdir)
    try:
        slots.verify(conf, given)
    except (PasswordIncorrect, PasswordEmpty):
        return False
    return True


def is_plain(cipherdir: Path) -> bool:
    fields = json.loads((cipherdir / CONF).read_bytes())
    has_slots = "VaultuiKeySlots" in fields
    assert has_slots == ("VaultuiKeySlots" in fields["FeatureFlags"])
    assert has_slots == (fields["EncryptedKey"] == "")
    return not has_slots


def kinds(cipherdir: Path) -> list[tuple[str, type[Cost]]]:
    return [
        (slot.kind.value, type(slot.cost)) for slot in slots.slots_of(volume.read_conf(cipherdir))
    ]


def add_paper(made: Path) -> KeySlot:
    return slots.add(
        conf_path(made), password(OLD), recovery(b"paper"), SlotKind.RECOVERY_KEY, NoCost(), "safe"
    )


def test_a_volume_gets_keys_of_every_kind_and_loses_them_again(made: Path) -> None:
    path = conf_path(made)
    before = volume.open_volume(made, secret(OLD))
    added = [
        add_paper(made),
        slots.add(path, recovery(b"paper"), password(NEW), SlotKind.PASSWORD, cheap_argon2id()),
        slots.add(
            path, password(NEW), key_file(b"k"), SlotKind.KEY_FILE, cheap_argon2id(), "stick"
        ),
        slots.add(
            path,
            key_file(b"k"),
            key_file(b"c", b"pin"),
            SlotKind.PASSWORD_AND_KEY_FILE,
            cheap_scrypt(),
        ),
    ]
    assert not is_plain(made)
    assert [slot.id for slot in slots.slots_of(volume.read_conf(made))][1:] == [
        slot.id for slot in added
    ]
    given = [recovery(b"paper"), password(NEW), key_file(b"k"), key_file(b"c", b"pin")]
    for credentials, slot in zip(given, added, strict=True):
        assert slots.verify(volume.read_conf(made), credentials).id == slot.id
    for credentials, slot in zip(given, added, strict=True):
        slots.remove(path, password(OLD), slot.id)
        assert not opens(made, credentials)
    assert is_plain(made)
    after = volume.open_volume(made, secret(OLD))
    assert before.names.encrypt(b"n", bytes(16)) == after.names.encrypt(b"n", bytes(16))
    assert volume.read_conf(made).scrypt.logn == 10
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_password_is_tried_on_all_slots_by_everything_that_opens(made: Path) -> None:
    slots.add(
        conf_path(made), password(OLD), password(NEW), SlotKind.PASSWORD, cheap_argon2id(), "Ada"
    )
    add_paper(made)
    one, two = (volume.open_volume(made, secret(text)) for text in (OLD, NEW))
    with format_recovery_key(secret(PAPER)) as typed:
        three = volume.open_volume(made, typed)
    names = {opened.names.encrypt(b"n", bytes(16)) for opened in (one, two, three)}
    assert len(names) == 1


def test_the_way_from_scrypt_to_argon2id_and_back_ends_in_the_plain_format(made: Path) -> None:
    plain = volume.read_conf(made)
    slot = slots.rekey(conf_path(made), password(OLD), cost=cheap_argon2id(2048))
    assert kinds(made) == [("password", Argon2idCost)]
    assert not is_plain(made)
    assert opens(made, password(OLD))
    changed = slots.rekey(conf_path(made), password(OLD), password(NEW))
    assert changed.id == slot.id
    assert changed.cost != slot.cost, "the salt is a fresh one"
    assert (opens(made, password(OLD)), opens(made, password(NEW))) == (False, True)
    slots.rekey(conf_path(made), password(NEW), cost=cheap_scrypt(11))
    assert is_plain(made)
    again = volume.read_conf(made)
    assert again.scrypt.logn == 11
    assert again.features == plain.features


def test_one_key_changes_and_the_others_stay(made: Path) -> None:
    paper = add_paper(made)
    slots.rekey(conf_path(made), password(OLD), password(NEW))
    assert (opens(made, password(OLD)), opens(made, password(NEW))) == (False, True)
    assert slots.verify(volume.read_conf(made), recovery(b"paper")).id == paper.id
    with pytest.raises(UsageError, match="no key file"):
        slots.rekey(conf_path(made), password(NEW), key_file(b"stick"))


def test_the_last_slot_is_not_removed(made: Path) -> None:
    with pytest.raises(LastKeySlot):
        slots.remove(conf_path(made), password(OLD), b"")
    slot = slots.rekey(conf_path(made), password(OLD), cost=cheap_argon2id())
    with pytest.raises(LastKeySlot):
        slots.remove(conf_path(made), password(OLD), slot.id)
    assert opens(made, password(OLD))


def test_only_a_key_that_stays_removes_another(made: Path) -> None:
    paper = add_paper(made)
    first = slots.slots_of(volume.read_conf(made))[0]
    before = (made / CONF).read_bytes()
    for given, slot_id, error in (
        (recovery(b"paper"), paper.id, KeySlotStillNeeded),
        (password(OLD), first.id, KeySlotStillNeeded),
        (password(NEW), first.id, PasswordIncorrect),
        (password(OLD), bytes(16), KeySlotUnknown),
    ):
        with pytest.raises(error):
            slots.remove(conf_path(made), given, slot_id)
        assert (made / CONF).read_bytes() == before
    slots.remove(conf_path(made), recovery(b"paper"), first.id)
    assert kinds(made) == [("recovery-key", NoCost)]
    assert not opens(made, password(OLD))


def test_a_password_on_two_slots_may_remove_one(made: Path) -> None:
    second = slots.add(
        conf_path(made), password(OLD), password(OLD), SlotKind.PASSWORD, cheap_argon2id()
    )
    slots.remove(conf_path(made), password(OLD), second.id)
    assert is_plain(made)


@pytest.mark.parametrize(
    ("given", "new", "kind", "cost", "label", "error"),
    [
        (b"wrong", password(NEW), SlotKind.PASSWORD, cheap_scrypt(), "", PasswordIncorrect),
        (OLD, password(b""), SlotKind.PASSWORD, cheap_scrypt(), "", PasswordEmpty),
        (OLD, password(b"p" * 2049), SlotKind.PASSWORD, cheap_scrypt(), "", PasswordTooLong),
        (OLD, password(NEW), SlotKind.KEY_FILE, cheap_scrypt(), "", UsageError),
        (OLD, key_file(b"k"), SlotKind.PASSWORD_AND_KEY_FILE, cheap_scrypt(), "", UsageError),
        (OLD, password(NEW), SlotKind.PASSWORD, cheap_scrypt(), "x" * 65, UsageError),
        (OLD, password(NEW), SlotKind.PASSWORD, cheap_scrypt(), "a\nb", UsageError),
        (OLD, password(NEW), SlotKind.PASSWORD, ScryptCost(b"", 1 << 9), "", UsageError),
        (OLD, password(NEW), SlotKind.PASSWORD, Argon2idCost(b"", 1 << 23), "", UsageError),
        (OLD, password(NEW), SlotKind.PASSWORD, ScryptCost(b"", 1 << 28), "", KeySlotsFull),
    ],
)
def test_a_key_that_is_refused_changes_nothing(
    made: Path,
    given: bytes,
    new: Credentials,
    kind: SlotKind,
    cost: Cost,
    label: str,
    error: type[VaultuiError],
) -> None:
    before = (made / CONF).read_bytes()
    with pytest.raises(error):
        slots.add(conf_path(made), password(given), new, kind, cost, label)
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_a_slot_that_does_not_open_when_tried_is_not_written(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots.rekey(conf_path(made), password(OLD), cost=cheap_argon2id())
    before = (made / CONF).read_bytes()
    wrap = keyslots.wrap
    monkeypatch.setattr(
        keyslots, "wrap", lambda master, _key, slot: wrap(master, password(b"other"), slot)
    )
    # Another slot opens with the same password: that is not the one that was tried.
    with pytest.raises(VolumeConfNotWritten, match="did not open"):
        slots.add(
            conf_path(made), password(OLD), password(OLD), SlotKind.PASSWORD, cheap_argon2id()
        )
    assert (made / CONF).read_bytes() == before


def test_an_unusual_scrypt_is_not_made_a_usual_one_on_the_way(made: Path) -> None:
    unusual = ScryptCost(b"", 1 << 10, r=9, p=2)
    slots.rekey(conf_path(made), password(OLD), cost=unusual)
    assert is_plain(made)
    paper = add_paper(made)
    slots.remove(conf_path(made), password(OLD), paper.id)
    scrypt = volume.read_conf(made).scrypt
    assert is_plain(made)
    assert (scrypt.n, scrypt.r, scrypt.p) == (1 << 10, 9, 2)


def test_a_volume_has_room_for_so_many_keys(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slotchange, "MAX_SLOTS", 2)
    add_paper(made)
    with pytest.raises(KeySlotsFull, match="2 keys"):
        add_paper(made)
    assert MAX_SLOTS == 32


def test_no_change_is_made_to_a_config_that_was_meddled_with(made: Path) -> None:
    paper = add_paper(made)
    fields = json.loads((made / CONF).read_bytes())
    fields["VaultuiKeySlots"]["Slots"][1]["Label"] = "not mine"
    (made / CONF).chmod(0o600)
    (made / CONF).write_text(json.dumps(fields))
    for change in (
        lambda: slots.rekey(conf_path(made), password(OLD), password(NEW)),
        lambda: slots.remove(conf_path(made), password(OLD), paper.id),
        lambda: add_paper(made),
        lambda: volume.open_volume(made, secret(OLD)),
    ):
        with pytest.raises(VolumeConfTampered):
            change()
    assert json.loads((made / CONF).read_bytes()) == fields


def test_a_change_that_could_not_be_written_leaves_the_old_keys(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (made / CONF).read_bytes()
    with no_file_can_grow(), pytest.raises(VolumeConfNotWritten):
        add_paper(made)
    assert (made / CONF).read_bytes() == before
    with monkeypatch.context() as patch:
        keep_directories_from_the_disk(patch)
        with pytest.raises(VolumeConfNotWritten):
            add_paper(made)
    assert (made / CONF).read_bytes() == before
    # What was written reads as something else: the disk, or a program that came between.
    with monkeypatch.context() as patch:
        patch.setattr(conffile, "_read_back", lambda path: b"")
        with pytest.raises(VolumeConfNotWritten):
            add_paper(made)
    assert (made / CONF).read_bytes() == before
    assert sorted(os.listdir(made)) == [CONF, DIR_IV]


def test_fields_of_a_newer_gocryptfs_outlive_the_slots(made: Path) -> None:
    fields = json.loads((made / CONF).read_bytes())
    (made / CONF).chmod(0o600)
    (made / CONF).write_text(json.dumps({**fields, "Future": [1]}))
    paper = add_paper(made)
    slots.remove(conf_path(made), password(OLD), paper.id)
    assert json.loads((made / CONF).read_bytes())["Future"] == [1]


# The password of the command line.


def test_a_new_volume_may_have_argon2id(empty: Path) -> None:
    volume.create(empty, secret(OLD), argon2id=cheap_argon2id()).wipe()
    assert kinds(empty) == [("password", Argon2idCost)]
    assert volume.read_conf(empty).features.has(FeatureFlag.KEY_SLOTS)
    volume.open_volume(empty, secret(OLD))
    assert sorted(os.listdir(empty)) == [CONF, DIR_IV]
    with pytest.raises(FeaturesRefused):
        volume.create(empty, secret(OLD), argon2id=cheap_argon2id(), fido2={"a": 1})


@pytest.mark.parametrize(
    ("text", "kind"), [(OLD, "password+key-file"), (b"", "key-file")], ids=["both", "file"]
)
def test_a_new_volume_may_have_a_key_file(empty: Path, text: bytes, kind: str) -> None:
    given = key_file(b"stick", text or None)
    volume.create(empty, secret(text), 10, key_file=given.key_file).wipe()
    assert kinds(empty) == [(kind, ScryptCost)]
    assert opens(empty, key_file(b"stick", text or None))
    assert not opens(empty, key_file(b"other", text or None))
    with pytest.raises(FeaturesRefused, match="key file"):
        volume.create(empty, secret(OLD), key_file=given.key_file, fido2={"a": 1})


def test_no_new_volume_has_a_key_that_every_reader_refuses(empty: Path) -> None:
    with pytest.raises(KeySlotsFull, match="minutes"):
        volume.create(empty, secret(OLD), 28, key_file=key_file(b"stick").key_file)
    assert os.listdir(empty) == []


def test_of_a_key_file_with_a_password_either_may_change_alone(empty: Path) -> None:
    path = conf_path(empty)
    volume.create(empty, secret(OLD), 10, key_file=key_file(b"a").key_file).wipe()
    slots.rekey(path, key_file(b"a", OLD), password(NEW))
    assert opens(empty, key_file(b"a", NEW))
    slots.rekey(path, key_file(b"a", NEW), key_file(b"b"))
    assert opens(empty, key_file(b"b", NEW))
    slots.rekey(path, key_file(b"b", NEW), key_file(b"c", OLD), cheap_argon2id())
    assert opens(empty, key_file(b"c", OLD))
    assert kinds(empty) == [("password+key-file", Argon2idCost)]


def test_a_key_file_that_is_enough_has_no_password_to_change(empty: Path) -> None:
    volume.create(empty, secret(b""), 10, key_file=key_file(b"a").key_file).wipe()
    before = (empty / CONF).read_bytes()
    with pytest.raises(UsageError, match="no password"):
        slots.rekey(conf_path(empty), key_file(b"a"), password(NEW))
    assert (empty / CONF).read_bytes() == before


def test_a_lost_key_file_is_replaced_by_what_opens_from_then_on(empty: Path) -> None:
    path = conf_path(empty)
    with volume.create(empty, secret(OLD), 10, key_file=key_file(b"a").key_file) as master:
        slots.replace_lost_key(path, master, key_file(b"b", NEW))
        assert kinds(empty) == [("password+key-file", ScryptCost)]
        assert opens(empty, key_file(b"b", NEW))
        slots.replace_lost_key(path, master, password(NEW))
    assert is_plain(empty)
    assert opens(empty, password(NEW))
    slots.add(path, password(NEW), recovery(b"paper"), SlotKind.RECOVERY_KEY, NoCost())
    slots.rekey(path, recovery(b"paper"), key_file(b"c"))
    assert kinds(empty) == [("key-file", ScryptCost), ("recovery-key", NoCost)]
    assert (opens(empty, key_file(b"c")), opens(empty, password(NEW))) == (True, False)


def test_what_was_opened_before_a_change_is_not_derived_again(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived: list[bytes] = []

    def noting(material: Secret, cost: Cost) -> Secret:
        derived.append(bytes(material.view))
        return stretch(material, cost)

    monkeypatch.setattr(masterkey, "stretch", noting)
    with slots.opened(conf_path(made), password(OLD)) as was:
        slots.rekey(conf_path(made), password(OLD), password(NEW), opened=was)
    # Once to open, once to wrap, and once to try what was written.
    assert derived == [OLD, NEW, NEW]
    assert opens(made, password(NEW))


def test_what_was_opened_does_not_count_when_the_key_has_changed_since(made: Path) -> None:
    with slots.opened(conf_path(made), password(OLD)) as was:
        change_password(made, OLD, b"of somebody else")
        with pytest.raises(PasswordIncorrect):
            slots.rekey(conf_path(made), password(OLD), password(NEW), opened=was)
    assert opens(made, password(b"of somebody else"))
    assert not was.master, "it is wiped"


def test_a_change_of_the_password_is_one_of_its_slot(made: Path) -> None:
    add_paper(made)
    change_password(made, OLD, NEW)
    assert kinds(made) == [("password", ScryptCost), ("recovery-key", NoCost)]
    change_password(made, NEW, OLD, cheap_argon2id())
    assert kinds(made) == [("password", Argon2idCost), ("recovery-key", NoCost)]
    change_password(made, OLD, OLD, cheap_scrypt(12))
    assert kinds(made) == [("password", ScryptCost), ("recovery-key", NoCost)]
    assert opens(made, password(OLD))


def test_a_lost_password_is_replaced_with_the_recovery_key(made: Path) -> None:
    add_paper(made)
    with format_recovery_key(secret(PAPER)) as text, text.view as view:
        words = bytes(view)
    change_password(made, words, NEW)
    assert (opens(made, password(OLD)), opens(made, password(NEW))) == (False, True)
    slots.add(conf_path(made), password(NEW), password(OLD), SlotKind.PASSWORD, cheap_scrypt())
    with pytest.raises(LostKeyUnclear, match="2 keys"):
        change_password(made, words, b"another")


def test_a_recovery_key_given_for_another_derivation_is_told_that_it_has_none(made: Path) -> None:
    add_paper(made)
    before = (made / CONF).read_bytes()
    with pytest.raises(UsageError, match="no derivation"):
        slots.rekey(conf_path(made), recovery(PAPER), Credentials(), cheap_argon2id())
    assert (made / CONF).read_bytes() == before


def test_a_lost_password_is_replaced_with_a_master_key_that_is_proven(empty: Path) -> None:
    with volume.create(empty, secret(OLD), argon2id=cheap_argon2id()) as master:
        with pytest.raises(MasterKeyInvalid) as caught:
            replace_lost(empty, secret(bytes(32)), NEW)
        assert caught.value.exit_code == 14
        assert opens(empty, password(OLD))
        assert replace_lost(empty, master, NEW) == ""
    assert (opens(empty, password(OLD)), opens(empty, password(NEW))) == (False, True)
    assert sorted(os.listdir(empty)) == [CONF, DIR_IV]


def test_a_lost_password_of_a_plain_volume_may_be_replaced_by_one_under_argon2id(
    empty: Path,
) -> None:
    with volume.create(empty, secret(OLD), 10) as master:
        copy = replace_lost(empty, master, NEW, cheap_argon2id())
    assert kinds(empty) == [("password", Argon2idCost)]
    assert opens(empty, password(NEW))
    assert Path(copy).exists()


# Key files.


def test_a_key_file_is_its_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"x" * 100_000)
    two.write_bytes(b"x" * 100_000)
    digests = [keyfile.read(path) for path in (one, two)]
    assert digests[0].view == digests[1].view
    assert digests[0].view == hashlib.sha256(b"x" * 100_000).digest()
    two.write_bytes(b"x" * 100_001)
    with keyfile.read(two) as other:
        assert other.view != digests[0].view


def test_what_can_be_no_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", "/dev/null", tmp_path / "empty", tmp_path / "pipe", tmp_path):
        with pytest.raises(KeyFileUnusable) as caught:
            keyfile.read(path)
        assert caught.value.exit_code == 9
    with pytest.raises(KeyFileUnusable, match="No such file"):
        keyfile.read(tmp_path / "missing")


# Killed at every system call.

KILLED = {
    "a lost password is replaced with the recovery key": (
        'slots.rekey(conf, recovery(b"paper"), password(b"new password"))',
        True,
        {(True, False), (False, True)},
    ),
    "a plain volume gets its second key": (
        """
new = password(b"new password")
slots.add(conf, password(b"old password"), new, SlotKind.PASSWORD, cheap_argon2id())
""",
        False,
        {(True, False), (True, True)},
    ),
    "one password of several keys changes": (
        'slots.rekey(conf, password(b"old password"), password(b"new password"))',
        True,
        {(True, False), (False, True)},
    ),
    "the derivation of a plain volume changes": (
        'slots.rekey(conf, password(b"old password"), cost=cheap_argon2id())',
        False,
        {(True, False)},
    ),
}


@pytest.mark.parametrize(("change", "has_paper", "allowed"), KILLED.values(), ids=KILLED)
def test_a_change_that_is_killed_anywhere_locks_nobody_out(
    made: Path, tmp_path: Path, change: str, has_paper: bool, allowed: set[tuple[bool, bool]]
) -> None:
    if has_paper:
        add_paper(made)
    copies = died_at_each_call(made, tmp_path / "died", change)
    assert len(copies) > 20
    seen = []
    for copy in copies:
        seen.append((opens(copy, password(OLD)), opens(copy, password(NEW))))
        assert opens(copy, recovery(b"paper")) == has_paper
        # What lies about is cleared by the next mount for writing.
        conffile.remove_leftovers(copy)
        assert sorted(os.listdir(copy)) == [CONF, DIR_IV]
    assert set(seen) == allowed
    assert seen == sorted(seen, key=list(dict.fromkeys(seen)).index), "there is one moment"


def test_a_removal_that_is_killed_anywhere_keeps_the_other_key(made: Path, tmp_path: Path) -> None:
    slot = slots.add(
        conf_path(made), password(OLD), password(NEW), SlotKind.PASSWORD, cheap_argon2id()
    )
    change = f"slots.remove(conf, password(b'old password'), {slot.id!r})"
    copies = died_at_each_call(made, tmp_path / "died", change)
    seen = [(opens(copy, password(OLD)), opens(copy, password(NEW))) for copy in copies]
    assert set(seen) == {(True, True), (True, False)}
    assert [is_plain(copy) for copy in copies] == [not new for _old, new in seen]


def test_a_way_back_to_scrypt_that_is_killed_anywhere_can_be_gone_again(
    made: Path, tmp_path: Path
) -> None:
    slots.rekey(conf_path(made), password(OLD), cost=cheap_argon2id())
    change = "slots.rekey(conf, password(b'old password'), cost=cheap_scrypt())"
    copies = died_at_each_call(made, tmp_path / "died", change)
    assert {is_plain(copy) for copy in copies} == {True, False}
    for copy in copies:
        slots.rekey(conf_path(copy), password(OLD), cost=cheap_scrypt())
        assert is_plain(copy)
        assert opens(copy, password(OLD))
        assert sorted(os.listdir(copy)) == [CONF, DIR_IV]
