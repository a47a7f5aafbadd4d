"""A token with vaultfs as the front end starts it, and as a person does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from authenticator import Authenticator
from capabilities import needs
from mounting import Vaultfs
from plugged import Bus, PluggedToken
from starting import MESSAGES, Started, mount_spec
from support import program
from terminal import Terminal

from vaultui.model.errors import VaultuiError, from_wire
from vaultui.wire import framing
from vaultui.wire.handshake import Failed, Ready, Starting, Step, StepName
from vaultui.wire.oneshot import TOKEN_KIND, Checked, CheckSpec, SlotOpened, SlotVerifySpec

pytestmark = needs("fuse")

PIN = b"1234"


@pytest.fixture
def volume(tmp_path: Path) -> Vaultfs:
    volume = Vaultfs(tmp_path)
    volume.mountpoint.mkdir()
    return volume


def made_with(volume: Vaultfs, token: PluggedToken, *options: str) -> Vaultfs:
    volume.cipherdir.mkdir()
    words = ("-init", "-q", *volume.init_options, "-fido2", token.device, *options)
    volume.run(*words, volume.cipherdir, input=PIN + b"\n").check()
    return volume


def conversation(spec: Any, secret: bytes = b"") -> list[Any]:
    """Return what a command of the front end tells after Starting."""
    started = Started(spec, [secret])
    first, *rest = started.messages()
    assert first == Starting(started.process.pid)
    started.process.wait(30)
    return rest


def error_of(spec: Any, secret: bytes = b"") -> VaultuiError:
    failed = conversation(spec, secret)[-1]
    assert isinstance(failed, Failed)
    return from_wire(failed.error)


def test_a_front_end_mounts_with_a_token_and_shows_that_it_waits_for_a_finger(
    bus: Bus, volume: Vaultfs
) -> None:
    made_with(volume, bus.plug())
    assert error_of(mount_spec(volume)).code == "fido2-token-needed"
    started = Started(mount_spec(volume, fido2_device="auto"), [b""])
    _, *steps, ready = started.messages()
    assert isinstance(ready, Ready)
    assert steps == [
        Step(name) for name in (StepName.TOUCHING, StepName.DERIVING, StepName.MOUNTING)
    ]
    (volume.mountpoint / "letter").write_text("content")
    started.process.terminate()
    assert started.process.wait(20) == 15
    assert [path.name for path in volume.mountpoint.iterdir()] == []


def test_a_pin_is_wanted_before_anybody_has_to_touch(bus: Bus, volume: Vaultfs) -> None:
    made_with(volume, bus.plug(Authenticator(PIN)), "-fido2-assert-option", "pin=true")
    spec = CheckSpec(str(volume.cipherdir), fido2_device="auto")
    steps = [Step(StepName.DERIVING)]
    *told, failed = conversation(spec)
    assert (told, from_wire(failed.error).code) == (steps, "fido2-pin-needed")
    assert error_of(spec, b"4321").summary.endswith("is wrong. Tries left: 7.")
    *told, checked = conversation(spec, PIN)
    assert isinstance(checked, Checked)
    assert told[:3] == [*steps, Step(StepName.TOUCHING), Step(StepName.DERIVING)]


def test_a_token_is_the_key_that_opens_the_volume(bus: Bus, volume: Vaultfs) -> None:
    made_with(volume, bus.plug())
    opened = conversation(SlotVerifySpec(str(volume.cipherdir), fido2_device="auto"))[-1]
    assert isinstance(opened, SlotOpened)
    assert (opened.slot.kind, opened.slot.id) == (TOKEN_KIND, "")
    assert opened.derivation_s > 0
    assert error_of(SlotVerifySpec(str(volume.cipherdir))).code == "fido2-token-needed"


def test_a_token_that_does_not_help_is_31_and_told(bus: Bus, volume: Vaultfs) -> None:
    token = bus.plug()
    made_with(volume, token)

    def code(device: str) -> str:
        return error_of(CheckSpec(str(volume.cipherdir), fido2_device=device)).code

    token.finger.gives_up = True
    done = volume.run("-fsck", "-fido2", "auto", volume.cipherdir, input=b"").check(31)
    assert "The FIDO2 token /dev/hidraw0 was not touched in time." in done.text
    assert code(token.device) == "fido2-token-untouched"
    second = bus.plug()
    assert code("auto") == "fido2-token-ambiguous"
    assert code(second.device) == "fido2-token-wrong"
    bus.clear()
    assert code("auto") == "fido2-token-missing"
    assert code(token.device) == "fido2-token-failed"
    assert code("/dev/null") == "fido2-token-failed"


def test_a_token_that_is_pulled_out_meanwhile_is_told(bus: Bus, volume: Vaultfs) -> None:
    token = bus.plug()
    made_with(volume, token)
    token.finger.is_there.clear()
    token.finger.is_awaited.clear()
    started = Started(CheckSpec(str(volume.cipherdir), fido2_device="auto"), [b""])
    assert token.finger.is_awaited.wait(20)
    token.unplug()
    failed = started.messages()[-1]
    assert from_wire(failed.error).code == "fido2-token-failed"
    assert started.process.wait(20) == 31


def test_a_token_stops_waiting_when_the_unlock_is_cancelled(bus: Bus, volume: Vaultfs) -> None:
    token = bus.plug()
    made_with(volume, token)
    token.finger.is_there.clear()
    started = Started(mount_spec(volume, fido2_device="auto"), [b""])
    assert [framing.read_message(started.notify, *MESSAGES) for _ in range(2)] == [
        Starting(started.process.pid),
        Step(StepName.TOUCHING),
    ]
    started.process.terminate()
    assert started.process.wait(20) == 15
    assert token.was_cancelled.wait(20)
    os.close(started.notify)


def test_the_pin_is_asked_once_for_a_new_volume_and_not_shown(bus: Bus, volume: Vaultfs) -> None:
    token = bus.plug(Authenticator(PIN, always_verifies=True))
    volume.cipherdir.mkdir()
    words = ("-init", "-scryptn=10", "-fido2", token.device, volume.cipherdir)
    with Terminal((program("vaultfs"), *words)) as terminal:
        terminal.wait_for("PIN for /dev/hidraw0: ")
        assert not terminal.echoes
        terminal.type(f"{PIN.decode()}\n")
        assert terminal.wait() == 0
        assert terminal.shown.count("PIN for") == 1
        assert terminal.shown.count("interact with your device") == 2
        assert PIN.decode() not in terminal.shown


def test_without_anybody_to_ask_a_pin_that_is_wanted_is_31(bus: Bus, volume: Vaultfs) -> None:
    token = bus.plug(Authenticator(PIN, always_verifies=True))
    volume.cipherdir.mkdir()
    words = ("-init", "-scryptn=10", "-fido2", token.device, volume.cipherdir)
    assert "wants its PIN" in volume.run(*words, input=b"").check(31).text
    assert list(volume.cipherdir.iterdir()) == []


def test_an_option_that_no_token_knows_is_told_before_anything_is_registered(
    bus: Bus, volume: Vaultfs
) -> None:
    token = bus.plug()
    volume.cipherdir.mkdir()
    words = ("-init", "-fido2", token.device, "-fido2-assert-option", "rk=true", volume.cipherdir)
    assert '"rk=true"' in volume.run(*words).check(1).text
    assert token.authenticator.asked == []
    # Nor is it for a volume that could not be made.
    gone = volume.cipherdir / "gone"
    assert volume.run("-init", "-fido2", token.device, gone).returncode == 6
    assert token.authenticator.asked == []


def test_a_volume_with_a_token_opens_with_its_master_key(bus: Bus, tmp_path: Path) -> None:
    key = "6f" * 32
    device = bus.plug().device
    volume = Vaultfs(tmp_path, init_options=("-fido2", device, "-masterkey", key))
    volume.create()
    volume.run("-fsck", "-masterkey=stdin", volume.cipherdir, input=key.encode()).check()
    dumped = volume.run(
        "-dumpmasterkey", "-fido2", device, volume.cipherdir / "gocryptfs.conf", input=b""
    )
    assert dumped.check().stdout.decode() == f"{key}\n"
    assert volume.run("-passwd", "-fido2", device, volume.cipherdir).returncode == 1
    # A volume with a password does not need the token that is named beside it.
    other = Vaultfs(tmp_path / "other", password=b"pw")
    other.create()
    other.run("-fsck", "-fido2", "/dev/hidraw9", other.cipherdir).check()
