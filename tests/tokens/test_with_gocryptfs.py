"""Volumes that a token opens, with gocryptfs and the tools of libfido2 on the other side.

Both programs see one token, and what they ask of it is written down there. gocryptfs 2.3 knows
no -fido2-assert-option: a config that has some is for the tools themselves to obey.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from authenticator import Authenticator, Command
from capabilities import needs
from plugged import Bus, PluggedToken
from support import Gocryptfs, MountedVolume, Vaultfs, program, run_program, wait_until
from terminal import Terminal

from vaultui.cipherfs import volume as volumes
from vaultui.crypto import masterkey
from vaultui.crypto.keyslots import Credentials
from vaultui.model.secret import Secret

pytestmark = needs("fuse", "gocryptfs", "fido2-tools")

PIN = b"1234"
ASKS = "PIN for /dev/hidraw0: "
TOKENS = {
    "without-pin": {},
    "with-pin": {"pin": PIN},
    "before-ctap-2.1": {
        "pin": PIN,
        "protocols": (1,),
        "has_permissions": False,
        "credential_needs_pin": True,
    },
    "with-fingerprint": {"pin": PIN, "has_fingerprint_reader": True, "always_verifies": True},
}


@pytest.fixture(params=TOKENS)
def token(request: pytest.FixtureRequest, bus: Bus) -> PluggedToken:
    """Return each kind of token in turn."""
    return bus.plug(Authenticator(**TOKENS[request.param]))


def at_terminal(words: Sequence[Any]) -> None:
    """Run a program to its good end, and type the PIN whenever it asks."""
    with Terminal(words) as terminal:
        typed = 0

        def wants_pin() -> bool:
            return terminal.shown.count(ASKS) > typed

        while True:
            wait_until(lambda: wants_pin() or terminal.process.poll() is not None, 30)
            if not wants_pin():
                break
            terminal.type(f"{PIN.decode()}\n")
            typed += 1
        assert terminal.wait() == 0, terminal.shown


def secret_by_tool(token: PluggedToken, config: Path, *options: str) -> bytes:
    """Return what fido2-assert(1) gets for a volume."""
    kept = json.loads(config.read_text())["FIDO2"]
    lines = (_base64(bytes(32)), "gocryptfs", kept["CredentialID"], kept["HMACSalt"])
    words = [word for option in options for word in ("-t", option)]
    done = run_program(
        ("fido2-assert", "-G", "-h", *words, token.device),
        "".join(f"{line}\n" for line in lines).encode(),
    )
    return base64.b64decode(done.check().stdout.split(b"\n")[4])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def made(token: PluggedToken, maker: type[MountedVolume], base: Path) -> MountedVolume:
    """Return a new volume of the token."""
    volume = maker(base)
    volume.cipherdir.mkdir(parents=True)
    words = ("-init", *volume.init_options, "-fido2", token.device, volume.cipherdir)
    at_terminal((volume.command(), *words))
    return volume


def asked(token: PluggedToken) -> list[Any]:
    """Return what the token was asked, by the lengths of what is random; it forgets it."""
    commands = [
        (command, _shape(request))
        for command, request in token.authenticator.asked
        if command is not Command.GET_INFO
    ]
    token.authenticator.asked.clear()
    return commands


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_shape(part) for part in value]
    return len(value) if isinstance(value, bytes) else value


def test_a_token_is_asked_what_the_tools_of_libfido2_ask_and_opens_in_both_programs(
    token: PluggedToken, tmp_path: Path
) -> None:
    theirs = made(token, Gocryptfs, tmp_path / "theirs")
    of_theirs = asked(token)
    ours = made(token, Vaultfs, tmp_path / "ours")
    assert asked(token) == of_theirs
    assert [command for command, _ in of_theirs][-1] is Command.GET_ASSERTION
    for volume, other in ((theirs, Vaultfs), (ours, Gocryptfs)):
        by_other = volume.by(other)
        by_other.run("-fsck", "-fido2", token.device, volume.cipherdir, input=b"").check()


def test_a_volume_of_a_token_is_mounted_by_both_programs(bus: Bus, tmp_path: Path) -> None:
    options = ("-fido2", bus.plug().device)
    with Vaultfs(tmp_path, init_options=options, mount_options=options) as volume:
        (volume.mountpoint / "letter").write_text("content")
    assert "FIDO2" in volume.info()
    with volume.by(Gocryptfs, mount_options=options) as again:
        assert (again.mountpoint / "letter").read_text() == "content"


@pytest.mark.parametrize("options", [(), ("uv=true",), ("uv=false",), ("up=true", "uv=true")])
def test_the_secret_is_that_of_fido2_assert(
    bus: Bus, tmp_path: Path, options: tuple[str, ...]
) -> None:
    token = bus.plug(Authenticator(has_fingerprint_reader=True))
    words = [word for option in options for word in ("-fido2-assert-option", option)]
    volume = Vaultfs(tmp_path, init_options=("-fido2", token.device, *words))
    volume.create()
    config = volume.cipherdir / "gocryptfs.conf"
    assert json.loads(config.read_text())["FIDO2"].get("AssertOptions", []) == list(options)
    theirs = Secret(bytearray(secret_by_tool(token, config, *options)))
    conf = volumes.read_conf(str(volume.cipherdir))
    with Credentials(token=theirs) as given, masterkey.unwrap(conf, given) as master:
        assert len(master) == 32


def test_a_volume_whose_token_insists_on_its_pin_tells_other_programs_to_ask_for_it(
    bus: Bus, tmp_path: Path
) -> None:
    token = bus.plug(Authenticator(PIN, always_verifies=True))
    cipherdir = tmp_path / "cipher"
    cipherdir.mkdir()
    at_terminal((program("vaultfs"), "-init", "-scryptn=10", "-fido2", token.device, cipherdir))
    config = cipherdir / "gocryptfs.conf"
    assert json.loads(config.read_text())["FIDO2"]["AssertOptions"] == ["pin=true"]
    token.authenticator.asked.clear()
    at_terminal((program("vaultfs"), "-fsck", "-fido2", token.device, cipherdir))
    assert Command.GET_ASSERTION in [command for command, _ in token.authenticator.asked]
