"""Tokens that are plugged in: hidraw devices that call themselves FIDO (CTAP 2.1 section 11.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fido2 import hid
from fido2.ctap2.base import Ctap2

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import Fido2TokenAmbiguous, Fido2TokenFailed, Fido2TokenMissing
from vaultui.model.language import N_
from vaultui.mountd.tokens.refusals import told

AUTO: Final = "auto"
"""In the place of a path: the only token that there is."""


def find(device: str) -> str:
    """Return the path of the token. Raises Fido2TokenMissing and Fido2TokenAmbiguous for AUTO."""
    if device != AUTO:
        return device
    paths = sorted(str(descriptor.path) for descriptor in hid.list_descriptors())
    if not paths:
        raise Fido2TokenMissing
    if len(paths) > 1:
        raise Fido2TokenAmbiguous(devices=", ".join(paths))
    return paths[0]


@contextmanager
def opened(path: str) -> Iterator[Ctap2]:
    """Lend the token at `path`. Raises Fido2TokenFailed."""
    try:
        descriptor = hid.get_descriptor(path)
    except OSError as error:
        raise Fido2TokenFailed(device=path, reason=reason_of(error)) from error
    except ValueError as error:
        raise Fido2TokenFailed(device=path, reason=N_("the device is none")) from error
    with told(path):
        device = hid.CtapHidDevice(descriptor, hid.open_connection(descriptor))
    with device:
        if not device.capabilities & hid.CAPABILITY.CBOR:
            raise Fido2TokenFailed(device=path, reason=N_("it knows U2F only"))
        with told(path):
            # Keys in any order: libfido2 minds it no more than most tokens do.
            ctap = Ctap2(device, strict_cbor=False)
        yield ctap
