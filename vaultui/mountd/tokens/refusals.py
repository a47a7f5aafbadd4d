"""What a token answers when it does not help, as errors of ours."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fido2.ctap import CtapError
from fido2.hid import ConnectionFailure

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import (
    Fido2PinBlocked,
    Fido2TokenFailed,
    Fido2TokenUntouched,
    Fido2TokenWrong,
    VaultuiError,
)
from vaultui.model.language import N_, Phrase

_ERR = CtapError.ERR
WANTS_PIN: Final = (
    _ERR.PUAT_REQUIRED,
    _ERR.UNAUTHORIZED_PERMISSION,
    _ERR.UV_BLOCKED,
    _ERR.UV_INVALID,
)
"""Said to a command that might succeed with the PIN."""
_UNTOUCHED: Final = (
    _ERR.USER_ACTION_TIMEOUT,
    _ERR.ACTION_TIMEOUT,
    _ERR.OPERATION_DENIED,  # what some tokens say for it
    _ERR.KEEPALIVE_CANCEL,
)


@contextmanager
def told(device: str) -> Iterator[None]:
    """Raise what goes wrong with the token at `device` in our words."""
    try:
        yield
    except CtapError as error:
        raise _in_words(error, device) from error
    except OSError as error:
        raise Fido2TokenFailed(device=device, reason=reason_of(error)) from error
    except (ConnectionFailure, ValueError, TypeError, LookupError, struct.error) as error:
        # The library believes what a token sends, and stumbles over what is none.
        raise Fido2TokenFailed(
            device=device, reason=N_("what it answers makes no sense")
        ) from error


def _in_words(error: CtapError, device: str) -> VaultuiError:
    if error.code in (_ERR.PIN_BLOCKED, _ERR.PIN_AUTH_BLOCKED):
        return Fido2PinBlocked(device=device)
    if error.code in (_ERR.NO_CREDENTIALS, _ERR.INVALID_CREDENTIAL):
        return Fido2TokenWrong(device=device)
    if error.code in _UNTOUCHED:
        return Fido2TokenUntouched(device=device)
    if error.code is _ERR.PIN_NOT_SET:
        return Fido2TokenFailed(device=device, reason=N_("its PIN is wanted, and it has none"))
    return Fido2TokenFailed(device=device, reason=Phrase("it says {name}", name=error.code.name))
