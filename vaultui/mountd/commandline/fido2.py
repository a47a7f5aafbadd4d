"""FIDO2 tokens, through the tools of libfido2: a secret of theirs stands for the password.

The token keeps a key for each credential. From that and a salt it makes the secret, always
the same one (HMAC secret extension, CTAP 2.1 section 12.5). fido2-cred(1) and
fido2-assert(1) take a line for each value and print lines; the fifth is what is asked for.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from vaultui.linux import spawn
from vaultui.model.errors import Fido2TokenFailed
from vaultui.model.secret import Secret
from vaultui.mountd.console import log

_RELYING_PARTY: Final = "gocryptfs"
_RANDOM_BYTES: Final = 32
_SECRET_BYTES: Final = 32
_MAX_ANSWER: Final = 1 << 16
_FIFTH: Final = 4


def register(device: str, user: str, assert_options: Sequence[str]) -> dict[str, Any]:
    """Make a credential on the token, and return what a volume config keeps of it."""
    log.info("FIDO2 Register: interact with your device ...")
    lines = (_random(), _RELYING_PARTY, user, _random())
    with _ask(("fido2-cred", "-M", "-h", device), lines, device) as credential:
        made = {"CredentialID": _base64(bytes(credential.view)), "HMACSalt": _random()}
    return {**made, "AssertOptions": list(assert_options)} if assert_options else made


def read_secret(device: str, kept: Mapping[str, Any]) -> Secret:
    """Return the secret of a volume; `kept` is what `register` returned.

    Raises Fido2TokenFailed. The tool may ask for a PIN at the terminal.
    """
    log.info("FIDO2 Secret: interact with your device ...")
    asserted = kept.get("AssertOptions") or []
    if not isinstance(asserted, list) or not all(_is_word(option) for option in asserted):
        raise Fido2TokenFailed(device=device, reason="what the config keeps for it is damaged")
    options = [word for option in asserted for word in ("-t", option)]
    lines = (_random(), _RELYING_PARTY, str(kept.get("CredentialID")), str(kept.get("HMACSalt")))
    secret = _ask(("fido2-assert", "-G", "-h", *options, device), lines, device)
    with secret.view as view:
        is_weak = len(view) < _SECRET_BYTES or not any(view)
    if is_weak:
        secret.wipe()
        raise Fido2TokenFailed(device=device, reason="its secret is too short, or all zero")
    return secret


def _is_word(option: object) -> bool:
    """Tell whether a program can be given `option`, which may be anything that JSON has."""
    return isinstance(option, str) and "\0" not in option


def _random() -> str:
    return _base64(os.urandom(_RANDOM_BYTES))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _ask(argv: Sequence[str], lines: Sequence[str], device: str) -> Secret:
    """Return what the fifth line holds that the tool prints when it is given `lines`."""
    asking, questions = os.pipe2(os.O_CLOEXEC)
    answers, answering = os.pipe2(os.O_CLOEXEC)
    try:
        child = spawn.start(argv, fds=(asking, answering, 2), new_session=False)
    except OSError as error:
        os.close(questions)
        os.close(answers)
        raise Fido2TokenFailed(device=device, reason=f"{argv[0]}: {error.strerror}") from error
    finally:
        os.close(asking)
        os.close(answering)
    # It all fits into the pipe; a tool that does not read it says why when it ends.
    with contextlib.suppress(BrokenPipeError):
        os.write(questions, "".join(f"{line}\n" for line in lines).encode())
    os.close(questions)
    output = _read_all(answers)
    status = child.wait()
    child.close()
    try:
        if status:
            raise Fido2TokenFailed(device=device, reason=f"{argv[0]} ended with {status}")
        # A copy in bytes is all that base64 gives; it lives for this line.
        return Secret(bytearray(binascii.a2b_base64(output.split(b"\n")[_FIFTH], strict_mode=True)))
    except (IndexError, binascii.Error):
        raise Fido2TokenFailed(device=device, reason=f"{argv[0]} gave no answer") from None
    finally:
        output[:] = bytes(len(output))


def _read_all(fd: int) -> bytearray:
    """Return what comes on the pipe up to its end, which is closed."""
    output = bytearray()
    while data := os.read(fd, _MAX_ANSWER):
        output += data[: _MAX_ANSWER - len(output)]
    os.close(fd)
    return output
