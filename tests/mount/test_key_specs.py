"""What opens a volume, as the front end asks for it: keys come, go, and say what they cost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from asking import Asking
from capabilities import needs
from mounting import Vaultfs
from starting import Started, mount_spec, served

from vaultui.crypto import recoverykey
from vaultui.model.errors import from_wire
from vaultui.model.secret import Secret
from vaultui.wire.handshake import Failed, Ready
from vaultui.wire.oneshot import (
    Calibrated,
    CalibrateSpec,
    CheckSpec,
    CreateSpec,
    Done,
    InfoSpec,
    PasswdSpec,
    SlotAdded,
    SlotAddSpec,
    SlotInfo,
    SlotOpened,
    SlotRemoveSpec,
    SlotVerifySpec,
)

pytestmark = needs("fuse")


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "stick.key"
    path.write_bytes(b"on the stick")
    return str(path)


def answer(spec: Any, *secrets: bytes) -> list[Any]:
    """Return the last message of a command, and the secrets behind it as bytes."""
    started = Started(spec, secrets)
    messages = started.messages()
    assert started.process.wait(30) == 0, messages
    rest = [bytes(item.view) for item in messages if isinstance(item, Secret)]
    return [messages[-1 - len(rest)], *rest]


def refusal(spec: Any, *secrets: bytes) -> str:
    """Return the code of the error that a command ends with."""
    started = Started(spec, secrets)
    failed = started.messages()[-1]
    assert isinstance(failed, Failed), failed
    error = from_wire(failed.error)
    assert started.process.wait(30) == error.exit_code
    return error.code


def slots_of(cipherdir: str) -> tuple[SlotInfo, ...]:
    slots: tuple[SlotInfo, ...] = answer(InfoSpec(cipherdir))[0].slots
    return slots


def test_a_key_of_each_kind_comes_opens_and_goes(volume: Vaultfs, key: str) -> None:
    cipherdir, password = str(volume.cipherdir), volume.password
    cheap: dict[str, Any] = {"scrypt_logn": 10}
    paper, text, code = answer(SlotAddSpec(cipherdir, "recovery-key", label="safe"), password, b"")
    assert isinstance(paper, SlotAdded)
    assert (paper.slot.kind, paper.slot.label) == ("recovery-key", "safe")
    recoverykey.parse(Secret(bytearray(text))).wipe()
    assert (len(code), set(code)) == (33 * 33, {0, 1})
    stick, *nothing = answer(
        SlotAddSpec(cipherdir, "key-file", new_key_file=key, **cheap), text, b""
    )
    assert nothing == [b"", b""]
    both, *_ = answer(
        SlotAddSpec(cipherdir, "password+key-file", new_key_file=key, key_file=key, **cheap),
        b"",
        b"pin",
    )
    assert [slot.id for slot in slots_of(cipherdir)][1:] == [
        added.slot.id for added in (paper, stick, both)
    ]
    for spec, secret, added in (
        (SlotVerifySpec(cipherdir), text.lower(), paper),
        (SlotVerifySpec(cipherdir, key_file=key), b"", stick),
    ):
        (opened,) = answer(spec, secret)
        assert isinstance(opened, SlotOpened)
        assert opened.slot == added.slot
        assert opened.derivation_s >= 0
    for added in (paper, stick, both):
        assert answer(SlotRemoveSpec(cipherdir, added.slot.id), password) == [Done()]
    # One password under scrypt is left, which is the plain format again.
    assert slots_of(cipherdir) == ()
    (opened,) = answer(SlotVerifySpec(cipherdir), password)
    assert (opened.slot.id, opened.slot.kind) == ("", "password")
    assert opened.derivation_s > 0
    assert refusal(SlotRemoveSpec(cipherdir, ""), password) == "last-key-slot"


def test_what_can_be_no_key_is_told_in_words(volume: Vaultfs, key: str, tmp_path: Path) -> None:
    cipherdir, password = str(volume.cipherdir), volume.password
    for spec, secrets, code in (
        (SlotAddSpec(cipherdir, "retina"), (password, b""), "usage"),
        (SlotAddSpec(cipherdir, "key-file"), (password, b""), "usage"),
        # A key that would be less than what was given for it.
        (SlotAddSpec(cipherdir, "key-file", new_key_file=key), (password, b"pin"), "usage"),
        (SlotAddSpec(cipherdir, "password", new_key_file=key), (password, b"pin"), "usage"),
        (
            SlotAddSpec(cipherdir, "password", scrypt_logn=9),
            (password, b"x"),
            "scrypt-cost-refused",
        ),
        (SlotAddSpec(cipherdir, "recovery-key"), (b"wrong", b""), "password-incorrect"),
        (SlotRemoveSpec(cipherdir, "not hexadecimal"), (password,), "key-slot-unknown"),
        (SlotVerifySpec(cipherdir), (b"",), "password-empty"),
        (SlotVerifySpec(cipherdir), (b"p" * 2049,), "password-too-long"),
        (SlotVerifySpec(cipherdir, key_file=str(tmp_path)), (b"",), "key-file-unusable"),
        (PasswdSpec(cipherdir, new_key_file=key, same_password=True), (password, b""), "usage"),
    ):
        assert refusal(spec, *secrets) == code, spec
    assert slots_of(cipherdir) == ()


def test_a_key_file_is_the_one_that_the_front_end_means(volume: Vaultfs) -> None:
    """A descriptor of the front end is another file here, or none."""
    for spec in (
        mount_spec(volume, key_file="/dev/fd/4"),
        CheckSpec(str(volume.cipherdir), key_file="stick.key"),
        SlotAddSpec(str(volume.cipherdir), "key-file", new_key_file="/proc/self/fd/0"),
    ):
        assert refusal(spec, volume.password, b"") == "key-file-unusable"


def test_a_volume_made_with_a_key_file_is_mounted_and_checked_with_it(
    tmp_path: Path, key: str
) -> None:
    volume = Vaultfs(tmp_path)
    volume.cipherdir.mkdir()
    volume.mountpoint.mkdir()
    cipherdir = str(volume.cipherdir)
    created, master = answer(CreateSpec(cipherdir, 10, key_file=key), volume.password)
    assert (created.cipherdir, len(master)) == (cipherdir, 32)
    assert [slot.kind for slot in slots_of(cipherdir)] == ["password+key-file"]
    with served(volume, key_file=key):
        (volume.mountpoint / "letter").write_text("kept")
    assert refusal(mount_spec(volume), volume.password) == "key-file-needed"
    (checked,) = answer(CheckSpec(cipherdir, key_file=key), volume.password)
    assert (checked.files, checked.corrupt) == (1, 0)
    other = tmp_path / "other.key"
    other.write_bytes(b"another one")
    changed = PasswdSpec(cipherdir, key_file=key, new_key_file=str(other), same_password=True)
    assert answer(changed, volume.password, b"") == [Done()]
    assert refusal(SlotVerifySpec(cipherdir, key_file=key), volume.password) == "key-file-incorrect"
    assert answer(SlotVerifySpec(cipherdir, key_file=str(other)), volume.password)


def test_only_the_derivation_changes_where_the_password_stays(volume: Vaultfs) -> None:
    cipherdir, password = str(volume.cipherdir), volume.password
    spec = PasswdSpec(cipherdir, scrypt_logn=11, same_password=True)
    assert answer(spec, password, b"") == [Done()]
    assert answer(InfoSpec(cipherdir))[0].scrypt_n == 2048
    assert answer(SlotVerifySpec(cipherdir), password)
    assert refusal(PasswdSpec(cipherdir), password, b"") == "password-empty"


def test_an_unlock_tells_what_its_derivation_took(volume: Vaultfs) -> None:
    started = Started(mount_spec(volume), [volume.password])
    ready = started.messages()[-1]
    try:
        assert isinstance(ready, Ready)
        assert 0 < ready.derivation_s < 30
        with Asking(volume.base / "ctl") as asking:
            status = asking.ours("StatusRequest")
        assert status["derivation_s"] == ready.derivation_s
    finally:
        started.process.terminate()
        assert started.process.wait(20) == 15


def test_what_keys_cost_on_this_machine_is_measured() -> None:
    (measured,) = answer(CalibrateSpec())
    assert isinstance(measured, Calibrated)
    assert measured.scrypt == "scrypt N=65536 r=8 p=1"
    assert measured.scrypt_s > 0
    assert measured.argon2id.startswith("argon2id m=")
    assert measured.argon2id_s > 0


def test_the_recovery_key_is_in_no_command_line_and_in_no_file(volume: Vaultfs) -> None:
    _, text, _ = answer(SlotAddSpec(str(volume.cipherdir), "recovery-key"), volume.password, b"")
    for name in os.listdir(volume.cipherdir):
        content = (volume.cipherdir / name).read_bytes()
        assert text not in content
        assert text.split(b"-")[5] not in content
